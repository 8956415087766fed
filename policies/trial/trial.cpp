#include "policies/trial/trial.hpp"

#include "policies/trial/rent_trial.hpp"

#include <fmt/format.h>

namespace evenkeel::trial {
namespace {

Verdict failed(std::string told) {
    return {.passed = false, .told = std::move(told)};
}

std::string time_text(milliseconds time) {
    return time.count() % 1'000 == 0 ? fmt::format("{} s", time.count() / 1'000)
                                     : fmt::format("{} ms", time.count());
}

/// What is wrong with a moment, or nothing.
std::string late_or_early(const config::Expected& expected, milliseconds at) {
    if (expected.after && at < *expected.after) {
        return fmt::format(
            "should come after {} at the earliest, came after {}",
            time_text(*expected.after),
            time_text(at));
    }
    if (expected.before && at > *expected.before) {
        return fmt::format(
            "should come after {} at the latest, came after {}",
            time_text(*expected.before),
            time_text(at));
    }
    return {};
}

std::string came_text(const RouteOutcome& came) {
    return came.source.empty() ? fmt::format("was refused: {}", came.refused)
                               : fmt::format("chose {}", came.source);
}

Verdict judge(const config::Expected& expected, const RouteOutcome& came) {
    if (!came.problem.empty()) {
        return failed(came.problem);
    }
    if (!expected.route.empty() && expected.route != came.route) {
        return failed(fmt::format(
            "should take route {}, took {}",
            expected.route,
            came.route.empty() ? "none" : came.route));
    }
    if (!expected.source.empty() && expected.source != came.source) {
        return failed(fmt::format("should choose {}, {}", expected.source, came_text(came)));
    }
    if (!expected.refused.empty() && expected.refused != came.refused) {
        return failed(fmt::format("should be refused ({}), {}", expected.refused, came_text(came)));
    }
    if (!expected.reason.empty() && expected.reason != came.reason) {
        return failed(fmt::format(
            "should have the reason {}, has {} ({})",
            expected.reason,
            came.reason,
            came_text(came)));
    }
    if (std::string wrong = late_or_early(expected, came.at); !wrong.empty()) {
        return failed(std::move(wrong));
    }
    return {.passed = true};
}

bool is_about_renting(const config::Expected& expected) {
    return !expected.decision.empty() || !expected.offer.empty() || expected.count ||
           expected.machine;
}

Verdict play_route(
    const config::Config& config, const config::PolicyCase& test, std::chrono::sys_days today) {
    if (test.expected.size() != 1 || is_about_renting(test.expected.front())) {
        return failed("a request expects one source, or one reason for being refused");
    }
    const config::Expected& expected = test.expected.front();
    if (expected.source.empty() && expected.refused.empty() && expected.route.empty()) {
        return failed("expects nothing: name a source, a route, or why it is refused");
    }
    return judge(expected, play_request(config, *test.request, test.world, today));
}

/// The first expectation that one decision does not meet; nothing when it meets all.
std::string unlike(const config::Expected& expected, const RentOutcome& came) {
    const auto differs = [](const std::string& wanted, const std::string& got) {
        return !wanted.empty() && wanted != got;
    };
    if (differs(expected.decision, came.decision) || differs(expected.offer, came.offer) ||
        differs(expected.reason, came.reason) ||
        (expected.count && *expected.count != came.count) ||
        (expected.machine && *expected.machine != came.machine)) {
        return fmt::format(
            "should {}{}{}{}{}, did {}",
            expected.decision.empty() ? "decide" : expected.decision,
            expected.count ? fmt::format(" {}", *expected.count) : "",
            expected.offer.empty() ? "" : fmt::format(" from {}", expected.offer),
            expected.machine ? fmt::format(" machine {}", *expected.machine) : "",
            expected.reason.empty() ? "" : fmt::format(" ({})", expected.reason),
            to_text(came));
    }
    return late_or_early(expected, came.at);
}

Verdict play_rent(const config::Config& config, const config::PolicyCase& test) {
    const std::size_t wanted = test.expected.size();
    // One more than is expected shows that `none` is none.
    const auto came = play_scaling(config, test, std::max<std::size_t>(wanted, 1));
    if (!came) {
        return failed(came.error());
    }
    if (wanted == 0 && !came->empty()) {
        return failed(fmt::format("should decide nothing, did {}", to_text(came->front())));
    }
    for (std::size_t i = 0; i < wanted; ++i) {
        if (i >= came->size()) {
            return failed(fmt::format(
                "should make {} decision{}, made {}", wanted, wanted == 1 ? "" : "s", i));
        }
        if (std::string wrong = unlike(test.expected[i], (*came)[i]); !wrong.empty()) {
            return failed(
                wanted == 1 ? std::move(wrong) : fmt::format("decision {} {}", i + 1, wrong));
        }
    }
    return {.passed = true};
}

}  // namespace

Verdict play(
    const config::Config& config, const config::PolicyCase& test, std::chrono::sys_days today) {
    if (test.request.has_value() != test.scaling.empty()) {
        return failed("a case has either 'request' or 'scaling'");
    }
    return test.request ? play_route(config, test, today) : play_rent(config, test);
}

}  // namespace evenkeel::trial
