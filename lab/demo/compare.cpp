#include "lab/demo/checks.hpp"
#include "policies/replay/replay.hpp"

namespace evenkeel::lab::demo {
namespace {

replay::Options options_for(const World& world, replay::ReplayPolicy policy) {
    replay::Options options;
    options.policy = policy;
    options.own = {capacity::find_profile(world.own_profile).value_or(capacity::Profile{})};
    options.own_slots = {world.own_slots};
    options.rented = capacity::find_profile(world.rented_profile).value_or(capacity::Profile{});
    options.rented_slots = world.rented_slots;
    options.boot = world.boot + world.loading;
    options.min_bill = world.min_bill;
    options.machine_price = world.machine_price;
    options.api_price = world.api_price;
    options.own_busy_milliwatts = world.busy_milliwatts;
    options.power_price = world.tariff;
    options.always = 1;
    options.slo = world.slo;
    return options;
}

}  // namespace

Result<Comparison> compare(const std::vector<replay::TraceRow>& rows, const World& world) {
    Comparison result;
    std::int64_t tokens_in = 0;
    std::int64_t tokens_out = 0;
    for (const replay::TraceRow& row : rows) {
        tokens_in += row.tokens_in;
        tokens_out += row.tokens_out;
    }
    result.api_only = world.api_price.in.cost(tokens_in, Rounding::half_even) +
                      world.api_price.out.cost(tokens_out, Rounding::half_even);
    const Result<replay::Totals> always =
        replay::replay(rows, options_for(world, replay::ReplayPolicy::always_n));
    if (!always) {
        return std::unexpected{always.error()};
    }
    const Result<replay::Totals> own_api =
        replay::replay(rows, options_for(world, replay::ReplayPolicy::own_api));
    if (!own_api) {
        return std::unexpected{own_api.error()};
    }
    result.always_on = always->total;
    result.own_api = own_api->total;
    return result;
}

}  // namespace evenkeel::lab::demo
