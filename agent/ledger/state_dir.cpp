#include "agent/ledger/state_dir.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace evenkeel::ledger {

namespace {

constexpr const char* lock_name = "ledger.lock";

std::string reason(int code) {
    return std::strerror(code);
}

std::optional<std::string_view> untrusted_filesystem(std::int64_t magic) {
    switch (static_cast<std::uint32_t>(magic)) {
        case 0x6969:
            return "NFS";
        case 0x517B:
        case 0xFE534D42:
        case 0xFF534D42:
            return "SMB";
        case 0x01021997:
            return "9p";
        case 0x65735546:
            return "FUSE";
        case 0x5346414F:
        case 0x6B414653:
            return "AFS";
        case 0x73757245:
            return "Coda";
        case 0x00C36400:
            return "Ceph";
        case 0x0BD00BD0:
            return "Lustre";
        default:
            return std::nullopt;
    }
}

Result<void> check_folder(const std::filesystem::path& dir) {
    struct stat info{};
    if (::lstat(dir.c_str(), &info) != 0) {
        return fail(
            Errc::io_failed,
            fmt::format("cannot look at the state folder {}: {}", dir.string(), reason(errno)));
    }
    if (S_ISLNK(info.st_mode) && ::stat(dir.c_str(), &info) != 0) {
        return fail(Errc::refused, fmt::format("{} is a dangling link", dir.string()));
    }
    if (!S_ISDIR(info.st_mode)) {
        return fail(Errc::refused, fmt::format("{} is not a folder", dir.string()));
    }
    if (info.st_uid != ::geteuid()) {
        return fail(
            Errc::refused,
            fmt::format(
                "the state folder {} belongs to user {}, not to the user this runs as ({}): run as "
                "its owner, or give it with chown",
                dir.string(),
                info.st_uid,
                ::geteuid()));
    }
    if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return fail(
            Errc::refused,
            fmt::format(
                "others may write in the state folder {0}: run chmod 700 {0}", dir.string()));
    }
    return {};
}

std::string holder(int fd) {
    char text[24]{};
    const auto size = ::pread(fd, text, sizeof text - 1, 0);
    std::string pid{text, size > 0 ? static_cast<std::size_t>(size) : 0};
    pid.erase(pid.find_last_not_of(" \n") + 1);
    return pid.empty() ? "unknown" : pid;
}

}  // namespace

Result<void> check_filesystem(std::int64_t magic, const std::string& dir) {
    if (const auto name = untrusted_filesystem(magic)) {
        return fail(
            Errc::refused,
            fmt::format(
                "the state folder {} is on {}, where file locks and syncs cannot be relied on: "
                "choose a folder on a local disk with --state",
                dir,
                *name));
    }
    return {};
}

Result<StateLock> StateLock::take(const std::filesystem::path& dir) {
    if (::mkdir(dir.c_str(), 0700) != 0 && errno != EEXIST) {
        return fail(
            Errc::io_failed,
            fmt::format("cannot make the state folder {}: {}", dir.string(), reason(errno)));
    }
    if (const auto checked = check_folder(dir); !checked) {
        return std::unexpected{checked.error()};
    }
    struct statfs system{};
    if (::statfs(dir.c_str(), &system) != 0) {
        return fail(
            Errc::io_failed,
            fmt::format("cannot look at the disk of {}: {}", dir.string(), reason(errno)));
    }
    if (const auto checked =
            check_filesystem(static_cast<std::int64_t>(system.f_type), dir.string());
        !checked) {
        return std::unexpected{checked.error()};
    }
    const std::filesystem::path file = dir / lock_name;
    const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        const bool read_only = errno == EROFS || errno == EACCES;
        return fail(
            Errc::io_failed,
            fmt::format(
                "cannot write in the state folder {}: {}{}",
                dir.string(),
                reason(errno),
                read_only ? " (the agent must be able to write there)" : ""));
    }
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
        const std::string pid = holder(fd);
        ::close(fd);
        return fail(
            Errc::conflict,
            fmt::format(
                "another evenkeel uses the state folder {} (process {}): stop it first, or choose "
                "another folder with --state",
                dir.string(),
                pid));
    }
    const std::string pid = fmt::format("{}\n", ::getpid());
    if (::ftruncate(fd, 0) != 0 ||
        ::pwrite(fd, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
        // A full disk: the lock itself holds without the text.
    }
    return StateLock{fd};
}

StateLock::~StateLock() {
    if (fd_ >= 0) {
        ::close(fd_);
    }
}

bool Ballast::fill() noexcept {
    const int fd = ::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return false;
    }
    struct stat info{};
    const bool there =
        ::fstat(fd, &info) == 0 && info.st_size == bytes_ && info.st_blocks * 512 >= bytes_;
    // Only where as much again stays free: else the next commit would take it right back.
    struct statvfs space{};
    const bool roomy = ::fstatvfs(fd, &space) == 0 &&
                       static_cast<std::int64_t>(space.f_bavail * space.f_frsize) >= 2 * bytes_;
    const bool filled = there || (roomy && ::posix_fallocate(fd, 0, bytes_) == 0);
    ::close(fd);
    if (!filled) {
        ::unlink(file_.c_str());
    }
    return filled;
}

void Ballast::free() noexcept {
    ::unlink(file_.c_str());
}

bool sync_folder(const std::filesystem::path& dir) noexcept {
    const int fd = ::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    const bool synced = ::fsync(fd) == 0;
    ::close(fd);
    return synced;
}

}  // namespace evenkeel::ledger
