#include "agent/ledger/chain.hpp"
#include "agent/ledger/connection.hpp"
#include "agent/ledger/impl.hpp"
#include "agent/ledger/queries.hpp"
#include "agent/ledger/schema.hpp"
#include "agent/ledger/sha256.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <system_error>

/// Opening a state folder: what is checked, in which order, and what is refused.
namespace evenkeel::ledger {

namespace {

namespace fs = std::filesystem;

constexpr std::chrono::days windows_kept{62};

Result<void> create_if_missing(const fs::path& file, const Options& options) {
    std::error_code ignored;
    if (fs::exists(fs::symlink_status(file, ignored))) {
        return {};
    }
    if (fs::exists(file.string() + "-wal", ignored)) {
        return fail(
            Errc::corrupt,
            fmt::format(
                "{0} is missing but {0}-wal is there: a new ledger would swallow it. Put a backup "
                "in its place, or move the -wal file away",
                file.string()));
    }
    const std::string random = random_bytes(4);
    if (random.empty()) {
        return fail(Errc::io_failed, "the operating system gives no random bytes");
    }
    return create_database(
        file,
        embedded_migrations(),
        {.zone = options.zone,
         .report_currency = std::string{options.report.text()},
         .agent_id = to_hex(random),
         .created_us = to_us(options.clock->read().utc)},
        options.vfs);
}

Error damaged(const fs::path& file, std::string_view what) {
    return {
        Errc::corrupt,
        fmt::format(
            "{} is damaged ({}): nothing is spent and the file is left as it is. Move it away and "
            "put the newest good backup (evenkeel ledger backup, folder backups/) in its place",
            file.string(),
            what)};
}

/// num/den that turns an amount of `from` into one of `to`, from the configuration's rates.
Result<FxRate> rate_between(const Options& options, Currency from, Currency to) {
    for (const FxRate& rate : options.rates) {
        if (rate.base == from && rate.quote == to) {
            return rate;
        }
        if (rate.base == to && rate.quote == from) {
            return FxRate{from, to, rate.den, rate.num, rate.as_of};
        }
    }
    return fail(
        Errc::invalid_argument,
        fmt::format(
            "the ledger's budgets are kept in {0}, the configuration now reports in {1}: add "
            "currency.rates.{0} so that running budgets can be turned over",
            from.text(),
            to.text()));
}

/// Turns budget windows and open holds from the stored report currency to the configured one.
Result<void> change_report_currency(Database& database, const Options& options) {
    const auto stored = Currency::parse(meta_value(database, "report_currency"));
    if (stored && *stored == options.report) {
        return {};
    }
    const auto rate = rate_between(options, stored.value_or(usd), options.report);
    if (!rate) {
        return std::unexpected{rate.error()};
    }
    const auto turned = [&](std::int64_t amount) {
        return mul_div(amount, rate->num, rate->den, Rounding::up).value_or(amount);
    };
    database.exec("BEGIN IMMEDIATE");
    Statement share{database, "UPDATE hold_budget SET amount = ?3 WHERE hold = ?1 AND budget = ?2"};
    Statement shares{
        database,
        "SELECT hold, budget, amount FROM hold_budget WHERE hold IN"
        " (SELECT id FROM hold WHERE state = 'open')"};
    std::vector<std::array<std::int64_t, 3>> rows;
    while (shares.next()) {
        rows.push_back({shares.integer(0), shares.integer(1), turned(shares.integer(2))});
    }
    for (const auto& [hold, budget, amount] : rows) {
        share.run(hold, budget, amount);
    }
    Statement window{
        database,
        "UPDATE budget_window SET settled = ?3, held = (SELECT coalesce(sum(b.amount), 0)"
        " FROM hold_budget AS b JOIN hold AS h ON h.id = b.hold WHERE h.state = 'open'"
        " AND b.budget = ?1 AND b.window_us = ?2) WHERE budget = ?1 AND window_us = ?2"};
    for (const BudgetWindow& row : read_windows(database, UtcTime{})) {
        window.run(row.budget.value(), to_us(row.window), turned(row.settled));
    }
    Statement meta{database, "UPDATE meta SET value = ?1 WHERE key = 'report_currency'"};
    meta.run(options.report.text());
    database.exec("COMMIT");
    spdlog::info(
        "ledger: budgets turned from {} to {}",
        stored ? stored->text() : "",
        options.report.text());
    return {};
}

/// What is booked already keeps its days; `verify` has to know which those are.
void store_zone(Database& database, const std::string& zone, UtcTime now) {
    if (meta_value(database, "report_zone") == zone &&
        !meta_value(database, zone_since_key).empty()) {
        return;
    }
    Statement meta{
        database,
        "INSERT INTO meta(key, value) VALUES(?1, ?2) ON CONFLICT DO UPDATE SET"
        " value = excluded.value"};
    meta.run(zone_since_key, std::to_string(to_us(now)));
    meta.run("report_zone", zone);
}

/// The checks and changes that need the connection. Throws SqlError.
Result<void> prepare(const fs::path& file, Database& database, const Options& options) {
    const std::int64_t version = database.integer("PRAGMA user_version");
    if (version > newest_schema()) {
        return fail(
            Errc::refused,
            fmt::format(
                "{} was written by a newer evenkeel (schema {}, this one knows {}): it was left as "
                "it is",
                file.string(),
                version,
                newest_schema()));
    }
    if (const std::string complaint = check_database(database, options); !complaint.empty()) {
        return std::unexpected{damaged(file, complaint)};
    }
    migrate(
        database, embedded_migrations(), options.dir / "backups", to_us(options.clock->read().utc));
    if (const auto changed = change_report_currency(database, options); !changed) {
        return changed;
    }
    store_zone(database, options.zone, options.clock->read().utc);
    return {};
}

Result<void> start(Ledger::Impl& impl) {
    const Options& options = impl.options;
    const fs::path file = database_file(options);
    if (const auto made = create_if_missing(file, options); !made) {
        return made;
    }
    if (const auto known = inspect_file(file, newest_schema(), Access::write); !known) {
        return std::unexpected{known.error()};
    }
    {
        Database database{file, Database::Mode::read_write, options.vfs};
        configure_writer(database);
        if (const auto ready = prepare(file, database, options); !ready) {
            return ready;
        }
    }
    auto connection = std::make_unique<Connection>(options, impl.zone);
    Store& store = connection->store;
    store.load();
    const UtcTime now = options.clock->read().utc;
    store.begin();
    store.lapse_requests(now);
    store.commit();
    impl.recovered = read_recovered(connection->database, now);
    impl.recovered.machine_holds = store.open_holds();
    impl.writer = std::make_unique<Writer>(options, impl.zone, std::move(connection));
    return {};
}

}  // namespace

std::filesystem::path database_file(const Options& options) {
    return options.dir / ledger_file;
}

Connection::Connection(const Options& options, const Zone& zone)
    : database{database_file(options), Database::Mode::read_write, options.vfs},
      store{(configure_writer(database), database), zone, options.gateway, options.report} {}

std::string check_database(Database& database, const Options& options) {
    const std::int64_t bytes =
        database.integer("PRAGMA page_count") * database.integer("PRAGMA page_size");
    if (bytes <= options.limits.check_bytes) {
        if (std::string complaint = quick_check(database); !complaint.empty()) {
            return complaint;
        }
    }
    if (database.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'tx'") == 0) {
        return "it has no table of transactions";
    }
    const ChainCheck chain = check_chain(database, options.limits.check_rows, 1);
    return chain.problems.empty() ? std::string{} : chain.problems.front();
}

Recovered read_recovered(Database& database, UtcTime now) {
    Recovered recovered;
    recovered.agent_id = meta_value(database, "agent_id");
    recovered.names = read_names(database);
    for (MachineView& view : read_machines(database, UtcTime::max())) {
        recovered.machines.push_back(
            {.row = std::move(view.row),
             .last = std::move(view.last),
             .phases = std::move(view.phases),
             .paid = view.paid});
    }
    Statement rent{database, "SELECT model, version, bytes FROM rent_state ORDER BY model"};
    while (rent.next()) {
        recovered.rent_states.push_back(
            {.model = name_ix(rent.integer(0)), .version = rent.integer(1), .bytes = rent.text(2)});
    }
    recovered.keys = read_keys(database);
    recovered.windows = read_windows(database, now - windows_kept);
    recovered.last_id = largest_id(database);
    recovered.policy_revision = newest_policy(database);
    return recovered;
}

Result<std::unique_ptr<Ledger>> Ledger::open(Options options) {
    auto zone = Zone::load(options.zone);
    if (!zone) {
        return std::unexpected{zone.error()};
    }
    std::error_code ignored;
    const bool created = !fs::exists(database_file(options), ignored);
    auto lock = StateLock::take(options.dir);
    if (!lock) {
        return std::unexpected{lock.error()};
    }
    auto impl = std::make_unique<Impl>(std::move(options), *std::move(zone), *std::move(lock));
    const fs::path file = database_file(impl->options);
    try {
        if (const auto started = start(*impl); !started) {
            return std::unexpected{started.error()};
        }
    } catch (const SqlError& error) {
        return std::unexpected{error.is_corrupt() ? damaged(file, error.what()) : to_error(error)};
    } catch (const std::exception& error) {
        return fail(Errc::io_failed, fmt::format("{}: {}", file.string(), error.what()));
    }
    impl->recovered.created = created;
    return std::unique_ptr<Ledger>{new Ledger{std::move(impl)}};
}

}  // namespace evenkeel::ledger
