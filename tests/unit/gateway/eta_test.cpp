#include "tests/unit/gateway/rig.hpp"

#include <gtest/gtest.h>

/// Who waits for a machine that boots is told when it will be there.
namespace evenkeel::inference::test {
namespace {

struct Waiting {
    explicit Waiting(milliseconds max_wait, std::function<void(config::Config&)> change = {})
        : rig{[&] {
              Rig::Setup setup;
              setup.options.hold_grace = 20ms;
              setup.options.keepalive = 15ms;
              setup.max_wait = max_wait;
              setup.change = std::move(change);
              return setup;
          }()} {}
    void boots(std::optional<std::chrono::nanoseconds> left) {
        const BootTime now = rig.clock.read().boot;
        rig.gateway->ready_at(
            rig.catalogue->model("m")->ix, left ? std::optional{now + *left} : std::nullopt);
    }
    Rig rig;
};

TEST(GatewayEta, IsToldToHeldStreams) {
    FakeEngine engine{good_engine};
    Waiting waiting{2s};
    waiting.boots(41s + 500ms);
    Caller caller = waiting.rig.caller();
    caller.start(chat_body(true));
    const std::string early = caller.line().receive_until("x-evenkeel-eta: 42\n\n");
    EXPECT_NE(early.find("\r\nx-evenkeel-eta: 42\r\n"), std::string::npos) << early;
    EXPECT_NE(early.find(": waiting for a source\n: x-evenkeel-eta: 42\n\n"), std::string::npos);
    waiting.boots(7s);
    EXPECT_NE(
        caller.line().receive_until("x-evenkeel-eta: 7\n\n").find(": x-evenkeel-eta: 7\n\n"),
        std::string::npos)
        << "what is known by then";
    waiting.rig.worker("booted", engine.port());
    waiting.boots({});
    const std::string rest = caller.line().receive_until("0\r\n\r\n");
    EXPECT_NE(rest.find("data: [DONE]"), std::string::npos);
    const Reply next = waiting.rig.caller().chat(chat_body(true));
    EXPECT_FALSE(next.headers.contains("x-evenkeel-eta"));
}

TEST(GatewayEta, RefusalsSayItBesideRetryAfter) {
    struct Case {
        std::optional<std::chrono::nanoseconds> left{};
        std::string eta{};
        std::string retry_after{};
    };
    for (const Case& asked : std::vector<Case>{
             {100s, "100", "30"},  // no SDK may be told to wait longer
             {6s + 900ms, "7", "7"},
             {{}, "", "15"},
             {-1s, "", "15"}}) {  // late: nobody knows
        Waiting waiting{10ms};
        waiting.boots(asked.left);
        for (const std::string path : {"/v1/chat/completions", "/v1/messages"}) {
            const Reply reply = waiting.rig.caller().request(
                "POST",
                path,
                R"({"model":"m","max_tokens":5,"messages":[{"role":"user","content":"hi"}]})",
                "x-api-key: good\r\n");
            EXPECT_GE(reply.status, 503) << path;
            EXPECT_EQ(reply.headers.at("retry-after"), asked.retry_after);
            EXPECT_EQ(reply.headers.contains("x-evenkeel-eta"), !asked.eta.empty());
            if (!asked.eta.empty()) {
                EXPECT_EQ(reply.headers.at("x-evenkeel-eta"), asked.eta);
            }
        }
    }
}

TEST(GatewayEta, IsNotOfMachinesTheRequestMayNotUse) {
    Waiting waiting{10ms, [](config::Config& config) { config.routes[0].stay_own = true; }};
    waiting.boots(100s);
    const Reply reply = waiting.rig.caller().chat(chat_body(false));
    EXPECT_EQ(reply.status, 503);
    EXPECT_FALSE(reply.headers.contains("x-evenkeel-eta"));
}

TEST(GatewayEta, AFullQueueIsSoonerFreeThanAMachineIsReady) {
    FakeEngine engine{[](auto& turn) { (void)turn.line->closed_by_peer(3s); }};
    Waiting waiting{2s, [](config::Config& config) { config.limits.queue_requests = 1; }};
    Rig& rig = waiting.rig;
    rig.worker("w", engine.port(), 1);
    waiting.boots(100s);
    Caller running = rig.caller();
    running.start(chat_body(false));
    ASSERT_TRUE(rig.wait_until([&] { return !engine.requests().empty(); }));
    Caller queued = rig.caller();
    queued.start(chat_body(false));
    ASSERT_TRUE(rig.wait_until([&] {
        const auto counters = rig.gateway->counters();
        return !counters.gate.models.empty() && counters.gate.models[0].queued == 1;
    }));
    const Reply reply = rig.caller().chat(chat_body(false));
    EXPECT_EQ(reply.status, 429);
    EXPECT_EQ(reply.headers.at("x-evenkeel-eta"), "100");
    EXPECT_LE(std::stoi(reply.headers.at("retry-after")), 30);
}

TEST(GatewayEta, TheListOfModelsSaysThatOneStarts) {
    Waiting waiting{10ms};
    const auto state = [&] {
        return waiting.rig.caller().request("GET", "/v1/models/m", "", "x-api-key: good\r\n").body;
    };
    EXPECT_NE(state().find(R"("cold")"), std::string::npos) << state();
    waiting.boots(100s);
    EXPECT_NE(state().find(R"("starting")"), std::string::npos) << state();
}

}  // namespace
}  // namespace evenkeel::inference::test
