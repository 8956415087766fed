#include "tests/unit/scenarios/reader.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>

/// Plays every case of tests/scenarios/*.yaml.
namespace evenkeel::scenarios {
namespace {

std::string offer_name(const Case& one, NameIx offer) {
    const auto at = static_cast<std::size_t>(offer.value() - 1);
    return at < one.offers.size() ? one.offers[at] : std::string{};
}

std::string describe(const Case& one, const std::vector<scaling::TimedDecision>& made) {
    std::string text;
    for (const scaling::TimedDecision& each : made) {
        text += fmt::format(
            "\n  after {} s: {} {} {} x{} machine {}: {}",
            each.at.count() / 1'000,
            scaling::to_text(each.decision.kind),
            to_text(each.decision.reason.code),
            offer_name(one, each.decision.offer),
            each.decision.count,
            each.decision.machine.value(),
            sentence(each.decision.reason, "USD"));
    }
    return text.empty() ? "\n  nothing" : text;
}

bool is_as_expected(const Case& one, const scaling::TimedDecision& made, const Expected& expected) {
    const scaling::Decision& decision = made.decision;
    return scaling::to_text(decision.kind) == expected.decision &&
           to_text(decision.reason.code) == expected.reason &&
           (expected.offer.empty() || offer_name(one, decision.offer) == expected.offer) &&
           (!expected.count || decision.count == *expected.count) &&
           (!expected.machine || decision.machine.value() == *expected.machine) &&
           (!expected.after || made.at >= *expected.after) &&
           (!expected.before || made.at <= *expected.before);
}

std::vector<std::string> files() {
    std::vector<std::string> found;
    for (const auto& entry :
         std::filesystem::directory_iterator{EVENKEEL_SOURCE_DIR "/tests/scenarios"}) {
        if (entry.path().extension() == ".yaml") {
            found.push_back(entry.path().string());
        }
    }
    std::ranges::sort(found);
    return found;
}

TEST(RentScenarios, EveryCaseDecidesAsItSays) {
    for (const std::string& file : files()) {
        for (const Case& one : read_cases(file)) {
            const std::size_t most = std::max<std::size_t>(1, one.expected.size());
            const auto made = scaling::play(one.scenario, most);
            bool right = made.size() == one.expected.size();
            for (std::size_t i = 0; right && i < made.size(); ++i) {
                right = is_as_expected(one, made[i], one.expected[i]);
            }
            EXPECT_TRUE(right) << one.file << ':' << one.line << ": " << one.name
                               << describe(one, made);
        }
    }
}

TEST(RentScenarios, ThereAreManyAndTheirNamesDiffer) {
    std::set<std::string> names;
    std::size_t count = 0;
    for (const std::string& file : files()) {
        for (const Case& one : read_cases(file)) {
            names.insert(one.name);
            ++count;
        }
    }
    EXPECT_GE(count, 60u);
    EXPECT_EQ(names.size(), count);
}

}  // namespace
}  // namespace evenkeel::scenarios
