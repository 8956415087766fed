#include "agent/ledger/sqlite.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <utility>

namespace evenkeel::ledger {

namespace {

constexpr int busy_wait_ms = 20;
constexpr int steps_between_questions = 10'000;  ///< of SQLite's machine: a fraction of a ms

[[noreturn]] void raise(sqlite3* handle, int code, std::string_view what) {
    const int extended = handle != nullptr ? sqlite3_extended_errcode(handle) : code;
    const char* message = handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
    // A handle whose last call succeeded says "not an error": the code we were given is truer.
    throw SqlError{
        (extended & 0xFF) == SQLITE_OK ? code : extended, fmt::format("{}: {}", what, message)};
}

}  // namespace

bool SqlError::is_busy() const noexcept {
    return primary() == SQLITE_BUSY || primary() == SQLITE_LOCKED;
}

bool SqlError::is_full() const noexcept {
    return primary() == SQLITE_FULL;
}

bool SqlError::is_corrupt() const noexcept {
    return primary() == SQLITE_CORRUPT || primary() == SQLITE_NOTADB;
}

bool SqlError::is_fatal() const noexcept {
    return is_corrupt() || primary() == SQLITE_IOERR || primary() == SQLITE_CANTOPEN ||
           primary() == SQLITE_READONLY || primary() == SQLITE_PROTOCOL ||
           primary() == SQLITE_NOMEM;
}

bool SqlError::is_given_up() const noexcept {
    return primary() == SQLITE_INTERRUPT;
}

Error to_error(const SqlError& error) {
    if (error.is_given_up()) {
        return {Errc::cancelled, "reading the ledger was ended before it was done"};
    }
    if (error.is_busy()) {
        return {Errc::unavailable, fmt::format("the ledger file is locked: {}", error.what())};
    }
    if (error.is_full()) {
        return {Errc::io_failed, "the disk is full: free some space in the state folder"};
    }
    if (error.is_corrupt()) {
        return {Errc::corrupt, fmt::format("the ledger file is damaged: {}", error.what())};
    }
    if (error.primary() == SQLITE_CONSTRAINT) {
        return {Errc::invalid_argument, fmt::format("the ledger refused a row: {}", error.what())};
    }
    return {Errc::io_failed, fmt::format("the ledger file cannot be used: {}", error.what())};
}

Statement::Statement(Database& database, std::string_view sql) {
    const int code = sqlite3_prepare_v3(
        database.handle(),
        sql.data(),
        static_cast<int>(sql.size()),
        SQLITE_PREPARE_PERSISTENT,
        &handle_,
        nullptr);
    if (code != SQLITE_OK) {
        raise(database.handle(), code, "prepare");
    }
}

Statement::~Statement() {
    sqlite3_finalize(handle_);
}

Statement::Statement(Statement&& other) noexcept : handle_{std::exchange(other.handle_, nullptr)} {}

Statement& Statement::operator=(Statement&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
}

void Statement::check(int code) const {
    if (code != SQLITE_OK) {
        raise(sqlite3_db_handle(handle_), code, "bind");
    }
}

void Statement::bind_integer(int index, std::int64_t value) {
    check(sqlite3_bind_int64(handle_, index, value));
}

void Statement::bind_text(int index, std::string_view value) {
    const char* data = value.data() != nullptr ? value.data() : "";
    const int size = static_cast<int>(value.size());
    check(sqlite3_bind_text(handle_, index, data, size, SQLITE_TRANSIENT));
}

void Statement::bind_blob(int index, std::string_view value) {
    const char* data = value.data() != nullptr ? value.data() : "";
    const int size = static_cast<int>(value.size());
    check(sqlite3_bind_blob(handle_, index, data, size, SQLITE_TRANSIENT));
}

void Statement::bind_null(int index) {
    check(sqlite3_bind_null(handle_, index));
}

int Statement::finish() {
    while (next()) {
    }
    return sqlite3_changes(sqlite3_db_handle(handle_));
}

bool Statement::next() {
    const int code = sqlite3_step(handle_);
    if (code == SQLITE_ROW) {
        return true;
    }
    sqlite3* const database = sqlite3_db_handle(handle_);
    if (code != SQLITE_DONE) {
        const int extended = sqlite3_extended_errcode(database);
        const std::string message = sqlite3_errmsg(database);
        sqlite3_reset(handle_);
        throw SqlError{extended, message};
    }
    sqlite3_reset(handle_);
    return false;
}

void Statement::reset() noexcept {
    sqlite3_reset(handle_);
}

std::int64_t Statement::integer(int column) const {
    return sqlite3_column_int64(handle_, column);
}

std::optional<std::int64_t> Statement::optional_integer(int column) const {
    if (sqlite3_column_type(handle_, column) == SQLITE_NULL) {
        return std::nullopt;
    }
    return integer(column);
}

std::string Statement::text(int column) const {
    const void* data = sqlite3_column_blob(handle_, column);
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle_, column));
    return data == nullptr ? std::string{} : std::string{static_cast<const char*>(data), size};
}

