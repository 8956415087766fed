#include "policies/replay/replay.hpp"

#include "policies/lifecycle/bill.hpp"
#include "policies/replay/simulation.hpp"

#include <algorithm>

namespace evenkeel::replay {

namespace {

using std::chrono::nanoseconds;

double seconds(nanoseconds time) {
    return std::chrono::duration<double>(time).count();
}

bool is_set(const Price& price) {
    return price.num() > 0;
}

Result<void> check(const std::vector<TraceRow>& rows, const Options& options) {
    const bool api = is_set(options.api_price.in) || is_set(options.api_price.out);
    const bool rents =
        options.policy == ReplayPolicy::always_n || options.policy == ReplayPolicy::break_even;
    if (options.policy == ReplayPolicy::api_only && !api) {
        return fail(Errc::invalid_argument, "replay of the API alone needs an API price");
    }
    if (!api && options.own.empty() && !rents) {
        return fail(Errc::invalid_argument, "nothing would serve: no own engine, no API price");
    }
    if (rents && !is_set(options.machine_price)) {
        return fail(Errc::invalid_argument, "renting needs a machine price");
    }
    if (options.always < 0 || options.always > 1'000 || options.boot < nanoseconds::zero()) {
        return fail(Errc::invalid_argument, "machines must be 0 to 1000, boot not negative");
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
    if (!std::ranges::is_sorted(rows, {}, &TraceRow::at)) {
        return fail(Errc::invalid_argument, "the rows of a replay must ascend by time");
    }
    return {};
}

Quantiles quantiles(std::vector<double>& values) {
    if (values.empty()) {
        return {};
    }
    std::ranges::sort(values);
    const auto at = [&](double share) {
        const auto index = static_cast<std::size_t>(share * static_cast<double>(values.size()));
        return values[std::min(index, values.size() - 1)];
    };
    return {.p50 = at(0.50), .p95 = at(0.95), .p99 = at(0.99)};
}

/// First token and end in time, as the policy's `slo` says.
bool in_time(const TraceRow& row, const Fate& fate, const config::Slo& slo) {
    const nanoseconds first =
        slo.first_token + nanoseconds{slo.first_token_per_1k} * row.tokens_in / 1'000;
    return fate.first_token - row.at <= first &&
           fate.finished - row.at <= first + nanoseconds{slo.per_output_token} * row.tokens_out;
}

void count_requests(
    const std::vector<TraceRow>& rows,
    const Simulation& world,
    const Options& options,
    Totals& totals) {
    std::vector<double> waits;
    waits.reserve(rows.size());
    Money late;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const Fate& fate = world.fates()[i];
        const Money api = world.api_cost(rows[i]);
        switch (fate.kind) {
            case Fate::Kind::own:
                ++totals.answered_own;
                break;
            case Fate::Kind::rental:
                ++totals.answered_rental;
                break;
            case Fate::Kind::api:
                ++totals.answered_api;
                totals.api += api;
                break;
            case Fate::Kind::open:
            case Fate::Kind::refused:
                ++totals.refused;
                late += api;
                continue;
        }
        waits.push_back(seconds(fate.first_token - rows[i].at));
        if (in_time(rows[i], fate, options.slo)) {
            ++totals.within_limit;
        } else {
            late += api;
        }
    }
    totals.wait_s = quantiles(waits);
    for (std::int64_t i = 0; i < options.slo.miss_costs; ++i) {
        totals.j += late;
    }
}

void count_machines(const Simulation& world, const Options& options, Totals& totals) {
    double busy = 0;
    for (const Rental& rental : world.rentals()) {
        const nanoseconds life = rental.to - rental.from;
        totals.rental += lifecycle::bill(options.machine_price, options.min_bill, life);
        totals.machine_hours += seconds(life) / 3'600;
        busy += rental.busy_s / 3'600;
        ++totals.machine_starts;
    }
    totals.idle_share =
        totals.machine_hours > 0 ? std::max(0.0, 1 - busy / totals.machine_hours) : 0.0;
    if (!is_set(options.power_price)) {
        return;
    }
    for (const double busy_s : world.own_busy()) {
        const auto milliseconds = static_cast<std::int64_t>(busy_s * 1e3);
        // mW x ms = uJ
        totals.own += options.power_price.cost(
            milliseconds * options.own_busy_milliwatts, Rounding::half_even);
    }
}

}  // namespace

Result<Totals> replay(const std::vector<TraceRow>& rows, const Options& options) {
    if (auto checked = check(rows, options); !checked) {
        return std::unexpected{std::move(checked.error())};
    }
    Simulation world{rows, options};
    world.run();
    Totals totals{.requests = static_cast<std::int64_t>(rows.size())};
    count_requests(rows, world, options, totals);
    count_machines(world, options, totals);
    totals.total = totals.own + totals.rental + totals.api;
    totals.j += totals.total;
    return totals;
}

}  // namespace evenkeel::replay
