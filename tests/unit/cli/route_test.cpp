#include "agent/cli/exit_codes.hpp"
#include "tests/unit/cli/say.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

/// `evenkeel route explain`, through the command line itself.
namespace evenkeel::cli {
namespace {

namespace fs = std::filesystem;

class RouteExplain : public testing::Test {
protected:
    void SetUp() override {
        folder_ = fs::path{testing::TempDir()} /
                  testing::UnitTest::GetInstance()->current_test_info()->name();
        fs::create_directories(folder_);
        write("evenkeel.yaml", "version: 1\n");
        write(
            "providers.yaml",
            "version: 1\nproviders:\n  desk: {kind: local, url: \"http://127.0.0.1:9\"}\n"
            "  shop: {kind: openai-compatible, url: \"https://shop.example/v1\"}\n");
        models("");
        write(
            "policy.yaml",
            "version: 1\nroutes:\n  - {name: proofs, match: {text: '(?i)\\bprove\\b'}, use: "
            "[big]}\n"
            "  - {name: default, use: [m]}\n");
    }
    void TearDown() override { fs::remove_all(folder_); }

    void write(const char* name, const std::string& text) const {
        std::ofstream{folder_ / name} << text;
    }
    void models(const std::string& more) const {
        write(
            "models.yaml",
            "version: 1\nmodels:\n  m: {offers: [{on: desk}]}\n  big:\n    offers:\n"
            "      - {on: shop, price: {in: 4 USD/Mtok, out: 20 USD/Mtok}, seen: 2026-01-01" +
                more + "}\n");
    }
    [[nodiscard]] Said explain(std::vector<std::string> more) const {
        std::vector<std::string> words{"--config", folder_.string(), "route", "explain"};
        words.insert(words.end(), more.begin(), more.end());
        return say(words);
    }

    fs::path folder_{};
};

TEST_F(RouteExplain, TriesATextAndSaysWhatItDidNotTry) {
    const Said prove = explain({"--model", "m", "--text", "Prove that 1 = 1"});
    EXPECT_EQ(prove.status, Exit::done) << prove.err;
    EXPECT_NE(prove.out.find("rule: routes[0] 'proofs'"), std::string::npos) << prove.out;
    EXPECT_EQ(prove.out.find("Prove"), std::string::npos) << "the text itself is not shown";
    EXPECT_EQ(prove.out.find("not tried"), std::string::npos) << prove.out;
    const Said other = explain({"--model", "m", "--text", "improvement"});
    EXPECT_NE(other.out.find("rule: routes[1] 'default'"), std::string::npos) << other.out;
    const Said none = explain({"--model", "m"});
    EXPECT_NE(none.out.find("rule: routes[1] 'default'"), std::string::npos) << none.out;
    EXPECT_NE(
        none.out.find("not tried, as they match on text: proofs; say --text\n"), std::string::npos)
        << none.out;
}

TEST_F(RouteExplain, SaysThatAnOfferIsRetired) {
    models(", retires: 2026-01-02");
    const Said said = explain({"--model", "m", "--text", "prove it"});
    EXPECT_EQ(said.status, Exit::done) << said.err;
    EXPECT_NE(said.out.find("no: its seller retired it on 2026-01-02"), std::string::npos)
        << said.out;
}

}  // namespace
}  // namespace evenkeel::cli
