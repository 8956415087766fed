#pragma once

#include "policies/capacity/service_model.hpp"
#include "policies/config/config.hpp"
#include "policies/domain/error.hpp"
#include "policies/domain/money.hpp"
#include "policies/domain/price.hpp"
#include "policies/gate/gate.hpp"
#include "policies/replay/rows.hpp"
#include "policies/replay/trace.hpp"
#include "policies/scaling/rent.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What the same traffic would have cost under another policy. Virtual time; the gate and the rent
/// rule are the compiled code the daemon runs, engines are the service-time model.
///
/// What is left out: failures, stock-outs, budgets, prefix caches and the proof of absence. A
/// released machine is billed until its last request has ended. Without an API price (both zero)
/// requests wait twice their first-token budget and are then refused; `j` values those at zero.
/// `always_n` machines are billed from one boot before the first request to the last end.
namespace evenkeel::replay {

enum class ReplayPolicy : std::uint8_t {
    api_only,       ///< every request goes to the API
    own_api,        ///< own engines, the API as the only overflow
    always_n,       ///< own engines plus `always` rented machines from the start to the end
    break_even,     ///< own engines, the API, and machines by the rent rule `scaling.rule`
    skyserve_like,  ///< own engines, the API, and machines by what a peer does (peers.hpp)
    dstack_like,
    kpa_like,
    oracle,  ///< machines by a plan that knows the future (oracle.hpp)
};

struct Options {
    ReplayPolicy policy{ReplayPolicy::break_even};
    std::vector<capacity::Profile> own{};  ///< one entry per own engine
    std::vector<int> own_slots{};          ///< requests at once on each; empty = its profile's seqs
    capacity::Profile rented{};
    int rented_slots{0};  ///< 0 = its profile's seqs
    std::chrono::milliseconds boot{420'000};
    std::chrono::milliseconds min_bill{60'000};
    Price machine_price{};            ///< per hour
    config::TokenPrices api_price{};  ///< same currency as the machine's, and no zero
    std::chrono::milliseconds api_first_token{1'500};
    std::chrono::milliseconds api_per_token{25};
    std::int64_t own_busy_milliwatts{0};  ///< of each own engine
    Price power_price{};                  ///< per kWh, same currency; none: power costs nothing
    int always{1};                        ///< for always_n
    std::optional<std::chrono::milliseconds> max_wait{};  ///< of the route; none = slo.patience
    std::int64_t tokens_out_guess{0};  ///< what the gate is told; 0 = running mean
    gate::Routing routing{};           ///< all false: the router before rescue and its companions
    config::Slo slo{};
    config::Scaling scaling{};  ///< rule, max, keep_warm, ...; all policies obey `max`
    config::Safety safety{};
    scaling::Constants constants{};
};

struct Quantiles {
    double p50{0};
    double p95{0};
    double p99{0};
};

struct Totals {
    std::int64_t requests{0};
    std::int64_t answered_own{0};
    std::int64_t answered_rental{0};
    std::int64_t answered_api{0};
    std::int64_t refused{0};
    std::int64_t within_limit{0};  ///< first token and end in time
    Money own{};                   ///< power
    Money rental{};
    Money api{};
    Money total{};
    Money j{};           ///< total + slo.miss_costs x API price of every request that was late
    Quantiles wait_s{};  ///< arrival to first token, within 0.8 %
    int machine_starts{0};
    double machine_hours{0};
    double idle_share{0};  ///< of the rented hours: booting or nothing in flight
};

/// Deterministic: same rows, same options, same totals. Memory follows the requests that are alive
/// at one time, not the length of the trace (the oracle keeps two numbers a minute beside).
/// Errc::invalid_argument when the options cannot be (no engine and no API price, currencies that
/// differ, rows out of order); else the errors of the rows.
[[nodiscard]] Result<Totals> replay(const OpenRows& rows, const Options& options);
[[nodiscard]] Result<Totals> replay(const std::vector<TraceRow>& rows, const Options& options);

}  // namespace evenkeel::replay
