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
    std::string gpu{};   ///< rentals of the same GPU bound each other's price in the swings
    Exact rate{};        ///< per hour
    Currency currency{};
    std::optional<UtcTime> seen{};
    bool stale{false};                    ///< older than the policy rents at
    std::optional<Exact> capacity_tps{};  ///< tokens a second it can make; nothing: not known
    // One burst of it, for the question whether renting for that pays.
    Exact boot_s{420};
    Exact drain_s{180};
    Exact min_billed_s{60};
};

/// A seller of tokens.
struct ApiOption {
    std::string what{};  ///< "opus on claude"
    Exact in{};          ///< per Mtok, as the next two
    Exact out{};
    std::optional<Exact> cached{};
    Exact batch{1};  ///< share of these prices that the same work costs in the seller's batches
    Currency currency{};
    std::optional<UtcTime> seen{};
};

/// The owner's own computer, bought or to be bought.
struct OwnHardware {
    std::string name{};
    Exact price{};
    Currency currency{};
    Exact residual{};  ///< share of the price it is worth at the end
    Exact active_w{};
    Exact idle_w{};
};

/// A contract, paid whether used or not, against the same GPU on demand.
struct Reservation {
    std::string what{};
    Exact rate{};  ///< per hour, both in one currency
    std::string against{};
    Exact list_rate{};
    Currency currency{};
};

/// Tokens of one month.
struct Tokens {
    Exact in_mtok{};
    Exact out_mtok{};
    Exact cached_fraction{};  ///< of the input
};

struct Situation {
    std::optional<OwnHardware> own{};  ///< nothing: only renting and APIs are compared
    Exact use{};                       ///< share of the month that the work keeps it busy
    std::optional<Tokens> tokens{};    ///< of the same work; nothing: no APIs by the month
    Exact tariff{};                    ///< per kWh
    Currency tariff_currency{};
    int hours_per_month{730};
    int horizon_months{24};
    Currency report{};
    std::map<std::pair<Currency, Currency>, Exact> rates{};
    std::vector<RentalOption> rentals{};
    std::vector<ApiOption> apis{};
    std::vector<Reservation> reservations{};
    Exact burst_busy_s{1'200};  ///< work of one burst
};

/// What the own hardware replaces, and when that has paid for it.
struct Row {
    std::string what{};
    std::optional<std::size_t> rental{};  ///< which of Situation::rentals; nothing: an API
    Exact monthly{};                      ///< report currency
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

struct Reserved {
    Reservation reservation{};
    Answer answer{};
};

/// A rented machine against an API that sells the same work.
struct RentVersusApi {
    std::string rental{};
    std::string api{};
    Answer month{};  ///< Mtok a month, tokens a second
    Answer burst{};  ///< ktok a burst, its cost
};

/// What one way costs over the whole horizon.
struct Way {
    std::string what{};
    Exact cost{};
};

struct Comparison {
    std::optional<Exact> power_monthly{};  ///< of the own hardware at `use`, report currency
    std::vector<Row> rows{};
    std::optional<std::size_t> base{};  ///< the row whose swings are shown
    std::vector<Swing> swings{};
    std::vector<Reserved> reserved{};
    std::vector<RentVersusApi> versus{};
    std::vector<Way> ways{};  ///< over `horizon_months`, the cheapest first
    std::vector<std::string> notes{};
};

/// What cannot be expressed in the report currency is left out, with a note. Errors:
/// invalid_argument (the price or the tariff of the own hardware has no rate).
[[nodiscard]] Result<Comparison> compare(const Situation& situation);

}  // namespace evenkeel::breakeven
