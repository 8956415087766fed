#include "agent/ledger/reader.hpp"
#include "providers/http/rfc3339.hpp"
#include "renting_scene.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <thread>

/// Figures of the real agent against the fake vendors at real time, from their record of calls.
namespace evenkeel::integration {
namespace {

using providers::exact_json::Value;

constexpr auto watched = 60s;
constexpr int per_hour = 60;
constexpr auto create_goal = 100ms;
constexpr auto lambda_gap = 1'100ms;  ///< its limit of one request a second may come between
/// Far below the tightest vendor's limit (RunPod: 60 a minute), with room for people and deletes.
constexpr std::int64_t steady_calls_max = 20;

struct Calls {
    std::int64_t last{0};
    std::map<std::string, std::int64_t> counts{};
    std::map<std::string, UtcTime> creates{};  ///< by the name of the machine
};

Calls calls_after(RentingScene& scene, std::int64_t number) {
    Calls calls{.last = number};
    const auto record = scene.fake().look(fmt::format("/calls?after={}", number));
    const Value* const list = record ? record->find("calls") : nullptr;
    if (list == nullptr) {
        ADD_FAILURE() << "no record of calls";
        return calls;
    }
    for (const Value& call : list->items()) {
        calls.last = std::max(calls.last, call.find("number")->integer().value_or(0));
        ++calls.counts[std::string{call.text("operation")}];
        if (call.text("operation") == "create") {
            calls.creates[std::string{call.text("name")}] =
                providers::parse_rfc3339(call.text("at")).value_or(UtcTime{});
        }
    }
    return calls;
}

class RentingFigures : public testing::TestWithParam<Vendor> {};
INSTANTIATE_TEST_SUITE_P(
    Nightly,
    RentingFigures,
    testing::ValuesIn(fakes::cloud::vendors),
    [](const testing::TestParamInfo<Vendor>& test) {
        return std::string{fakes::cloud::to_text(test.param)};
    });

TEST_P(RentingFigures, FromDecisionToCreateAndCallsWhileNobodyAsks) {
    RentingScene scene{
        {.vendor = GetParam(),
         .speed = 1,
         .placing = 100ms,
         .boot = 300ms,
         .loading = 300ms,
         .min = 1,
         .max = 1}};
    scene.edit("policy.yaml", "leak_scan: 120s", "leak_scan: 60s");  // as it is by itself
    ASSERT_TRUE(scene.start_daemon());
    ASSERT_TRUE(eventually(60s, [&] { return scene.serves(); }));
    const Calls first = calls_after(scene, 0);
    auto reader = ledger::Reader::open(scene.state());
    ASSERT_TRUE(reader);
    const auto decisions = reader->decisions(10);
    const auto machines = reader->machines(UtcTime{});
    ASSERT_TRUE(decisions && machines);
    int compared = 0;
    for (const ledger::DecisionRow& row : *decisions) {
        const auto machine = std::ranges::find_if(*machines, [&](const ledger::MachineView& view) {
            return view.row.id == row.decision.machine;
        });
        if (machine == machines->end() || !first.creates.contains(machine->row.name)) {
            continue;
        }
        const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
            first.creates.at(machine->row.name) - row.at);
        std::fprintf(
            stderr,
            "%s: %lld ms from decision to create\n",
            std::string{fakes::cloud::to_text(GetParam())}.c_str(),
            static_cast<long long>(took.count()));
        EXPECT_LT(took, create_goal + (GetParam() == Vendor::lambda ? lambda_gap : 0ms));
        ++compared;
    }
    EXPECT_EQ(compared, 1);
    std::this_thread::sleep_for(5s);  // what follows a boot is no steady state
    const Calls before = calls_after(scene, first.last);
    std::this_thread::sleep_for(watched);
    const Calls steady = calls_after(scene, before.last);
    std::int64_t all = 0;
    for (const auto& [operation, count] : steady.counts) {
        std::fprintf(
            stderr,
            "%s: %lld %s calls an hour\n",
            std::string{fakes::cloud::to_text(GetParam())}.c_str(),
            static_cast<long long>(count * per_hour),
            operation.c_str());
        all += count;
    }
    std::fprintf(stderr, "%lld calls an hour in all\n", static_cast<long long>(all * per_hour));
    EXPECT_GT(all, 0) << "it must be looked after";
    EXPECT_LE(all, steady_calls_max);
    EXPECT_TRUE(scene.serves());
}

}  // namespace
}  // namespace evenkeel::integration
