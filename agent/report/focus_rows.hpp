#pragma once

#include "agent/report/focus.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

/// How single charges become rows of FOCUS. For focus.cpp alone.
namespace evenkeel::report {

/// Makes rows; everything that many of them need is read once.
class FocusRows {
public:
    /// Errors: those of Reader.
    [[nodiscard]] static Result<FocusRows> make(
        ledger::Reader& reader, const FocusOptions& options);

    /// The charges of one transaction: its expense postings, and wear. `request`: the one it paid,
    /// when it is still there.
    [[nodiscard]] std::vector<FocusRow> of(
        const ledger::TxView& tx, const ledger::RequestView* request);
    /// A request that cost nothing by itself; `share`: its part of what answered it, where that
    /// can be told.
    [[nodiscard]] FocusRow of_unpaid(
        const ledger::RequestView& request, std::optional<Money> share);
    [[nodiscard]] FocusRow of_purchase(const FocusPurchase& purchase);

    [[nodiscard]] const std::vector<ledger::MachineView>& machines() const noexcept {
        return machines_;
    }

private:
    struct Meter {
        std::string_view words;  ///< "output tokens"
        std::string_view meter;  ///< of the price: "out"
        std::string_view sku;    ///< "output"
        std::int64_t tokens{0};
        Focus tokens_column{Focus::input_tokens};
    };

    /// What a machine's row notes of it.
    struct Noted {
        std::string region{};
        std::int64_t gpus{1};
    };

    FocusRows(ledger::Reader& reader, const FocusOptions& options)
        : reader_{&reader}, options_{&options} {}
    [[nodiscard]] static Noted noted_of(const ledger::MachineRow& machine);
    [[nodiscard]] FocusRow blank(Currency currency);
    void name_seller(FocusRow& row, const std::string& provider) const;
    void name_owner(FocusRow& row, const std::string& hardware) const;
    void name_machine(FocusRow& row, std::size_t machine) const;
    void name_request(FocusRow& row, const ledger::RequestView& request) const;
    [[nodiscard]] FocusRow of_phase(const ledger::TxView& tx, const ledger::PostingView& posting);
    [[nodiscard]] FocusRow of_power(const ledger::TxView& tx, const ledger::PostingView& posting);
    [[nodiscard]] FocusRow of_wear(const ledger::TxView& tx, const ledger::PostingView& posting);
    void add_paid(
        const ledger::TxView& tx,
        const ledger::PostingView& posting,
        const ledger::RequestView* request,
        std::vector<FocusRow>& rows);
    [[nodiscard]] FocusRow of_other(const ledger::TxView& tx, const ledger::PostingView& posting);
    [[nodiscard]] std::string text(NameIx ix) const;
    [[nodiscard]] const ledger::PriceSeen* price_at(
        const std::string& offer, std::string_view meter, UtcTime at) const;

    ledger::Reader* reader_;
    const FocusOptions* options_;
    std::unordered_map<NameIx, std::string> names_{};
    std::unordered_map<std::string, std::string> provider_of_source_{};
    std::vector<ledger::MachineView> machines_{};
    std::vector<Noted> noted_{};  ///< of each of them
    std::unordered_map<std::int64_t, std::size_t> machine_at_{};
    /// By offer and meter, the oldest first.
    std::map<std::pair<std::string, std::string>, std::vector<ledger::PriceSeen>> prices_{};
    std::map<Currency, std::pair<std::string, std::string>> rates_{};  ///< rate and its date
};

}  // namespace evenkeel::report
