#pragma once

#include "agent/ledger/reader.hpp"
#include "agent/ledger/zone.hpp"
#include "policies/config/config.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace evenkeel::report {

/// A price that stands for one day.
struct DayPrice {
    enum class Match { that_day, earlier, later };
    Price price{};
    UtcTime seen{};
    Match match{Match::that_day};
    std::int64_t age_days{0};  ///< of an earlier one
    bool configured{false};    ///< no row of the ledger has it
};

/// Prices of the past, by offer and meter ("in", "out", "hour"): the ledger's rows, and what the
/// configuration states of offers without any.
class PriceBook {
public:
    /// Prices by the hour are many rows: who needs none leaves them out.
    enum class Of { all, tokens };
    /// `config` may be null. Errors: those of the reader.
    [[nodiscard]] static Result<PriceBook> read(
        ledger::Reader& reader,
        const config::Config* config,
        const ledger::Zone& zone,
        Of of = Of::all);
    /// Offers that state all of `meters`, by name.
    [[nodiscard]] std::set<std::string> offers_with(const std::vector<std::string>& meters) const;
    /// The newest price stated by the end of `day`, else the first one after it; nothing of an
    /// offer without any.
    [[nodiscard]] std::optional<DayPrice> at(
        const std::string& offer, const std::string& meter, std::chrono::year_month_day day) const;

private:
    struct Stated {
        UtcTime from{};
        UtcTime seen{};
        Price price{};
        bool configured{false};
        std::size_t order{0};  ///< in which it was stored
    };
    std::map<std::pair<std::string, std::string>, std::vector<Stated>> prices_{};
    ledger::Zone zone_{};
};

}  // namespace evenkeel::report
