#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

namespace evenkeel::ledger {

/// What SQLite asks of the disk.
enum class DiskCall : std::uint8_t { read, write, sync, truncate };

/// A SQLite VFS that passes everything to the real one, remembers what was synced, and fails on
/// demand. Real SQLite, real files; only the disk lies. Registered while it lives; thread-safe.
class FaultVfs {
public:
    FaultVfs();
    ~FaultVfs();
    FaultVfs(const FaultVfs&) = delete;
    FaultVfs& operator=(const FaultVfs&) = delete;

    [[nodiscard]] const std::string& name() const noexcept { return name_; }

    /// Fails the `kth` call of that kind from now on (1 = the next one) with `result_code`, and
    /// `and_after` every later one too.
    void fail(DiskCall call, int kth, int result_code, bool and_after);
    /// Writes beyond this many bytes over all files fail as a full disk does; the bytes of
    /// `ballast` count while it exists. Negative: no limit.
    void limit_space(std::int64_t bytes, std::filesystem::path ballast);
    /// The disk works again.
    void heal();
    /// How often `fail` or `limit_space` struck.
    [[nodiscard]] int struck() const noexcept { return struck_.load(); }
    [[nodiscard]] int calls(DiskCall call) const;

    /// Power goes: every call fails from now on. Files keep what was written until `lose_power` has
    /// been followed by `tear`.
    void lose_power();
    /// What the platters hold after the power came back: of every 512-byte sector that was written
    /// and not synced, the old or the new bytes; of an unsynced length, the old or the new one.
    /// Requires that no file is open. The disk then works again.
    void tear(std::mt19937_64& random);

    // For the VFS functions.
    struct Disk;
    [[nodiscard]] int strike(DiskCall call);
    [[nodiscard]] bool has_room(const std::string& path, std::int64_t new_size);
    void synced(const std::string& path);
    void opened(const std::string& path);
    void removed(const std::string& path);

private:
    struct Plan {
        int countdown{0};  ///< 0: no plan
        int code{0};
        bool and_after{false};
    };

    std::string name_;
    mutable std::mutex mutex_;
    std::map<DiskCall, Plan> plans_;
    std::map<DiskCall, int> calls_;
    std::int64_t space_{-1};
    std::filesystem::path ballast_;
    bool powerless_{false};
    std::atomic<int> struck_{0};
    /// Path -> the bytes that are safe.
    std::map<std::string, std::string> durable_;
    std::unique_ptr<Disk> disk_;
};

}  // namespace evenkeel::ledger
