#pragma once

#include "policies/domain/error.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>

namespace evenkeel::ledger {

/// The lock of a state folder; held until destroyed. Released by the kernel also after kill -9.
class StateLock {
public:
    /// Makes the folder when missing (mode 0700) and takes its lock. Errors: conflict (names the
    /// process that has it), refused (not a folder, another owner, writable by others, a file
    /// system whose locks cannot be trusted), io_failed.
    [[nodiscard]] static Result<StateLock> take(const std::filesystem::path& dir);
    ~StateLock();
    StateLock(StateLock&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
    StateLock& operator=(StateLock&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }

private:
    explicit StateLock(int fd) noexcept : fd_{fd} {}
    int fd_{-1};
};

/// Refuses network and user-space file systems, where locks and syncs may be lies (F83). `magic`
/// is statfs(2)'s f_type.
[[nodiscard]] Result<void> check_filesystem(std::int64_t magic, const std::string& dir);

/// A file of reserved space, given up when the disk is full so that ends can still be booked.
class Ballast {
public:
    Ballast(std::filesystem::path file, std::int64_t bytes)
        : file_{std::move(file)}, bytes_{bytes} {}
    /// Reserves the space; false when there is none. Cheap when it is there already.
    bool fill() noexcept;
    /// Gives the space back to the file system.
    void free() noexcept;

private:
    std::filesystem::path file_;
    std::int64_t bytes_;
};

/// fsync of a folder, so that names in it survive a power cut.
[[nodiscard]] bool sync_folder(const std::filesystem::path& dir) noexcept;

}  // namespace evenkeel::ledger
