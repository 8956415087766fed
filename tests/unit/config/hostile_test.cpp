#include "tests/unit/config/support.hpp"

#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <fstream>
#include <string>

namespace evenkeel::config::test {
namespace {

std::string repeat(std::string_view pattern, std::size_t bytes) {
    std::string out;
    out.reserve(bytes);
    while (out.size() + pattern.size() <= bytes) {
        out += pattern;
    }
    return out;
}

/// Most resident memory of this process so far, in bytes.
std::int64_t peak_bytes() {
    std::ifstream status{"/proc/self/status"};
    std::string word;
    while (status >> word) {
        if (word == "VmHWM:") {
            std::int64_t kib = 0;
            status >> kib;
            return kib * 1024;
        }
    }
    return 0;
}

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool is_sanitized = true;
constexpr double seconds_max = 10;
#else
constexpr bool is_sanitized = false;
constexpr double seconds_max = 1;
#endif

/// Processor time of this process, so that a busy machine does not fail the test.
double cpu_seconds_since(std::clock_t begin) {
    return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
}

/// A megabyte of every pattern that makes YAML readers queue, recurse or expand.
class Hostile : public testing::TestWithParam<const char*> {};

TEST_P(Hostile, F103EndsInTimeAndMemory) {
    const std::string text = repeat(GetParam(), file_bytes_max);
    const std::int64_t before = peak_bytes();
    const std::clock_t begin = std::clock();
    const auto found = findings(base_with(File::policy, text));
    EXPECT_LT(cpu_seconds_since(begin), seconds_max);
    EXPECT_TRUE(std::ranges::any_of(found, [](const Diagnostic& d) {
        return d.severity == Severity::error;
    })) << render_all(found);
    EXPECT_LE(found.size(), collected_diagnostics_max);
    if (!is_sanitized) {
        EXPECT_LT(peak_bytes() - before, std::int64_t{64} * 1024 * 1024);
    }
    for (const Diagnostic& each : found) {
        EXPECT_LT(render(each).size(), 2'000u);
    }
}

INSTANTIATE_TEST_SUITE_P(
    Patterns,
    Hostile,
    testing::Values(
        "[",
        "{",
        "[a,",
        "{a: ",
        "- ",
        "? ",
        "a: ",
        "&a ",
        "*a ",
        "! ",
        "a\n",
        "a: b\n",
        "[]",
        "\"",
        "\"\\x41",
        "|\n",
        "#",
        "\n",
        "\ta: b\n",
        "x: [",
        "é",
        "zz: 1, ",
        "sk-abcdefghijklmnop0123 ",
        "<<: {a: 1}\n",
        "routes: [{name: a}]\n"));

/// As many names as fit, in lists that have to be compared with each other.
TEST(HostileNames, F103ManyUnknownNamesEndInTime) {
    const auto name = [](int i) { return std::string(50, 'n') + std::to_string(i); };
    auto files = base_files();
    files[2].text = "version: 1\nmodels:\n";
    files[3].text = "version: 1\nroutes:\n  - {name: all, use: [";
    for (int i = 0; i < 2'000; ++i) {
        files[2].text += "  " + name(i) + ": {offers: [{name: o" + std::to_string(i) +
                         ", on: cloud, price: 1 USD/h, seen: 2026-11-01}]}\n";
    }
    for (int i = 0; i < 5'000; ++i) {
        files[3].text += name(i + 1'000'000) + ", ";
    }
    files[3].text += "]}\n";
    for (int i = 0; i < 5'000; ++i) {
        files[3].text += name(i) + "x: 1\n";
    }
    const std::clock_t begin = std::clock();
    EXPECT_EQ(findings(files).size(), collected_diagnostics_max);
    EXPECT_LT(cpu_seconds_since(begin), seconds_max);
}

TEST(Bomb, F103AliasesAreNotExpanded) {
    std::string text = "version: 1\na0: &a0 [x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 12; ++i) {
        const std::string alias = "*a" + std::to_string(i - 1);
        text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
        for (int k = 0; k < 9; ++k) {
            text += alias + (k < 8 ? ", " : "]\n");
        }
    }
    const auto found = findings(base_with(File::policy, text));
    EXPECT_GT(std::ranges::count(found, "EK-C004", &Diagnostic::code), 20);
}

TEST(Limits, F103SizeDepthAndCountAreExact) {
    const auto codes = [](std::string_view text) {
        std::vector<std::string> out;
        for (const Diagnostic& each : findings(base_with(File::policy, text))) {
            out.push_back(each.code);
        }
        return out;
    };
    const std::string good = base_texts[3];
    EXPECT_TRUE(codes(good + "#" + std::string(file_bytes_max - good.size() - 1, 'x')).empty());
    EXPECT_EQ(
        codes(good + "#" + std::string(file_bytes_max - good.size(), 'x')),
        std::vector<std::string>{"EK-C009"});
    // The document is one level, each bracket one more.
    const auto nested = [&](int depth) {
        return good + "slo: " + repeat("[", static_cast<std::size_t>(depth - 1)) +
               repeat("]", static_cast<std::size_t>(depth - 1)) + "\n";
    };
    EXPECT_EQ(codes(nested(file_depth_max)), std::vector<std::string>{"EK-C014"});
    EXPECT_EQ(codes(nested(file_depth_max + 1)), std::vector<std::string>{"EK-C009"});
    const auto many = [](int values) {  // the map, three keys, "1", a list
        return "version: 1\nslo: [" + repeat("a,", static_cast<std::size_t>(values - 5) * 2) +
               "]\n";
    };
    EXPECT_EQ(
        codes(many(file_nodes_max)), (std::vector<std::string>{"EK-W035", "EK-C013", "EK-C014"}));
    EXPECT_EQ(codes(many(file_nodes_max + 1)), std::vector<std::string>{"EK-C009"});
}

/// Any bytes, and valid text with random damage: load() neither throws nor loses its sorted order.
RC_GTEST_PROP(HostileProperty, F103AnyBytesGiveSortedFindings, (const std::string& bytes)) {
    const auto found = findings(base_with(File::policy, bytes));
    RC_ASSERT(std::ranges::is_sorted(
        found, {}, [](const Diagnostic& d) { return std::tuple{d.file, d.line, d.col}; }));
}

RC_GTEST_PROP(HostileProperty, F103DamagedFilesNeverThrow, ()) {
    const auto file = static_cast<File>(*rc::gen::inRange(0, 4));
    std::string text = base_texts[static_cast<std::size_t>(file)];
    const int edits = *rc::gen::inRange(1, 4);
    for (int i = 0; i < edits; ++i) {
        const auto at =
            static_cast<std::size_t>(*rc::gen::inRange(0, static_cast<int>(text.size())));
        const std::string_view marks = "[]{},:-?&*!|>'\"%#\n\t 0~\x80";
        const char mark =
            marks[static_cast<std::size_t>(*rc::gen::inRange(0, static_cast<int>(marks.size())))];
        if (*rc::gen::arbitrary<bool>()) {
            text.insert(at, 1, mark);
        } else {
            text[at] = mark;
        }
    }
    const auto found = findings(base_with(file, text));
    for (const Diagnostic& each : found) {
        RC_ASSERT(each.line >= 1 && each.col >= 1 && each.end_col > each.col);
        RC_ASSERT(!render(each).empty());
    }
}

}  // namespace
}  // namespace evenkeel::config::test
