#include "tests/unit/bootstrap/node_rig.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

/// Values of the owner's YAML end up in shell, YAML and nginx texts. Whatever they are, a shell
/// that really reads the texts sees exactly them, and runs nothing.
namespace evenkeel::inference::bootstrap {
namespace {

using namespace testing_tools;

/// Printable texts, with more than their share of what breaks quoting.
rc::Gen<std::string> hostile() {
    const auto piece = rc::gen::oneOf(
        rc::gen::map(rc::gen::inRange(' ', '\x7f'), [](char c) { return std::string(1, c); }),
        rc::gen::element<std::string>(
            "'",
            "\"",
            "$(touch pwned)",
            "`touch pwned`",
            "\\",
            "'; touch pwned; '",
            "${HOME}",
            " #",
            ": ",
            "%s",
            "{{",
            "EVENKEEL_END_OF_FILE",
            "!!binary",
            "*",
            "~"));
    return rc::gen::map(
        rc::gen::container<std::vector<std::string>>(piece),
        [](const std::vector<std::string>& pieces) {
            std::string text{"x"};
            for (const std::string& part : pieces) {
                text += part;
            }
            return text.substr(0, 500);
        });
}

/// What a shell holds after reading each of `assignments`: the arguments of the engine, NUL behind
/// each.
std::vector<std::string> arguments_seen(const std::vector<std::string>& assignments) {
    const TempDir folder;
    std::string show = "set -euo pipefail\ncd \"$1\"\n";
    for (std::size_t i = 0; i < assignments.size(); ++i) {
        folder.write(fmt::format("values{}", i), assignments[i]);
        show +=
            fmt::format(". ./values{0}\nprintf '%s\\0' \"${{engine_arguments[@]}}\" >seen{0}\n", i);
    }
    const Ran ran =
        run({"/bin/bash", "-c", show, "show", folder.path().string()},
            {{"PATH", "/usr/bin:/bin"}, {"HOME", "/root"}});
    RC_ASSERT(ran.output == "");
    RC_ASSERT(ran.status == 0);
    std::vector<std::string> seen;
    for (std::size_t i = 0; i < assignments.size(); ++i) {
        seen.push_back(folder.read(fmt::format("seen{}", i)));
    }
    // Nothing else was made.
    const auto entries = std::distance(fs::directory_iterator{folder.path()}, {});
    RC_ASSERT(static_cast<std::size_t>(entries) == 2 * assignments.size());
    return seen;
}

/// The engine arguments that must be seen, one after the other.
void expect_words(const std::string& seen, const NodePlan& plan) {
    std::vector<std::string> words;
    for (std::size_t at = 0; at < seen.size();) {
        words.emplace_back(seen.c_str() + at);
        at += words.back().size() + 1;
    }
    RC_ASSERT(words.size() > 12);
    RC_ASSERT(words[1] == plan.weights);
    const auto name = std::ranges::find(words, "--served-model-name");
    RC_ASSERT(name != words.end());
    RC_ASSERT(*(name + 1) == plan.model);
    RC_ASSERT(words.size() > plan.arguments.size());
    RC_ASSERT(std::equal(plan.arguments.rbegin(), plan.arguments.rend(), words.rbegin()));
}

RC_GTEST_PROP(HostileValues, StayValues, ()) {
    NodePlan plan = good_plan();
    plan.model = *hostile();
    plan.weights = *hostile();
    std::ranges::replace(plan.weights, '@', '_');  // would name a revision
    plan.arguments = *rc::gen::container<std::vector<std::string>>(3, hostile());

    const auto text = cloud_init(plan);
    RC_ASSERT(text.has_value());
    const auto files = written_files(*text);
    RC_ASSERT(files.size() == 8u);
    const auto start = container(plan);
    RC_ASSERT(start.has_value());
    const std::string script = script_of(start->args);
    const std::size_t begin = script.find("EVENKEEL_ENGINE_KEY=");
    const std::size_t end = script.find("mkdir -p \"$run\"");
    RC_ASSERT(begin != std::string::npos && end != std::string::npos);
    const auto seen =
        arguments_seen({files.at("/etc/evenkeel/node.env"), script.substr(begin, end - begin)});
    expect_words(seen[0], plan);
    expect_words(seen[1], plan);
    RC_ASSERT(start->args.find_first_of("$`'\n") == std::string::npos);
}

RC_GTEST_PROP(HostileValues, AnyBytesAreRefusedOrRenderedAsAscii, ()) {
    NodePlan plan = good_plan();
    plan.model = *rc::gen::arbitrary<std::string>();
    plan.arguments = {*rc::gen::arbitrary<std::string>()};
    const auto text = cloud_init(plan);
    RC_ASSERT(text.has_value() == check(plan).has_value());
    if (text) {
        RC_ASSERT(
            std::ranges::all_of(*text, [](char c) { return (c >= ' ' && c <= '~') || c == '\n'; }));
        RC_ASSERT(written_files(*text).size() == 8u);
    }
}

}  // namespace
}  // namespace evenkeel::inference::bootstrap
