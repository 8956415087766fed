#pragma once

#include "agent/report/days.hpp"
#include "agent/report/price_book.hpp"
#include "agent/report/rates.hpp"
#include "agent/report/savings.hpp"
#include "agent/report/spend_lines.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

/// What work would have cost at other sellers: inside of agent/report only. The headlines of
/// `report savings` and `report spend` are both from here, so they cannot differ.
namespace evenkeel::report {

/// What was done on one day for one model.
struct Work {
    std::int64_t in{0};
    std::int64_t out{0};
    std::chrono::nanoseconds rented{0};
};
/// By booking day (20261123) and model.
using WorkOfDays = std::map<std::int64_t, std::map<std::string, Work>>;

/// Makes the lines of alternatives. What it is made with must outlive it.
class Elsewhere {
public:
    /// `config` may be null: then every offer that the book has a price of is one.
    Elsewhere(const PriceBook& book, const config::Config* config, Rates& rates)
        : book_{book}, config_{config}, rates_{rates} {}
    /// A line for each API, with the tokens of `work`; `like` has `what`, tokens and what was paid.
    void tokens(const SavingsLine& like, const WorkOfDays& work);
    /// A line for each other seller of machines for `model`, with the rented time of `days`; `like`
    /// has `what` and what was paid. `used`: the offers from which they were rented.
    void hours(
        const SavingsLine& like,
        const std::map<std::int64_t, std::chrono::nanoseconds>& days,
        const std::set<std::string>& used);

    [[nodiscard]] std::vector<SavingsLine> take_lines() { return std::move(lines_); }
    /// Offers without a rate, which were left out.
    [[nodiscard]] std::vector<std::string> take_notes() { return std::move(notes_); }

private:
    struct Sum;
    [[nodiscard]] config::Config::OfferRef offer(const std::string& name) const;
    [[nodiscard]] bool is_synthetic(const config::Offer* wanted) const;
    void add(SavingsLine line, const Sum& sum);

    const PriceBook& book_;
    const config::Config* config_;
    Rates& rates_;
    std::vector<SavingsLine> lines_{};
    std::vector<std::string> notes_{};
};

/// Of lines of everything the dearest; null without any.
[[nodiscard]] const SavingsLine* dearest_of(const std::vector<SavingsLine>& lines) noexcept;

/// The API at which everything would have been dearest.
struct DearestApi {
    std::optional<SavingsLine> line{};  ///< none without work or prices
    std::vector<std::string> notes{};
};
/// `work`: what was served, by day and model. Errors: those of the reader.
[[nodiscard]] Result<DearestApi> dearest_api(
    ledger::Reader& reader,
    const config::Config* config,
    const std::vector<ledger::TokensDayRow>& work,
    const Names& names,
    const ledger::Zone& zone,
    Rates& rates);

}  // namespace evenkeel::report
