#include "agent/ledger/reader.hpp"

#include "agent/ledger/ledger.hpp"
#include "agent/ledger/queries.hpp"
#include "agent/ledger/reader_impl.hpp"
#include "agent/ledger/schema.hpp"

#include <fmt/format.h>

#include <charconv>
#include <string_view>
#include <system_error>
#include <utility>

namespace evenkeel::ledger {

namespace {

/// The integers at the front of a JSON array, as decisions store them.
std::array<std::int64_t, 3> args_of(std::string_view text) {
    std::array<std::int64_t, 3> args{};
    std::size_t at = 1;
    for (std::int64_t& arg : args) {
        if (at >= text.size()) {
            break;
        }
        const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), arg);
        if (error != std::errc{}) {
            break;
        }
        at = static_cast<std::size_t>(end - text.data()) + 1;
    }
    return args;
}

constexpr const char* decision_columns = "id, at_us, policy, kind, model, machine, reason, args";

DecisionRow decision_of(Statement& row) {
    return {
        .id = row.integer(0),
        .at = from_us(row.integer(1)),
        .decision = {
            .policy = row.integer(2),
            .kind = row.text(3),
            .model = name_ix(row.integer(4)),
            .machine = MachineId{row.integer(5)},
            .reason = {
                .code = static_cast<ReasonCode>(row.integer(6)), .args = args_of(row.text(7))}}};
}

Result<std::unique_ptr<Database>> connect(const std::filesystem::path& file) {
    try {
        auto database = std::make_unique<Database>(file, Database::Mode::read_only);
        static_cast<void>(database->integer("SELECT count(*) FROM sqlite_schema"));
        return database;
    } catch (const SqlError& error) {
        if (!error.is_fatal() || error.is_corrupt()) {
            return std::unexpected{to_error(error)};
        }
    }
    // A folder we may not write: without a daemon there is no shared memory file to join, and none
    // can be made. When everything is checkpointed the file alone tells all.
    std::error_code absent;
    if (std::filesystem::file_size(file.string() + "-wal", absent) > 0 && !absent) {
        return fail(
            Errc::io_failed,
            fmt::format(
                "the newest rows of {} are in files this user may not open: run as the owner of "
                "the state folder",
                file.string()));
    }
    try {
        auto database = std::make_unique<Database>(file, Database::Mode::immutable);
        static_cast<void>(database->integer("SELECT count(*) FROM sqlite_schema"));
        return database;
    } catch (const SqlError& error) {
        return std::unexpected{to_error(error)};
    }
}

}  // namespace

PriceSeen price_row(const Statement& row) {
    const std::string meter = row.text(1);
    const Unit unit = meter == "hour"    ? Unit::nanosecond
                      : meter == "power" ? Unit::microjoule
                                         : Unit::token;
    const auto currency = Currency::parse(row.text(2)).value_or(Currency{});
    return {
        .offer = name_ix(row.integer(0)),
        .meter = meter,
        .price = Price{row.integer(3), row.integer(4), currency, unit},
        .seen = from_us(row.integer(5)),
        .from = from_us(row.integer(6))};
}

namespace {

std::optional<FxRate> newest_rate(Database& database, Currency base, Currency quote) {
    Statement row{
        database,
        "SELECT num, den, as_of FROM fx_rate WHERE base = ?1 AND quote = ?2"
        " ORDER BY id DESC LIMIT 1"};
    row.query(base.text(), quote.text());
    if (!row.next()) {
        return std::nullopt;
    }
    return FxRate{
        .base = base,
        .quote = quote,
        .num = row.integer(0),
        .den = row.integer(1),
        .as_of = from_us(row.integer(2))};
}

}  // namespace

