#include "policies/replay/bound.hpp"
#include "policies/replay/builtin.hpp"
#include "policies/replay/oracle.hpp"
#include "policies/replay/peers.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <limits>

/// Who says how many machines there should be: the peers, the oracle; and the bound below all.
namespace evenkeel::replay {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

/// Requests of 1,000 and 250 tokens: one H100 does 1 / (1000/7000 + 250 x 0.000345) = 4.37 a
/// second.
const TraceSums sums{.requests = 1'000, .tokens_in = 1'000'000, .tokens_out = 250'000};

Options world(ReplayPolicy policy, int own) {
    Options options = reference_world();
    options.policy = policy;
    if (own == 0) {
        options.own.clear();
    }
    return options;
}

/// Asks the peer until `until` with so many requests a second; the last answer.
int after(Planner& peer, nanoseconds& now, nanoseconds until, double& arrived, double rate) {
    int machines = 0;
    while (peer.next() <= until) {
        arrived += rate * std::chrono::duration<double>(peer.next() - now).count();
        now = peer.next();
        machines = peer.machines({.now = now, .arrived = static_cast<std::int64_t>(arrived)});
    }
    return machines;
}

TEST(Peers, SkyserveGoesUpAfterFiveMinutesAndDownAfterTwenty) {
    const auto peer = make_peer(world(ReplayPolicy::skyserve_like, 0), sums);
    nanoseconds now = 0s;
    double arrived = 0;
    EXPECT_EQ(after(*peer, now, 100s, arrived, 3), 1) << "from zero at once";
    EXPECT_EQ(after(*peer, now, 300s, arrived, 6), 1) << "six a second need two, but not yet";
    EXPECT_EQ(after(*peer, now, 500s, arrived, 6), 2);
    EXPECT_EQ(after(*peer, now, 1'500s, arrived, 0), 2);
    EXPECT_EQ(after(*peer, now, 1'900s, arrived, 0), 0);
}

TEST(Peers, DstackChangesTenMinutesAfterTheLastChange) {
    const auto peer = make_peer(world(ReplayPolicy::dstack_like, 0), sums);
    nanoseconds now = 0s;
    double arrived = 0;
    EXPECT_EQ(after(*peer, now, 100s, arrived, 3), 1);
    EXPECT_EQ(after(*peer, now, 550s, arrived, 0), 1);
    EXPECT_EQ(after(*peer, now, 700s, arrived, 0), 0);
    EXPECT_EQ(after(*peer, now, 760s, arrived, 6), 1) << "from zero at once, again";
    EXPECT_EQ(after(*peer, now, 1'000s, arrived, 6), 1);
    EXPECT_EQ(after(*peer, now, 1'020s, arrived, 6), 2) << "five minutes after";
}

TEST(Peers, OwnEnginesAreCredited) {
    for (const ReplayPolicy policy :
         {ReplayPolicy::skyserve_like, ReplayPolicy::dstack_like, ReplayPolicy::kpa_like}) {
        const auto alone = make_peer(world(policy, 0), sums);
        const auto helped = make_peer(world(policy, 1), sums);
        const FleetSeen seen{.now = 60s, .arrived = 40, .busy = 20, .waiting = 0};
        static_cast<void>(alone->machines({.now = 0s}));
        static_cast<void>(helped->machines({.now = 0s}));
        EXPECT_EQ(alone->machines(seen), 1);
        EXPECT_EQ(helped->machines(seen), 0);
    }
}

TEST(Peers, KpaPanicsAndComesBack) {
    const auto peer = make_peer(world(ReplayPolicy::kpa_like, 0), sums);
    int machines = 0;
    const auto run = [&](int seconds, std::int64_t busy, int serving) {
        for (int s = 0; s < seconds; s += 2) {
            machines = peer->machines(
                {.now = peer->next(), .busy = busy, .booting = 0, .serving = serving});
        }
    };
    run(60, 50, 1);
    EXPECT_EQ(machines, 1);
    run(6, 600, 1);
    EXPECT_GE(machines, 6) << "the short window asks for more than twice what is ready";
    run(30, 10, 8);
    EXPECT_GE(machines, 6) << "never fewer in panic";
    run(200, 0, 1);
    EXPECT_EQ(machines, 0);
}

/// The cheapest plan of a few minutes, by trying all.
double cost_of(
    const std::vector<int>& plan,
    const std::vector<OverflowMinute>& minutes,
    const Options& options) {
    const double second = 3'390'000'000.0 / 3'600;
    const double boot = std::chrono::duration<double>(options.boot).count();
    double cost = 0;
    int before = 0;
    for (std::size_t m = 0; m < plan.size(); ++m) {
        if (plan[m] > 0 && static_cast<double>(m) * 60 < boot) {
            return std::numeric_limits<double>::infinity();
        }
        const double can = 60 * 0.6 * plan[m];
        cost += second * (60 * plan[m] + boot * std::max(0, plan[m] - before));
        cost += minutes[m].engine_s > can ? minutes[m].money * (1 - can / minutes[m].engine_s) : 0;
        before = plan[m];
    }
    return cost;
}

RC_GTEST_PROP(Oracle, NoPlanIsCheaper, ()) {
    Options options = reference_world();
    options.boot = std::chrono::seconds{*rc::gen::element(0, 60, 120)};
    options.scaling.max = 2;
    std::vector<OverflowMinute> minutes(7);
    for (OverflowMinute& minute : minutes) {
        minute.engine_s = *rc::gen::inRange(0, 90);
        minute.money = minute.engine_s * *rc::gen::inRange(0, 10) * 1e6;
    }
    const double best = cost_of(best_plan(minutes, options), minutes, options);
    std::vector<int> plan(minutes.size());
    for (int code = 0; code < 2'187; ++code) {  // 3^7
        int rest = code;
        for (int& count : plan) {
            count = rest % 3;
            rest /= 3;
        }
        RC_ASSERT(best <= cost_of(plan, minutes, options) + 1);
    }
}

TEST(Oracle, OrdersOneBootBeforeAndGivesBackInTime) {
    Options options = reference_world();
    options.boot = 120s;
    const auto oracle = make_oracle({0, 0, 0, 2, 2, 1}, options, 0s);
    EXPECT_EQ(oracle->next(), 60s);
    EXPECT_EQ(oracle->machines({.now = 60s}), 2);
    EXPECT_EQ(oracle->next(), 300s);
    EXPECT_EQ(oracle->machines({.now = 300s}), 1);
    EXPECT_EQ(oracle->machines({.now = 360s}), 0);
    EXPECT_EQ(oracle->next(), nanoseconds::max());
}

TEST(Builtin, EveryNameAppliesAndOthersAreNamed) {
    for (const std::string_view name : builtin_policies()) {
        Options options = reference_world();
        EXPECT_TRUE(apply_builtin(name, options)) << name;
    }
    Options options = reference_world();
    EXPECT_TRUE(apply_builtin("always-3", options));
    EXPECT_EQ(options.always, 3);
    for (const char* bad : {"always-0", "always-", "always-x", "always-1001", "always", ""}) {
        const auto applied = apply_builtin(bad, options);
        ASSERT_FALSE(applied) << bad;
        EXPECT_EQ(applied.error().code, Errc::not_found);
        EXPECT_NE(applied.error().message.find("own+api"), std::string::npos);
    }
}

/// Random traffic, any policy: it is not below the bound, and every request ends once.
RC_GTEST_PROP(Bound, NoPolicyIsBelow, ()) {
    std::vector<TraceRow> rows;
    const int count = *rc::gen::inRange(1, 40);
    for (int i = 0; i < count; ++i) {
        rows.push_back(
            {.at = std::chrono::milliseconds{*rc::gen::inRange(0, 200'000)},
             .tokens_in = *rc::gen::inRange<std::int64_t>(0, 20'000),
             .tokens_out = *rc::gen::inRange<std::int64_t>(0, 3'000)});
    }
    std::ranges::sort(rows, {}, &TraceRow::at);
    Options options = reference_world();
    options.boot = std::chrono::seconds{*rc::gen::element(0, 30, 180, 420)};
    options.scaling.max = *rc::gen::inRange(0, 4);
    options.slo.miss_costs = *rc::gen::element<std::int64_t>(1, 2, 3);
    const auto bound = lower_bound(rows_of(rows), options);
    RC_ASSERT(bound.has_value());
    const auto policies = builtin_policies();
    const std::string_view policy = policies[*rc::gen::inRange<std::size_t>(0, policies.size())];
    RC_ASSERT(apply_builtin(policy, options).has_value());
    const auto totals = replay(rows, options);
    RC_ASSERT(totals.has_value());
    RC_ASSERT(
        totals->answered_own + totals->answered_rental + totals->answered_api + totals->refused ==
        totals->requests);
    // always-1 rents although scaling.max may be 0.
    RC_ASSERT(totals->j >= *bound || policy.starts_with("always"));
}

TEST(Bound, NoTrafficCostsNothing) {
    const std::vector<TraceRow> none;
    const auto bound = lower_bound(rows_of(none), reference_world());
    ASSERT_TRUE(bound);
    EXPECT_EQ(bound->nanos(), 0);
}

/// One request in an empty house: less than its API price, for machines come in parts here, but the
/// rent of its engine time at least.
TEST(Bound, ALoneRequestCostsItsEngineTime) {
    Options options = reference_world();
    options.own.clear();
    const std::vector<TraceRow> rows{{.at = 0s, .tokens_in = 1'000, .tokens_out = 1'000}};
    const auto bound = lower_bound(rows_of(rows), options);
    ASSERT_TRUE(bound);
    const double second = 3'390'000'000.0 / 3'600;
    const double least = capacity::least_seconds(options.rented, 1'000, 999);
    EXPECT_GE(static_cast<double>(bound->nanos()), 0.99 * second * least);
    EXPECT_LE(bound->nanos(), 30'000'000) << "the API's price";
}

}  // namespace
}  // namespace evenkeel::replay
