#include "agent/reap/judge.hpp"

#include "policies/domain/id.hpp"

#include <gtest/gtest.h>

/// Which machines the reaper may end (FAULTS F26, F27, F48).
namespace evenkeel::reap {
namespace {

using namespace std::chrono_literals;

const UtcTime now{std::chrono::sys_days{std::chrono::November / 23 / 2026} + 10h};
constexpr const char* mark = "ek-1a2b3c4d";

providers::RemoteMachine machine_of(const char* owner_mark, UtcTime expires) {
    return {
        .remote_id = "m-1",
        .name = "ek-1a2b3c4d-01",
        .owner_mark = owner_mark,
        .created = now - 3h,
        .expires = expires};
}

Row row_of(UtcTime expires, std::string remote_id = "m-1") {
    return {
        .provider = "cloud",
        .name = "ek-1a2b3c4d-01",
        .remote_id = std::move(remote_id),
        .expires = expires};
}

std::string named_at(UtcTime time) {
    return std::string{mark} + "-" + id_to_text(evenkeel::least_id_at(time));
}

std::vector<Judgement> judged(
    std::span<const providers::RemoteMachine> list, std::span<const Row> rows, Agent agent) {
    return judge("cloud", list, rows, mark, agent, now, 1min, config::UnknownMachine::destroy);
}

struct Case {
    const char* name;
    providers::RemoteMachine machine;
    std::vector<Row> rows;
    Agent agent;
    Verdict verdict;
};

class JudgeMachines : public testing::TestWithParam<Case> {};

TEST_P(JudgeMachines, ByMarkEndAndRow) {
    const Case& c = GetParam();
    const std::vector<providers::RemoteMachine> list{c.machine};
    const auto found = judged(list, c.rows, c.agent);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(to_text(found[0].verdict), to_text(c.verdict));
    EXPECT_FALSE(found[0].why.empty());
    if (c.machine.owner_mark != mark) {
        EXPECT_FALSE(must_end(found[0].verdict)) << "never touched";
    }
}

TEST(JudgeMachine, AnOwnerWhoWantsOnlyAnAlertKeepsHisStranger) {
    const std::vector<providers::RemoteMachine> list{machine_of(mark, {})};
    const auto alert = [&](Agent agent) {
        return judge("cloud", list, {}, mark, agent, now, 1min, config::UnknownMachine::alert)[0];
    };
    EXPECT_EQ(alert(Agent::dead).verdict, Verdict::reported);
    EXPECT_FALSE(must_end(alert(Agent::dead).verdict));
    EXPECT_EQ(alert(Agent::healthy).verdict, Verdict::watched);
    const std::vector<providers::RemoteMachine> late{machine_of(mark, now - 1h)};
    EXPECT_EQ(
        judge("cloud", late, {}, mark, Agent::dead, now, 1min, config::UnknownMachine::alert)[0]
            .verdict,
        Verdict::overdue)
        << "its own end has passed";
}

/// Another entry of the same account has taken it up: its row's name says so.
TEST(JudgeMachine, AnOrphanInARowOfAnotherEntryIsKept) {
    const std::vector<providers::RemoteMachine> list{machine_of(mark, {})};
    const std::vector<Row> rows{
        {.provider = "cloud-two",
         .name = list[0].name + "~" + list[0].remote_id,
         .remote_id = list[0].remote_id}};
    EXPECT_EQ(judged(list, rows, Agent::dead)[0].verdict, Verdict::kept);
}

TEST(JudgeMachine, AMachineMadeJustNowIsLeftToAnAgentThatStarts) {
    providers::RemoteMachine fresh = machine_of(mark, {});
    fresh.created = now - 59s;
    const auto verdict = [&] { return judged({&fresh, 1}, {}, Agent::dead)[0].verdict; };
    EXPECT_EQ(verdict(), Verdict::watched);
    fresh.created = now - 60s;
    EXPECT_EQ(verdict(), Verdict::orphan);
    // Lambda does not say when: the name does.
    fresh.created = {};
    fresh.name = named_at(now - 59s);
    EXPECT_EQ(verdict(), Verdict::watched);
    fresh.name = named_at(now - 61s);
    EXPECT_EQ(verdict(), Verdict::orphan);
}

const UtcTime none{};
providers::RemoteMachine other_name() {
    auto machine = machine_of("", now - 1h);
    machine.name = "training-box";
    return machine;
}
Row elsewhere() {
    Row row = row_of(now + 1h, "");
    row.provider = "cloud-two";
    return row;
}

INSTANTIATE_TEST_SUITE_P(
    Table,
    JudgeMachines,
    testing::Values(
        // F26: nothing without our whole mark, however overdue and however dead the agent is.
        Case{"NoMark", other_name(), {}, Agent::dead, Verdict::foreign},
        Case{"F26OurNameOnly", machine_of("", now - 1h), {}, Agent::dead, Verdict::look_alike},
        Case{
            "F26OtherAgent",
            machine_of("ek-99999999", now - 1h),
            {},
            Agent::dead,
            Verdict::look_alike},
        Case{
            "F26LongerMark",
            machine_of("ek-1a2b3c4d5", now - 1h),
            {},
            Agent::dead,
            Verdict::look_alike},
        Case{
            "F26HalfMark",
            machine_of("ek-1a2b3c4", now - 1h),
            {},
            Agent::dead,
            Verdict::look_alike},
        // F48: past its end, with nobody to end it.
        Case{
            "F48MarkPassed",
            machine_of(mark, now - 121s),
            {row_of(none)},
            Agent::dead,
            Verdict::overdue},
        Case{
            "MarkJustPassed",
            machine_of(mark, now - 120s),
            {row_of(none)},
            Agent::dead,
            Verdict::kept},
        Case{
            "RowPassed",
            machine_of(mark, none),
            {row_of(now - 3min)},
            Agent::dead,
            Verdict::overdue},
        Case{
            "RowSaysEarlier",
            machine_of(mark, now + 1h),
            {row_of(now - 3min)},
            Agent::dead,
            Verdict::overdue},
        Case{
            "MarkSaysEarlier",
            machine_of(mark, now - 3min),
            {row_of(now + 1h)},
            Agent::dead,
            Verdict::overdue},
        Case{"NotYet", machine_of(mark, now + 1h), {row_of(now + 1h)}, Agent::dead, Verdict::kept},
        Case{"NoEndKnown", machine_of(mark, none), {row_of(none)}, Agent::dead, Verdict::kept},
        // Beside a living agent: only what it should have ended long ago.
        Case{
            "HealthyHasItsTurn",
            machine_of(mark, now - 15min),
            {row_of(none)},
            Agent::healthy,
            Verdict::kept},
        Case{
            "HealthyFailed",
            machine_of(mark, now - 15min - 1s),
            {row_of(none)},
            Agent::healthy,
            Verdict::overdue},
        Case{
            "UnsureIsCareful",
            machine_of(mark, now - 10min),
            {row_of(none)},
            Agent::unsure,
            Verdict::kept},
        // F27: in no row.
        Case{"F27OrphanOfADeadAgent", machine_of(mark, now + 1h), {}, Agent::dead, Verdict::orphan},
        Case{
            "LivingAgentSweepsItself",
            machine_of(mark, now + 1h),
            {},
            Agent::healthy,
            Verdict::watched},
        Case{"StartingAgentToo", machine_of(mark, now + 1h), {}, Agent::unsure, Verdict::watched},
        Case{
            "RowWithoutId",
            machine_of(mark, now + 1h),
            {row_of(now + 1h, "")},
            Agent::dead,
            Verdict::kept},
        Case{
            "TwinOfARow",
            machine_of(mark, now + 1h),
            {row_of(now + 1h, "m-9")},
            Agent::dead,
            Verdict::orphan},
        Case{
            "RowOfTheSameAccount",
            machine_of(mark, now + 1h),
            {elsewhere()},
            Agent::dead,
            Verdict::kept}),
    [](const testing::TestParamInfo<Case>& test) { return test.param.name; });

TEST(JudgeAgent, ByTheAgeOfItsHeartbeat) {
    EXPECT_EQ(judge_agent(now - 10s, false, now), Agent::healthy) << "restarting, perhaps";
    EXPECT_EQ(judge_agent(now - 2min, true, now), Agent::healthy);
    EXPECT_EQ(judge_agent(now - 4min, true, now), Agent::unsure);
    EXPECT_EQ(judge_agent(now - 5min - 1s, true, now), Agent::dead) << "hung: it holds its lock";
    EXPECT_EQ(judge_agent(std::nullopt, false, now), Agent::dead) << "never ran here";
    EXPECT_EQ(judge_agent(std::nullopt, true, now), Agent::unsure) << "in its first seconds";
    EXPECT_EQ(judge_agent(now + 1h, true, now), Agent::unsure) << "the clock was set back";
    EXPECT_EQ(judge_agent(now + 1h, false, now), Agent::dead);
}

TEST(JudgeMachines, AnEmptyMarkOwnsNothing) {
    const std::vector<providers::RemoteMachine> list{machine_of("", now - 1h)};
    EXPECT_FALSE(must_end(
        judge("cloud", list, {}, "", Agent::dead, now, 1min, config::UnknownMachine::destroy)[0]
            .verdict));
}

TEST(JudgeMachines, OverdueRowsAreThoseTheReaperWouldEnd) {
    const std::vector<Row> rows{row_of(now - 3min), row_of(now + 1h), row_of(none)};
    EXPECT_EQ(overdue_rows("cloud", rows, Agent::dead, now).size(), 1u);
    EXPECT_TRUE(overdue_rows("cloud", rows, Agent::healthy, now).empty());
    EXPECT_TRUE(overdue_rows("other", rows, Agent::dead, now).empty());
}

}  // namespace
}  // namespace evenkeel::reap
