#include "tests/unit/gate/desk.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>

/// Deficit round robin between the keys of a model.
namespace evenkeel::gate {
namespace {

using namespace desk;

Arrival sized(NameIx key, std::int64_t tokens) {
    Arrival arrival = ask(key);
    arrival.tokens_in = tokens;
    arrival.tokens_out = 0;
    arrival.give_up_at = BootTime::max();
    return arrival;
}

/// Lets a worker with one slot answer `count` requests, one after the other; the cookies in order.
std::vector<std::uint64_t> serve_in_turn(Desk& desk, std::size_t count) {
    std::vector<std::uint64_t> order;
    desk.worker(own, SourceKind::own, 1);
    while (order.size() < count && !desk.effects.empty()) {
        order.push_back(desk.effects[0].cookie);
        desk.finish(desk.effects[0].handle);
    }
    return order;
}

TEST(GateFairness, AKeyWithManyRequestsDoesNotStarveAKeyWithOne) {
    Desk desk;
    for (int i = 0; i < 1'000; ++i) {
        desk.arrive(sized(ann, drr_quantum_tokens));
    }
    desk.arrive(sized(ben, drr_quantum_tokens));
    const auto order = serve_in_turn(desk, 3);
    EXPECT_EQ(order, (std::vector<std::uint64_t>{1, 1'001, 2}));
}

TEST(GateFairness, EqualTokensNotEqualRequests) {
    Desk desk;
    for (int i = 0; i < 100; ++i) {
        desk.arrive(sized(ann, drr_quantum_tokens));  // 1 .. 100
    }
    for (int i = 0; i < 400; ++i) {
        desk.arrive(sized(ben, drr_quantum_tokens / 4));
    }
    const auto order = serve_in_turn(desk, 50);
    const auto large = std::ranges::count_if(order, [](auto cookie) { return cookie <= 100; });
    EXPECT_EQ(large, 10) << "four small ones weigh as much as a large one";
}

TEST(GateFairness, FirstComeFirstServedWithinAKey) {
    Desk desk;
    for (int i = 0; i < 50; ++i) {
        desk.arrive(sized(ann, 1 + i * 700 % 9'000));
    }
    const auto order = serve_in_turn(desk, 50);
    EXPECT_EQ(order.size(), 50u);
    EXPECT_TRUE(std::ranges::is_sorted(order));
}

TEST(GateFairness, HugeRequestsAreServedWithoutCountingEveryRound) {
    Desk desk;
    desk.arrive(sized(ann, std::numeric_limits<std::int64_t>::max()));
    desk.arrive(sized(ben, 900'000));
    desk.arrive(sized(NameIx{12}, -5));
    const auto order = serve_in_turn(desk, 3);
    EXPECT_EQ(order, (std::vector<std::uint64_t>{3, 2, 1}));
}

TEST(GateFairness, AnEmptiedKeyDoesNotSaveUpTurns) {
    Desk desk;
    desk.worker(own, SourceKind::own, 1);
    desk.arrive(sized(NameIx{12}, 1));
    // ben has one small request at a time and so can never use what a turn gives.
    std::vector<std::uint64_t> order;
    desk.arrive(sized(ben, 1));
    for (int i = 0; i < 6; ++i) {
        desk.arrive(sized(ann, drr_quantum_tokens));
    }
    Handle running{.index = 0, .generation = 1};
    for (int i = 0; i < 4; ++i) {
        desk.finish(running);
        ASSERT_EQ(desk.effects.size(), 1u);
        running = desk.effects[0].handle;
        order.push_back(desk.effects[0].cookie);
        if (i == 0) {
            desk.arrive(sized(ben, drr_quantum_tokens + 1));  // cookie 9: more than one turn
        }
    }
    EXPECT_EQ(order, (std::vector<std::uint64_t>{2, 3, 4, 9}));
}

RC_GTEST_PROP(GateFairnessProperty, BackloggedKeysGetTheSameTokens, ()) {
    // Between keys that always have work waiting, served tokens differ by at most one quantum and
    // the two largest requests, however long it goes on (Shreedhar and Varghese, theorem 3).
    const auto keys = *rc::gen::inRange(2, 6);
    const auto max_tokens = *rc::gen::inRange<std::int64_t>(1, 60'000);
    const auto sizes = *rc::gen::container<std::vector<std::int64_t>>(
        600, rc::gen::inRange<std::int64_t>(1, max_tokens + 1));
    Desk desk;
    std::map<std::uint64_t, std::pair<int, std::int64_t>> known;  // cookie -> key, tokens
    std::vector<std::int64_t> served(static_cast<std::size_t>(keys), 0);
    std::vector<int> waiting(static_cast<std::size_t>(keys), 0);
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        const int key = static_cast<int>(i) % keys;
        desk.arrive(sized(NameIx{100 + key}, sizes[i]));
        known[desk.cookies] = {key, sizes[i]};
        ++waiting[static_cast<std::size_t>(key)];
    }
    desk.worker(own, SourceKind::own, 1);
    while (std::ranges::none_of(waiting, [](int count) { return count == 0; })) {
        RC_ASSERT(desk.effects.size() == 1u);
        const auto [key, tokens] = known[desk.effects[0].cookie];
        served[static_cast<std::size_t>(key)] += tokens;
        --waiting[static_cast<std::size_t>(key)];
        const auto [least, most] = std::ranges::minmax(served);
        RC_ASSERT(most - least <= drr_quantum_tokens + 2 * max_tokens);
        desk.finish(desk.effects[0].handle);
    }
}

}  // namespace
}  // namespace evenkeel::gate
