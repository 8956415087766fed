#include "tests/unit/ledger/ledger_fixture.hpp"

#include <rapidcheck/gtest.h>

#include <map>
#include <sstream>

namespace evenkeel::ledger {
namespace {

/// What the test believes, kept with nothing but additions.
struct Belief {
    std::int64_t settled{0};
    std::map<std::int64_t, std::int64_t> held;  ///< request -> amount
    std::int64_t requests{0};
};

void any_order_adds_up() {
    const TemporaryFolder folder;
    const ManualClock clock{{BootTime{std::chrono::hours{1}}, test_start}};
    Options options{.dir = folder.path() / "state", .clock = &clock};
    options.limits.ballast_bytes = 4096;
    options.limits.batch_rows = *rc::gen::inRange<std::size_t>(1, 20);
    auto opened = Ledger::open(options);
    RC_ASSERT(opened.has_value());
    Belief belief;
    std::map<std::int64_t, HoldId> ids;
    store_names(**opened);
    const int steps = *rc::gen::inRange(1, 40);
    for (int i = 1; i <= steps; ++i) {
        Ledger& ledger = **opened;
        const int what = *rc::gen::inRange(0, 6);
        const auto amount = *rc::gen::inRange<std::int64_t>(1, 2'000'000'000);
        const bool any = !belief.held.empty();
        const auto pick = any ? std::next(
                                    belief.held.begin(),
                                    *rc::gen::inRange<int>(0, static_cast<int>(belief.held.size())))
                              : belief.held.begin();
        if (what <= 1) {
            Answer<HoldId> answer;
            ledger.hold(hold_for(i, amount), answer.done());
            const auto id = answer.get();
            RC_ASSERT(id.has_value());
            ids[i] = *id;
            belief.held[i] = amount;
        } else if (what == 2 && any) {
            RC_ASSERT(ledger.record(api_request(pick->first, amount, ids[pick->first])));
            belief.settled += amount;
            ++belief.requests;
            belief.held.erase(pick);
        } else if (what == 3 && any) {
            ledger.release(ids[pick->first]);
            belief.held.erase(pick);
        } else if (what == 4) {
            RC_ASSERT(ledger.record(api_request(i, amount)));
            belief.settled += amount;
            ++belief.requests;
        } else if (what == 5) {
            // A restart: open holds become spending at their ceiling.
            RC_ASSERT(ledger.close().has_value());
            opened->reset();
            opened = Ledger::open(options);
            RC_ASSERT(opened.has_value());
            for (const auto& [request, held] : belief.held) {
                belief.settled += held;
                ++belief.requests;
            }
            belief.held.clear();
        }
    }
    RC_ASSERT((*opened)->flush().has_value());
    auto books = Reader::open(options.dir);
    RC_ASSERT(books.has_value());
    std::int64_t held = 0;
    for (const auto& [request, amount] : belief.held) {
        held += amount;
    }
    const auto windows = books->budget_windows(UtcTime{});
    for (const BudgetWindow& window : *windows) {
        RC_ASSERT(window.settled == belief.settled);
        RC_ASSERT(window.held == held);
    }
    const auto found = books->verify();
    RC_ASSERT(found->problems == std::vector<std::string>{});
    RC_ASSERT(found->requests == belief.requests);
}

void check(int successes) {
    // RapidCheck's own macro always runs 100 cases; each of these opens a ledger or more.
    rc::detail::TestParams params = rc::detail::configuration().testParams;
    params.maxSuccess = successes;
    const auto result = rc::detail::checkTestable(
        &any_order_adds_up, rc::detail::TestMetadata{.id = "ledger", .description = ""}, params);
    std::ostringstream report;
    rc::detail::printResultMessage(result, report);
    EXPECT_TRUE(result.is<rc::detail::SuccessResult>()) << report.str();
}

TEST(LedgerProperty, AnyOrderOfHoldsSettlementsAndReleasesAddsUp) {
    check(12);
}

TEST(LedgerProperty, NightlyAnyOrderAddsUp) {
    check(500);
}

}  // namespace
}  // namespace evenkeel::ledger
