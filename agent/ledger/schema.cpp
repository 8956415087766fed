#include "agent/ledger/schema.hpp"

#include "agent/ledger/backup.hpp"
#include "agent/ledger/state_dir.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace evenkeel::ledger {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t header_size = 100;
constexpr std::string_view sqlite_mark{"SQLite format 3\0", 16};

std::int64_t big_endian(const std::array<char, header_size>& header, std::size_t at) {
    std::int64_t value = 0;
    for (std::size_t i = at; i < at + 4; ++i) {
        value = value << 8 | static_cast<unsigned char>(header[i]);
    }
    return value;
}

void apply(Database& database, const Migration& migration) {
    database.exec("BEGIN IMMEDIATE");
    try {
        database.exec(migration.sql);
        database.exec(fmt::format("PRAGMA user_version={}", migration.version));
        database.exec("COMMIT");
    } catch (const SqlError&) {
        database.rollback_quietly();
        throw;
    }
}

Result<int> not_ours(const fs::path& file, std::string_view what) {
    return fail(
        Errc::refused,
        fmt::format(
            "{} {}: it was left as it is. Move it away to start with an empty ledger, or put a "
            "backup in its place",
            file.string(),
            what));
}

Result<int> read_header(const fs::path& file, int fd, int newest) {
    std::array<char, header_size> header{};
    const auto size = ::pread(fd, header.data(), header.size(), 0);
    if (size < 0) {
        return fail(
            Errc::io_failed,
            fmt::format("cannot read {}: {}", file.string(), std::strerror(errno)));
    }
    if (size == 0) {
        return not_ours(file, "is empty (0 bytes), so it is not a ledger");
    }
    if (size != static_cast<ssize_t>(header_size) ||
        std::string_view{header.data(), sqlite_mark.size()} != sqlite_mark) {
        return fail(
            Errc::corrupt,
            fmt::format(
                "{} is not a database (its first bytes are damaged): it was left as it is. Put a "
                "backup in its place",
                file.string()));
    }
    if (big_endian(header, 68) != application_id) {
        return not_ours(file, "is a database of another program");
    }
    const auto version = static_cast<int>(big_endian(header, 60));
    if (version > newest) {
        return not_ours(
            file,
            fmt::format(
                "was written by a newer evenkeel (schema {}, this one knows {})", version, newest));
    }
    return version;
}

}  // namespace

int newest_schema() noexcept {
    return embedded_migrations().back().version;
}

Result<void> create_database(
    const fs::path& file,
    std::span<const Migration> migrations,
    const Identity& identity,
    const std::string& vfs) {
    const fs::path building = file.string() + ".new";
    std::error_code ignored;
    fs::remove(building, ignored);
    fs::remove(building.string() + "-journal", ignored);
    const int fd = ::open(building.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return fail(
            Errc::io_failed,
            fmt::format("cannot make {}: {}", building.string(), std::strerror(errno)));
    }
    ::close(fd);
    try {
        Database database{building, Database::Mode::read_write, vfs};
        database.exec("PRAGMA auto_vacuum=INCREMENTAL; PRAGMA synchronous=FULL");
        database.exec(fmt::format("PRAGMA application_id={}", application_id));
        for (const Migration& migration : migrations) {
            apply(database, migration);
        }
        Statement meta{database, "INSERT INTO meta(key, value) VALUES(?1, ?2)"};
        meta.run("report_zone", identity.zone);
        meta.run("report_currency", identity.report_currency);
        meta.run("agent_id", identity.agent_id);
        meta.run("created_us", std::to_string(identity.created_us));
    } catch (const SqlError& error) {
        fs::remove(building, ignored);
        return std::unexpected{to_error(error)};
    }
    if (::renameat2(AT_FDCWD, building.c_str(), AT_FDCWD, file.c_str(), RENAME_NOREPLACE) != 0 ||
        !sync_folder(file.parent_path())) {
        return fail(
            Errc::io_failed, fmt::format("cannot make {}: {}", file.string(), strerror(errno)));
    }
    return {};
}

Result<int> inspect_file(const fs::path& file, int newest, Access access) {
    struct stat info{};
    if (::lstat(file.c_str(), &info) != 0) {
        return fail(
            errno == ENOENT ? Errc::not_found : Errc::io_failed,
            fmt::format("no ledger at {}: {}", file.string(), std::strerror(errno)));
    }
    if (!S_ISREG(info.st_mode)) {
        return not_ours(
            file, S_ISDIR(info.st_mode) ? "is a folder, not a file" : "is not a regular file");
    }
    if (access == Access::write && info.st_uid != ::geteuid()) {
        return fail(
            Errc::refused,
            fmt::format(
                "{} belongs to user {}, not to the user this runs as ({})",
                file.string(),
                info.st_uid,
                ::geteuid()));
    }
    const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return fail(
            Errc::io_failed,
            fmt::format("cannot read {}: {}", file.string(), std::strerror(errno)));
    }
    const auto version = read_header(file, fd, newest);
    ::close(fd);
    return version;
}

void migrate(
    Database& database,
    std::span<const Migration> migrations,
    const fs::path& backup_dir,
    std::int64_t now_us) {
    const std::int64_t version = database.integer("PRAGMA user_version");
    bool saved = false;
    for (const Migration& migration : migrations) {
        if (migration.version <= version) {
            continue;
        }
        if (!saved) {
            ::mkdir(backup_dir.c_str(), 0700);
            const fs::path target =
                backup_dir / fmt::format("ledger-schema{}-{}.db", version, now_us);
            if (const auto written = write_backup(database, target); !written) {
                throw SqlError{
                    SQLITE_IOERR,
                    fmt::format("no migration without a backup: {}", written.error().message)};
            }
            saved = true;
        }
        apply(database, migration);
    }
}

void configure_writer(Database& database) {
    database.exec(
        "PRAGMA foreign_keys=ON; PRAGMA recursive_triggers=ON; PRAGMA trusted_schema=OFF;"
        "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-16000; PRAGMA cell_size_check=ON");
    if (const std::string mode = database.text("PRAGMA journal_mode=WAL"); mode != "wal") {
        throw SqlError{SQLITE_CANTOPEN, fmt::format("journal mode is {}, not wal", mode)};
    }
    database.exec("PRAGMA synchronous=FULL; PRAGMA journal_size_limit=16777216");
}

}  // namespace evenkeel::ledger
