#include "inference/engine/probe.hpp"

#include "tests/unit/gateway/rig.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

namespace evenkeel::inference::test {
namespace {

namespace asio = boost::asio;

template <class T>
Result<T> run(engine::Task<T> task) {
    asio::io_context context;
    Result<T> out = fail(Errc::cancelled, "did not run");
    asio::co_spawn(
        context, std::move(task), [&out](const std::exception_ptr& error, Result<T> result) {
            if (error) {
                std::rethrow_exception(error);
            }
            out = std::move(result);
        });
    context.run();
    return out;
}

engine::Target at(const FakeEngine& engine, std::string key = "") {
    return {.endpoint = {.host = "127.0.0.1", .port = engine.port()}, .key = std::move(key)};
}

std::string answer(int status, std::string_view body) {
    return fmt::format("HTTP/1.1 {} X\r\nContent-Length: {}\r\n\r\n{}", status, body.size(), body);
}

TEST(ProbeHealth, ReadsTheStatesOfAnEngine) {
    int status = 200;
    FakeEngine engine{[&status](auto& turn) { turn.line->send(answer(status, "")); }};
    EXPECT_EQ(run(engine::probe_health(at(engine))), engine::Health::ready);
    status = 503;
    EXPECT_EQ(run(engine::probe_health(at(engine))), engine::Health::loading);
    status = 500;
    EXPECT_EQ(run(engine::probe_health(at(engine))), engine::Health::sick);
    engine.refuse();
    EXPECT_EQ(run(engine::probe_health(at(engine))), engine::Health::refused);
}

TEST(ProbeHealth, SilenceIsTimedOut) {
    FakeEngine engine{[](auto& turn) { (void)turn.line->closed_by_peer(2s); }};
    const auto health = run(engine::probe_health(at(engine), 30ms));
    ASSERT_FALSE(health);
    EXPECT_EQ(health.error().code, Errc::timed_out);
}

/// A whole engine: health, models, one completion.
FakeEngine::Script whole_engine(std::string stream, std::string key = "") {
    return [stream = std::move(stream), key = std::move(key)](FakeEngine::Turn& turn) {
        if (turn.request.starts_with("GET /health")) {
            turn.line->send(answer(200, ""));
        } else if (turn.request.find("Bearer " + key) == std::string::npos && !key.empty()) {
            turn.line->send(answer(401, "{}"));
        } else if (turn.request.starts_with("GET /v1/models")) {
            turn.line->send(answer(200, R"({"object":"list","data":[{"id":"served/m"}]})"));
        } else {
            turn.line->send(stream);
        }
    };
}

std::string good_stream() {
    return "HTTP/1.1 200 OK\r\nx-synthetic: true\r\nContent-Type: text/event-stream\r\n"
           "Transfer-Encoding: chunked\r\n\r\n" +
           chunked(event("")) + chunked(event("yes")) + chunked(usage_event(8, 1)) +
           chunked(done_event) + std::string{last_chunk};
}

TEST(Acceptance, PassesAWorkingEngine) {
    FakeEngine engine{whole_engine(good_stream(), "k1")};
    const auto result = run(engine::acceptance(at(engine, "k1"), {.model = "served/m"}));
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->completion_tokens, 1);
    EXPECT_TRUE(result->synthetic);
    EXPECT_GE(result->ttft, 1ms);
}

TEST(Acceptance, F40RefusesWhatDoesNotWork) {
    const auto code =
        [](const FakeEngine& engine, const std::string& key, const std::string& model) {
            const auto result = run(engine::acceptance(at(engine, key), {.model = model}));
            EXPECT_TRUE(result || result.error().message.find("k1") == std::string::npos);
            return result ? std::optional<Errc>{} : result.error().code;
        };
    FakeEngine keyed{whole_engine(good_stream(), "k1")};
    EXPECT_EQ(code(keyed, "wrong", "served/m"), Errc::unauthorized);
    EXPECT_EQ(code(keyed, "k1", "other"), Errc::not_found);
    const std::string head = stream_head();
    const std::string end = chunked(done_event) + std::string{last_chunk};
    FakeEngine empty{whole_engine(head + end)};
    EXPECT_EQ(code(empty, "", "served/m"), Errc::invalid_response);
    FakeEngine cut{
        whole_engine(head + chunked(event("")) + chunked(event("x")) + std::string{last_chunk})};
    EXPECT_EQ(code(cut, "", "served/m"), Errc::invalid_response);
    FakeEngine garbage{whole_engine(answer(200, "<html>"))};
    EXPECT_EQ(code(garbage, "", "served/m"), Errc::invalid_response);
    FakeEngine memory{whole_engine(answer(500, "out of memory"))};
    EXPECT_EQ(code(memory, "", "served/m"), Errc::invalid_response);
    FakeEngine loading{[](auto& turn) { turn.line->send(answer(503, "")); }};
    EXPECT_EQ(code(loading, "", "served/m"), Errc::unavailable);
}

TEST(EngineMetrics, SumsLabelsAndKnowsSynonyms) {
    const auto vllm = engine::parse_metrics(
        "# HELP vllm:num_requests_running x\n"
        "vllm:num_requests_running{engine=\"0\",model_name=\"a}b\\\"\"} 2.0\n"
        "vllm:num_requests_running{engine=\"1\",model_name=\"m\"} 3.0\n"
        "vllm:gpu_cache_usage_perc{engine=\"0\"} 0.25\n"
        "vllm:gpu_cache_usage_perc{engine=\"1\"} 0.75\n"
        "vllm:generation_tokens_total 1.5e+06 1700000000\n");
    EXPECT_EQ(vllm.running, 5);
    EXPECT_EQ(vllm.kv_used, 0.75);
    EXPECT_EQ(vllm.generation_tokens, 1'500'000);
    EXPECT_FALSE(vllm.waiting) << "absent is unknown";
    EXPECT_FALSE(vllm.kv_tokens);
    const auto llama = engine::parse_metrics(
        "llamacpp:requests_processing 1\r\nllamacpp:requests_deferred 2\n"
        "llamacpp:prompt_tokens_total 22\nllamacpp:prompt_tokens_cached_total 8");
    EXPECT_EQ(llama.running, 1);
    EXPECT_EQ(llama.waiting, 2);
    EXPECT_EQ(llama.prompt_tokens, 30);
}

TEST(EngineMetrics, SayHowLargeTheCacheIs) {
    const auto room = [](const char* text) { return engine::parse_metrics(text).kv_tokens; };
    EXPECT_EQ(
        room(
            "vllm:cache_config_info{hash_block_size=\"7\",block_size=\"16\",cache_dtype=\"auto\","
            "engine=\"0\",num_gpu_blocks=\"5123\"} 1.0\n"
            "vllm:cache_config_info{block_size=\"16\",engine=\"1\",num_gpu_blocks=\"1000\"} 1.0\n"),
        16 * 6'123);
    EXPECT_EQ(room("sglang:max_total_num_tokens{model_name=\"m\"} 81920.0\n"), 81'920);
    for (const char* unknown :
         {"vllm:cache_config_info{block_size=\"16\",num_gpu_blocks=\"None\"} 1.0\n",
          "vllm:cache_config_info{xblock_size=\"16\",num_gpu_blocks=\"5\"} 1.0\n",
          "vllm:cache_config_info 1.0\n",
          "vllm:cache_config_info{block_size=\"-16\",num_gpu_blocks=\"5\"} 1.0\n"}) {
        EXPECT_FALSE(room(unknown)) << unknown;
    }
}

TEST(EngineMetrics, NonsenseIsUnknown) {
    const auto metrics = engine::parse_metrics(
        "vllm:num_requests_running{ NaN\nvllm:num_requests_waiting NaN\n"
        "vllm:num_requests_waiting -1\nsglang:token_usage{\"}\" 1\nvllm:prompt_tokens_total\n\n{}");
    EXPECT_FALSE(metrics.running || metrics.waiting || metrics.kv_used || metrics.prompt_tokens);
}

TEST(EngineMetrics, ScrapesOverHttp) {
    FakeEngine engine{[](auto& turn) {
        turn.line->send(answer(
            turn.request.starts_with("GET /metrics") ? 200 : 404, "sglang:num_queue_reqs 4\n"));
    }};
    const auto metrics = run(engine::scrape_metrics(at(engine)));
    ASSERT_TRUE(metrics);
    EXPECT_EQ(metrics->waiting, 4);
}

/// Each kind of engine as its own paths and lists say it.
struct KindCase {
    std::string name{};
    std::string kind{};
    std::string health_path{};
    std::string models{};
    std::string asked{};
    std::int64_t context{0};
};
class AcceptanceOfKind : public testing::TestWithParam<KindCase> {};

TEST_P(AcceptanceOfKind, IsReadInItsShape) {
    const KindCase& each = GetParam();
    std::string paths;
    FakeEngine engine{[&](FakeEngine::Turn& turn) {
        paths += turn.request.substr(0, turn.request.find(" HTTP")) + ";";
        if (turn.request.starts_with("GET " + each.health_path + " ")) {
            turn.line->send(answer(200, each.kind == "ollama" ? R"({"version":"0.12.6"})" : ""));
        } else if (turn.request.starts_with("GET /v1/models")) {
            turn.line->send(answer(200, each.models));
        } else if (turn.request.starts_with("POST /v1/chat/completions")) {
            turn.line->send(good_stream());
        } else {
            turn.line->send(answer(404, "{}"));
        }
    }};
    engine::Target target = at(engine);
    target.kind = &engine::kind_of(each.kind);
    EXPECT_EQ(run(engine::probe_health(target)), engine::Health::ready) << paths;
    const auto result = run(engine::acceptance(target, {.model = each.asked}));
    ASSERT_TRUE(result) << result.error().message << ": " << paths;
    EXPECT_EQ(result->context_tokens, each.context);
    const auto other = run(engine::acceptance(target, {.model = each.asked + "x"}));
    EXPECT_EQ(other.has_value(), target.kind->answers_any_model);
    EXPECT_TRUE(other || other.error().code == Errc::not_found);
    const auto metrics = run(engine::scrape_metrics(target));
    EXPECT_FALSE(metrics) << "this one has none";
}

INSTANTIATE_TEST_SUITE_P(
    Kinds,
    AcceptanceOfKind,
    testing::Values(
        KindCase{
            "Vllm",
            "vllm",
            "/health",
            R"({"object":"list","data":[{"id":"Qwen/QwQ-32B-AWQ","object":"model",)"
            R"("created":1764000000,"owned_by":"vllm","root":"Qwen/QwQ-32B-AWQ","parent":null,)"
            R"("max_model_len":32768,"permission":[]}]})",
            "Qwen/QwQ-32B-AWQ",
            32'768},
        KindCase{
            "Sglang",
            "sglang",
            "/health",
            R"({"object":"list","data":[{"id":"meta-llama/Llama-3.1-8B-Instruct",)"
            R"("object":"model","created":1764000000,"owned_by":"sglang",)"
            R"("root":"meta-llama/Llama-3.1-8B-Instruct","parent":null,"max_model_len":131072}]})",
            "meta-llama/Llama-3.1-8B-Instruct",
            131'072},
        KindCase{
            "LlamaServer",
            "llama.cpp",
            "/health",
            R"({"object":"list","data":[{"id":"tiny","object":"model","created":1764000000,)"
            R"("owned_by":"llamacpp","meta":{"vocab_type":1,"n_vocab":512,"n_ctx":2048}}]})",
            "tiny",
            2'048},
        KindCase{
            "Ollama",
            "ollama",
            "/api/version",
            R"({"object":"list","data":[{"id":"qwq:latest","object":"model",)"
            R"("created":1764000000,"owned_by":"library"}]})",
            "qwq",
            0},
        KindCase{
            "OllamaWithATag",
            "ollama",
            "/api/version",
            R"({"object":"list","data":[{"id":"qwq:32b-q4_K_M","object":"model"}]})",
            "qwq:32b-q4_K_M",
            0}),
    [](const testing::TestParamInfo<KindCase>& each) { return each.param.name; });

TEST(Post, IsDoneWhenItIsAnswered200) {
    int status = 200;
    std::string asked;
    FakeEngine engine{[&](auto& turn) {
        asked = turn.request.substr(0, turn.request.find(" HTTP"));
        turn.line->send(answer(status, ""));
    }};
    EXPECT_TRUE(run(engine::post(at(engine), "/sleep?level=1", 2s)));
    EXPECT_EQ(asked, "POST /sleep?level=1");
    status = 404;  // without VLLM_SERVER_DEV_MODE
    const auto refused = run(engine::post(at(engine), "/wake_up", 2s));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message, "call: status 404");
}

}  // namespace
}  // namespace evenkeel::inference::test
