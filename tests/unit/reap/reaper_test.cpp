#include "agent/reap/reaper.hpp"

#include "tests/unit/ledger/ledger_fixture.hpp"

#include <algorithm>
#include <map>

/// The reaper against a cloud with books of its own, in virtual time (FAULTS F48, F21, F22, F29).
namespace evenkeel::reap {
namespace {

using namespace std::chrono_literals;

constexpr const char* mark = "ek-1a2b3c4d";

class Clocked final : public Clock {
public:
    [[nodiscard]] Now read() const override { return now; }
    Now now{.boot = BootTime{1h}, .utc = ledger::test_start};
    void advance(std::chrono::milliseconds by) {
        now.boot += by;
        now.utc += by;
    }
};

/// Fails on purpose: `failures` calls, whichever they are, then works.
class Account final : public providers::Provider {
public:
    explicit Account(Clocked& clock) : clock_{clock} {}
    std::map<std::string, providers::RemoteMachine> machines{};
    std::vector<std::string> destroyed{};
    int fail_at{-1};     ///< number of the call that fails
    int failures{1};     ///< how many from there on
    int ignored{0};      ///< deletes that are answered well and do nothing
    int empty_lists{0};  ///< lists after the first that are answered with none
    int calls{0};
    int struck_calls{0};
    int lists{0};