Reader::Reader(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
Reader::~Reader() = default;
Reader::Reader(Reader&&) noexcept = default;
Reader& Reader::operator=(Reader&&) noexcept = default;

Result<Reader> Reader::open(const std::filesystem::path& dir) {
    const std::filesystem::path file = dir / ledger_file;
    if (const auto known = inspect_file(file, newest_schema(), Access::read); !known) {
        Error error = known.error();
        if (error.code == Errc::not_found) {
            error.message = fmt::format(
                "there is no ledger in {} yet: start the daemon once, or name the state folder "
                "with --state",
                dir.string());
        }
        return std::unexpected{std::move(error)};
    }
    auto database = connect(file);
    if (!database) {
        return std::unexpected{database.error()};
    }
    return Reader{std::make_unique<Impl>(*std::move(database))};
}

Result<Summary> Reader::summary() {
    Database& database = *impl_->database;
    return reading(database, [&] {
        Summary summary{
            .schema = static_cast<int>(database.integer("PRAGMA user_version")),
            .bytes = database.integer("PRAGMA page_count") * database.integer("PRAGMA page_size"),
            .transactions = database.integer(  // from one gateway to the next, not along all rows
                "WITH RECURSIVE one(gateway) AS (SELECT min(gateway) FROM tx UNION ALL SELECT"
                " (SELECT min(tx.gateway) FROM tx WHERE tx.gateway > one.gateway) FROM one"
                " WHERE one.gateway IS NOT NULL) SELECT coalesce(sum((SELECT max(seq) FROM tx"
                " WHERE tx.gateway = one.gateway)), 0) FROM one"),
            .machines_not_gone =
                database.integer("SELECT count(*) FROM machine WHERE gone_us IS NULL"),
            .open_holds = database.integer("SELECT count(*) FROM hold WHERE state = 'open'"),
            .zone = meta_value(database, "report_zone"),
            .report = Currency::parse(meta_value(database, "report_currency")).value_or(Currency{}),
            .agent_id = meta_value(database, "agent_id"),
            .policy_revision = newest_policy(database)};
        // Two questions: one with both would read the whole table.
        Statement ends{
            database,
            "SELECT (SELECT min(hour) FROM rollup_hour), (SELECT max(hour) FROM rollup_hour)"};
        if (ends.next() && ends.optional_integer(0)) {
            summary.first = UtcTime{std::chrono::hours{ends.integer(0)}};
            summary.last = UtcTime{std::chrono::hours{ends.integer(1) + 1}};
        }
        return summary;
    });
}

Result<std::vector<NameRow>> Reader::names() {
    return reading(*impl_->database, [&] { return read_names(*impl_->database); });
}

Result<std::vector<MachineView>> Reader::machines(UtcTime gone_since) {
    return reading(*impl_->database, [&] { return read_machines(*impl_->database, gone_since); });
}

Result<std::vector<MachineEvent>> Reader::events(MachineId machine) {
    return reading(*impl_->database, [&] { return read_events(*impl_->database, machine); });
}

Result<PolicyRow> Reader::policy(std::int64_t no) {
    Database& database = *impl_->database;
    auto found = reading(database, [&] {
        std::vector<PolicyRow> rows;
        Statement row{
            database,
            "SELECT no, at_us, author, sha256, text FROM policy WHERE no = ?1 OR ?1 = 0"
            " ORDER BY no DESC LIMIT 1"};
        row.query(no);
        while (row.next()) {
            rows.push_back(
                {.no = row.integer(0),
                 .at = from_us(row.integer(1)),
                 .author = row.text(2),
                 .sha256 = row.text(3),
                 .text = row.text(4)});
        }
        return rows;
    });
    if (!found) {
        return std::unexpected{found.error()};
    }
    if (found->empty()) {
        return fail(
            Errc::not_found,
            no == 0 ? std::string{"no policy has been in force yet: start the agent once"}
                    : fmt::format("there is no policy #{}; see: evenkeel policy show --list", no));
    }
    return std::move(found->front());
}

Result<std::vector<PolicyRow>> Reader::policies(int limit) {
    Database& database = *impl_->database;
    return reading(database, [&] {
        std::vector<PolicyRow> rows;
        Statement row{
            database, "SELECT no, at_us, author, sha256 FROM policy ORDER BY no DESC LIMIT ?1"};
        row.query(limit);
        while (row.next()) {
            rows.push_back(
                {.no = row.integer(0),
                 .at = from_us(row.integer(1)),
                 .author = row.text(2),
                 .sha256 = row.text(3)});
        }
        return rows;
    });
}

Result<std::vector<DecisionRow>> Reader::decisions(int limit) {
    Database& database = *impl_->database;
    return reading(database, [&] {
        std::vector<DecisionRow> rows;
        Statement row{
            database,
            fmt::format("SELECT {} FROM decision ORDER BY id DESC LIMIT ?1", decision_columns)};
        row.query(limit);
        while (row.next()) {
            rows.push_back(decision_of(row));
        }
        return rows;
    });
}

Result<std::optional<DecisionRow>> Reader::order_decision(MachineId machine) {
    Database& database = *impl_->database;
    return reading(database, [&]() -> std::optional<DecisionRow> {
        Statement row{
            database,
            fmt::format(
                "SELECT {} FROM decision WHERE id BETWEEN ?2 AND ?3 AND machine = ?1"
                " AND kind = 'rent' LIMIT 1",
                decision_columns)};
        // It is decided and written within moments of the machine's name; there is no index.
        const UtcTime named = id_time(machine.value());
        row.query(
            machine.value(),
            least_id_at(named - std::chrono::minutes{1}),
            least_id_at(named + std::chrono::hours{1}));
        return row.next() ? std::optional{decision_of(row)} : std::nullopt;
    });
}

Result<std::vector<BudgetWindow>> Reader::budget_windows(UtcTime since) {
    return reading(*impl_->database, [&] { return read_windows(*impl_->database, since); });
}

Result<std::optional<FxRate>> Reader::fx(Currency base, Currency quote) {
    Database& database = *impl_->database;
    return reading(database, [&]() -> std::optional<FxRate> {
        if (const auto direct = newest_rate(database, base, quote)) {
            return direct;
        }
        const auto turned = newest_rate(database, quote, base);
        if (!turned) {
            return std::nullopt;
        }
        return FxRate{base, quote, turned->den, turned->num, turned->as_of};
    });
}

Result<std::vector<PriceSeen>> Reader::prices() {
    Database& database = *impl_->database;
    return reading(database, [&] {
        std::vector<PriceSeen> prices;
        Statement row{
            database,
            "SELECT offer, meter, currency, num, den, seen_us, from_us FROM price WHERE id IN"
            " (SELECT max(id) FROM price GROUP BY offer, meter) ORDER BY offer, meter"};
        while (row.next()) {
            prices.push_back(price_row(row));
        }
        return prices;
    });
}

}  // namespace evenkeel::ledger
