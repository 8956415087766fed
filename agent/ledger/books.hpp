#pragma once

#include "agent/ledger/ledger.hpp"
#include "agent/ledger/zone.hpp"
#include "inference/ports.hpp"
#include "policies/routing/catalogue.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <vector>

namespace evenkeel::ledger {

/// The gateway's view of the ledger: turns the budget bits of a request into budget windows of the
/// policy it was admitted under. Thread-safe.
class LedgerBooks final : public inference::Books {
public:
    /// Both must outlive this.
    LedgerBooks(Ledger& ledger, const Clock& clock, Zone zone);

    /// Must be told of every catalogue before requests are admitted under it; the last
    /// `revisions_max` are remembered for requests still in flight.
    void use(const routing::Catalogue& catalogue);
    static constexpr std::size_t revisions_max = 32;
    /// Whether what `key` spends is counted under its own name, and in which windows. To be told
    /// before the gate asks for it.
    void use_key(NameIx key, std::optional<config::BudgetPer> per);

    void hold(
        const inference::HoldRequest& request, std::function<void(Result<HoldId>)> done) override;
    /// Also while spending is frozen: what runs goes on to its end.
    void top_up(
        HoldId hold,
        Money more,
        std::int64_t more_report,
        std::function<void(Result<void>)> done) override;
    void release(HoldId hold) override;
    [[nodiscard]] bool record(const inference::RequestRecord& record) override;
    [[nodiscard]] bool accepts_paid_work() const noexcept override;

    /// While frozen no new paid call is accepted and no hold given; own and already rented work
    /// goes on, and what was bought is booked as ever.
    void freeze(bool frozen) noexcept { frozen_ = frozen; }

    /// Windows at `at` of the budgets whose bits are set, each with `amount_report`; for machine
    /// money too (control passes the bits of the budgets that cover the rental).
    [[nodiscard]] std::vector<BudgetShare> shares(
        std::int64_t policy, std::uint64_t bits, std::int64_t amount_report, UtcTime at) const;

private:
    struct BudgetRef {
        NameIx name{};
        config::BudgetPer per{};
    };
    Ledger& ledger_;
    const Clock& clock_;
    Zone zone_;
    std::atomic<bool> frozen_{false};
    mutable std::shared_mutex mutex_;
    std::map<std::int64_t, std::vector<BudgetRef>> revisions_{};
    std::map<NameIx, config::BudgetPer> keys_{};
    void add_key_share(
        NameIx key, std::int64_t amount_report, UtcTime at, std::vector<BudgetShare>& shares) const;
};

}  // namespace evenkeel::ledger