    void put(const std::string& id, const std::string& owner_mark, UtcTime expires) {
        machines[id] = {
            .remote_id = id,
            .name = owner_mark + "-" + id,
            .owner_mark = owner_mark,
            .gpu = "H100",
            .price = Price::per_hour(Money{4'410'000'000, usd}),
            .created = ledger::test_start - 5h,
            .expires = expires};
    }
    std::string_view name() const noexcept override { return "cloud"; }
    providers::StartForm start_form() const noexcept override { return providers::StartForm::own; }
    Result<std::vector<providers::MarketOffer>> offers(std::stop_token) override {
        return fail(Errc::rejected, "not asked here");
    }
    Result<providers::RemoteMachine> create(
        const providers::MachineSpec&, std::stop_token) override {
        return fail(Errc::rejected, "the reaper never creates");
    }
    Result<std::vector<providers::RemoteMachine>> list(std::stop_token) override {
        if (struck()) {
            return fail(Errc::unavailable, "list: connection refused");
        }
        if (++lists > 1 && empty_lists > 0) {
            --empty_lists;
            return std::vector<providers::RemoteMachine>{};
        }
        std::vector<providers::RemoteMachine> all;
        for (const auto& [id, machine] : machines) {
            all.push_back(machine);
        }
        return all;
    }
    Result<providers::RemoteMachine> get(const std::string& id, std::stop_token) override {
        if (struck()) {
            return fail(Errc::timed_out, "get: no answer");
        }
        const auto found = machines.find(id);
        return found == machines.end() ? fail(Errc::not_found, "no such machine")
                                       : Result<providers::RemoteMachine>{found->second};
    }
    Result<void> destroy(const std::string& id, std::stop_token) override {
        destroyed.push_back(id);
        if (struck()) {
            machines.erase(id);  // the effect, then no answer
            return fail(Errc::outcome_unknown, "destroy: connection reset");
        }
        if (ignored > 0) {
            --ignored;
            return {};
        }
        return machines.erase(id) > 0 ? Result<void>{} : fail(Errc::not_found, "no such machine");
    }
    Result<std::vector<providers::BillLine>> billing(std::stop_token) override {
        return std::vector<providers::BillLine>{};
    }
    Result<providers::Account> account(std::stop_token) override { return providers::Account{}; }

private:
    bool struck() {
        clock_.advance(20ms);
        const int call = calls++;
        const bool strikes = fail_at >= 0 && call >= fail_at && call < fail_at + failures;
        struck_calls += strikes ? 1 : 0;
        return strikes;
    }
    Clocked& clock_;
};

struct ReaperTest : testing::Test {
    Clocked clock{};
    ledger::TemporaryFolder folder{};
    Account cloud{clock};
    Rules rules{.owner_mark = mark, .agent = Agent::dead};
    std::vector<Row> rows{};

    Findings run() { return run(cloud); }
    Findings run(Account& account) {
        auto log = Log::open(folder.path());
        std::mutex mutex;
        Reaper reaper{
            rules,
            clock,
            [this](std::chrono::milliseconds time) {
                clock.advance(time);
                return true;
            },
            &*log,
            mutex};
        return reaper.run(account, "cloud", rows, {});
    }
    [[nodiscard]] std::vector<Deed> deeds() const {
        std::vector<Deed> deeds;
        auto log = Log::open(folder.path());
        for (const Entry& entry : *log->read()) {
            deeds.push_back(entry.deed);
        }
        return deeds;
    }
};

TEST_F(ReaperTest, F48EndsWhatIsPastItsEndAndProvesIt) {
    cloud.put("m-1", mark, ledger::test_start - 3min);
    cloud.put("m-2", mark, ledger::test_start + 1h);
    cloud.put("m-3", "ek-99999999", ledger::test_start - 3h);
    cloud.put("m-4", "", ledger::test_start - 3h);
    rows.push_back({.provider = "cloud", .name = "n", .remote_id = "m-2"});
    const auto began = clock.now.boot;
    const Findings found = run();
    ASSERT_EQ(found.ended.size(), 1u);
    EXPECT_TRUE(found.ended[0].gone) << found.ended[0].trouble;
    EXPECT_EQ(cloud.destroyed, std::vector<std::string>{"m-1"});
    EXPECT_EQ(cloud.machines.size(), 3u) << "a machine that is not ours, or not due, stays";
    EXPECT_GE(clock.now.boot - began, rules.proof_gap) << "two lists, a minute apart";
    EXPECT_EQ(cloud.lists, 3);
    EXPECT_EQ(deeds(), (std::vector{Deed::asked, Deed::answered, Deed::gone}));
    EXPECT_EQ(found.seen.size(), 3u) << "look-alikes are shown, foreign ones are not";
}

/// Every call of a whole run fails once in turn, and the machine is gone all the same.
TEST_F(ReaperTest, F48EveryCallFailsOnce) {
    Account quiet{clock};
    quiet.put("m-1", mark, clock.now.utc - 3min);
    ASSERT_TRUE(run(quiet).ended.at(0).gone);
    ASSERT_EQ(quiet.calls, 5) << "list, delete, get, and two lists for the proof";
    for (int at = 0; at < quiet.calls; ++at) {
        Account fresh{clock};
        fresh.put("m-1", mark, clock.now.utc - 3min);
        fresh.fail_at = at;
        Findings found = run(fresh);
        EXPECT_EQ(fresh.struck_calls, 1) << "call " << at;
        if (at == 0) {  // nothing is known without a list: the timer's next run does it
            ASSERT_TRUE(found.error);
            EXPECT_EQ(found.error->code, Errc::unavailable);
            EXPECT_TRUE(found.ended.empty() && fresh.destroyed.empty());
            found = run(fresh);
        }
        ASSERT_EQ(found.ended.size(), 1u) << "call " << at;
        EXPECT_TRUE(found.ended[0].gone) << "call " << at << ": " << found.ended[0].trouble;
        EXPECT_TRUE(fresh.machines.empty());
    }
}

TEST_F(ReaperTest, ADeleteThatDoesNothingIsAskedAgain) {
    cloud.put("m-1", mark, ledger::test_start - 3min);
    cloud.ignored = 3;
    const Findings found = run();
    EXPECT_TRUE(found.ended.at(0).gone);
    EXPECT_EQ(cloud.destroyed.size(), 4u);
}

TEST_F(ReaperTest, OneEmptyListProvesNothing) {
    cloud.put("m-1", mark, ledger::test_start - 3min);
    cloud.ignored = 1'000;
    cloud.empty_lists = 1'000;
    rules.wait = 3min;
    const Findings found = run();
    EXPECT_FALSE(found.ended.at(0).gone) << "a GET still finds it";
    EXPECT_FALSE(found.ended[0].trouble.empty());
    EXPECT_EQ(deeds().back(), Deed::left);
    EXPECT_LT(cloud.calls, 60) << "with growing pauses";
}

TEST_F(ReaperTest, WhatCannotBeListedIsToldWithItsOverdueRows) {
    cloud.fail_at = 0;
    cloud.failures = 1'000;
    rows.push_back(
        {.provider = "cloud",
         .name = "n",
         .remote_id = "m-1",
         .expires = ledger::test_start - 3min});
    const Findings found = run();
    ASSERT_TRUE(found.error);
    EXPECT_EQ(found.error->code, Errc::unavailable);
    EXPECT_EQ(found.unseen.size(), 1u);
    EXPECT_TRUE(cloud.destroyed.empty());
}

TEST_F(ReaperTest, ADryRunTouchesNothing) {
    cloud.put("m-1", mark, ledger::test_start - 3min);
    rules.dry_run = true;
    const Findings found = run();
    ASSERT_EQ(found.ended.size(), 1u);
    EXPECT_FALSE(found.ended[0].gone);
    EXPECT_TRUE(cloud.destroyed.empty());
    EXPECT_EQ(cloud.calls, 1);
    EXPECT_FALSE(has_entries(folder.path()));
}

TEST_F(ReaperTest, ManyMachinesShareTheirProof) {
    for (int i = 0; i < 5; ++i) {
        cloud.put("m-" + std::to_string(i), mark, ledger::test_start - 3min);
    }
    const Findings found = run();
    EXPECT_TRUE(std::ranges::all_of(found.ended, &Ended::gone));
    EXPECT_EQ(cloud.lists, 3) << "one before, two for the proof of all";
}

}  // namespace
}  // namespace evenkeel::reap
