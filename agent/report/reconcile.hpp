#pragma once

#include "agent/ledger/reader.hpp"
#include "agent/ledger/zone.hpp"
#include "agent/report/invoice.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

/// From the ledger to the provider's bill, step by step and by cause.
namespace evenkeel::report {

struct ReconcileAsked {
    UtcTime now{};
    ledger::Zone zone{};               ///< of the ledger's booking days
    std::string month{};               ///< "2026-11"; empty: this month
    std::string provider{};            ///< empty: all
    std::optional<Invoice> invoice{};  ///< needs `provider`, unless there is only one
};

/// One step of the waterfall.
struct ReconcileStep {
    /// "rounding", "not_metered", "price_change", "unknown_machine", "credit", "tax",
    /// "not_billed_yet" or "other"
    std::string cause{};
    Money amount{};
    int machines{0};
};

/// One machine whose bill says something else, or of which there is none.
struct ReconcileMachine {
    std::string name{};
    std::string remote_id{};
    Money metered{};              ///< by our clock, in this month
    std::optional<Money> bill{};  ///< in this month; nothing: none seen
    Money difference{};
    std::string cause{};
};

/// A provider's month in one currency: `metered` and all steps sum to `bill`.
struct ReconcileProvider {
    std::string provider{};
    Currency currency{};
    Money metered{};  ///< time by the price, and tokens
    Money ledger{};   ///< what the ledger says now: with what was booked of bills
    /// What the provider asked as far as is known: by its own books, or by the invoice. Nothing:
    /// nobody has said; there are no steps then.
    std::optional<Money> bill{};
    bool by_invoice{false};
    std::vector<ReconcileStep> steps{};
    std::vector<ReconcileMachine> machines{};
};

struct Reconciliation {
    std::chrono::year_month month{};
    std::vector<ReconcileProvider> providers{};
};

/// Errors: invalid_argument (month, an invoice of an unclear provider or other currency), not_found
/// (provider), those of Reader.
[[nodiscard]] Result<Reconciliation> reconcile(ledger::Reader& reader, const ReconcileAsked& asked);

/// What a cause means, for people: "boot or other time that only one side counted".
[[nodiscard]] std::string cause_words(std::string_view cause);
[[nodiscard]] std::string reconcile_text(const Reconciliation& found);
[[nodiscard]] std::string reconcile_csv(const Reconciliation& found);
/// evenkeel.reconcile/1
[[nodiscard]] std::string reconcile_json(const Reconciliation& found);
[[nodiscard]] Result<std::string> reconcile_json(
    ledger::Reader& reader, const ReconcileAsked& asked);

}  // namespace evenkeel::report
