#pragma once

#include "agent/ledger/activity.hpp"
#include "agent/ledger/chain.hpp"
#include "agent/ledger/ops.hpp"
#include "agent/ledger/sqlite.hpp"
#include "agent/ledger/zone.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace evenkeel::ledger {

/// Answers a caller; run after the commit.
using Completion = std::function<void()>;

/// Applies operations to the database within one transaction that the writer begins and commits.
///
/// Every `apply` checks what may go wrong in the ordinary course (a step taken by another, a taken
/// name) before it writes, and answers that through its completion. Anything else throws SqlError
/// or std::exception: the writer then rolls back and calls `load` before it goes on. Applying an
/// operation whose rows are in the file already changes nothing and succeeds.
class Store {
public:
    Store(Database& database, const Zone& zone, std::uint8_t gateway, Currency report);

    /// Reads what is kept in memory: end of the chain, names, open holds. Throws SqlError.
    void load();
    void begin();
    void apply(Op& op, std::vector<Completion>& completions);
    /// Writes the sums gathered since `begin`, then commits. Throws SqlError.
    void commit();
    void rollback() noexcept;
    /// What the transaction since `begin` booked of requests and money; once, after its commit.
    [[nodiscard]] Booked take_booked() noexcept { return std::exchange(booked_, {}); }
    [[nodiscard]] const NameTexts& names() const noexcept { return names_; }

    [[nodiscard]] std::int64_t transactions() const noexcept { return chain_.count(); }
    /// Turns holds of requests that a crash left open into spending (F95). Within begin/commit.
    void lapse_requests(UtcTime now);
    [[nodiscard]] std::vector<OpenHold> open_holds() const;
    /// Deletes at most `rows` requests, or ended holds, or the events of one machine, all from
    /// before `before`, the oldest first; returns how many, 0 when nothing is left. What was
    /// deleted of requests stays as sums. Within begin/commit.
    [[nodiscard]] std::int64_t delete_old(UtcTime before, std::int64_t rows, UtcTime now);
    [[nodiscard]] std::int64_t last_id() const noexcept { return last_id_; }

private:
    struct Held {
        UtcTime at{};
        Hold hold{};
    };
    struct CellKey {
        std::int64_t at{0};
        std::int32_t source{0};
        std::int32_t model{0};
        std::int32_t key{0};
        std::int32_t route{0};
        std::string phase{};
        Currency currency{};
        friend auto operator<=>(const CellKey&, const CellKey&) = default;
    };
    struct Cell {
        std::int64_t requests{0};
        std::int64_t answered{0};
        std::int64_t tok_in{0};
        std::int64_t tok_cached{0};
        std::int64_t tok_cache_write{0};
        std::int64_t tok_out{0};
        std::int64_t paid{0};
        std::int64_t charged{0};
        std::int64_t wait_ms{0};
        std::int64_t time_ns{0};
        void add(const Cell& other);
    };
    struct WindowSums {
        std::int64_t settled{0};
        std::int64_t held{0};
    };

    void apply_hold(HoldOp& op, UtcTime at, std::vector<Completion>& completions);
    [[nodiscard]] NameIx key_of(const Hold& hold);
    void apply_top_up(TopUpOp& op, std::vector<Completion>& completions);
    void apply_release(HoldId id);
    void apply_record(const Request& request, UtcTime at);
    enum class BookAs : std::uint8_t { recorded, lapsed };
    [[nodiscard]] Currency currency_of(const Request& request) const;
    bool book_request(const Request& request, UtcTime at, BookAs as, std::int64_t& tx);
    void apply_machine(MachineOp& op, std::vector<Completion>& completions);
    void apply_adjust(AdjustOp& op, UtcTime at, std::vector<Completion>& completions);
    void apply_decision(const Decision& decision, std::int64_t& id, UtcTime at);
    void apply_rule_replay(const RuleReplay& replay);
    void apply_power(const PowerPost& post, UtcTime at);
    void apply_gpu_minute(const GpuRollup& minute);
    void apply_bill(const BillSeen& bill, UtcTime at);
    [[nodiscard]] std::int64_t delete_requests(std::int64_t below, std::int64_t rows, UtcTime now);
    [[nodiscard]] std::int64_t delete_holds(std::int64_t below, std::int64_t rows, UtcTime now);
    [[nodiscard]] std::int64_t delete_events(UtcTime before, UtcTime now);
    void note_deleted(std::string_view what, std::int64_t rows, std::int64_t below, UtcTime now);
    void apply_name(const NameRow& name);
    void apply_source(const SourceInfo& source);
    void apply_price(const PriceSeen& seen);
    void apply_fx(const FxRate& rate);
    void apply_policy(PolicyOp& op, UtcTime at, std::vector<Completion>& completions);
    void apply_key_terms(KeyTermsOp& op, std::vector<Completion>& completions);
    void apply_add_key(AddKeyOp& op, std::vector<Completion>& completions);
    void apply_revoke(RevokeKeyOp& op, UtcTime at, std::vector<Completion>& completions);

    /// The error that keeps `step` from being applied, if any; `already` when it is in the file.
    [[nodiscard]] Result<bool> check_step(const MachineStep& step);
    void write_machine(const MachineStep& step, std::int64_t paid_more);
    std::int64_t post_phase(const MachineStep& step, const PhaseChange& change);
    void end_hold(HoldId id, const Held& held, std::string_view state, std::int64_t tx);
    int insert_request(const Request& request, std::int64_t tx, std::int64_t flags);
    void roll_up(UtcTime at, CellKey key, const Cell& cell);
    void settle_windows(const std::vector<BudgetShare>& shares);
    void ensure_source(NameIx source, SourceKind kind, NameIx provider, bool synthetic);
    std::int64_t insert_price(const PriceSeen& seen);
    std::int64_t price_id(NameIx offer, std::string_view meter, const Price& price, UtcTime seen);
    [[nodiscard]] std::string name_text(NameIx ix) const;
    [[nodiscard]] std::int64_t fresh_id(UtcTime now);
    std::int64_t post(Entry entry, UtcTime at);
    void write_cells(Statement& upsert, const std::map<CellKey, Cell>& cells);

    Database& database_;
    const Zone& zone_;
    std::uint8_t gateway_;
    Currency report_;
    Chain chain_;
    IdGenerator ids_;
    std::int64_t last_id_{0};
    Booked booked_{};
    std::unordered_map<HoldId, Held> holds_{};
    NameTexts names_{};
    std::unordered_set<std::int32_t> sources_{};
    std::map<CellKey, Cell> days_{};
    std::map<CellKey, Cell> hours_{};
    std::map<std::pair<std::int32_t, std::int64_t>, WindowSums> windows_{};

    Statement insert_request_;
    Statement insert_hold_;
    Statement insert_hold_budget_;
    Statement top_up_hold_;
    Statement top_up_hold_budget_;
    Statement end_hold_;
    Statement add_window_;
    Statement insert_decision_;
    Statement insert_source_;
    Statement insert_event_;
    Statement upsert_phase_;
    Statement newest_price_;
    Statement insert_price_;
    Statement put_rent_;
    Statement upsert_day_;
    Statement upsert_hour_;
    Statement update_window_;
};

}  // namespace evenkeel::ledger
