#include "agent/ledger/backup.hpp"

#include "agent/ledger/state_dir.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace evenkeel::ledger {

namespace {

namespace fs = std::filesystem;

Result<void> make_private_file(const fs::path& file) {
    const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return fail(
            Errc::io_failed,
            fmt::format("cannot write the backup {}: {}", file.string(), std::strerror(errno)));
    }
    ::close(fd);
    return {};
}

}  // namespace

Result<std::int64_t> write_backup(Database& source, const fs::path& target) {
    std::error_code ignored;
    if (fs::exists(fs::symlink_status(target, ignored))) {
        return fail(Errc::conflict, fmt::format("{} exists already", target.string()));
    }
    const fs::path building = fmt::format("{}.{}.tmp", target.string(), ::getpid());
    fs::remove(building, ignored);
    if (const auto made = make_private_file(building); !made) {
        return std::unexpected{made.error()};
    }
    try {
        copy_database(source, building);
    } catch (const SqlError& error) {
        fs::remove(building, ignored);
        fs::remove(building.string() + "-journal", ignored);
        return std::unexpected{to_error(error)};
    }
    const auto size = static_cast<std::int64_t>(fs::file_size(building, ignored));
    if (::renameat2(AT_FDCWD, building.c_str(), AT_FDCWD, target.c_str(), RENAME_NOREPLACE) != 0) {
        const int code = errno;
        fs::remove(building, ignored);
        return fail(
            code == EEXIST ? Errc::conflict : Errc::io_failed,
            fmt::format("cannot put the backup at {}: {}", target.string(), std::strerror(code)));
    }
    if (!sync_folder(target.has_parent_path() ? target.parent_path() : fs::path{"."})) {
        return fail(Errc::io_failed, fmt::format("cannot sync {}", target.string()));
    }
    return size;
}

}  // namespace evenkeel::ledger
