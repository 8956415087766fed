#pragma once

#include "agent/ledger/chain_check.hpp"
#include "agent/ledger/rows.hpp"
#include "agent/ledger/tx_rows.hpp"
#include "policies/domain/error.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace evenkeel::ledger {

/// What `verify` found. Empty `problems`: the books are sound.
struct Verification {
    std::int64_t transactions{0};
    std::int64_t postings{0};
    std::int64_t requests{0};
    std::int64_t machines{0};
    std::vector<Deleted> deleted{};       ///< by age, and so not looked at
    std::vector<std::string> problems{};  ///< at most 20 sentences
    [[nodiscard]] bool ok() const noexcept { return problems.empty(); }
};

/// One cell of the daily roll-up, summed over days; the source already resolved.
struct SpendRow {
    NameIx source{};
    NameIx model{};
    NameIx key{};
    NameIx route{};
    NameIx provider{};
    SourceKind kind{SourceKind::own};
    std::string label{};  ///< what people see for the source
    bool synthetic{false};
    std::string phase{};  ///< "" = requests; a Phase's name, "power" or "adjust" = money of time
    Currency currency{};
    std::int64_t requests{0};
    std::int64_t answered{0};
    std::int64_t tokens_in{0};
    std::int64_t tokens_cached{0};
    std::int64_t tokens_cache_write{0};
    std::int64_t tokens_out{0};
    Money paid{};
    Money charged{};
    std::chrono::nanoseconds time{0};  ///< machine time that was paid (phases)
};

/// A machine with everything a table of them shows.
struct MachineView {
    MachineRow row{};
    std::string provider{};
    std::string model{};
    std::string offer{};
    Money paid{};
    std::vector<PhaseRow> phases{};
    MachineEvent last{};
};

/// One request as it ended.
struct RequestView {
    RequestId id{};
    UtcTime at{};  ///< of its arrival
    std::int64_t policy{0};
    NameIx key{};
    NameIx route{};
    NameIx model{};
    NameIx source{};
    SourceKind kind{SourceKind::own};
    std::chrono::milliseconds wait{0};   ///< arrival to the source
    std::chrono::milliseconds ttft{0};   ///< arrival to the first token
    std::chrono::milliseconds total{0};  ///< arrival to the end
    Usage usage{};
    Money paid{};
    Outcome outcome{Outcome::answered};
    Reason reason{};
    Money charged{};
    std::int64_t flags{0};  ///< flag_estimated and the like
    std::string tags{};     ///< "team=search,job=7"; empty: none
    MachineId machine{};    ///< that answered it, where it is rented
};

/// Which requests are meant.
struct RequestFilter {
    UtcTime since{};    ///< that arrived then or later
    NameIx key{};       ///< none: of any key
    std::string tag{};  ///< that carry it, "team=search"; empty: any
};

/// Some of them.
struct RequestPage {
    std::vector<RequestView> rows{};
    std::optional<RequestId> next{};  ///< go on below it; none at the end
};

/// Requests that carry the same tags, summed; one currency.
struct TagRow {
    std::string tags{};  ///< as in RequestView
    std::int64_t requests{0};
    std::int64_t tokens_in{0};
    std::int64_t tokens_out{0};
    Money paid{};
    Money charged{};
};

/// Requests of one kind, counted: what a replay needs to know of its demand beforehand. Requests
/// that were wrong themselves are none.
struct DemandRow {
    NameIx model{};  ///< none for a request that a crash cut off
    NameIx route{};
    SourceKind kind{SourceKind::own};
    ReasonCode reason{ReasonCode::none};
    bool sized{false};  ///< their tokens are known
    std::int64_t requests{0};
    std::int64_t tokens_in{0};
    std::int64_t tokens_cached{0};
    std::int64_t tokens_out{0};
    UtcTime first{};
    UtcTime last{};
};

/// One request, as far as a replay needs it.
struct ArrivalRow {
    RequestId id{};
    NameIx model{};
    NameIx route{};
    SourceKind kind{SourceKind::own};
    ReasonCode reason{ReasonCode::none};
    std::int64_t tokens_in{0};  ///< 0 with the next where they are not known
    std::int64_t tokens_out{0};
};

