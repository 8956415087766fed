#include "tests/unit/config/support.hpp"

namespace evenkeel::config::test {
namespace {

constexpr File ek = File::evenkeel;
constexpr File po = File::policy;

class StrictYaml : public testing::TestWithParam<Case> {};

TEST_P(StrictYaml, RefusesWithPlaceAndCode) {
    expect_one_finding(GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    F103,
    StrictYaml,
    testing::Values(
        Case{"Tab", ek, "version: 1\nlisten:\n«\t»api: \"127.0.0.1:1\"\n", "EK-C001", "tab"},
        Case{"TabAfterSpaces", ek, "version: 1\nlisten:\n  «\t»api: \"127.0.0.1:1\"\n", "EK-C001"},
        Case{"MissingColon", ek, "version: 1\nspeed 30\nlisten«:» {}\n", "EK-C002", "':'"},
        Case{"ColonInValue", ek, "version: 1\nlisten: {}\nspeed: 3«:» 4\n", "EK-C002", "':'"},
        Case{"OpenBracket", ek, "version: 1\nhardware: «[»{name: a}\n", "EK-C002", "closing"},
        Case{"OpenBrace", ek, "version: 1\nlisten: «{»api: \"127.0.0.1:1\"\n", "EK-C002"},
        Case{"CloseOnly", ek, "version: 1\nlisten: {}«}»\n", "EK-C002", "closing bracket"},
        Case{"OpenQuote", ek, "version: 1\nreport_zone: «\"»UTC\n", "EK-C002", "never closed"},
        Case{"AtSign", ek, "version: 1\nreport_zone: «@»x\n", "EK-C002", "in quotes"},
        Case{
            "ValueRunsOn",
            ek,
            "version: 1\nreport_zone: «UTC»\n  more\nspeed: 1\n",
            "EK-C002",
            "runs on"},
        Case{"ListAsKey", ek, "version: 1\n«[»a, b]: 3\n", "EK-C002", "as a key"},
        Case{"NoKey", ek, "version: 1\n«:» 3\n", "EK-C002", "without a key"},
        Case{"Duplicate", ek, "version: 1\nspeed: 2\n«speed»: 3\n", "EK-C003", "first at 2:1"},
        Case{
            "DuplicateDeep",
            ek,
            "version: 1\nlisten: {api: \"127.0.0.1:1\", «api»: \"127.0.0.1:2\"}\n",
            "EK-C003",
            "'api', first at 2:10"},
        Case{"Anchor", ek, "version: 1\nspeed: «&fast» 2\n", "EK-C004", "anchor"},
        Case{"AnchorOnMap", ek, "version: 1\nlisten: «&l» {api: \"127.0.0.1:1\"}\n", "EK-C004"},
        Case{"AliasUnknown", ek, "version: 1\nspeed: «*»fast\n", "EK-C004", "alias"},
        Case{"Merge", ek, "version: 1\nlisten: {«<<»: {api: \"127.0.0.1:1\"}}\n", "EK-C005"},
        Case{"Tag", ek, "version: 1\nspeed: «!!int» 2\n", "EK-C006", "tag"},
        Case{"OwnTag", ek, "version: 1\nspeed: «!x» 2\n", "EK-C006", "tag"},
        Case{"TagOnList", po, "version: 1\nroutes: «!x» [{name: a, use: [m]}]\n", "EK-C006"},
        Case{"PlainTag", ek, "version: 1\nspeed: «!» 2\n", "EK-C006", "tag"},
        Case{"SecondDocument", ek, "version: 1\n«-»--\nspeed: 2\n", "EK-C007", "second document"},
        Case{"Directive", ek, "«%YAML» 1.1\n---\nversion: 1\n", "EK-C007", "directive"},
        Case{"NotUtf8", ek, "version: 1\nreport_zone: «\xC3»(\n", "EK-C008", "byte 0xc3"},
        Case{"OverlongUtf8", ek, "version: 1\n# «\xC0»\xAF\n", "EK-C008", "byte 0xc0"},
        Case{"Surrogate", ek, "version: 1\n# «\xED»\xA0\x80\n", "EK-C008", "byte 0xed"},
        Case{"Nul", ek, std::string{"version: 1\n# «"} + '\0' + "»\n", "EK-C008", "U+0000"},
        Case{"Escape", ek, "version: 1\n# «\x1B»[2J\n", "EK-C008", "U+001B"},
        Case{"Bidi", ek, "version: 1\n# «\u202E» x\n", "EK-C008", "U+202E"},
        Case{"LoneReturn", ek, "version: 1«\r»speed: 2\n", "EK-C008", "U+000D"},
        Case{"Empty", ek, "", "EK-C010", "empty"},
        Case{"OnlyComments", ek, "# nothing\n\n   \n# here\n", "EK-C010", "empty"},
        Case{"OnlyMarker", ek, "---\n", "EK-C010", "empty"},
        Case{"List", ek, "«-» version\n", "EK-C014", "a map of keys, not a list"},
        Case{"Scalar", ek, "«hello»\n", "EK-C014", "a map of keys, not a single value"},
        Case{"NullTop", ek, "«~»\n", "EK-C014", "a map of keys, not a single value"}),
    case_name);

TEST(StrictYamlText, AcceptsWhatEditorsProduce) {
    const std::string plain = base_texts[3];
    std::string windows;
    for (const char c : plain) {
        windows += c == '\n' ? std::string{"\r\n"} : std::string{c};
    }
    const auto wanted = load(base_files(), today);
    ASSERT_TRUE(wanted.has_value()) << render_all(wanted.error());
    for (const std::string& text :
         {windows,
          "\xEF\xBB\xBF" + plain,
          "---\n" + plain,
          "# größer\n" + plain + "...\n",
          "\n\n" + plain + "\t\n # end",
          plain + "   \t  # a tab before a comment is no indentation\n"}) {
        const auto loaded = load(base_with(po, text), today);
        ASSERT_TRUE(loaded.has_value()) << text << render_all(loaded.error());
        EXPECT_EQ(loaded->config, wanted->config) << text;
    }
}

TEST(StrictYamlText, PositionsHoldWithWindowsLineEndsAndWideCharacters) {
    const auto found = findings(
        base_with(ek, "# größer\r\nversion: 1\r\nenergy: {host_overhead: \"ä\", tarif: []}\r\n"));
    ASSERT_EQ(found.size(), 2u) << render_all(found);
    EXPECT_EQ(found[0].line, 3);
    EXPECT_EQ(found[0].col, 25);
    EXPECT_EQ(found[0].end_col, 28);
    EXPECT_EQ(found[1].col, 30);
    EXPECT_EQ(found[1].suggestion, "tariff");
    EXPECT_EQ(
        render(found[1]),
        "etc/evenkeel.yaml:3:30: error: unknown key 'tarif' in energy\n"
        "    3 | energy: {host_overhead: \"ä\", tarif: []}\n"
        "      |                              ^~~~~ did you mean 'tariff'?\n"
        "      = own power is booked at nothing   [EK-C012]\n");
}

TEST(StrictYamlText, ATabDoesNotHideTheOtherErrors) {
    const auto found = findings(base_with(
        po,
        "version: 1\nroutes:\n  - name: all\n\tuse: [m]\n  - {name: b, match: {}, use: [n]}\n"
        "budgets:\n  - {name: x, limit: 4}\nscaling: [{name: burst, model: m, offers: [cloud], "
        "max_price: 5 USD/h, max_life: 6h}]\n"));
    ASSERT_EQ(found.size(), 4u) << render_all(found);
    EXPECT_EQ(found[0].code, "EK-C001");
    EXPECT_EQ(found[0].line, 4);
    EXPECT_EQ(found[0].col, 1);
    EXPECT_EQ(found[1].code, "EK-W037");
    EXPECT_EQ(found[2].code, "EK-C041");
    EXPECT_EQ(found[2].col, 32);
    EXPECT_EQ(found[3].code, "EK-C020");
}

TEST(StrictYamlText, ColumnsOnATabbedLineAreThoseOfTheFile) {
    const auto found = findings(base_with(ek, "version: 1\nlisten:\n\t\tapi: \"127.0.0.1\"\n"));
    ASSERT_EQ(found.size(), 2u) << render_all(found);
    EXPECT_EQ(found[1].code, "EK-C024");
    EXPECT_EQ(found[1].line, 3);
    EXPECT_EQ(found[1].col, 8);
    EXPECT_EQ(found[1].source, "  api: \"127.0.0.1\"");
    EXPECT_EQ(found[1].source_col, 8);
}

TEST(StrictYamlText, OneFileThatIsNoYamlDoesNotSilenceTheOthers) {
    auto files = base_with(File::models, "version: 1\nmodels: [\n");
    files[3].text = "version: 1\nroutes: [{name: all, use: [nowhere]}]\nbudget: []\n";
    const auto found = findings(files);
    // 'nowhere' may well be in the file that could not be read: nothing is said about it.
    ASSERT_EQ(found.size(), 2u) << render_all(found);
    EXPECT_EQ(found[0].code, "EK-C002");
    EXPECT_EQ(found[1].code, "EK-C012");
}

}  // namespace
}  // namespace evenkeel::config::test
