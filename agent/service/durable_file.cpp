#include "agent/service/durable_file.hpp"

#include "agent/ledger/state_dir.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace evenkeel::agent {

bool write_all(int fd, std::string_view text) noexcept {
    while (!text.empty()) {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written <= 0) {
            return false;
        }
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

Result<void> replace_file(const std::filesystem::path& file, std::string_view text, mode_t mode) {
    const auto failed = [](const std::filesystem::path& which) {
        return fail(
            Errc::io_failed,
            fmt::format("cannot write {}: {}", which.string(), std::strerror(errno)));
    };
    const std::filesystem::path draft = fmt::format("{}.{}", file.string(), ::getpid());
    const int fd =
        ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0) {
        return failed(draft);
    }
    const bool written = write_all(fd, text) && ::fchmod(fd, mode) == 0 && ::fsync(fd) == 0;
    ::close(fd);
    if (!written || ::rename(draft.c_str(), file.c_str()) != 0 ||
        !ledger::sync_folder(file.parent_path())) {
        auto error = failed(file);
        ::unlink(draft.c_str());
        return error;
    }
    return {};
}

}  // namespace evenkeel::agent
