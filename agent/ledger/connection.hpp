#pragma once

#include "agent/ledger/ledger.hpp"
#include "agent/ledger/sqlite.hpp"
#include "agent/ledger/store.hpp"

#include <filesystem>
#include <memory>
#include <string>

namespace evenkeel::ledger {

/// The one read-write connection and the statements on it.
struct Connection {
    /// Throws SqlError.
    Connection(const Options& options, const Zone& zone);

    Database database;
    Store store;
};

/// The database file of these options.
[[nodiscard]] std::filesystem::path database_file(const Options& options);

/// What a start (or a reopened connection) checks before it trusts the file: all pages of a file up
/// to `check_bytes`, and the newest `check_rows` transactions. Returns the first complaint, or
/// nothing. Throws SqlError.
[[nodiscard]] std::string check_database(Database& database, const Options& options);

/// Everything a restart needs. Throws SqlError.
[[nodiscard]] Recovered read_recovered(Database& database, UtcTime now);

}  // namespace evenkeel::ledger
