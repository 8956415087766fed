#include "tests/unit/gateway/continued.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

/// What budgets have of a stream that goes on at another worker, at an internal price of 4,000
/// nano-dollars a prompt token and 20,000 an answer token.
namespace evenkeel::inference::test {
namespace {

constexpr std::int64_t out = 20'000;

class ContinueMoney : public testing::Test {
protected:
    static Rig::Setup priced(std::int64_t limit = 1'000'000 * out, bool learns = false) {
        Rig::Setup setup;
        setup.max_wait = 200ms;
        setup.change = [limit, learns](config::Config& config) {
            config.routes.at(0).continue_on_failure = true;
            config.models[0].internal_price = config::TokenPrices{
                .in = *parse_price("4.00 USD/Mtok"), .out = *parse_price("20.00 USD/Mtok")};
            config.budgets.push_back(
                {.name = "tester", .scope = {.key = "tester"}, .limit = Money{limit, usd}});
            if (learns) {
                config.safety.reserve = config::Reserve::learned;
            }
        };
        return setup;
    }
    /// The budget has, to the last nano, what the record says, and holds nothing. The record.
    static RequestRecord booked(Rig& rig) {
        const auto records = rig.books.wait_records(1);
        EXPECT_EQ(records.size(), 1u);
        EXPECT_GE(records.at(0).charged_report, 4 * out) << "four events were the first worker's";
        EXPECT_TRUE(rig.wait_until([&] { return budget(rig).held == 0; }));
        EXPECT_EQ(budget(rig).settled, records.at(0).charged_report);
        EXPECT_TRUE(records.at(0).continued);
        return records.at(0);
    }
    static gate::BudgetLimit budget(const Rig& rig) {
        return rig.gateway->counters().gate.budgets.at(0);
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

    FakeEngine dying{dies_after({"one", " two", " three"})};
    FakeEngine busy{[](FakeEngine::Turn& turn) {
        static_cast<void>(turn.line->closed_by_peer(5s));
        turn.keep = false;
    }};
    std::optional<Caller> blocker{};
};

TEST_F(ContinueMoney, TheSecondCompletes) {
    FakeEngine second{goes_on};
    Rig rig{priced()};
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
    Rig rig{priced()};
    fill(rig);
    const gate::BudgetLimit others = budget(rig);
    rig.worker("dying", dying.port(), 8);
    EXPECT_TRUE(ends_typed(rig.caller().chat(chat_body(true, R"(,"max_tokens":50)")).body));
    const auto records = rig.books.wait_records(1);
    EXPECT_TRUE(records.at(0).continued);
    EXPECT_GE(records.at(0).charged_report, 4 * out);
    EXPECT_EQ(budget(rig).settled, records.at(0).charged_report);
    EXPECT_EQ(budget(rig).held, others.held);
}

TEST_F(ContinueMoney, TheClientGoesWhileItWaits) {
    Rig::Setup setup = priced();
    setup.max_wait = 3s;
    Rig rig{setup};
    fill(rig);
    const gate::BudgetLimit others = budget(rig);
    rig.worker("dying", dying.port(), 8);
    Caller caller = rig.caller();
    caller.start(chat_body(true, R"(,"max_tokens":50)"));
    ASSERT_TRUE(rig.wait_until([&] { return queued(rig) == 1; }));
    caller.line().close();
    const auto records = rig.books.wait_records(1);
    EXPECT_EQ(records.at(0).outcome, Outcome::client_gone);
    EXPECT_GE(records.at(0).charged_report, 4 * out);
    EXPECT_EQ(budget(rig).settled, records.at(0).charged_report);
    EXPECT_EQ(budget(rig).held, others.held);
}

TEST_F(ContinueMoney, TheFirstPartIsSettledWhileTheRestIsWaitedFor) {
    Rig::Setup setup = priced();
    setup.max_wait = 3s;
    Rig rig{setup};
    fill(rig);
    const gate::BudgetLimit others = budget(rig);
    rig.worker("dying", dying.port(), 8);
    Caller caller = rig.caller();
    caller.start(chat_body(true, R"(,"max_tokens":50)"));
    ASSERT_TRUE(rig.wait_until([&] { return queued(rig) == 1; }));
    EXPECT_GE(budget(rig).settled, 4 * out);
    EXPECT_EQ(budget(rig).held, others.held);
}

TEST_F(ContinueMoney, TheSecondCannotGoOnAndTheThirdDoes) {
    FakeEngine second{goes_on};
    Rig rig{priced()};
    rig.worker("dying", dying.port(), 8);
    rig.worker("second", second.port(), 1, dialect::GoesOn::no);
    rig.worker("third", second.port(), 1);
    EXPECT_TRUE(
        rig.caller().chat(chat_body(true, R"(,"max_tokens":50)")).body.ends_with(done_event));
    EXPECT_EQ(booked(rig).usage.completion, 6);
}

TEST_F(ContinueMoney, TheSecondCannotGoOnAndNobodyElseIsFree) {
    FakeEngine second{goes_on};
    Rig rig{priced()};
    fill(rig);
    const gate::BudgetLimit others = budget(rig);
    rig.worker("dying", dying.port(), 8);
    rig.worker("second", second.port(), 1, dialect::GoesOn::no);
    EXPECT_TRUE(ends_typed(rig.caller().chat(chat_body(true, R"(,"max_tokens":50)")).body));
    const auto records = rig.books.wait_records(1);
    EXPECT_GE(records.at(0).charged_report, 4 * out);
    EXPECT_EQ(budget(rig).settled, records.at(0).charged_report);
    EXPECT_EQ(budget(rig).held, others.held);
    EXPECT_TRUE(second.requests().empty());
    EXPECT_EQ(rig.names.text(records.at(0).source), "dying") << "nobody else did anything";
}

TEST_F(ContinueMoney, TheSecondDiesBeforeItBegins) {
    FakeEngine second{[](FakeEngine::Turn& turn) { turn.line->reset(); }};
    Rig rig{priced()};
    rig.worker("dying", dying.port(), 8);
    rig.worker("second", second.port(), 1);
    EXPECT_TRUE(ends_typed(rig.caller().chat(chat_body(true, R"(,"max_tokens":50)")).body));
    EXPECT_EQ(booked(rig).usage.completion, 4);
}

TEST_F(ContinueMoney, TheSecondDiesInMidAnswer) {
    FakeEngine second{dies_after({" four"})};
    Rig rig{priced()};
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
    Rig rig{priced()};
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
    Rig rig{priced(limit, /*learns=*/true)};
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
