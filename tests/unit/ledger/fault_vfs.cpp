#include "tests/unit/ledger/fault_vfs.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <new>

namespace evenkeel::ledger {

namespace {

constexpr std::size_t sector = 512;

/// One open file: our methods in front, the real file behind it in the same allocation.
struct File {
    sqlite3_file base;
    FaultVfs* vfs;
    std::string* path;  ///< empty: a temporary file, which nobody needs after a crash
    sqlite3_file* real;
};

File* self(sqlite3_file* file) {
    return reinterpret_cast<File*>(file);
}

std::string slurp(const std::string& path) {
    std::error_code error;
    const auto size = std::filesystem::file_size(path, error);
    std::string bytes(error ? 0 : size, '\0');
    std::ifstream input{path, std::ios::binary};
    input.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    bytes.resize(static_cast<std::size_t>(input.gcount()));
    return bytes;
}

int x_close(sqlite3_file* file) {
    File* const ours = self(file);
    const int code = ours->real->pMethods->xClose(ours->real);
    delete ours->path;
    ours->path = nullptr;
    return code;
}

int x_read(sqlite3_file* file, void* data, int size, sqlite3_int64 at) {
    if (const int code = self(file)->vfs->strike(DiskCall::read); code != SQLITE_OK) {
        return code;
    }
    return self(file)->real->pMethods->xRead(self(file)->real, data, size, at);
}

int x_write(sqlite3_file* file, const void* data, int size, sqlite3_int64 at) {
    File* const ours = self(file);
    if (const int code = ours->vfs->strike(DiskCall::write); code != SQLITE_OK) {
        return code;
    }
    if (!ours->vfs->has_room(*ours->path, at + size)) {
        return SQLITE_FULL;
    }
    return ours->real->pMethods->xWrite(ours->real, data, size, at);
}

int x_truncate(sqlite3_file* file, sqlite3_int64 size) {
    if (const int code = self(file)->vfs->strike(DiskCall::truncate); code != SQLITE_OK) {
        return code;
    }
    return self(file)->real->pMethods->xTruncate(self(file)->real, size);
}

int x_sync(sqlite3_file* file, int flags) {
    File* const ours = self(file);
    if (const int code = ours->vfs->strike(DiskCall::sync); code != SQLITE_OK) {
        return code;
    }
    const int code = ours->real->pMethods->xSync(ours->real, flags);
    if (code == SQLITE_OK) {
        ours->vfs->synced(*ours->path);
    }
    return code;
}

int x_file_size(sqlite3_file* file, sqlite3_int64* size) {
    return self(file)->real->pMethods->xFileSize(self(file)->real, size);
}
int x_lock(sqlite3_file* file, int level) {
    return self(file)->real->pMethods->xLock(self(file)->real, level);
}
int x_unlock(sqlite3_file* file, int level) {
    return self(file)->real->pMethods->xUnlock(self(file)->real, level);
}
int x_check(sqlite3_file* file, int* held) {
    return self(file)->real->pMethods->xCheckReservedLock(self(file)->real, held);
}
int x_control(sqlite3_file* file, int op, void* argument) {
    return self(file)->real->pMethods->xFileControl(self(file)->real, op, argument);
}
int x_sector(sqlite3_file* file) {
    return self(file)->real->pMethods->xSectorSize(self(file)->real);
}
int x_traits(sqlite3_file*) {
    return 0;  // promises nothing: no atomic writes, no ordered writes
}
int x_shm_map(sqlite3_file* file, int page, int size, int extend, void volatile** out) {
    return self(file)->real->pMethods->xShmMap(self(file)->real, page, size, extend, out);
}
int x_shm_lock(sqlite3_file* file, int at, int count, int flags) {
    return self(file)->real->pMethods->xShmLock(self(file)->real, at, count, flags);
}
void x_shm_barrier(sqlite3_file* file) {
    self(file)->real->pMethods->xShmBarrier(self(file)->real);
}
int x_shm_unmap(sqlite3_file* file, int remove) {
    return self(file)->real->pMethods->xShmUnmap(self(file)->real, remove);
}

const sqlite3_io_methods methods{
    2,
    x_close,
    x_read,
    x_write,
    x_truncate,
    x_sync,
    x_file_size,
    x_lock,
    x_unlock,
    x_check,
    x_control,
    x_sector,
    x_traits,
    x_shm_map,
    x_shm_lock,
    x_shm_barrier,
    x_shm_unmap,
    nullptr,
    nullptr};

sqlite3_vfs* real_vfs() {
    return sqlite3_vfs_find(nullptr);
}

FaultVfs* owner(sqlite3_vfs* vfs) {
    return static_cast<FaultVfs*>(vfs->pAppData);
}

int x_open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
    File* const ours = self(file);
    ours->base.pMethods = nullptr;
    ours->vfs = owner(vfs);
    ours->real = reinterpret_cast<sqlite3_file*>(ours + 1);
    const int code = real_vfs()->xOpen(real_vfs(), name, ours->real, flags, out_flags);
    if (code == SQLITE_OK) {
        ours->path = new std::string{name != nullptr ? name : ""};
        ours->base.pMethods = &methods;
        ours->vfs->opened(*ours->path);
    }
    return code;
}

int x_delete(sqlite3_vfs* vfs, const char* name, int sync_folder) {
    const int code = real_vfs()->xDelete(real_vfs(), name, sync_folder);
    if (code == SQLITE_OK) {
        owner(vfs)->removed(name);
    }
    return code;
}

}  // namespace

