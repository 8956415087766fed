#include "inference/dialect/json_view.hpp"

#include "tests/unit/dialect/translated.hpp"

namespace evenkeel::inference::dialect {
namespace {

TEST(JsonView, FindsAndDecodes) {
    const auto text = JsonText::read(R"( {"a":1,"b":[1, {"c":null} ],"\u0061":"x\n\u00e9"} )");
    ASSERT_TRUE(text);
    const JsonView root = text->root();
    EXPECT_EQ(root["a"].text(), "x\n\xC3\xA9");  // the last one, also spelled with escapes
    EXPECT_TRUE(root["a"].is_text("x\n\xC3\xA9"));
    EXPECT_EQ(root["b"].raw(), R"([1, {"c":null} ])");
    EXPECT_TRUE(root["none"].is_none());
    EXPECT_TRUE(root["none"]["deeper"].is_none());
    int count = 0;
    EXPECT_TRUE(root["b"].elements([&count](JsonView) { return ++count > 0; }));
    EXPECT_EQ(count, 2);
    EXPECT_FALSE(root["b"].elements([](JsonView) { return false; }));
    EXPECT_TRUE(root["a"].elements([](JsonView) { return false; }));
}

TEST(JsonView, WholeNumbers) {
    EXPECT_EQ(JsonView{"-9223372036854775808"}.whole(), INT64_MIN);
    EXPECT_FALSE(JsonView{"9223372036854775808"}.whole());
    EXPECT_FALSE(JsonView{"1.0"}.whole());
    EXPECT_FALSE(JsonView{"\"1\""}.whole());
    EXPECT_FALSE(JsonView{}.whole());
}

TEST(JsonText, MendsLoneSurrogatesAndNothingElse) {
    const auto mended = [](std::string_view text) {
        return std::string{JsonText::read(text)->root().raw()};
    };
    EXPECT_EQ(mended(R"("\ud800")"), R"("\ufffd")");
    EXPECT_EQ(mended(R"("\uDC00\ud83d\ude00\uD83D")"), R"("\ufffd\ud83d\ude00\ufffd")");
    EXPECT_EQ(mended(R"("\\ud800\\\ud800")"), R"("\\ud800\\\ufffd")");
    EXPECT_EQ(mended(R"({"\udbff":"\ud800\u0041"})"), R"({"\ufffd":"\ufffd\u0041"})");
    EXPECT_EQ(mended(R"("\ud7ff\ue000")"), R"("\ud7ff\ue000")");
}

TEST(JsonText, RefusesWhatIsNotOneValue) {
    EXPECT_FALSE(JsonText::read(""));
    EXPECT_FALSE(JsonText::read("{} {}"));
    EXPECT_FALSE(JsonText::read("{\"a\":01}"));
    EXPECT_TRUE(JsonText::read(std::string(depth_max, '[') + std::string(depth_max, ']')));
    EXPECT_FALSE(JsonText::read(std::string(depth_max, '[') + std::string(depth_max, ']'), 1));
}

TEST(JsonWriter, MindsTheCommas) {
    std::string out;
    JsonWriter json{out};
    json.open('{').text("a", "{").open("b", '[').number(1).text(":").open('{').close('}');
    json.close(']').raw("c", "null").some("d", JsonView{}).some("e", JsonView{"2"}).close('}');
    EXPECT_EQ(out, R"({"a":"{","b":[1,":",{}],"c":null,"e":2})");
}

}  // namespace
}  // namespace evenkeel::inference::dialect