/// How long one request waited for its source.
struct WaitRow {
    UtcTime at{};  ///< of its arrival
    std::chrono::milliseconds wait{0};
};

/// A cell of the daily roll-up with its booking day.
struct SpendDayRow {
    std::int64_t day{0};  ///< 20261123
    SpendRow cell{};
};

/// Tokens of one booking day and model that somebody served.
struct TokensDayRow {
    std::int64_t day{0};  ///< 20261123
    NameIx model{};
    std::int64_t tokens_in{0};
    std::int64_t tokens_out{0};
};

/// A period's cells and, oldest first, the tokens of its days.
struct SpendAndTokens {
    std::vector<SpendRow> cells{};
    std::vector<TokensDayRow> tokens{};
};

/// Money of one hour, by who was paid and for what.
struct SpendHourRow {
    UtcTime at{};  ///< start of the hour
    SourceKind kind{SourceKind::own};
    std::string phase{};  ///< as in SpendRow
    Money paid{};
};

/// Money of a rented machine as it was posted: one row a posting.
struct MachineMoneyRow {
    MachineId machine{};
    std::int64_t no{0};   ///< of its phase; 0 for an adjustment
    std::string phase{};  ///< a Phase's name, or "adjust"
    std::int64_t day{0};  ///< booking day
    UtcTime at{};         ///< when it was posted
    Money amount{};
    std::chrono::nanoseconds time{0};  ///< that it pays
};

/// Energy and wear of one piece of own hardware from one posting to the next.
struct EnergyPost {
    UtcTime at{};  ///< its begin
    std::int64_t day{0};
    EnergyRow row{};
};

/// Whose days and money the books count, and since when.
struct BooksMeta {
    std::string zone{};
    Currency report{};
    std::int64_t first_day{0};  ///< booking day of the oldest roll-up; 0: there is none
};

struct Summary {
    int schema{0};
    std::int64_t bytes{0};
    std::int64_t transactions{0};
    std::int64_t machines_not_gone{0};
    std::int64_t open_holds{0};
    std::string zone{};
    Currency report{};
    std::string agent_id{};
    std::int64_t policy_revision{0};
    std::optional<UtcTime> first{};  ///< of the first transaction or request
    std::optional<UtcTime> last{};
};

class Database;

/// Read-only access for reports and commands, with the daemon up or down. Each call is one short
/// read transaction, so that it never keeps the WAL from shrinking. Not thread-safe: one per
/// thread.
class Reader {
public:
    /// While it lives, everything that is read is of one moment: figures of several calls fit each
    /// other though the daemon goes on booking. It keeps the WAL from shrinking, so it is for the
    /// time of one report. The reader must outlive it; one within another adds nothing.
    class Snapshot {
    public:
        ~Snapshot();
        Snapshot(Snapshot&& other) noexcept : database_{std::exchange(other.database_, nullptr)} {}
        Snapshot(const Snapshot&) = delete;
        Snapshot& operator=(const Snapshot&) = delete;
        Snapshot& operator=(Snapshot&&) = delete;

    private:
        friend class Reader;
        explicit Snapshot(Database* database) : database_{database} {}
        Database* database_;  ///< null: another one ends the transaction
    };

    /// Errors: not_found (no ledger there), refused (newer schema, foreign file), corrupt,
    /// io_failed (permissions, with what to do).
    [[nodiscard]] static Result<Reader> open(const std::filesystem::path& dir);
    ~Reader();
    Reader(Reader&&) noexcept;
    Reader& operator=(Reader&&) noexcept;

