#pragma once

#include "policies/breakeven/formulas.hpp"
#include "policies/domain/time.hpp"

#include <optional>
#include <string>
#include <vector>

/// The break-even report: one situation, every alternative, and what the answer hangs on.
namespace evenkeel::breakeven {

/// A machine that is rented by the hour.
struct RentalOption {
    std::string what{};  ///< "H100 PCIe on runpod"
    std::string provider{};
    std::string gpu{};
    Exact rate{};  ///< per hour
    Currency currency{};
    std::optional<UtcTime> seen{};
    bool stale{false};                    ///< older than the policy rents at
    std::optional<Exact> capacity_tps{};  ///< tokens a second it can make; nothing: not known
};

/// A seller of tokens.
struct ApiOption {
    std::string what{};  ///< "opus on claude"
    Exact in{};          ///< per Mtok, as the next
    Exact out{};
    std::optional<Exact> cached{};
    Currency currency{};
    std::optional<UtcTime> seen{};
};

/// The owner's machine, bought or to be bought.
struct Machine {
    std::string name{};
    Exact price{};
    Currency currency{};
    Exact residual{};  ///< share of the price it is worth at the end
    Exact active_w{};
    Exact idle_w{};
};

/// A contract: paid whether used or not.
struct Reservation {
    std::string what{};
    std::string provider{};
    std::string gpu{};
    Exact rate{};
    Currency currency{};
};

/// Tokens of one month.
struct Tokens {
    Exact in_mtok{};
    Exact out_mtok{};
    Exact cached_fraction{};  ///< of the input
};

struct Situation {
    std::optional<Machine> machine{};  ///< nothing: only renting and APIs are compared
    Exact use{};                       ///< share of the month that the work keeps it busy
    std::optional<Tokens> tokens{};    ///< nothing: APIs cannot be compared by the month
    Exact tariff{};                    ///< per kWh
    Currency tariff_currency{};
    int hours_per_month{730};
    int horizon_months{24};
    Currency report{};
    std::map<std::pair<Currency, Currency>, Exact> rates{};
    std::vector<RentalOption> rentals{};
    std::vector<ApiOption> apis{};
    std::vector<Reservation> reservations{};
    // One burst, for the question whether renting for it pays.
    Exact boot_s{420};
    Exact busy_s{1'200};
    Exact drain_s{180};
    Exact min_billed_s{60};
};

/// What buying the machine replaces, and when that has paid for it.
struct Row {
    std::string what{};
    bool rental{false};
    Exact monthly{};  ///< report currency
    Answer answer{};
    std::optional<UtcTime> seen{};
    bool stale{false};
};

/// One assumption moved to both sides, everything else left as it is.
struct Swing {
    std::string what{};
    std::string low{};  ///< the assumption as text: "10 %"
    std::string high{};
    std::optional<Exact> low_months{};  ///< nothing: never
    std::optional<Exact> high_months{};
};

/// A contract against the same GPU on demand.
struct Reserved {
    Reservation reservation{};
    std::string against{};
    Exact list_rate{};
    Answer answer{};
};

/// A rented machine against an API that sells the same work.
struct RentVersusApi {
    std::string rental{};
    std::string api{};
    Answer month{};  ///< Mtok a month, tokens a second
    Answer burst{};  ///< ktok a burst, its cost
};

struct Comparison {
    std::optional<Exact> power_monthly{};  ///< of the machine at `use`, report currency
    std::vector<Row> rows{};
    std::optional<std::size_t> base{};  ///< the row whose swings are shown
    std::vector<Swing> swings{};
    std::vector<Reserved> reserved{};
    std::vector<RentVersusApi> versus{};
    std::optional<Answer>
        horizon{};  ///< the cheapest of buy, rent (the base row) and API (the first)
};

/// Errors: invalid_argument (a currency without a rate).
[[nodiscard]] Result<Comparison> compare(const Situation& situation);

}  // namespace evenkeel::breakeven
