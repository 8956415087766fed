#include "tests/unit/gateway/continued.hpp"
#include "tests/unit/gateway/priced.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

/// What budgets have of a stream that goes on at another worker, at an internal price of 4,000
/// nano-dollars a prompt token and 20,000 an answer token.
namespace evenkeel::inference::test {
namespace {

constexpr std::int64_t out = price_out;

class ContinueMoney : public testing::Test {
protected:
    static Rig::Setup gone_on_with(std::int64_t limit = 1'000'000 * out, bool learns = false) {
        Rig::Setup setup = priced(limit, learns);
        setup.max_wait = 200ms;
        setup.change = [prices = std::move(setup.change)](config::Config& config) {
            prices(config);
            config.routes.at(0).continue_on_failure = true;
        };
        return setup;
    }
    /// The budget has, to the last nano, what the record says, and holds nothing. The record.
    static RequestRecord booked(Rig& rig) {
        const auto records = rig.books.wait_records(1);
        EXPECT_EQ(records.size(), 1u);
        EXPECT_GE(records.at(0).charged_report, 4 * out) << "four events were the first worker's";
        EXPECT_TRUE(rig.wait_until([&] { return budget_of(rig).held == 0; }));
        EXPECT_EQ(budget_of(rig).settled, records.at(0).charged_report);
        EXPECT_TRUE(records.at(0).continued);
        return records.at(0);
    }
    static std::int64_t queued(const Rig& rig) {
        return rig.gateway->counters().gate.models.at(0).queued;
    }
    /// Takes the only slot of a second worker until `free` is called.
    void fill(Rig& rig) {
        const NameIx full = rig.worker("busy", busy.port(), 1);
        blocker.emplace(rig.caller());
        blocker->start(chat_body(false, R"(,"max_tokens":10)"));
        ASSERT_TRUE(rig.wait_until([&] { return rig.gateway->in_flight(full) == 1; }));
    }

    /// A stream whose worker has died, and which waits for another.
    Caller waits(Rig& rig) {
        rig.worker("dying", dying.port(), 8);
        Caller caller = rig.caller();
        caller.start(chat_body(true, R"(,"max_tokens":50)"));
        EXPECT_TRUE(rig.wait_until([&] { return queued(rig) == 1; }));
        return caller;
    }
    static Rig::Setup patient() {
        Rig::Setup setup = gone_on_with();
        setup.max_wait = 3s;
        return setup;
    }

