#include "inference/dialect/unsigned_thinking.hpp"

#include <gtest/gtest.h>

namespace evenkeel::inference::dialect {
namespace {

TEST(UnsignedThinking, IsTakenOutAndNothingElse) {
    EXPECT_EQ(
        without_unsigned_thinking(
            R"({"model":"m", "messages":[{"role":"assistant","content":[ {"type":"thinking",)"
            R"("thinking":"a","signature":""} , {"type":"text","text":"b"}]},{"role":"user",)"
            R"("content":"c"},{"role":"assistant","content":[{"type":"text","text":"d"},)"
            R"({"thinking":"e","type":"thinking"}]}],"max_tokens":5})"),
        R"({"model":"m", "messages":[{"role":"assistant","content":[{"type":"text","text":"b"}]},)"
        R"({"role":"user","content":"c"},{"role":"assistant","content":[{"type":"text",)"
        R"("text":"d"}]}],"max_tokens":5})");
}

TEST(UnsignedThinking, SignedOnesAndTheWordAloneStay) {
    for (const std::string body :
         {R"({"messages":[{"content":[{"type":"thinking","thinking":"a","signature":"s"}]}]})",
          R"({"messages":[{"content":"thinking"}],"thinking":{"type":"disabled"}})",
          R"({"messages":[{"content":[{"type":"text","text":"thinking"}]}]})",
          R"({})"}) {
        EXPECT_FALSE(without_unsigned_thinking(body)) << body;
    }
}

}  // namespace
}  // namespace evenkeel::inference::dialect
