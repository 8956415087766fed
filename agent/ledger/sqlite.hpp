#pragma once

#include "policies/domain/error.hpp"

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

/// The thinnest layer over SQLite that owns its handles. Failures inside agent/ledger travel as
/// SqlError and become Error at the ledger's boundary (`to_error`).
namespace evenkeel::ledger {

/// A failed SQLite call. `code` is the extended result code.
class SqlError : public std::runtime_error {
public:
    SqlError(int result_code, const std::string& message)
        : std::runtime_error{message}, code{result_code} {}
    int code;

    [[nodiscard]] int primary() const noexcept { return code & 0xFF; }
    /// Somebody else holds a lock; nothing changed.
    [[nodiscard]] bool is_busy() const noexcept;
    /// No room; nothing changed.
    [[nodiscard]] bool is_full() const noexcept;
    /// The connection cannot be trusted any more: close it, open again, verify (F75).
    [[nodiscard]] bool is_fatal() const noexcept;
    [[nodiscard]] bool is_corrupt() const noexcept;
    /// Ended by `Database::give_up_when`.
    [[nodiscard]] bool is_given_up() const noexcept;
};

[[nodiscard]] Error to_error(const SqlError& error);

/// Bytes, as opposed to text.
struct Blob {
    std::string_view bytes{};
};

class Database;

/// One prepared statement; reset after each use, finalised at the end. Must not outlive its
/// database.
class Statement {
public:
    Statement() = default;
    Statement(Database& database, std::string_view sql);
    ~Statement();
    Statement(Statement&& other) noexcept;
    Statement& operator=(Statement&& other) noexcept;

    /// Binds `values` to ?1, ?2, ... and runs to the end; returns the number of changed rows.
    template <class... Values>
    int run(const Values&... values) {
        bind_all(values...);
        return finish();
    }
    /// Binds and stands before the first row; then `while (next())`.
    template <class... Values>
    Statement& query(const Values&... values) {
        bind_all(values...);
        return *this;
    }
    /// Steps to the next row; false (and reset) after the last.
    bool next();
    /// For queries of at most one row: steps once.
    void reset() noexcept;

    [[nodiscard]] std::int64_t integer(int column) const;
    [[nodiscard]] std::optional<std::int64_t> optional_integer(int column) const;
    [[nodiscard]] std::string text(int column) const;  ///< text or blob

private:
    template <class... Values>
    void bind_all(const Values&... values) {
        int index = 0;
        (bind(++index, values), ...);
    }
    template <std::integral T>
    void bind(int index, T value) {
        bind_integer(index, static_cast<std::int64_t>(value));
    }
    template <class T>
    void bind(int index, const std::optional<T>& value) {
        if (value) {
            bind(index, *value);
        } else {
            bind_null(index);
        }
    }
    void bind(int index, std::string_view value) { bind_text(index, value); }
    void bind(int index, const std::string& value) { bind_text(index, value); }
    void bind(int index, const char* value) { bind_text(index, value); }
    void bind(int index, Blob value) { bind_blob(index, value.bytes); }
    void bind_integer(int index, std::int64_t value);
    void bind_text(int index, std::string_view value);
    void bind_blob(int index, std::string_view value);
    void bind_null(int index);
    int finish();
    void check(int code) const;

    sqlite3_stmt* handle_{nullptr};
};

/// One connection. Used by one thread at a time.
class Database {
public:
    enum class Mode { read_only, immutable, read_write, create };
    /// Throws SqlError.
    Database(const std::filesystem::path& file, Mode mode, const std::string& vfs = {});
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    /// Runs one or more statements that return nothing of interest. Throws SqlError.
    void exec(const std::string& sql);
    /// The first column of the first row. Throws SqlError; 0 when there is no row.
    [[nodiscard]] std::int64_t integer(std::string_view sql);
    [[nodiscard]] std::string text(std::string_view sql);
    [[nodiscard]] bool in_transaction() const noexcept;
    void rollback_quietly() noexcept;
    /// Copies what the WAL holds into the file as far as readers allow; with `truncate` waits for
    /// nobody but also empties the WAL when it can. Throws SqlError except for busy.
    struct Checkpoint {
        int wal_pages{0};
        int copied_pages{0};
    };
    Checkpoint checkpoint(bool truncate);
    /// Size of the WAL after the last commit, in pages.
    [[nodiscard]] int wal_pages() const noexcept { return wal_pages_; }
    [[nodiscard]] sqlite3* handle() const noexcept { return handle_; }
    /// Statements that run for long ask `give_up` now and then; true ends them (SqlError that
    /// `is_given_up`).
    void give_up_when(std::function<bool()> give_up);

private:
    sqlite3* handle_{nullptr};
    int wal_pages_{0};
    std::function<bool()> give_up_{};
};

/// Copies the whole of `source` (an open connection) into the new file `target`, as one single
/// file without a WAL, and checks it. Throws SqlError.
void copy_database(Database& source, const std::filesystem::path& target);

/// The first complaint of PRAGMA quick_check; empty when sound.
[[nodiscard]] std::string quick_check(Database& database);

}  // namespace evenkeel::ledger