    /// From the next call on, until it is destroyed.
    [[nodiscard]] Result<Snapshot> snapshot();
    /// Nothing in it takes longer with the number of rows.
    [[nodiscard]] Result<Summary> summary();
    /// What reports begin with; a summary also counts everything.
    [[nodiscard]] Result<BooksMeta> meta();
    /// Walks everything: hash chain, zero sums, roll-ups against detail, machines against
    /// postings, budget windows against holds. Seconds per million transactions.
    [[nodiscard]] Result<Verification> verify();
    /// Checks the hashes, links and zero sums of the newest 256 transactions, and of `count` more
    /// from `at` on, which moves along so that all of them are visited in turn.
    [[nodiscard]] Result<ChainCheck> check_chain(ChainPosition& at, std::int64_t count);
    /// Cells of the booking days `first_day` to `last_day` (20261123, inclusive).
    [[nodiscard]] Result<std::vector<SpendRow>> spend(
        std::int64_t first_day, std::int64_t last_day);
    /// The same, and in the same pass what was served, by day and model.
    [[nodiscard]] Result<SpendAndTokens> spend_and_tokens(
        std::int64_t first_day, std::int64_t last_day);
    /// The same cells day by day, oldest first.
    [[nodiscard]] Result<std::vector<SpendDayRow>> spend_by_day(
        std::int64_t first_day, std::int64_t last_day);
    /// Money of the hours in [since, until), oldest first; requests and phases by who was paid.
    [[nodiscard]] Result<std::vector<SpendHourRow>> spend_by_hour(UtcTime since, UtcTime until);
    /// What was posted for rented machines in the booking days `first_day` to `last_day`.
    [[nodiscard]] Result<std::vector<MachineMoneyRow>> machine_money(
        std::int64_t first_day, std::int64_t last_day);
    [[nodiscard]] Result<std::vector<NameRow>> names();
    [[nodiscard]] Result<std::vector<SourceInfo>> sources();
    /// All machines not gone, and those gone since `gone_since`.
    [[nodiscard]] Result<std::vector<MachineView>> machines(UtcTime gone_since);
    /// All events of one machine, oldest first.
    [[nodiscard]] Result<std::vector<MachineEvent>> events(MachineId machine);
    /// The newest `limit` decisions, newest first.
    [[nodiscard]] Result<std::vector<DecisionRow>> decisions(int limit);
    /// Why `machine` was ordered; nothing for one that was adopted.
    [[nodiscard]] Result<std::optional<DecisionRow>> order_decision(MachineId machine);
    /// The configuration with that number, the newest for 0. Errors: not_found.
    [[nodiscard]] Result<PolicyRow> policy(std::int64_t no = 0);
    /// The newest `limit` configurations without their texts, newest first.
    [[nodiscard]] Result<std::vector<PolicyRow>> policies(int limit);
    [[nodiscard]] Result<std::vector<KeyRow>> keys();
    /// When the newest request of each key arrived.
    [[nodiscard]] Result<std::map<NameIx, UtcTime>> keys_last_used();
    [[nodiscard]] Result<std::vector<BudgetWindow>> budget_windows(UtcTime since);
    /// What is set aside for machines now, oldest first.
    [[nodiscard]] Result<std::vector<OpenHold>> machine_holds();
    /// Tells `visit` of every request that arrived since, oldest first, in one transaction.
    [[nodiscard]] Result<void> each_request(
        UtcTime since, const std::function<void(const RequestView&)>& visit);
    /// The next at most `limit` requests with ids below `before`, the newest first. Looks at so
    /// many rows at most that the transaction stays short, however few are meant.
    [[nodiscard]] Result<RequestPage> requests(
        const RequestFilter& filter, RequestId before, int limit);
    /// Tells `visit` what was paid for requests that arrived from `since` on and before `until`, by
    /// their tags, the dearest first.
    [[nodiscard]] Result<void> spend_by_tags(
        UtcTime since, UtcTime until, const std::function<void(const TagRow&)>& visit);
    /// What was asked for from `since` on and before `until`.
    [[nodiscard]] Result<std::vector<DemandRow>> demand(UtcTime since, UtcTime until);
    /// Requests in each of the `days` times 24 hours before `until`, the newest first.
    [[nodiscard]] Result<std::vector<std::int64_t>> requests_by_day(UtcTime until, int days);
    /// Puts the next at most `limit` requests with known models after `after` and before `until`
    /// into `rows`, oldest first; none at the end. Those of `demand`, one by one.
    [[nodiscard]] Result<void> arrivals(
        RequestId after, UtcTime until, int limit, std::vector<ArrivalRow>& rows);
    /// Energy and wear of own hardware in the booking days `first_day` to `last_day`, one row for
    /// each hardware and pair of currencies.
    [[nodiscard]] Result<std::vector<EnergyRow>> energy(
        std::int64_t first_day, std::int64_t last_day);
    /// The same, one row for each posting, oldest first.
    [[nodiscard]] Result<std::vector<EnergyPost>> energy_posts(
        std::int64_t first_day, std::int64_t last_day);
    /// What GPUs did since, by minutes of the last week or by hours; oldest first.
    [[nodiscard]] Result<std::vector<GpuRollup>> gpu_minutes(UtcTime since);
    [[nodiscard]] Result<std::vector<GpuRollup>> gpu_hours(UtcTime since);
    /// The newest nightly replay of each scaling entry, by its name.
    [[nodiscard]] Result<std::vector<RuleReplay>> rule_replays();
    /// Requests of each hour since, by the start of the hour; hours without any are left out.
    [[nodiscard]] Result<std::vector<std::pair<UtcTime, std::int64_t>>> requests_by_hour(
        UtcTime since);
    /// Errors: not_found too.
    [[nodiscard]] Result<RequestView> request(RequestId id);
    /// The next at most `limit` transactions with ids below `before`, the newest first. Looks at so
    /// many rows at most that the transaction stays short, however few are meant.
    [[nodiscard]] Result<TxPage> transactions(const TxFilter& filter, TxId before, int limit);
    /// The next at most `limit` transactions of the filter's days with ids above `after`, the
    /// oldest first; none at the end. Its other fields are not looked at.
    [[nodiscard]] Result<std::vector<TxView>> transactions_from(
        const TxFilter& filter, TxId after, int limit);
    [[nodiscard]] Result<std::vector<MachineName>> machine_names();
    /// What phases and adjustments posted in the booking days `first_day` to `last_day`.
    [[nodiscard]] Result<std::vector<MachineSums>> machine_sums(
        std::int64_t first_day, std::int64_t last_day);
    /// Those of `ids` that are still there, in any order.
    [[nodiscard]] Result<std::vector<RequestView>> requests_by_id(
        const std::vector<RequestId>& ids);
    /// The next at most `limit` requests above `after` and below `until` that somebody answered and
    /// nobody outside was paid for, the oldest first; none at the end.
    [[nodiscard]] Result<std::vector<RequestView>> unpaid_requests(
        RequestId after, RequestId until, int limit);
    /// Of requests from `since` on; `earlier` counts those before `split`.
    [[nodiscard]] Result<std::vector<MachineTokens>> machine_tokens(UtcTime since, UtcTime split);
    [[nodiscard]] Result<std::vector<OwnHour>> own_hours(
        std::int64_t first_day, std::int64_t last_day);
    /// Every price by the token that was ever in force, the oldest first.
    [[nodiscard]] Result<std::vector<PriceSeen>> token_prices();
    /// Every different price by the hour that was ever seen, by offer.
    [[nodiscard]] Result<std::map<NameIx, std::vector<Price>>> hour_prices();
    /// What providers said their machines cost.
    [[nodiscard]] Result<std::vector<BillSeen>> bills();
    /// What was deleted by age.
    [[nodiscard]] Result<std::vector<Deleted>> deleted();
    /// Newest rate from `base` to `quote`, or from `quote` to `base` turned round.
    [[nodiscard]] Result<std::optional<FxRate>> fx(Currency base, Currency quote);
    /// Newest price rows, one per offer and meter.
    [[nodiscard]] Result<std::vector<PriceSeen>> prices();
    /// Looks at the next at most `limit` requests with ids below `before` that came since: of those
    /// that found a source, when each came and how long it waited, the newest first, into `rows`.
    /// Gives the id to go on below; none at the end. One short
    /// transaction.
    [[nodiscard]] Result<std::optional<RequestId>> waits(
        UtcTime since, RequestId before, int limit, std::vector<WaitRow>& rows);
    /// From now on reading asks `give_up` again and again and ends with `cancelled` when it says
    /// true. It is called on the reading thread.
    void give_up_when(std::function<bool()> give_up);
    /// All price rows, by offer and meter, in the order in which they were stored.
    [[nodiscard]] Result<std::vector<PriceSeen>> price_history();

private:
    struct Impl;
    explicit Reader(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace evenkeel::ledger
