#include "inference/dialect/scan.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace evenkeel::inference::dialect {
namespace {

TEST(ScanAnswer, TheEndAloneTellsTheSameUsage) {
    const std::string filler(3000, 'x');
    const std::string usage = R"("usage":{"prompt_tokens":22,"completion_tokens":6})";
    const std::string other = R"("usage":{"prompt_tokens":1,"completion_tokens":2})";
    const std::string text = R"("choices":[{"text":")" + filler + R"("}])";
    for (const std::string& whole : std::vector<std::string>{
             "{" + text + "," + usage + "}",
             "{" + text + "," + usage + R"(,"id":"a","n":[1,{}],"ok":true} )",
             "{" + usage + "," + text + "}",
             "{" + usage + R"(,"choices":[{)" + other + "}]}",
             "{" + usage + R"(,"choices":[{"text":"\"usage\":{\"prompt_tokens\":1}}"}]})",
             "{" + usage + R"(,"text":"\"usage"})",
             "{" + usage + R"(,"object":"usage"})",
             R"({"response":{)" + usage + "}}",
             R"({"response":{)" + usage + R"(,"id":"a"},"x":1})",
             "{" + text + "}",
             R"({"usage":null})",
             R"("usage")",
             std::string{},
             "{" + text + "," + usage,
             "{" + text + "," + usage + "}}",
         }) {
        const auto scan = scan_answer(whole);
        EXPECT_EQ(answer_usage(whole), scan ? scan->usage : std::nullopt) << whole;
    }
}

TEST(JsonReader, FindsWhatIsSpecialAtEveryPlaceOfABlock) {
    for (std::size_t length = 1; length < 70; ++length) {
        for (std::size_t at = 0; at < length; ++at) {
            const auto body = [&](std::string_view piece) {
                std::string text(length, 'a');
                text.replace(at, 1, piece);
                return R"({"model":"m","messages":[{"role":"user","content":")" + text + R"("}]})";
            };
            EXPECT_TRUE(scan_request(Endpoint::chat, body("b"))) << length << ' ' << at;
            EXPECT_TRUE(scan_request(Endpoint::chat, body(R"(\n)"))) << length << ' ' << at;
            EXPECT_TRUE(scan_request(Endpoint::chat, body("\xC3\xA9"))) << length << ' ' << at;
            EXPECT_TRUE(scan_request(Endpoint::chat, body("\x7F"))) << length << ' ' << at;
            EXPECT_FALSE(scan_request(Endpoint::chat, body("\x1F"))) << length << ' ' << at;
            EXPECT_FALSE(scan_request(Endpoint::chat, body("\xC3"))) << length << ' ' << at;
            EXPECT_FALSE(scan_request(Endpoint::chat, body("\""))) << length << ' ' << at;
            EXPECT_FALSE(scan_request(Endpoint::chat, body(R"(\)"))) << length << ' ' << at;
        }
    }
}

}  // namespace
}  // namespace evenkeel::inference::dialect
