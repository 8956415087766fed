#include "inference/dialect/messages_stream.hpp"

#include "tests/unit/dialect/translated.hpp"

namespace evenkeel::inference::dialect {
namespace {

constexpr auto event = messages_event;
const std::string start = event(
    "message_start",
    R"(,"message":{"id":"m","content":[],"usage":{"input_tokens":5,"cache_read_input_tokens":70,)"
    R"("cache_creation_input_tokens":20,"output_tokens":1}})");
const std::string word = event(
    "content_block_delta",
    ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" h\xC3\xA9 message_stop\"}");
const std::string end =
    event("message_delta", R"(,"delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9})");
const std::string stop = event("message_stop", "");

TEST(MessagesStream, EverySplitPassesByteForByte) {
    const std::string text = ": hello\n\n" + start + event("ping", "") + word + word +
                             event("brand_new", R"(,"usage":{"output_tokens":77})") + end;
    const auto make = [] { return MessagesStream{}; };
    expect_at_every_split(make, text + stop, word, text + "|" + stop, 2);
}

TEST(MessagesStream, BeforeTheBillTheAnswerIsCounted) {
    MessagesStream stream;
    fed(stream, start, 1'000);
    EXPECT_EQ(stream.usage()->completion, 1);
    EXPECT_TRUE(stream.usage()->estimated);
    fed(stream, word + word + word, 1'000);
    EXPECT_EQ(stream.usage()->completion, 3);
    EXPECT_EQ(stream.usage()->prompt, 95);
    EXPECT_TRUE(stream.usage()->estimated);
    EXPECT_FALSE(stream.done());
}

TEST(MessagesStream, LaterCountsReplaceEarlierOnes) {
    MessagesStream stream;
    fed(stream,
        start +
            event(
                "message_delta",
                R"(,"delta":{},"usage":{"input_tokens":7,"output_tokens":4,)"
                R"("cache_read_input_tokens":null})") +
            end,
        30);
    EXPECT_EQ(stream.usage()->prompt, 97);
    EXPECT_EQ(stream.usage()->completion, 9);
}

TEST(MessagesStream, TypesAreFoundWithoutEventLinesToo) {
    const std::string text =
        "data: {\"message\":{\"usage\":{\"input_tokens\":3,\"output_tokens\":1}},"
        "\"type\":\"message_start\"}\n\n"
        "data: {\"type\": \"content_block_delta\",\"delta\":{}}\n\n"
        "data: {\"delta\":{},\"type\":\"content_block_delta\"}\r\n\r\n"
        "data: not json\n\n";
    const std::string last = "data: {\"type\":\"message_stop\"}\n\n";
    for (std::size_t step = 1; step <= 80; ++step) {
        MessagesStream stream;
        EXPECT_EQ(fed(stream, text + last, step), text + "|" + last);
        EXPECT_EQ(stream.events(), 2);
        EXPECT_EQ(stream.usage()->prompt, 3);
    }
}

TEST(MessagesStream, SourceErrorIsRecognised) {
    for (const std::string& error :
         {event("error", R"(,"error":{"type":"overloaded_error","message":"Overloaded"})"),
          std::string{"data: {\"error\":{\"code\":500,\"message\":\"boom\"}}\n\n"}}) {
        MessagesStream stream;
        EXPECT_EQ(fed(stream, start + error, 7), start + error);
        EXPECT_TRUE(stream.error_seen());
        EXPECT_FALSE(stream.done());
    }
}

TEST(MessagesStream, UnfinishedEventIsHeldBackUpToItsLimit) {
    MessagesStream stream;
    EXPECT_EQ(fed(stream, word + "event: content_bl", 10'000), word);
    EXPECT_FALSE(stream.torn());
    const std::string rest(PassStream::held_bytes_max, 'y');
    EXPECT_EQ(fed(stream, rest, 10'000), "event: content_bl" + rest);
    EXPECT_TRUE(stream.torn());
    EXPECT_EQ(fed(stream, "\n\n" + stop, 10'000), "\n\n|" + stop);
    EXPECT_FALSE(stream.torn());
}

}  // namespace
}  // namespace evenkeel::inference::dialect
