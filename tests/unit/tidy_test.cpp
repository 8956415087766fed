#include <gtest/gtest.h>

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
        for (const char* top : {"agent", "inference", "lab", "policies", "providers", "tests"}) {
            for (const auto& entry : fs::recursive_directory_iterator{root / top}) {
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
        R"(#include <(boost/|spdlog|sqlite3|curl/|thread|mutex|fstream|iostream)"
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

}  // namespace
}  // namespace evenkeel