Database::Database(const std::filesystem::path& file, Mode mode, const std::string& vfs) {
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    std::string name = file.string();
    switch (mode) {
        case Mode::read_only:
            flags |= SQLITE_OPEN_READONLY;
            break;
        case Mode::immutable: {
            flags |= SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
            std::string escaped = "file:";
            for (const char c : name) {
                escaped += c == '%' || c == '?' || c == '#'
                               ? fmt::format("%{:02X}", static_cast<unsigned char>(c))
                               : std::string{c};
            }
            name = escaped + "?immutable=1";
            break;
        }
        case Mode::read_write:
            flags |= SQLITE_OPEN_READWRITE;
            break;
        case Mode::create:
            flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
            break;
    }
    const int code =
        sqlite3_open_v2(name.c_str(), &handle_, flags, vfs.empty() ? nullptr : vfs.c_str());
    if (code != SQLITE_OK) {
        const SqlError error{code, fmt::format("open {}: {}", file.string(), sqlite3_errstr(code))};
        sqlite3_close_v2(handle_);
        throw error;
    }
    sqlite3_busy_timeout(handle_, busy_wait_ms);
    sqlite3_wal_hook(
        handle_,
        [](void* self, sqlite3*, const char*, int pages) {
            static_cast<Database*>(self)->wal_pages_ = pages;
            return SQLITE_OK;
        },
        this);
}

Database::~Database() {
    sqlite3_close_v2(handle_);
}

void Database::exec(const std::string& sql) {
    const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) {
        raise(handle_, code, "run");
    }
}

std::int64_t Database::integer(std::string_view sql) {
    Statement statement{*this, sql};
    return statement.next() ? statement.integer(0) : 0;
}

std::string Database::text(std::string_view sql) {
    Statement statement{*this, sql};
    return statement.next() ? statement.text(0) : std::string{};
}

void Database::give_up_when(std::function<bool()> give_up) {
    give_up_ = std::move(give_up);
    sqlite3_progress_handler(
        handle_,
        give_up_ ? steps_between_questions : 0,
        [](void* self) { return static_cast<Database*>(self)->give_up_() ? 1 : 0; },
        this);
}

bool Database::in_transaction() const noexcept {
    return sqlite3_get_autocommit(handle_) == 0;
}

void Database::rollback_quietly() noexcept {
    if (in_transaction()) {
        sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
    }
}

Database::Checkpoint Database::checkpoint(bool truncate) {
    Checkpoint result;
    const int code = sqlite3_wal_checkpoint_v2(
        handle_,
        nullptr,
        truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE,
        &result.wal_pages,
        &result.copied_pages);
    if (code != SQLITE_OK && (code & 0xFF) != SQLITE_BUSY) {
        raise(handle_, code, "checkpoint");
    }
    return result;
}

void copy_database(Database& source, const std::filesystem::path& target) {
    Database copy{target, Database::Mode::create};
    sqlite3_backup* backup = sqlite3_backup_init(copy.handle(), "main", source.handle(), "main");
    if (backup == nullptr) {
        raise(copy.handle(), SQLITE_ERROR, "backup");
    }
    const int stepped = sqlite3_backup_step(backup, -1);
    const int finished = sqlite3_backup_finish(backup);
    if (stepped != SQLITE_DONE || finished != SQLITE_OK) {
        const int code = stepped != SQLITE_DONE ? stepped : finished;
        throw SqlError{code, fmt::format("backup: {}", sqlite3_errstr(code))};
    }
    copy.exec("PRAGMA synchronous=FULL; PRAGMA journal_mode=DELETE");
    if (const std::string complaint = quick_check(copy); !complaint.empty()) {
        throw SqlError{SQLITE_CORRUPT, fmt::format("the copy does not verify: {}", complaint)};
    }
}

std::string quick_check(Database& database) {
    const std::string answer = database.text("PRAGMA quick_check(1)");
    return answer == "ok" ? std::string{} : answer.empty() ? std::string{"no answer"} : answer;
}

}  // namespace evenkeel::ledger
