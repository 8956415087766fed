#include "policies/replay/replay.hpp"

#include "policies/replay/oracle.hpp"
#include "policies/replay/peers.hpp"
#include "policies/replay/simulation.hpp"

#include <algorithm>

namespace evenkeel::replay {

namespace {

using std::chrono::nanoseconds;

constexpr int scaling_most = 200;  ///< machines that the oracle plans with

bool is_set(const Price& price) {
    return price.num() > 0;
}

bool rents(ReplayPolicy policy) {
    return policy != ReplayPolicy::api_only && policy != ReplayPolicy::own_api;
}

Result<void> check(const Options& options) {
    const bool api = is_set(options.api_price.in) || is_set(options.api_price.out);
    if (options.policy == ReplayPolicy::api_only && !api) {
        return fail(Errc::invalid_argument, "replay of the API alone needs an API price");
    }
    if (!api && options.own.empty() && !rents(options.policy)) {
        return fail(Errc::invalid_argument, "nothing would serve: no own engine, no API price");
    }
    if (rents(options.policy) && !is_set(options.machine_price)) {
        return fail(Errc::invalid_argument, "renting needs a machine price");
    }
    if (options.policy == ReplayPolicy::oracle && !api) {
        return fail(Errc::invalid_argument, "the oracle plans against an API price: there is none");
    }
    if (options.always < 0 || options.always > 1'000 || options.boot < nanoseconds::zero()) {
        return fail(Errc::invalid_argument, "machines must be 0 to 1000, boot not negative");
    }
    if (options.scaling.max < 0 || options.scaling.max > scaling_most) {
        return fail(Errc::invalid_argument, "scaling.max must be 0 to 200 in a replay");
    }
    Currency currency{};
    for (const Price* price :
         {&options.machine_price,
          &options.api_price.in,
          &options.api_price.out,
          &options.power_price}) {
        if (!is_set(*price)) {
            continue;
        }
        if (!currency.is_none() && price->currency() != currency) {
            return fail(
                Errc::invalid_argument,
                "replay compares prices of one currency: convert them first");
        }
        currency = price->currency();
    }
    return {};
}

Result<Totals> run(
    const OpenRows& rows,
    const Options& options,
    Planner* planner,
    Simulation::Overflowed overflowed = {}) {
    Result<std::unique_ptr<RowSource>> source = rows();
    if (!source) {
        return std::unexpected{std::move(source.error())};
    }
    Simulation world{options, planner, std::move(overflowed)};
    return world.run(**source);
}

/// What own_api overflows, minute by minute.
Result<std::vector<OverflowMinute>> overflow_of(
    const OpenRows& rows, Options options, nanoseconds start) {
    options.policy = ReplayPolicy::own_api;
    std::vector<OverflowMinute> minutes;
    const Result<Totals> done = run(rows, options, nullptr, [&](const TraceRow& row) {
        const auto minute =
            static_cast<std::size_t>((row.at - start) / nanoseconds{std::chrono::minutes{1}});
        if (minute >= minutes.size()) {
            minutes.resize(minute + 1);
        }
        minutes[minute].money += static_cast<double>(
            options.api_price.in.cost(row.tokens_in, Rounding::half_even).nanos() +
            options.api_price.out.cost(row.tokens_out, Rounding::half_even).nanos());
        minutes[minute].engine_s +=
            capacity::least_seconds(options.rented, row.tokens_in, row.tokens_out);
    });
    if (!done) {
        return std::unexpected{done.error()};
    }
    return minutes;
}

}  // namespace

Result<Totals> replay(const OpenRows& rows, const Options& options) {
    if (auto checked = check(options); !checked) {
        return std::unexpected{std::move(checked.error())};
    }
    std::unique_ptr<Planner> planner;
    switch (options.policy) {
        case ReplayPolicy::skyserve_like:
        case ReplayPolicy::dstack_like:
        case ReplayPolicy::kpa_like:
        case ReplayPolicy::oracle: {
            const Result<TraceSums> sums = sums_of(rows);
            if (!sums) {
                return std::unexpected{sums.error()};
            }
            if (options.policy != ReplayPolicy::oracle) {
                planner = make_peer(options, *sums);
                break;
            }
            const auto minutes = overflow_of(rows, options, sums->first);
            if (!minutes) {
                return std::unexpected{minutes.error()};
            }
            planner = make_oracle(best_plan(*minutes, options), options, sums->first);
            break;
        }
        default:
            break;
    }
    return run(rows, options, planner.get());
}

Result<Totals> replay(const std::vector<TraceRow>& rows, const Options& options) {
    return replay(rows_of(rows), options);
}

}  // namespace evenkeel::replay
