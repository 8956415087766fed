#include "agent/cli/exit_codes.hpp"
#include "agent/cli/find_engines.hpp"
#include "agent/cli/first_config.hpp"
#include "agent/cli/local_gpus.hpp"
#include "agent/breakeven/predicted_speed.hpp"
#include "agent/cli/probe_report.hpp"
#include "policies/config/load.hpp"
#include "tests/unit/cli/say.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <unistd.h>

/// The first configuration: what it is made of, and that it is accepted.
namespace evenkeel::cli {
namespace {

namespace fs = std::filesystem;

constexpr config::Date today{std::chrono::year{2026}, std::chrono::November, std::chrono::day{23}};

FoundGpu rtx(int index) {
    return {
        .index = index,
        .name = "NVIDIA GeForce RTX 5090",
        .memory_bytes = 34'190'917'632,
        .power_limit_milliwatts = 575'000,
        .driver = "580.95"};
}

config::Loaded accepted(const FirstFacts& facts) {
    const auto files = first_configuration(facts, today);
    auto loaded = config::load(files, today);
    std::string all;
    for (const config::SourceFile& file : files) {
        all += file.path + ":\n" + file.text;
    }
    EXPECT_TRUE(loaded) << (loaded ? "" : config::render_all(loaded.error())) << all;
    if (!loaded) {
        return {};
    }
    EXPECT_TRUE(loaded->warnings.empty()) << config::render_all(loaded->warnings) << all;
    return std::move(*loaded);
}

TEST(FirstConfiguration, OfADeskIsAcceptedWithoutAWarning) {
    const config::Config config =
        accepted({.gpus = {rtx(0)},
                  .engines =
                      {{.kind = "llama.cpp",
                        .port = 8091,
                        .models = {{.id = "/models/QwQ-32B-Q4_K_M.gguf", .context = 16'384}},
                        .slots = 4}},
                  .currency = "AUD",
                  .tariff = "0.33 AUD/kWh",
                  .zone = "Australia/Sydney",
                  .card = capacity::datasheet_speed("RTX 5090")})
            .config;
    ASSERT_EQ(config.hardware.size(), 1u);
    EXPECT_EQ(config.hardware[0].gpu, "RTX 5090");
    EXPECT_EQ(config.hardware[0].busy_milliwatts, 575'000);
    EXPECT_EQ(config.energy.tariff.size(), 1u);
    EXPECT_EQ(config.currency.report.text(), "AUD");
    ASSERT_EQ(config.providers.size(), 1u);
    EXPECT_EQ(config.providers[0].name, "desk-llama");
    EXPECT_EQ(config.providers[0].engine, "llama.cpp");
    const config::Model* model = config.model("qwq-32b-q4_k_m");
    ASSERT_NE(model, nullptr);
    EXPECT_EQ(model->context, 16'384);
    EXPECT_EQ(model->offers.at(0).slots, 4);
    EXPECT_NE(model->offers.at(0).model, "/models/QwQ-32B-Q4_K_M.gguf")
        << "a path is no name for the loader; llama-server takes any";
    ASSERT_EQ(config.routes.size(), 1u);
}

TEST(FirstConfiguration, SaysThatASpeedIsAPrediction) {
    const auto files = first_configuration(
        {.gpus = {rtx(0)},
         .engines = {{.kind = "llama.cpp", .port = 8091, .models = {{.id = "qwq-32b-q4_k_m"}}}},
         .card = capacity::datasheet_speed("RTX 5090")},
        today);
    EXPECT_TRUE(files.at(2).text.contains("(prediction from 1,792 GB/s of the data sheet)"))
        << files.at(2).text;
}

TEST(FirstConfiguration, IsAcceptedWhateverWasFound) {
    accepted({});
    accepted({.gpus = {rtx(0), rtx(1)}});
    accepted({.gpus = {{.index = 0, .name = "Some new card", .memory_bytes = 1}}});
    const std::vector<FoundEngine> two{
        {.kind = "vllm", .port = 8000, .models = {{.id = "Qwen/QwQ-32B"}, {.id = "lora-1"}}},
        {.kind = "vllm", .port = 30'000, .models = {{.id = "Qwen/QwQ-32B", .context = 4'096}}},
        {.kind = "ollama", .port = 11'434, .models = {{.id = "llama3.3:70b"}}},
        {.kind = "synthetic", .port = 9'931, .models = {{.id = "m"}}},
        {.kind = "openai", .port = 8'080, .wants_key = true}};
    const config::Config config = accepted({.gpus = {rtx(0)}, .engines = two}).config;
    EXPECT_EQ(config.providers.size(), 4u);
    const config::Model* shared = config.model("qwq-32b");
    ASSERT_NE(shared, nullptr);
    EXPECT_EQ(shared->offers.size(), 2u);
    EXPECT_EQ(shared->context, 4'096) << "what every one of them can do";
    EXPECT_NE(config.model("llama3.3-70b"), nullptr);
}

TEST(FirstConfiguration, NothingThatAnEngineSaysLeavesItsPlace) {
    const std::string hostile = "x\"}\n  evil: {kind: runpod}\n# \\ \t\x01";
    const config::Config config =
        accepted({.engines = {{.kind = "openai", .port = 8000, .models = {{.id = hostile}}}}})
            .config;
    EXPECT_EQ(config.providers.size(), 1u);
    ASSERT_EQ(config.models.size(), 1u);
}

TEST(FirstConfiguration, ModelNames) {
    EXPECT_EQ(model_name("/models/QwQ-32B-Q4_K_M.gguf"), "qwq-32b-q4_k_m");
    EXPECT_EQ(model_name("Qwen/QwQ-32B"), "qwq-32b");
    EXPECT_EQ(model_name("llama3.3:70b"), "llama3.3-70b");
    EXPECT_EQ(model_name("///"), "model");
    EXPECT_EQ(model_name("--x"), "x");
}

TEST(FindEngines, TellsThemByWhatTheySay) {
    struct Case {
        const char* owner;
        const char* kind;
    };
    for (const auto& [owner, kind] :
         {Case{"llamacpp", "llama.cpp"},
          Case{"vllm", "vllm"},
          Case{"sglang", "sglang"},
          Case{"library", "ollama"},
          Case{"synthetic", "synthetic"},
          Case{"somebody", "openai"}}) {
        const auto found = engine_from(
            std::string{R"({"object":"list","data":[{"id":"m","owned_by":")"} + owner + "\"}]}",
            {},
            1);
        ASSERT_TRUE(found) << owner;
        EXPECT_EQ(found->kind, kind);
        EXPECT_EQ(found->models.at(0).id, "m");
    }
    const auto llama = engine_from(
        R"({"data":[{"id":"m.gguf","owned_by":"llamacpp","meta":{"n_ctx_train":131072}}]})",
        R"({"total_slots":4,"default_generation_settings":{"n_ctx":16384}})",
        8091);
    ASSERT_TRUE(llama);
    EXPECT_EQ(llama->slots, 4);
    EXPECT_EQ(llama->models.at(0).context, 16'384);
    const auto vllm =
        engine_from(R"({"data":[{"id":"m","owned_by":"vllm","max_model_len":32768}]})", {}, 1);
    EXPECT_EQ(vllm->models.at(0).context, 32'768);
    EXPECT_TRUE(engine_from(R"({"data":[]})", {}, 1)->models.empty());
    for (const char* other : {"", "<html>", "{}", "[]", R"({"data":{}})"}) {
        EXPECT_FALSE(engine_from(other, {}, 1)) << other;
    }
}

TEST(ProbeReport, IsReadAndALemonIsRefused) {
    const auto gpu = [](int index, const char* verdict) {
        return R"({"index":)" + std::to_string(index) +
               R"(,"copy_bytes_s":1600000000000,"bf16_flops_s":190000000000000,"verdict":")" +
               verdict + "\"}";
    };
    const auto report = [&](const std::string& gpus) {
        return parse_probe_report(R"({"schema":"evenkeel.gpu-probe/1","gpus":[)" + gpus + "]}");
    };
    const auto two = report(gpu(0, "good") + "," + gpu(1, "slow"));
    ASSERT_TRUE(two) << two.error().message;
    EXPECT_EQ(two->bytes_s, 3.2e12);
    EXPECT_EQ(two->flops_s, 3.8e14);
    EXPECT_TRUE(two->measured);
    EXPECT_EQ(report(gpu(0, "good") + "," + gpu(1, "lemon")).error().code, Errc::refused);
    EXPECT_EQ(report("").error().code, Errc::invalid_response);
    EXPECT_EQ(parse_probe_report("{}").error().code, Errc::invalid_response);
    EXPECT_EQ(read_probe_report("/nowhere/probe.json").error().code, Errc::not_found);
}

TEST(PredictedSpeed, SeedsFirstThenTheRooflineWithANote) {
    config::Config config;
    config.models = {
        {.name = "llama-3.3-70b",
         .offers = {
             {.name = "a",
              .gpu = "H200",
              .weights = "llama-3.3-70b-instruct-q4_k_m.gguf",
              .slots = 16}}}};
    agent::PredictedSpeed speed{config};
    const auto found = speed.of("H200", "llama-3.3-70b");
    ASSERT_TRUE(found);
    EXPECT_GT(*found, 0);
    ASSERT_EQ(speed.notes().size(), 1u);
    EXPECT_TRUE(speed.notes()[0].contains("prediction from 4,800 GB/s")) << speed.notes()[0];
    EXPECT_FALSE(speed.of("Radeon", "llama-3.3-70b"));
    EXPECT_FALSE(speed.of("H200", "unknown"));
}

class InitCommand : public testing::Test {
protected:
    ~InitCommand() override { fs::remove_all(root_); }
    [[nodiscard]] Said init(std::vector<std::string> more = {}) {
        more.insert(
            more.begin(),
            {"init",
             "--non-interactive",
             "--config",
             (root_ / "config").string(),
             "--state",
             (root_ / "state").string()});
        return say(std::move(more));
    }
    [[nodiscard]] std::string read(const std::string& file) {
        std::ostringstream text;
        text << std::ifstream{root_ / "config" / file}.rdbuf();
        return text.str();
    }
    fs::path root_ = fs::temp_directory_path() / ("evenkeel-init-" + std::to_string(::getpid()));
};

TEST_F(InitCommand, NeverOverwritesAFile) {
    const Said first =
        init({"--gpu", "2x RTX 5090", "--currency", "AUD", "--tariff", "0.33 AUD/kWh"});
    ASSERT_EQ(first.status, Exit::done) << first.err;
    EXPECT_TRUE(first.out.contains("Found   GPU 1  RTX 5090, 32 GB")) << first.out;
    EXPECT_TRUE(first.out.contains("no provider keys yet")) << first.out;
    EXPECT_EQ(say({"policy", "check", "--config", (root_ / "config").string()}).status, Exit::done);
    EXPECT_EQ(
        fs::status(root_ / "config/credentials").permissions() & fs::perms::mask,
        fs::perms::owner_all);
    const std::string before = read("evenkeel.yaml");
    EXPECT_TRUE(before.contains("report: AUD"));
    std::ofstream{root_ / "config/evenkeel.yaml", std::ios::app} << "# mine\n";
    for (const char* beside : {"evenkeel.yaml.new", "evenkeel.yaml.new2"}) {
        const Said again = init({"--gpu", "RTX 4090", "--json"});
        ASSERT_EQ(again.status, Exit::done) << again.err;
        EXPECT_EQ(boost::json::parse(again.out).at("schema").as_string(), "evenkeel.init/1");
        EXPECT_TRUE(again.out.contains(beside)) << again.out;
        EXPECT_TRUE(read(beside).contains("report: USD"));
        EXPECT_EQ(read("evenkeel.yaml"), before + "# mine\n");
    }
}

TEST_F(InitCommand, WhatCannotBeRightWritesNothing) {
    EXPECT_EQ(init({"--gpu", "Voodoo 2"}).status, Exit::usage);
    EXPECT_EQ(init({"--currency", "dollars"}).status, Exit::usage);
    EXPECT_EQ(init({"--currency", "AUD", "--tariff", "cheap"}).status, Exit::usage);
    EXPECT_EQ(init({"--currency", "AUD", "--tariff", "0.33 USD/kWh"}).status, Exit::usage);
    EXPECT_EQ(init({"--probe", "/nowhere/probe.json"}).status, Exit::failed);
    EXPECT_FALSE(fs::exists(root_ / "config"));
}

}  // namespace
}  // namespace evenkeel::cli
