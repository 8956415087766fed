#include "agent/cli/exit_codes.hpp"
#include "agent/replay/world.hpp"
#include "policies/config/override.hpp"
#include "policies/replay/builtin.hpp"
#include "tests/unit/cli/say.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value_to.hpp>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

/// `evenkeel replay`, through the command line itself.
namespace evenkeel::cli {
namespace {

using agent::reference_files;
using agent::replay_world;
namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::chrono::sys_days day{std::chrono::year{2026} / 11 / 25};

class CliReplay : public testing::Test {
protected:
    void SetUp() override {
        std::string form = (fs::temp_directory_path() / "replay-XXXXXX").string();
        folder_ = ::mkdtemp(form.data());
        std::ofstream trace{folder_ / "trace.csv"};
        trace << "arrival_s,client,input_tokens,output_tokens\n";
        for (int i = 0; i < 600; ++i) {
            trace << i * 0.25 << ",1,1200,300\n";
        }
    }
    void TearDown() override { fs::remove_all(folder_); }
    [[nodiscard]] std::string trace() const { return (folder_ / "trace.csv").string(); }
    [[nodiscard]] std::string write_reference() const {
        const fs::path to = folder_ / "config";
        fs::create_directory(to);
        for (const config::SourceFile& file : reference_files()) {
            std::ofstream{to / file.path} << file.text;
        }
        return to.string();
    }
    fs::path folder_{};
};

TEST_F(CliReplay, JsonHasTheFieldsOfItsSchema) {
    const Said said = say(
        {"replay", "--trace", trace(), "--world", "reference", "--policy", "api-only", "--json"});
    ASSERT_EQ(said.status, Exit::done) << said.err;
    const json::object answer = json::parse(said.out).as_object();
    EXPECT_EQ(answer.at("schema").as_string(), "evenkeel.replay/1");
    EXPECT_EQ(answer.at("requests").as_int64(), 600);
    // 600 x (1,200 x 5 + 300 x 25) / 1e6 USD
    EXPECT_EQ(answer.at("cost").as_object().at("total").as_string(), "8.10");
    EXPECT_EQ(answer.at("cost").as_object().at("api").as_string(), "8.10");
    EXPECT_EQ(answer.at("j").as_string(), "8.10");
    EXPECT_EQ(answer.at("wait_s").as_object().at("p95").to_number<double>(), 1.5);
    EXPECT_EQ(answer.at("within_limit").to_number<double>(), 1.0);
    for (const char* key : {"machine_starts", "machine_hours", "idle_share"}) {
        EXPECT_EQ(answer.at(key).to_number<double>(), 0.0) << key;
    }
    EXPECT_FALSE(answer.contains("now"));
}

TEST_F(CliReplay, PricesBootAndBoundAreFlags) {
    const Said said = say(
        {"replay",
         "--trace",
         trace(),
         "--world",
         "reference",
         "--policy",
         "api-only",
         "--api-price",
         "1/5",
         "--boot",
         "180s",
         "--bound",
         "--json"});
    ASSERT_EQ(said.status, Exit::done) << said.err;
    const json::object answer = json::parse(said.out).as_object();
    EXPECT_EQ(answer.at("cost").as_object().at("total").as_string(), "1.62");
    const std::string bound = json::value_to<std::string>(answer.at("bound"));
    EXPECT_GT(std::stod(bound), 0.0);
    EXPECT_LT(std::stod(bound), 1.62);
}

TEST_F(CliReplay, TheTableComparesNowWithTheDraft) {
    const std::string config = write_reference();
    const Said said =
        say({"replay", "--trace", trace(), "--config", config, "--policy", "api-only"});
    ASSERT_EQ(said.status, Exit::done) << said.err;
    EXPECT_NE(said.out.find("NOW"), std::string::npos) << said.out;
    EXPECT_NE(said.out.find("DRAFT"), std::string::npos);
    EXPECT_NE(said.out.find("600 requests"), std::string::npos);
    EXPECT_NE(said.out.find("8.10"), std::string::npos);
}

TEST_F(CliReplay, ADraftFolderAndAChangedValueAreDrafts) {
    const std::string config = write_reference();
    for (const std::vector<std::string>& more : std::vector<std::vector<std::string>>{
             {"--policy", config + "/"}, {"--set", "scaling.h100.max=0"}}) {
        std::vector<std::string> words{"replay", "--trace", trace(), "--config", config, "--json"};
        words.insert(words.end(), more.begin(), more.end());
        const Said said = say(words);
        ASSERT_EQ(said.status, Exit::done) << said.err;
        EXPECT_TRUE(json::parse(said.out).as_object().contains("now"));
    }
}

TEST_F(CliReplay, WrongWordsAreUsageErrors) {
    const std::vector<std::vector<std::string>> wrong{
        {"replay"},
        {"replay", "--trace", trace(), "--world", "mars"},
        {"replay", "--trace", trace(), "--world", "reference", "--policy", "always-0"},
        {"replay", "--trace", trace(), "--world", "reference", "--api-price", "5"},
        {"replay", "--trace", trace(), "--world", "reference", "--boot", "soon"},
        {"replay", "--trace", trace(), "--world", "reference", "--set", "scaling.h100.max"},
        {"replay", "--trace", trace(), "--world", "reference", "--set", "scaling.a100.max=1"}};
    for (const std::vector<std::string>& words : wrong) {
        const Said said = say(words);
        EXPECT_EQ(said.status, Exit::usage) << testing::PrintToString(words) << said.out;
        EXPECT_NE(said.err.find("evenkeel: "), std::string::npos);
    }
    const Said bad = say(
        {"replay", "--trace", trace(), "--world", "reference", "--set", "scaling.h100.max=many"});
    EXPECT_EQ(bad.status, Exit::configuration);
    EXPECT_NE(bad.err.find("policy.yaml"), std::string::npos) << bad.err;
    EXPECT_NE(
        say({"replay", "--trace", "/nonexistent.csv", "--world", "reference"}).status, Exit::done);
}

/// The files behind `--world reference` say what replay::reference_world says.
TEST(ReplayWorld, ReferenceFilesAreTheReferenceWorld) {
    const auto loaded = config::load(reference_files(), config::Date{day});
    ASSERT_TRUE(loaded) << config::render_all(loaded.error());
    const auto world = replay_world(loaded->config, "", day);
    ASSERT_TRUE(world) << world.error().message;
    const replay::Options expected = replay::reference_world();
    const replay::Options& got = world->options;
    EXPECT_EQ(got.machine_price, expected.machine_price);
    EXPECT_EQ(got.api_price, expected.api_price);
    EXPECT_EQ(got.power_price, expected.power_price);
    EXPECT_EQ(got.own_busy_milliwatts, expected.own_busy_milliwatts);
    EXPECT_EQ(got.boot, expected.boot);
    EXPECT_EQ(got.min_bill, expected.min_bill);
    EXPECT_EQ(got.slo, expected.slo);
    config::Scaling rule = got.scaling;
    rule.name = rule.model = {};
    rule.offers.clear();
    rule.boot.reset();
    rule.min_bill.reset();
    rule.max_price = {};
    EXPECT_EQ(rule, expected.scaling);
    EXPECT_EQ(got.safety, expected.safety);
    ASSERT_EQ(got.own.size(), 1u);
    EXPECT_EQ(got.own[0].name, expected.own[0].name);
    EXPECT_EQ(got.rented.name, expected.rented.name);
    EXPECT_EQ(got.own_slots[0], expected.own[0].seqs);
    EXPECT_EQ(got.rented_slots, expected.rented.seqs);
}

TEST(ReplayWorld, AnUnknownModelIsNotFound) {
    const auto loaded = config::load(reference_files(), config::Date{day});
    ASSERT_TRUE(loaded);
    EXPECT_EQ(replay_world(loaded->config, "gpt", day).error().code, Errc::not_found);
}

Result<agent::ReplayWorld> world_with_routes(const char* routes) {
    std::vector<config::SourceFile> files = reference_files();
    EXPECT_TRUE(config::override_value(files, "routes", routes));
    const auto loaded = config::load(files, config::Date{day});
    EXPECT_TRUE(loaded) << config::render_all(loaded.error());
    return replay_world(loaded->config, "", day);
}

TEST(ReplayWorld, TheRouteWithoutConditionsCounts) {
    const auto world = world_with_routes(
        "[{name: batch, match: {header: {x-class: batch}}, use: [reference-32b], max_wait: 6h},"
        " {name: default, match: {}, use: [reference-32b], max_wait: 20s}]");
    ASSERT_TRUE(world);
    EXPECT_EQ(world->options.max_wait, std::chrono::seconds{20});
}

TEST(ReplayWorld, AnApiThatHasRetiredTakesNothing) {
    const auto loaded = config::load(reference_files(), config::Date{day});
    ASSERT_TRUE(loaded) << config::render_all(loaded.error());
    config::Config config = loaded->config;
    for (config::Model& model : config.models) {
        for (config::Offer& offer : model.offers) {
            if (offer.token_price) {
                offer.retires = config::Date{day};
            }
        }
    }
    const auto price = [&config](std::chrono::sys_days today) {
        return replay_world(config, "", today)->options.api_price.in.num();
    };
    EXPECT_GT(price(day - std::chrono::days{1}), 0);
    EXPECT_EQ(price(day), 0);
}

TEST(ReplayWorld, RoutesThatAskForTextArePassedOverAndSaidSo) {
    const auto world = world_with_routes(
        "[{name: worded, match: {text: translate}, use: [reference-32b], max_wait: 6h},"
        " {name: keyed, match: {key: [a]}, use: [reference-32b], max_wait: 20s}]");
    ASSERT_TRUE(world);
    EXPECT_EQ(world->options.max_wait, std::chrono::seconds{20});
    EXPECT_NE(
        std::ranges::find(
            world->assumptions,
            "route worded matches no request: it asks for text, and none is kept"),
        world->assumptions.end());
}

TEST(OverrideValue, FindsMembersByNameAndNumber) {
    std::vector<config::SourceFile> files{
        {.path = "models.yaml", .text = "models: {m: {offers: [{on: a, slots: 1}, {on: b}]}}\n"},
        {.path = "policy.yaml", .text = "scaling: [{name: x, max: 1}]\n"}};
    EXPECT_TRUE(config::override_value(files, "scaling.x.max", "3"));
    EXPECT_TRUE(config::override_value(files, "models.m.offers.a.slots", "7"));
    EXPECT_TRUE(config::override_value(files, "models.m.offers.1.slots", "9"));
    EXPECT_TRUE(config::override_value(files, "slo.patience", "0.5"));
    EXPECT_NE(files[1].text.find("max: 3"), std::string::npos) << files[1].text;
    EXPECT_NE(files[1].text.find("patience: 0.5"), std::string::npos);
    EXPECT_NE(files[0].text.find("slots: 7"), std::string::npos) << files[0].text;
    EXPECT_NE(files[0].text.find("slots: 9"), std::string::npos);
    for (const char* bad :
         {"", "scaling.y.max", "scaling.x.max.more", "scaling..max", "scaling.5"}) {
        EXPECT_FALSE(config::override_value(files, bad, "1")) << bad;
    }
    EXPECT_FALSE(config::override_value(files, "scaling.x.max", "[1"));
}

}  // namespace
}  // namespace evenkeel::cli
