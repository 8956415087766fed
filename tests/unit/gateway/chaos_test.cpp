#include "tests/unit/gateway/rig.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

/// Many clients and sources that misbehave at random; whatever happens, the books must agree.
namespace evenkeel::inference::test {
namespace {

constexpr int threads = 8;
constexpr int requests_each = 15;

/// An engine whose every answer goes wrong in some way, or not.
void moody(FakeEngine::Turn& turn, std::mt19937& random) {
    const std::string good = stream_head() + chunked(event("one")) + chunked(event("two")) +
                             chunked(usage_event()) + chunked(done_event) + std::string{last_chunk};
    const bool stream = turn.body.find("\"stream\":true") != std::string::npos;
    const std::string whole = stream ? good : plain_answer(chat_json());
    switch (random() % 8) {
        case 0:
            turn.line->send(std::string_view{whole}.substr(0, random() % whole.size()));
            turn.keep = false;
            break;
        case 1:
            turn.line->send(std::string_view{whole}.substr(0, random() % whole.size()));
            turn.line->reset();
            break;
        case 2:
            turn.line->send("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n");
            break;
        case 3:
            turn.line->send("HTTP/1.1 429 Slow\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n");
            break;
        case 4:
            turn.line->send(stream_head() + chunked(event("one")));
            (void)turn.line->closed_by_peer(200ms);
            turn.keep = false;
            break;
        case 5:
            turn.line->send("nonsense\r\n\r\n");
            turn.keep = false;
            break;
        default:
            for (std::size_t at = 0; at < whole.size(); at += 50) {
                turn.line->send(std::string_view{whole}.substr(at, 50));
            }
    }
}

void check_books(const std::vector<RequestRecord>& records, const FakeBooks& books) {
    std::set<std::int64_t> ids;
    std::set<std::int64_t> settled;
    for (const RequestRecord& record : records) {
        EXPECT_TRUE(ids.insert(record.id.value()).second) << "two records of one request";
        if (record.hold) {
            EXPECT_TRUE(settled.insert(record.hold->value()).second) << "settled twice";
            EXPECT_EQ(record.kind, SourceKind::api);
        } else {
            EXPECT_TRUE(record.paid.is_zero()) << "paid without a hold";
        }
    }
    for (const HoldId hold : books.released()) {
        EXPECT_TRUE(settled.insert(hold.value()).second) << "released and settled";
    }
    EXPECT_EQ(settled.size(), books.holds().size()) << "a hold is left open";
}

class GatewayChaos : public testing::TestWithParam<std::uint32_t> {};

TEST_P(GatewayChaos, EveryRequestEndsExactlyOnce) {
    const std::uint32_t seed = GetParam();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mutex mutex;
    std::mt19937 engines{seed};
    const auto script = [&](FakeEngine::Turn& turn) {
        std::unique_lock lock{mutex};
        std::mt19937 own{static_cast<std::uint32_t>(engines())};
        lock.unlock();
        moody(turn, own);
    };
    FakeEngine own_a{script};
    FakeEngine own_b{script};
    FakeEngine paid{script};
    Rig::Setup setup;
    setup.overflow = true;
    setup.max_wait = 20ms;
    setup.options.threads = 3;
    setup.options.breaker_time = 20ms;
    setup.options.hold_grace = 5ms;
    setup.options.keepalive = 5ms;
    setup.options.limits.stall_time = 60ms;
    Rig rig{setup};
    rig.worker("a", own_a.port(), 2);
    rig.api(paid.port(), 3);

    std::vector<std::thread> clients;
    for (int t = 0; t < threads; ++t) {
        clients.emplace_back([&rig, seed, t] {
            std::mt19937 random{seed * 100 + static_cast<std::uint32_t>(t)};
            Caller caller = rig.caller();
            for (int i = 0; i < requests_each; ++i) {
                const std::string model = random() % 3 == 0 ? "paid" : "m";
                caller.start(chat_body(random() % 2 == 0, R"(,"max_tokens":20)", model));
                if (random() % 5 == 0) {
                    (void)caller.line().receive(1 + random() % 500, milliseconds{random() % 10});
                    caller.line().close();
                    continue;
                }
                const Reply reply = caller.finish();
                EXPECT_NE(reply.status, 0) << "no answer at all";
                EXPECT_TRUE(reply.whole) << reply.status << ' ' << reply.body;
            }
        });
    }
    // Sources come and go meanwhile.
    std::mt19937 random{seed};
    for (int i = 0; i < 10; ++i) {
        std::this_thread::sleep_for(5ms);
        const NameIx b = rig.worker("b", own_b.port(), 2);
        std::this_thread::sleep_for(10ms);
        if (random() % 2 == 0) {
            rig.gateway->source_gone(b);
        } else {
            rig.gateway->cancel_streams(b);
        }
        rig.gateway->apply(rig.catalogue, routing::gate_policy(*rig.catalogue));
    }
    for (std::thread& client : clients) {
        client.join();
    }
    const auto all = static_cast<std::size_t>(rig.gateway->counters().totals.total);
    const auto records = rig.books.wait_records(all);
    ASSERT_EQ(records.size(), all);
    EXPECT_GE(all, static_cast<std::size_t>(threads * requests_each * 3 / 4));
    EXPECT_TRUE(rig.wait_until([&] {
        const auto counters = rig.gateway->counters();
        return std::ranges::all_of(
                   counters.gate.sources, [](const auto& each) { return each.in_flight == 0; }) &&
               std::ranges::all_of(
                   counters.gate.models, [](const auto& each) { return each.queued == 0; }) &&
               counters.totals.in_flight == 0;
    })) << "a slot is lost";
    std::atomic<bool> over{false};
    rig.gateway->stop(0s, [&over] { over = true; });
    EXPECT_TRUE(rig.wait_until([&] { return over.load(); }));
    // An acknowledgement may come after its request has gone, and after the gateway's end.
    (void)rig.wait_until([&] {
        const auto ended = rig.books.records();
        const auto settled = std::ranges::count_if(
            ended, [](const RequestRecord& record) { return record.hold.has_value(); });
        return rig.books.released().size() + static_cast<std::size_t>(settled) ==
               rig.books.holds().size();
    });
    check_books(rig.books.records(), rig.books);
}

INSTANTIATE_TEST_SUITE_P(Seeds, GatewayChaos, testing::Values(1u, 2u, 3u));

}  // namespace
}  // namespace evenkeel::inference::test
