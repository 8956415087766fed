#include "inference/engine/log_lines.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace evenkeel::inference::engine {
namespace {

using namespace std::chrono_literals;

struct Log {
    LogLines lines{};
    LogLines::Steady::time_point now{1h};
    std::vector<std::string> given{};

    void feed(std::string_view bytes) {
        lines.feed(bytes, now, [this](std::string line) { given.push_back(std::move(line)); });
    }
};

TEST(EngineLog, GivesWholeLinesHoweverTheyArrive) {
    Log log;
    log.feed("INFO load");
    EXPECT_TRUE(log.given.empty());
    log.feed("ing weights\nmain: server is listening\n\n   \nllama_");
    EXPECT_EQ(
        log.given, (std::vector<std::string>{"INFO loading weights", "main: server is listening"}));
    log.lines.end(log.now, [&](std::string line) { log.given.push_back(std::move(line)); });
    EXPECT_EQ(log.given.back(), "llama_");
}

TEST(EngineLog, IsPlainAndShort) {
    EXPECT_EQ(presentable("\x1b[32mINFO\x1b[0m\tready\r"), "INFO ready");
    const auto cut = presentable(std::string(399, 'x') + "\xc3\xa9" + std::string(100, 'y'));
    ASSERT_TRUE(cut);
    EXPECT_EQ(*cut, std::string(399, 'x') + " ...") << "not within a character";
    EXPECT_EQ(presentable(std::string(400, 'x')), std::string(400, 'x'));
}

/// As vLLM and llama-server write them when they are told to log requests.
TEST(EngineLog, HoldsNothingOfARequestAndNoKey) {
    for (const char* line :
         {"INFO 11-26 09:00:00 [logger.py:39] Received request cmpl-1: prompt: 'my diagnosis is "
          "X', params: SamplingParams(n=1), prompt_token_ids: [1, 2], lora_request: None.",
          R"(srv  log_server_r: request:  {"messages":[{"role":"user","content":"my diagnosis"}]})",
          R"(srv  log_server_r: request:  {"prompt":"my diagnosis is X","n_predict":4})",
          "slot process_toke: <|im_start|>user my diagnosis",
          "INFO non-default args: {'model': 'Qwen/QwQ-32B', 'api_key': ['sk-1']}",
          "0.01.2 W slot update_slots: id  3 | task 7 | old: ... the code| is| se",
          "0.01.2 W slot update_slots: id  3 | task 7 | new: ... the number| is",
          "0.01.2 W slot update_slots: id  3 | task 7 |      306      29   1024",
          "authorization: Bearer sk-1"}) {
        EXPECT_EQ(presentable(line), std::nullopt) << line;
    }
    EXPECT_TRUE(presentable("INFO: 127.0.0.1:50000 - \"POST /v1/chat/completions\" 200 OK"));
    EXPECT_TRUE(presentable("slot release: id  3 | task 7 | stop processing: n_tokens = 88"));
    EXPECT_TRUE(presentable("prompt eval time =  12.10 ms /  31 tokens"));
}

TEST(EngineLog, TheRestOfARequestThatSpansLinesIsLeftOutToo) {
    Log log;
    log.feed(
        "INFO Received request: prompt: 'dear doctor,\nmy diagnosis is X\n  and so on\n"
        "INFO Engine 000: running 1\nplain words again\n");
    EXPECT_EQ(
        log.given,
        (std::vector<std::string>{
            "(3 lines that may hold a request or a key left out)",
            "INFO Engine 000: running 1",
            "plain words again"}));
    EXPECT_TRUE(begins_message("0.01.234.567 I srv  main: loading"));
    EXPECT_TRUE(begins_message("2026-11-26 12:00:00 started"));
    EXPECT_TRUE(begins_message("(EngineCore_DP0 pid=7) INFO 11-26 started"));
    EXPECT_TRUE(begins_message("[2026-11-26 12:00:00 TP0] Load weight begin"));
    for (const char* line : {"1 cup of flour", "[my diagnosis]", "(and so on)"}) {
        EXPECT_FALSE(begins_message(line)) << "a client may have written it: " << line;
    }
}

TEST(EngineLog, AFloodIsCutToAFewLinesASecond) {
    Log log;
    for (int i = 0; i < 10'000; ++i) {
        log.feed("INFO the same again\n");
    }
    EXPECT_EQ(log.given.size(), static_cast<std::size_t>(log_burst));
    log.now += 1s;
    log.given.clear();
    for (int i = 0; i < 100; ++i) {
        log.feed("INFO the same again\n");
    }
    EXPECT_EQ(log.given.front(), "(9900 lines too many left out)");
    EXPECT_EQ(log.given.size(), static_cast<std::size_t>(log_per_second) + 1);
}

TEST(EngineLog, ALineWithoutEndTakesNoMemory) {
    Log log;
    const std::string part(1'000'000, 'x');
    for (int i = 0; i < 20; ++i) {
        log.feed(part);
    }
    log.feed("\n");
    ASSERT_EQ(log.given.size(), 1u);
    EXPECT_EQ(log.given[0].size(), log_line_bytes_max + 4);
}

}  // namespace
}  // namespace evenkeel::inference::engine
