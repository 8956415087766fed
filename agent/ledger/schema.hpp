#pragma once

#include "agent/ledger/sqlite.hpp"
#include "policies/domain/error.hpp"

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

/// Making, recognising and migrating the database file.
namespace evenkeel::ledger {

/// "EKL1": how a file says that it is an Evenkeel ledger.
inline constexpr std::int64_t application_id = 0x454B4C31;

/// One file of migrations/.
struct Migration {
    int version{0};
    const char* name{""};
    const char* sql{""};
};

/// All of them, 1, 2, ... without holes.
[[nodiscard]] std::span<const Migration> embedded_migrations() noexcept;
[[nodiscard]] int newest_schema() noexcept;

/// What a fresh ledger stores about itself.
struct Identity {
    std::string zone{};
    std::string report_currency{};
    std::string agent_id{};
    std::int64_t created_us{0};
};

/// Makes `file` with every migration applied: built under another name, synced, renamed. Never
/// leaves a half-made file under `file`.
[[nodiscard]] Result<void> create_database(
    const std::filesystem::path& file,
    std::span<const Migration> migrations,
    const Identity& identity,
    const std::string& vfs);

/// What the caller is going to do with the file.
enum class Access : std::uint8_t { read, write };

/// Refuses what is not our file, by its first 100 bytes, without changing it: a directory, an empty
/// or foreign file, a newer schema, another owner, no permission. Returns the schema in the file.
[[nodiscard]] Result<int> inspect_file(
    const std::filesystem::path& file, int newest, Access access);

/// Brings `database` to the newest version, one transaction each, after a checked backup in
/// `backup_dir`. Throws SqlError; the file is then at the version of the last complete step.
void migrate(
    Database& database,
    std::span<const Migration> migrations,
    const std::filesystem::path& backup_dir,
    std::int64_t now_us);

/// Opens the read-write connection with the pragmas the ledger relies on. Throws SqlError.
void configure_writer(Database& database);

}  // namespace evenkeel::ledger
