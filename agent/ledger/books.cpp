#include "agent/ledger/books.hpp"

#include <mutex>
#include <utility>

namespace evenkeel::ledger {

LedgerBooks::LedgerBooks(Ledger& ledger, const Clock& clock, Zone zone)
    : ledger_{ledger}, clock_{clock}, zone_{std::move(zone)} {}

void LedgerBooks::use(const routing::Catalogue& catalogue) {
    std::vector<BudgetRef> budgets;
    for (std::size_t i = 0; i < catalogue.budgets.size(); ++i) {
        budgets.push_back({catalogue.budgets[i], catalogue.config.budgets[i].per});
    }
    const std::unique_lock lock{mutex_};
    revisions_.insert_or_assign(catalogue.revision, std::move(budgets));
    while (revisions_.size() > revisions_max) {
        revisions_.erase(revisions_.begin());
    }
}

void LedgerBooks::use_key(NameIx key, std::optional<config::BudgetPer> per) {
    const std::unique_lock lock{mutex_};
    if (per) {
        keys_.insert_or_assign(key, *per);
    } else {
        keys_.erase(key);
    }
}

void LedgerBooks::add_key_share(
    NameIx key, std::int64_t amount_report, UtcTime at, std::vector<BudgetShare>& shares) const {
    const std::shared_lock lock{mutex_};
    if (const auto per = keys_.find(key); per != keys_.end()) {
        shares.push_back(
            {.budget = key,
             .window = window_start(per->second, zone_, at),
             .amount_report = amount_report});
    }
}

std::vector<BudgetShare> LedgerBooks::shares(
    std::int64_t policy, std::uint64_t bits, std::int64_t amount_report, UtcTime at) const {
    std::vector<BudgetShare> shares;
    const std::shared_lock lock{mutex_};
    const auto revision = revisions_.find(policy);
    if (revision == revisions_.end()) {
        return shares;
    }
    const auto& budgets = revision->second;
    for (std::size_t i = 0; i < budgets.size() && i < 64; ++i) {
        if ((bits >> i & 1) != 0) {
            shares.push_back(
                {.budget = budgets[i].name,
                 .window = window_start(budgets[i].per, zone_, at),
                 .amount_report = amount_report});
        }
    }
    return shares;
}

void LedgerBooks::hold(
    const inference::HoldRequest& request, std::function<void(Result<HoldId>)> done) {
    if (frozen_.load()) {
        done(fail(Errc::unavailable, "spending is frozen; allow it again with: evenkeel thaw"));
        return;
    }
    const UtcTime now = clock_.read().utc;
    Hold hold{
        .request = request.request,
        .source = request.source,
        .amount = request.amount,
        .budgets = shares(request.policy, request.budgets, request.amount_report, now)};
    add_key_share(request.key, request.amount_report, now, hold.budgets);
    ledger_.hold(std::move(hold), std::move(done));
}

void LedgerBooks::top_up(
    HoldId hold, Money more, std::int64_t more_report, std::function<void(Result<void>)> done) {
    ledger_.top_up(hold, more, more_report, std::move(done));
}

void LedgerBooks::release(HoldId hold) {
    ledger_.release(hold);
}

bool LedgerBooks::record(const inference::RequestRecord& record) {
    Request request{
        .id = record.id,
        .at = record.at,
        .policy = record.policy,
        .key = record.key,
        .route = record.route,
        .model = record.model,
        .source = record.source,
        .kind = record.kind,
        .provider = record.provider,
        .machine = record.machine,
        .tags = record.tags,
        .wait_ms = record.wait_ms,
        .ttft_ms = record.ttft_ms,
        .total_ms = record.total_ms,
        .usage = record.usage,
        .paid = record.paid,
        .charged = record.charged,
        .charged_report = record.charged_report,
        .hold = record.hold,
        .outcome = record.outcome,
        .reason = record.reason,
        .continued = record.continued};
    if (!record.hold && record.charged_report > 0) {
        const UtcTime now = clock_.read().utc;
        request.budgets = shares(record.policy, record.budgets, record.charged_report, now);
        add_key_share(record.key, record.charged_report, now, request.budgets);
    }
    return ledger_.record(std::move(request));
}

bool LedgerBooks::accepts_paid_work() const noexcept {
    return !frozen_.load() && ledger_.accepts_paid_work();
}

}  // namespace evenkeel::ledger
