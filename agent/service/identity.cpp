#include "agent/service/identity.hpp"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <sys/resource.h>
#include <system_error>
#include <unistd.h>

namespace evenkeel::agent {

namespace {

constexpr std::size_t secret_bytes = 32;

std::string first_line(const std::filesystem::path& path) {
    std::ifstream file{path};
    std::string line;
    std::getline(file, line);
    return line;
}

}  // namespace

Result<std::string> engine_secret(const std::filesystem::path& state) {
    const auto path = state / "engine.secret";
    std::error_code code;
    if (std::filesystem::exists(path, code)) {
        const std::string text = first_line(path);
        if (text.size() != secret_bytes * 2) {
            return fail(
                Errc::corrupt,
                fmt::format("{}: damaged; end the rented machines, then remove it", path.string()));
        }
        return text;
    }
    std::array<unsigned char, secret_bytes> bytes{};
    if (::RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
        return fail(Errc::io_failed, "the system gives no random bytes");
    }
    std::string text;
    for (const unsigned char byte : bytes) {
        text += fmt::format("{:02x}", byte);
    }
    const auto fresh = state / "engine.secret.new";
    const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const std::string line = text + "\n";
    const bool written =
        fd >= 0 && ::write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size()) &&
        ::fsync(fd) == 0;
    const int reason = errno;
    if (fd >= 0) {
        ::close(fd);
    }
    if (!written || ::rename(fresh.c_str(), path.c_str()) != 0) {
        return fail(
            Errc::io_failed,
            fmt::format("{}: {}", path.string(), std::generic_category().message(reason)));
    }
    return text;
}

Result<std::string> host_boot_id() {
    std::string id = first_line("/proc/sys/kernel/random/boot_id");
    if (id.empty()) {
        return fail(Errc::io_failed, "/proc/sys/kernel/random/boot_id cannot be read");
    }
    return id;
}

std::size_t raise_open_files() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 0;
    }
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

}  // namespace evenkeel::agent
