#include "tests/unit/gateway/rig.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>

/// Many readers that take next to nothing, and quick ones beside them (FAULTS F58).
namespace evenkeel::inference::test {
namespace {

using Steady = std::chrono::steady_clock;
using std::chrono::microseconds;

constexpr int slow_readers = 150;
constexpr int quick_threads = 3;
constexpr int quick_requests = 150;  ///< of each thread
constexpr int rounds = 3;
constexpr microseconds noise{3'000};  ///< of a machine that builds and tests beside

/// As fast as it is taken for whoever says so, else three words.
void engine_of_both(FakeEngine::Turn& turn) {
    if (turn.body.find("flood") == std::string::npos) {
        good_engine(turn);
        return;
    }
    turn.line->send(stream_head());
    const std::string piece = chunked(event(std::string(4'000, 'x')));
    while (turn.line->send(piece)) {
    }
    turn.keep = false;
}

struct Pace {
    microseconds p99{0};
    microseconds each{0};  ///< whole time by the number of requests
};

/// The best of a few rounds: what lies beside this test may disturb one of them.
Pace measure(const Rig& rig) {
    Pace best{microseconds::max(), microseconds::max()};
    for (int round = 0; round < rounds; ++round) {
        const auto began = Steady::now();
        std::vector<std::future<std::vector<microseconds>>> threads;
        for (int i = 0; i < quick_threads; ++i) {
            threads.push_back(std::async(std::launch::async, [&rig] {
                std::vector<microseconds> took;
                Caller caller = rig.caller();
                for (int k = 0; k < quick_requests; ++k) {
                    const auto start = Steady::now();
                    EXPECT_TRUE(caller.chat(chat_body(true)).body.ends_with(done_event));
                    took.push_back(std::chrono::duration_cast<microseconds>(Steady::now() - start));
                }
                return took;
            }));
        }
        std::vector<microseconds> all;
        for (auto& thread : threads) {
            std::ranges::copy(thread.get(), std::back_inserter(all));
        }
        const auto whole = std::chrono::duration_cast<microseconds>(Steady::now() - began);
        std::ranges::sort(all);
        best.p99 = std::min(best.p99, all[all.size() * 99 / 100]);
        best.each = std::min(best.each, whole / static_cast<std::int64_t>(all.size()));
    }
    return best;
}

TEST(GatewaySlowReaders, F58QuickClientsBesideThemKeepTheirPace) {
    FakeEngine engine{engine_of_both};
    Rig::Setup setup;
    setup.options.limits.stall_time = 60s;  // nobody is cut while this looks
    Rig rig{setup};
    const NameIx source = rig.worker("w", engine.port(), slow_readers + quick_threads);
    const Pace alone = measure(rig);

    std::vector<Line> slow;
    const std::string body = chat_body(true, R"(,"user":"flood")");
    for (int i = 0; i < slow_readers; ++i) {
        Line line = Line::connect(rig.gateway->port(), 4'096);
        line.send(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\n"
            "Content-Length: " +
            std::to_string(body.size()) + "\r\n\r\n" + body);
        EXPECT_NE(line.receive(64), "");
        slow.push_back(std::move(line));
    }
    std::atomic<bool> over{false};
    std::thread sipping{[&] {
        while (!over) {
            for (Line& line : slow) {
                static_cast<void>(line.receive(512, 0ms));
            }
            std::this_thread::sleep_for(50ms);
        }
    }};
    const Pace beside = measure(rig);
    EXPECT_EQ(rig.gateway->in_flight(source), slow_readers) << "they all sit there still";
    over = true;
    sipping.join();
    EXPECT_LE(beside.p99, 2 * alone.p99 + noise)
        << beside.p99.count() << " us, alone " << alone.p99.count();
    EXPECT_LE(beside.each, 2 * alone.each + noise / quick_threads / 3)
        << beside.each.count() << " us a request, alone " << alone.each.count();
    slow.clear();
    EXPECT_TRUE(rig.wait_until([&] { return rig.gateway->in_flight(source) == 0; }));
    EXPECT_EQ(
        rig.books.wait_records(slow_readers + 2 * rounds * quick_threads * quick_requests).size(),
        static_cast<std::size_t>(slow_readers + 2 * rounds * quick_threads * quick_requests));
}

}  // namespace
}  // namespace evenkeel::inference::test