struct FaultVfs::Disk {
    sqlite3_vfs vfs{};
};

FaultVfs::FaultVfs() : disk_{std::make_unique<Disk>()} {
    static std::atomic<int> number{0};
    name_ = "fault" + std::to_string(++number);
    sqlite3_initialize();
    sqlite3_vfs& vfs = disk_->vfs;
    vfs = *real_vfs();
    vfs.pNext = nullptr;
    vfs.zName = name_.c_str();
    vfs.pAppData = this;
    vfs.szOsFile = static_cast<int>(sizeof(File)) + real_vfs()->szOsFile;
    vfs.xOpen = x_open;
    vfs.xDelete = x_delete;
    sqlite3_vfs_register(&vfs, 0);
}

FaultVfs::~FaultVfs() {
    sqlite3_vfs_unregister(&disk_->vfs);
}

void FaultVfs::fail(DiskCall call, int kth, int result_code, bool and_after) {
    const std::scoped_lock lock{mutex_};
    plans_[call] = {kth, result_code, and_after};
}

void FaultVfs::limit_space(std::int64_t bytes, std::filesystem::path ballast) {
    const std::scoped_lock lock{mutex_};
    space_ = bytes;
    ballast_ = std::move(ballast);
}

void FaultVfs::heal() {
    const std::scoped_lock lock{mutex_};
    plans_.clear();
    space_ = -1;
}

int FaultVfs::calls(DiskCall call) const {
    const std::scoped_lock lock{mutex_};
    const auto found = calls_.find(call);
    return found != calls_.end() ? found->second : 0;
}

int FaultVfs::strike(DiskCall call) {
    const std::scoped_lock lock{mutex_};
    if (powerless_) {
        return SQLITE_IOERR;
    }
    ++calls_[call];
    const auto plan = plans_.find(call);
    if (plan == plans_.end() || plan->second.countdown == 0) {
        return SQLITE_OK;
    }
    if (plan->second.countdown > 1) {
        --plan->second.countdown;
        return SQLITE_OK;
    }
    plan->second.countdown = plan->second.and_after ? 1 : 0;
    ++struck_;
    return plan->second.code;
}

bool FaultVfs::has_room(const std::string& path, std::int64_t new_size) {
    namespace fs = std::filesystem;
    const std::scoped_lock lock{mutex_};
    if (space_ < 0) {
        return true;
    }
    std::error_code error;
    std::int64_t used = 0;
    for (const auto& [known, bytes] : durable_) {
        const auto size = fs::file_size(known, error);
        const std::int64_t now = error ? 0 : static_cast<std::int64_t>(size);
        used += known == path ? std::max(now, new_size) : now;
    }
    const auto ballast = fs::file_size(ballast_, error);
    used += error ? 0 : static_cast<std::int64_t>(ballast);
    if (used > space_) {
        ++struck_;
    }
    return used <= space_;
}

void FaultVfs::synced(const std::string& path) {
    const std::scoped_lock lock{mutex_};
    if (!path.empty() && !powerless_) {
        durable_[path] = slurp(path);
    }
}

void FaultVfs::opened(const std::string& path) {
    const std::scoped_lock lock{mutex_};
    if (!path.empty()) {
        durable_.try_emplace(path, slurp(path));
    }
}

void FaultVfs::removed(const std::string& path) {
    const std::scoped_lock lock{mutex_};
    durable_.erase(path);
}

void FaultVfs::lose_power() {
    const std::scoped_lock lock{mutex_};
    powerless_ = true;
}

void FaultVfs::tear(std::mt19937_64& random) {
    const std::scoped_lock lock{mutex_};
    for (auto& [path, safe] : durable_) {
        if (!std::filesystem::exists(path)) {
            continue;
        }
        const std::string written = slurp(path);
        const bool new_length = (random() & 1) != 0;
        std::string after = written;
        after.resize(new_length ? written.size() : safe.size());
        for (std::size_t at = 0; at < after.size(); at += sector) {
            const std::size_t size = std::min(sector, after.size() - at);
            if ((random() & 1) == 0 && at < safe.size()) {
                after.replace(at, size, safe.substr(at, size).append(size, '\0').substr(0, size));
            } else if ((random() & 1) == 0 && at >= safe.size()) {
                after.replace(at, size, std::string(size, '\0'));
            }
        }
        std::ofstream{path, std::ios::binary | std::ios::trunc} << after;
        safe = after;
    }
    // Shared memory does not outlive the power.
    for (const auto& [path, safe] : durable_) {
        std::error_code ignored;
        std::filesystem::remove(path + "-shm", ignored);
    }
    powerless_ = false;
    plans_.clear();
}

}  // namespace evenkeel::ledger
