#pragma once

#include "agent/report/spend.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Every paid second without work.
namespace evenkeel::report {

/// Why paid time went by without work.
enum class IdleCause {
    start,         ///< booting and warming of a machine that came to serve, or still may
    kept,          ///< idle between requests: more work came
    end,           ///< idle until it was given back
    drain,         ///< finishing its last requests
    del,           ///< between the order to delete it and the answer
    minimum,       ///< paid by the provider's minimum, not used
    never_served,  ///< any time of a machine that never came to serve
    running,       ///< idle now: what comes of it is not known yet
    own_rest,      ///< own hardware that is on and has nothing to do
};
[[nodiscard]] std::string_view to_text(IdleCause cause) noexcept;  ///< "never_served"
[[nodiscard]] std::string_view words_of(IdleCause cause) noexcept;

/// One phase of a rented machine without work. Amounts in the report currency.
struct IdleLine {
    std::string machine{};  ///< its own name
    std::string name{};     ///< what it was called: "runpod-1"
    std::string provider{};
    std::string model{};
    std::string gpu{};
    bool synthetic{false};
    Phase phase{};
    UtcTime from{};
    std::optional<UtcTime> to{};  ///< none: it still runs
    std::chrono::nanoseconds time{0};
    Money cost{};  ///< booked; of one that still runs an estimate up to now
    IdleCause cause{};
    Reason reason{};    ///< of its order, or of its end, by the cause; none: not known
    std::string why{};            ///< that reason in a sentence; empty: not known
};

/// Own hardware while it had no request in flight, on one day.
struct OwnIdleDay {
    std::string hardware{};
    std::chrono::year_month_day day{};
    std::chrono::nanoseconds on{0};
    std::chrono::nanoseconds idle{0};  ///< of `on`
    Money power{};  ///< rest and host, for the share of the time without requests
    Money wear{};
    [[nodiscard]] Money cost() const { return power + wear; }
};

/// Lines of one cause and reason.
struct IdleTotal {
    IdleCause cause{};
    ReasonCode reason{ReasonCode::none};
    std::int64_t count{0};
    std::chrono::nanoseconds time{0};
    Money cost{};
};

struct Idle {
    std::chrono::year_month_day first{};
    std::chrono::year_month_day last{};
    Currency currency{};
    std::vector<std::string> rates{};
    std::vector<IdleLine> lines{};  ///< oldest first; those that still run last
    std::vector<OwnIdleDay> own{};
    std::vector<IdleTotal> totals{};  ///< the dearest first; without what still runs
    Money rental{};                   ///< booked: what `report spend` calls not serving
    Money own_power{};
    Money own_wear{};
    Money running{};  ///< estimate of the phases that are not booked yet
    Money total{};    ///< rental, power and wear
    ledger::Zone zone{};  ///< that times are written in
};

/// Phases count on the day on which they were booked, as in `report spend`. Errors: as make_spend.
[[nodiscard]] Result<Idle> make_idle(ledger::Reader& reader, const SpendOptions& options);
[[nodiscard]] std::string idle_text(const Idle& idle);
[[nodiscard]] std::string idle_json(const Idle& idle);  ///< evenkeel.idle/1
[[nodiscard]] std::string idle_csv(const Idle& idle);

}  // namespace evenkeel::report
