#include "tests/unit/config/support.hpp"

#include <algorithm>

namespace evenkeel::config::test {
namespace {

/// Four files with six mistakes of different kinds, found in one run.
std::vector<SourceFile> six_mistakes() {
    return {
        {"/etc/evenkeel/evenkeel.yaml",
         "version: 1\ncurrency: {report: AUD, rates: {USD: {rate: 1.4, as_of: 2026-11-24}}}\n"},
        {"/etc/evenkeel/providers.yaml",
         "version: 1\nproviders:\n  desk: {kind: local, url: \"http://127.0.0.1:1\"}\n"
         "  runpod: {kind: runpod, credential: a}\n  claude: {kind: anthropic, credential: b}\n"},
        {"/etc/evenkeel/models.yaml", R"(version: 1
models:
  qwq-32b:
    offers:
      - {on: desk}
      - {on: runpod, price: 2.89 USD/h, seen: 2026-11-09}
  opus:
    offers:
      - {on: claude, model: claude-opus-5-5, price: 4 USD/h, seen: 2026-09-23}
)"},
        {"/etc/evenkeel/policy.yaml",
         "version: 1\nroutes:\n  - {name: hard, match: {model: [opus]}, use: [opus]}\n"
         "  - name: default\n\tuse: [qwq-32b]\n  - {name: last, match: {}, use: [qwq32b]}\n"
         "budgets:\n  - name: all\n    limit: 400\nscaling:\n  - name: h100-burst\n"
         "    model: qwq-32b\n    offers: [runpod]\n    min: 0\n    min: 1\n"
         "    max_price: 4.5 USD/h\n    max_lifetime: 6h\n"}};
}

TEST(Render, LooksAsDocumented) {
    auto found = findings(six_mistakes());
    std::erase_if(found, [](const Diagnostic& d) { return d.severity == Severity::warning; });
    EXPECT_EQ(
        render_all(found),
        R"(/etc/evenkeel/models.yaml:9:53: error: price per hour on an offer that sells tokens
    9 |       - {on: claude, model: claude-opus-5-5, price: 4 USD/h, seen: 2026-09-23}
      |                                                     ^~~~~~~ )"
        "write {in: 4 USD/Mtok, out: 20 USD/Mtok}   [EK-C027]"
        R"(
/etc/evenkeel/policy.yaml:5:1: error: tab used for indentation; YAML allows only spaces   [EK-C001]
/etc/evenkeel/policy.yaml:6:35: error: route 'last' uses a model that models.yaml does not define
    6 |   - {name: last, match: {}, use: [qwq32b]}
      |                                   ^~~~~~ did you mean 'qwq-32b'?
      = known models: qwq-32b, opus   [EK-C041]
/etc/evenkeel/policy.yaml:9:12: error: amount without a currency
    9 |     limit: 400
      |            ^~~ write '400 AUD' or '400 USD'   [EK-C020]
/etc/evenkeel/policy.yaml:15:5: error: duplicate key 'min', first at 14:5   [EK-C003]
/etc/evenkeel/policy.yaml:17:5: error: unknown key 'max_lifetime' in scaling[0]
   17 |     max_lifetime: 6h
      |     ^~~~~~~~~~~~ did you mean 'max_life'?
      = without max_life a rented machine has no latest end   [EK-C012]
)");
    EXPECT_EQ(summary(4, found), "4 files, 6 errors");
}

TEST(Render, CountsWhatItDoesNotShow) {
    std::string text = "version: 1\n";
    for (int i = 0; i < 25; ++i) {
        text += "zzzzzzz" + std::to_string(i) + ": 1\n";
    }
    const auto found = findings(base_with(File::evenkeel, text));
    ASSERT_EQ(found.size(), 25u);
    const std::string shown = render_all(found);
    EXPECT_TRUE(shown.ends_with("... and 5 more\n")) << shown;
    EXPECT_EQ(std::ranges::count(found, "EK-C012", &Diagnostic::code), 25);
    EXPECT_EQ(summary(1, found), "1 file, 25 errors");
}

TEST(Render, CollectsUpToALimit) {
    std::string text = "version: 1\n";
    for (int i = 0; i < 2'000; ++i) {
        text += "zzzzzzz" + std::to_string(i) + ": 1\n";
    }
    EXPECT_EQ(findings(base_with(File::evenkeel, text)).size(), collected_diagnostics_max);
}

TEST(Render, CutsLongLinesAroundTheToken) {
    std::string text = "version: 1\nhardware: [";
    for (int i = 0; i < 1'000; ++i) {
        text += "{name: machine-" + std::to_string(i) + "}, ";
    }
    text += "{name: last, gpos: [1]}]\n";
    const auto found = findings(base_with(File::evenkeel, text));
    ASSERT_EQ(found.size(), 1u) << render_all(found);
    EXPECT_LT(found[0].source.size(), 160u);
    const std::string token =
        found[0].source.substr(static_cast<std::size_t>(found[0].source_col - 1), 4);
    EXPECT_EQ(token, "gpos");
    EXPECT_EQ(found[0].line, 2);
    EXPECT_GT(found[0].col, 10'000);
}

TEST(Explain, KnowsEveryCodeInAnySpelling) {
    EXPECT_NE(explain("EK-C012").find("not known"), std::string::npos);
    EXPECT_EQ(explain("ek-c012"), explain("EK-C012"));
    EXPECT_EQ(explain("c012"), explain("EK-C012"));
    EXPECT_EQ(explain("EK-C999"), "");
    EXPECT_EQ(explain(""), "");
    EXPECT_EQ(explain(std::string(100'000, 'x')), "");
}

}  // namespace
}  // namespace evenkeel::config::test
