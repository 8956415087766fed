#include "policies/config/keys.hpp"

#include "policies/config/text.hpp"
#include "policies/config/values.hpp"
#include "policies/config/walk.hpp"
#include "tests/unit/config/support.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

namespace evenkeel::config::test {
namespace {

namespace fs = std::filesystem;

std::string file_text(const fs::path& path) {
    std::ifstream input{path};
    std::stringstream text;
    text << input.rdbuf();
    return text.str();
}

TEST(Keys, EveryRowIsWholeAndUnique) {
    for (const File file : all_files) {
        std::set<std::string_view> seen;
        for (const Key& key : keys(file)) {
            EXPECT_TRUE(seen.insert(key.path).second) << key.path;
            EXPECT_TRUE(key.help_text.ends_with('.')) << key.path << ": a sentence ends with a dot";
            EXPECT_EQ(key.type == Type::choice, !key.choices.empty()) << key.path;
            EXPECT_EQ(key.least.empty(), key.most.empty()) << key.path;
            EXPECT_FALSE(key.is_required && key.without_text.empty()) << key.path;
            EXPECT_FALSE(key.is_required && !key.default_text.empty()) << key.path;
        }
    }
}

bool has_range(Type type) {
    switch (type) {
        case Type::integer:
        case Type::tokens:
        case Type::ratio:
        case Type::rate:
        case Type::duration:
        case Type::duration_auto:
        case Type::months:
        case Type::money:
        case Type::price_hour:
        case Type::price_mtok:
        case Type::price_kwh:
        case Type::power:
        case Type::bytes:
        case Type::memory:
            return true;
        default:
            return false;
    }
}

TEST(Keys, EveryNumberHasARangeAndItsOwnExampleIsLegal) {
    for (const File file : all_files) {
        for (const Key& key : keys(file)) {
            if (!has_range(key.type) || key.path == "version") {
                continue;
            }
            EXPECT_FALSE(key.least.empty()) << key.path;
            for (const std::string_view text : {key.default_text, key.example_text}) {
                if (text.empty() || text.starts_with('[')) {
                    continue;
                }
                const auto value = read_value(key.type, key, text, /*is_quoted=*/false, "USD");
                ASSERT_TRUE(value.has_value()) << key.path << ": " << value.error().message;
                EXPECT_FALSE(check_range(key, *value).has_value()) << key.path << ": " << text;
            }
        }
    }
}

/// A complete set in which every list and map of the table exists, so that any key can be added.
std::vector<SourceFile> full_files() {
    std::vector<SourceFile> files = base_files();
    files[0].text =
        "version: 1\nlisten: {}\ndashboard: {}\ncurrency: {rates: {AUD: {rate: 1, as_of: "
        "2026-11-24}}}\n"
        "energy: {tariff: [{price: 1 USD/kWh}]}\nhardware: [{name: desk, power: {}}]\n"
        "limits: {}\nledger: {}\n";
    const std::string_view desk = "desk: {kind: local, ";
    files[1].text.insert(files[1].text.find(desk) + desk.size(), "start: {command: [vllm]}, ");
    files[3].text +=
        "slo: {}\nbudgets: [{name: all, scope: {}, limit: 400 USD}]\nsafety: {}\nbreakeven: {}\n";
    return files;
}

/// `text` with "key: value" put into the map at `path`, whose lists have one entry and whose named
/// maps are entered at `name`. Works on the flow style of the texts above.
std::string with_key(
    std::string text, std::string_view path, std::string_view name, std::string_view value) {
    std::size_t at = 0;
    const auto parts = split(path, '.');
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
        const bool is_list = parts[i].ends_with("[]");
        std::string key{parts[i] == "*" ? name : parts[i].substr(0, parts[i].find('['))};
        at = text.find(key + ":", at);
        EXPECT_NE(at, std::string::npos) << path << " in\n" << text;
        at += key.size() + 1;
        if (is_list) {
            at = text.find('{', at);
        }
    }
    const std::string_view last = parts.back().substr(0, parts.back().find('['));
    const std::string line = std::string{last} + ": " + std::string{value};
    if (parts.size() == 1) {
        return text + line + "\n";
    }
    const std::size_t brace = text.find('{', at);
    const bool is_empty = text[brace + 1] == '}';
    return text.insert(brace + 1, line + (is_empty ? "" : ", "));
}

/// Loads the full set with each key of the table that has a default written out, and compares: the
/// table, which the documentation is made from, and the structs' initialisers must agree.
TEST(Keys, DefaultsInTheTableAreThoseOfTheCode) {
    const auto base = load(full_files(), today);
    ASSERT_TRUE(base.has_value()) << render_all(base.error());
    int checked = 0;
    for (const File file : all_files) {
        for (const Key& key : keys(file)) {
            if (key.default_text.empty()) {
                continue;
            }
            const std::string_view name = file == File::evenkeel    ? "AUD"
                                          : file == File::providers ? "cloud"
                                                                    : "m";
            auto files = full_files();
            std::string& text = files[static_cast<std::size_t>(file)].text;
            std::string path{key.path};
            if (path == "budgets[].at.*") {
                path = "budgets[].at";
            }
            std::string_view entry = name;
            if (path == "providers.*.engine" || path.starts_with("providers.*.start.")) {
                entry = "desk";
            } else if (path == "providers.*.max_in_flight") {
                entry = "shop";
            } else if (path == "providers.*.cloud") {
                continue;  // of RunPod only, which the base has not
            }
            const bool is_map_value = key.default_text.starts_with('{');
            text = with_key(
                text,
                path,
                entry,
                key.type == Type::address && !is_map_value
                    ? "\"" + std::string{key.default_text} + "\""
                    : std::string{key.default_text});
            const auto loaded = load(files, today);
            ASSERT_TRUE(loaded.has_value()) << key.path << "\n" << render_all(loaded.error());
            EXPECT_EQ(loaded->config, base->config) << key.path;
            ++checked;
        }
    }
    EXPECT_GT(checked, 45);
}

TEST(Keys, EveryCodeInTheSourceIsExplainedAndTested) {
    const std::regex pattern{"EK-[CW][0-9]{3}"};
    const auto codes_in = [&](const fs::path& folder) {
        std::set<std::string> found;
        for (const auto& entry : fs::directory_iterator{folder}) {
            const bool is_source = entry.path().extension() == ".cpp" &&
                                   entry.path().filename() != "codes.cpp" &&
                                   entry.path().filename() != "keys_test.cpp";
            const std::string text = is_source ? file_text(entry.path()) : std::string{};
            for (std::sregex_iterator it{text.begin(), text.end(), pattern}, end; it != end; ++it) {
                found.insert(it->str());
            }
        }
        return found;
    };
    const fs::path root{EVENKEEL_SOURCE_DIR};
    const std::set<std::string> emitted = codes_in(root / "policies/config");
    const std::set<std::string> tested = codes_in(root / "tests/unit/config");
    std::set<std::string> explained;
    for (const std::string_view code : all_codes()) {
        explained.emplace(code);
        EXPECT_FALSE(explain(code).empty()) << code;
    }
    EXPECT_EQ(emitted, explained);
    for (const std::string& code : emitted) {
        EXPECT_TRUE(tested.contains(code)) << code << " has no test";
    }
}

/// docs/configuration.md holds the table between two marks. To bring it up to date after a change
/// of keys or codes, run this test with EVENKEEL_UPDATE_DOCS=1.
TEST(Keys, ReferenceInTheDocumentationIsUpToDate) {
    const fs::path path = fs::path{EVENKEEL_SOURCE_DIR} / "docs/configuration.md";
    constexpr std::string_view begin_mark = "<!-- begin of the generated reference -->\n";
    constexpr std::string_view end_mark = "<!-- end of the generated reference -->\n";
    std::string text = file_text(path);
    const std::size_t begin = text.find(begin_mark);
    const std::size_t end = text.find(end_mark);
    ASSERT_NE(begin, std::string::npos);
    ASSERT_NE(end, std::string::npos);
    const std::size_t from = begin + begin_mark.size();
    const std::string wanted = "\n" + reference_markdown() + "\n";
    if (std::getenv("EVENKEEL_UPDATE_DOCS") != nullptr) {
        std::ofstream{path} << text.substr(0, from) << wanted << text.substr(end);
        text = file_text(path);
    }
    const std::string committed = text.substr(from, text.find(end_mark) - from);
    const auto [a, b] = std::ranges::mismatch(committed, wanted);
    EXPECT_TRUE(committed == wanted)
        << "run with EVENKEEL_UPDATE_DOCS=1; the first difference is at: "
        << std::string_view{a, committed.end()}.substr(0, 80)
        << "\n  wanted: " << std::string_view{b, wanted.end()}.substr(0, 80);
}

}  // namespace
}  // namespace evenkeel::config::test
