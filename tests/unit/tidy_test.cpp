#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

/// House rules that a reader should not have to check by eye.
namespace evenkeel {
namespace {

namespace fs = std::filesystem;

/// Which folder may include which. A folder may always include itself; tests may include all.
const std::map<std::string, std::set<std::string>> allowed_includes{
    {"policies", {}},
    {"providers", {"policies"}},
    {"inference", {"policies"}},
    {"lab", {"policies", "providers", "inference"}},
    {"agent", {"policies", "providers", "inference"}},
    {"gpu-probe", {"policies", "inference"}},
};
/// The one file of agent/ that may name lab/.
constexpr const char* command_table = "agent/cli/commands.cpp";

struct Line {
    std::string file;  ///< relative to the source root
    int number{0};
    std::string text;
};

const std::vector<Line>& all_lines() {
    static const std::vector<Line> lines = [] {
        const fs::path root{EVENKEEL_SOURCE_DIR};
        std::vector<Line> found;
        for (const char* top :
             {"agent", "gpu-probe", "inference", "lab", "policies", "providers", "tests"}) {
            for (auto it = fs::recursive_directory_iterator{root / top};
                 it != fs::recursive_directory_iterator{};
                 ++it) {
                const auto& entry = *it;
                if (entry.path().filename() == "node_modules") {
                    it.disable_recursion_pending();  // what others wrote
                    continue;
                }
                const auto extension = entry.path().extension();
                if (extension != ".hpp" && extension != ".cpp") {
                    continue;
                }
                std::ifstream input{entry.path()};
                const std::string file = fs::relative(entry.path(), root).string();
                std::string text;
                for (int number = 1; std::getline(input, text); ++number) {
                    found.push_back({file, number, text});
                }
            }
        }
        return found;
    }();
    return lines;
}

std::string folder_of(const std::string& path) {
    return path.substr(0, path.find('/'));
}

TEST(Tidy, IncludesFollowTheArrows) {
    const std::regex include{R"re(^#include "([^"]+)")re"};
    for (const Line& line : all_lines()) {
        const std::string from = folder_of(line.file);
        std::smatch match;
        if (from == "tests" || !std::regex_search(line.text, match, include)) {
            continue;
        }
        const std::string to = folder_of(match[1]);
        const auto rule = allowed_includes.find(from);
        ASSERT_NE(rule, allowed_includes.end()) << "no rule for folder " << from;
        const bool table = line.file == command_table && to == "lab";
        EXPECT_TRUE(to == from || table || rule->second.contains(to))
            << line.file << ':' << line.number << ": " << from << " may not include " << to;
    }
}

TEST(Tidy, PoliciesArePure) {
    const std::regex impure{
        R"(#include <(boost/(?!multiprecision/)|spdlog|sqlite3|curl/|thread|mutex|fstream|iostream)"
        R"(|filesystem|unistd|sys/)|[Cc]lock::now\(\)|\bgetenv\b)"};
    const std::regex yaml{R"(#include <yaml-cpp)"};
    for (const Line& line : all_lines()) {
        if (!line.file.starts_with("policies/")) {
            continue;
        }
        EXPECT_FALSE(std::regex_search(line.text, impure)) << line.file << ':' << line.number;
        if (std::regex_search(line.text, yaml)) {
            EXPECT_TRUE(line.file.starts_with("policies/config/") && line.file.ends_with(".cpp"))
                << line.file << ':' << line.number << ": yaml-cpp stays in policies/config/*.cpp";
        }
    }
}

TEST(Tidy, SqlStaysInTheLedgerAndReports) {
    const std::regex sqlite{R"(#include <sqlite3)"};
    for (const Line& line : all_lines()) {
        if (line.file.starts_with("tests/") || !std::regex_search(line.text, sqlite)) {
            continue;
        }
        EXPECT_TRUE(line.file.starts_with("agent/ledger/")) << line.file << ':' << line.number;
    }
}

TEST(Tidy, LinesFit) {
    for (const Line& line : all_lines()) {
        std::size_t characters = 0;
        for (const char c : line.text) {
            characters += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
        }
        EXPECT_LE(characters, 100u) << line.file << ':' << line.number;
    }
}

TEST(Tidy, FilesStayShort) {
    std::map<std::string, int> longest;
    for (const Line& line : all_lines()) {
        longest[line.file] = line.number;
    }
    for (const auto& [file, lines] : longest) {
        EXPECT_LE(lines, 600) << file << ": split before it hurts";
    }
}

/// The numbers of the fault catalogue in a text: F07, or F01-F03 for all three.
std::set<int> fault_numbers(const std::string& text) {
    static const std::regex number{R"(F(\d\d+)(-F(\d\d+))?)"};
    std::set<int> numbers;
    for (std::sregex_iterator it{text.begin(), text.end(), number}, end; it != end; ++it) {
        const int first = std::stoi((*it)[1]);
        const int last = (*it)[3].matched ? std::stoi((*it)[3]) : first;
        for (int each = first; each <= last; ++each) {
            numbers.insert(each);
        }
    }
    return numbers;
}

/// Suite.Name of every test, with the place where it stands.
std::map<std::string, std::string> all_tests() {
    const std::regex head{R"(^(?:TEST|TEST_F|TEST_P|RC_GTEST_PROP)\(\s*(\w+),\s*(\w+))"};
    std::map<std::string, std::string> tests;
    const std::vector<Line>& lines = all_lines();
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (!lines[i].text.starts_with("TEST") && !lines[i].text.starts_with("RC_GTEST")) {
            continue;
        }
        std::string text = lines[i].text;  // the formatter may break it behind the bracket
        for (std::size_t next = i + 1; next < std::min(i + 3, lines.size()); ++next) {
            text += lines[next].text;
        }
        std::smatch match;
        if (std::regex_search(text, match, head)) {
            tests[match[1].str() + "." + match[2].str()] =
                lines[i].file + ":" + std::to_string(lines[i].number);
        }
    }
    return tests;
}

/// A test that carries the number of a fault stands in a row of docs/faults.md with that number,
/// and every test named there exists.
TEST(Tidy, FaultTestsAndTheirTableAgree) {
    const std::map<std::string, std::string> tests = all_tests();
    const std::regex named{R"(`([A-Z]\w*\.\w+)(\*?)`)"};
    std::set<std::string> listed;
    std::ifstream table{fs::path{EVENKEEL_SOURCE_DIR} / "docs/faults.md"};
    std::string row;
    for (int number = 1; std::getline(table, row); ++number) {
        if (!row.starts_with("| F")) {
            continue;
        }
        const std::set<int> faults = fault_numbers(row.substr(0, row.find(" |")));
        for (std::sregex_iterator it{row.begin(), row.end(), named}, end; it != end; ++it) {
            const std::string test = (*it)[1];
            const std::string place = "docs/faults.md:" + std::to_string(number) + ": " + test;
            EXPECT_TRUE(tests.contains(test) && !(*it)[2].length()) << place << " does not exist";
            const std::set<int> own = fault_numbers(test);
            EXPECT_TRUE(
                own.empty() ||
                std::ranges::any_of(own, [&](int fault) { return faults.contains(fault); }))
                << place << " stands in a row of other faults";
            listed.insert(test);
        }
    }
    ASSERT_GT(listed.size(), 100u);
    for (const auto& [test, place] : tests) {
        EXPECT_TRUE(fault_numbers(test).empty() || listed.contains(test))
            << place << ": enter " << test << " into docs/faults.md";
    }
}

}  // namespace
}  // namespace evenkeel