    FakeEngine dying{dies_after({"one", " two", " three"})};
    FakeEngine busy{[](FakeEngine::Turn& turn) {
        static_cast<void>(turn.line->closed_by_peer(5s));
        turn.keep = false;
    }};
    std::optional<Caller> blocker{};
};

TEST_F(ContinueMoney, TheSecondCompletes) {
    FakeEngine second{goes_on};
    Rig rig{gone_on_with()};
    rig.worker("dying", dying.port(), 8);
    rig.worker("second", second.port(), 1);
    EXPECT_TRUE(
        rig.caller().chat(chat_body(true, R"(,"max_tokens":50)")).body.ends_with(done_event));
    const RequestRecord record = booked(rig);
    EXPECT_EQ(record.usage.completion, 6);
    EXPECT_EQ(record.charged_report, 9 * 4'000 + 6 * out);
    EXPECT_EQ(record.outcome, Outcome::answered);
}

TEST_F(ContinueMoney, NobodyIsFree) {
    Rig rig{gone_on_with()};
    fill(rig);
    const gate::BudgetLimit others = budget_of(rig);
    rig.worker("dying", dying.port(), 8);
    EXPECT_TRUE(ends_typed(rig.caller().chat(chat_body(true, R"(,"max_tokens":50)")).body));
    const auto records = rig.books.wait_records(1);
    EXPECT_TRUE(records.at(0).continued);
    EXPECT_GE(records.at(0).charged_report, 4 * out);
    EXPECT_EQ(budget_of(rig).settled, records.at(0).charged_report);
    EXPECT_EQ(budget_of(rig).held, others.held);
}

TEST_F(ContinueMoney, TheClientGoesWhileItWaits) {
    Rig rig{patient()};
    fill(rig);
    const gate::BudgetLimit others = budget_of(rig);
    Caller caller = waits(rig);
    caller.line().close();
    const auto records = rig.books.wait_records(1);
    EXPECT_EQ(records.at(0).outcome, Outcome::client_gone);
    EXPECT_GE(records.at(0).charged_report, 4 * out);
    EXPECT_EQ(budget_of(rig).settled, records.at(0).charged_report);
    EXPECT_EQ(budget_of(rig).held, others.held);
}

TEST_F(ContinueMoney, TheFirstPartIsSettledWhileTheRestIsWaitedFor) {
    Rig rig{patient()};
    fill(rig);
    const gate::BudgetLimit others = budget_of(rig);
    Caller caller = waits(rig);
    EXPECT_GE(budget_of(rig).settled, 4 * out);
    EXPECT_EQ(budget_of(rig).held, others.held);
}

TEST_F(ContinueMoney, TheSecondCannotGoOnAndTheThirdDoes) {
    FakeEngine second{goes_on};
    Rig rig{gone_on_with()};
    rig.worker("dying", dying.port(), 8);
    rig.worker("second", second.port(), 1, dialect::GoesOn::no);
    rig.worker("third", second.port(), 1);
    EXPECT_TRUE(
        rig.caller().chat(chat_body(true, R"(,"max_tokens":50)")).body.ends_with(done_event));
    EXPECT_EQ(booked(rig).usage.completion, 6);
}

TEST_F(ContinueMoney, TheSecondCannotGoOnAndNobodyElseIsFree) {
    FakeEngine second{goes_on};
    Rig rig{gone_on_with()};
    fill(rig);
    const gate::BudgetLimit others = budget_of(rig);
    rig.worker("dying", dying.port(), 8);
    rig.worker("second", second.port(), 1, dialect::GoesOn::no);
    EXPECT_TRUE(ends_typed(rig.caller().chat(chat_body(true, R"(,"max_tokens":50)")).body));
    const auto records = rig.books.wait_records(1);
    EXPECT_GE(records.at(0).charged_report, 4 * out);
    EXPECT_EQ(budget_of(rig).settled, records.at(0).charged_report);
    EXPECT_EQ(budget_of(rig).held, others.held);
    EXPECT_TRUE(second.requests().empty());
    EXPECT_EQ(rig.names.text(records.at(0).source), "dying") << "nobody else did anything";
}

TEST_F(ContinueMoney, TheSecondDiesBeforeItBegins) {
    FakeEngine second{[](FakeEngine::Turn& turn) { turn.line->reset(); }};
    Rig rig{gone_on_with()};
    rig.worker("dying", dying.port(), 8);
    rig.worker("second", second.port(), 1);
    EXPECT_TRUE(ends_typed(rig.caller().chat(chat_body(true, R"(,"max_tokens":50)")).body));
    EXPECT_EQ(booked(rig).usage.completion, 4);
}

TEST_F(ContinueMoney, TheSecondDiesInMidAnswer) {
    FakeEngine second{dies_after({" four"})};
    Rig rig{gone_on_with()};
    rig.worker("dying", dying.port(), 8);
    rig.worker("second", second.port(), 1);
    EXPECT_TRUE(ends_typed(rig.caller().chat(chat_body(true, R"(,"max_tokens":50)")).body));
    EXPECT_EQ(booked(rig).usage.completion, 6);
}

/// The second worker has said what it read and wrote, and then something of ours fails.
TEST_F(ContinueMoney, AnExceptionInTheSecondPartIsCharged) {
    FakeEngine second{[](FakeEngine::Turn& turn) {
        turn.line->send(stream_head() + chunked(usage_event(13, 7)));
        turn.keep = false;
    }};
    Rig rig{gone_on_with()};
    rig.worker("dying", dying.port(), 8);
    const NameIx ix = rig.worker("second", second.port(), 1);
    rig.gateway->on_source_trouble([ix](NameIx source, const Error&) {
        if (source == ix) {
            throw std::runtime_error{"a listener failed"};
        }
    });
    static_cast<void>(rig.caller().chat(chat_body(true, R"(,"max_tokens":50)")));
    EXPECT_EQ(booked(rig).usage.completion, 11);
    rig.gateway->on_source_trouble({});
}

/// What is set aside for the second part pays for the rest alone, and grows with that.
TEST_F(ContinueMoney, ALearnedReserveGrowsWithTheRestAndEndsItTyped) {
    FakeEngine second{talkative(5'000)};
    constexpr std::int64_t limit = 600 * out;
    Rig rig{gone_on_with(limit, /*learns=*/true)};
    rig.worker("dying", dying.port(), 8);
    rig.worker("second", second.port(), 1);
    const Reply reply = rig.caller().chat(chat_body(true));
    EXPECT_EQ(reply.body.find("[DONE]"), std::string::npos);
    EXPECT_NE(reply.body.find("insufficient_quota"), std::string::npos) << reply.body;
    const RequestRecord record = booked(rig);
    EXPECT_GT(record.charged_report, 200 * out);
    EXPECT_LE(record.charged_report, limit) << "no budget is ever passed";
}

}  // namespace
}  // namespace evenkeel::inference::test
