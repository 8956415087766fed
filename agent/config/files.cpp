#include "agent/config/files.hpp"

#include "policies/config/keys.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace evenkeel::agent {

namespace {

namespace fs = std::filesystem;

constexpr std::array file_names{"evenkeel.yaml", "providers.yaml", "models.yaml", "policy.yaml"};
constexpr std::size_t file_bytes_max = 1024 * 1024 + 1;  ///< one byte over what the loader refuses

std::string reason(int code) {
    return std::generic_category().message(code);
}

/// The whole file, up to one byte more than is allowed, so that the loader can refuse it by size.
Result<std::string> read_file(const fs::path& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return fail(
            errno == ENOENT ? Errc::not_found : Errc::io_failed,
            fmt::format("{}: {}", path.string(), reason(errno)));
    }
    struct stat info{};
    if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        ::close(fd);
        return fail(Errc::io_failed, fmt::format("{}: not a regular file", path.string()));
    }
    std::string text;
    std::array<char, 65536> buffer{};
    for (;;) {
        const ssize_t got = ::read(fd, buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            const int code = errno;
            ::close(fd);
            return fail(Errc::io_failed, fmt::format("{}: {}", path.string(), reason(code)));
        }
        text.append(buffer.data(), static_cast<std::size_t>(got));
        if (got == 0 || text.size() >= file_bytes_max) {
            break;
        }
    }
    ::close(fd);
    return text;
}

Result<std::vector<config::SourceFile>> read_all(const fs::path& folder) {
    std::vector<config::SourceFile> files;
    for (const char* name : file_names) {
        auto text = read_file(folder / name);
        if (text) {
            files.push_back({.path = (folder / name).string(), .text = std::move(*text)});
        } else if (text.error().code != Errc::not_found) {
            return std::unexpected{text.error()};
        }
    }
    return files;
}

}  // namespace

Result<std::vector<config::SourceFile>> read_config(const fs::path& folder) {
    std::error_code code;
    if (!fs::is_directory(folder, code)) {
        return fail(
            Errc::not_found,
            fmt::format(
                "{}: no such configuration folder; give one with --config DIR", folder.string()));
    }
    auto first = read_all(folder);
    if (!first) {
        return first;
    }
    if (first->empty()) {
        return fail(
            Errc::not_found,
            fmt::format(
                "{}: holds none of evenkeel.yaml, providers.yaml, models.yaml, policy.yaml",
                folder.string()));
    }
    const auto second = read_all(folder);
    if (!second) {
        return std::unexpected{second.error()};
    }
    for (std::size_t i = 0; i < first->size(); ++i) {
        if (second->size() != first->size() || (*first)[i].text != (*second)[i].text) {
            return fail(
                Errc::conflict,
                fmt::format(
                    "{}: changed while it was read; wait until it is written, then try again",
                    (*first)[i].path));
        }
    }
    return first;
}

Result<config::SourceFile> read_cases(const fs::path& folder) {
    const fs::path path = folder / config::file_name(config::File::cases);
    auto text = read_file(path);
    if (!text) {
        if (text.error().code == Errc::not_found) {
            return fail(
                Errc::not_found,
                fmt::format(
                    "there is no {}: it holds what the policy is expected to do; "
                    "docs/policy.md shows how to write one",
                    path.string()));
        }
        return std::unexpected{text.error()};
    }
    return config::SourceFile{.path = path.string(), .text = std::move(*text)};
}

}  // namespace evenkeel::agent
