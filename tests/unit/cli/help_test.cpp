#include "agent/cli/exit_codes.hpp"
#include "tests/unit/cli/say.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

/// `evenkeel help COMMAND`, through the command line itself.
namespace evenkeel::cli {
namespace {

TEST(CliHelp, SaysWhatTheCommandItselfSays) {
    const std::vector<std::vector<std::string>> commands{
        {"nodes"},
        {"nodes", "destroy"},
        {"keys", "create"},  // which by itself needs a name
        {"ledger"},          // which by itself needs a command
        {"completion"},
        {"help"},
        {}};
    for (const std::vector<std::string>& command : commands) {
        std::vector<std::string> direct = command;
        direct.emplace_back("--help");
        std::vector<std::string> about = command;
        about.insert(about.begin(), "help");
        const Said expected = say(direct);
        const Said said = say(about);
        EXPECT_EQ(said.status, Exit::done) << testing::PrintToString(about) << said.err;
        EXPECT_EQ(said.out, expected.out) << testing::PrintToString(about);
        EXPECT_EQ(said.err, "");
    }
    EXPECT_NE(say({"help", "keys", "create"}).out.find("evenkeel keys create"), std::string::npos);
}

TEST(CliHelp, GlobalFlagsMayStandAnywhere) {
    const std::string expected = say({"nodes", "show", "--help"}).out;
    EXPECT_EQ(say({"--config", "help", "help", "nodes", "show"}).out, expected);
    EXPECT_EQ(say({"--no-color", "help", "nodes", "show"}).out, expected);
    EXPECT_EQ(say({"help", "nodes", "--utc", "show"}).out, expected);
    EXPECT_EQ(say({"-qv", "help", "nodes", "show"}).out, expected);
}

TEST(CliHelp, ExplainsACode) {
    const Said said = say({"help", "EK-C012"});
    EXPECT_EQ(said.status, Exit::done) << said.err;
    EXPECT_NE(said.out.find("not known at this place"), std::string::npos);
}

TEST(CliHelp, WhatDoesNotExistIsWrongUsageWithAMessage) {
    struct Case {
        std::vector<std::string> words;
        std::string message;
    };
    const std::vector<Case> cases{
        {{"help", "node"}, "there is no command and no code 'node'; did you mean 'nodes'?"},
        {{"help", "EK-C999"}, "there is no command and no code 'EK-C999'"},
        {{"help", "nodes", "destory"},
         "'evenkeel nodes' has no command 'destory'; did you mean 'destroy'?"},
        {{"help", "version", "now"}, "'evenkeel version' has no command 'now'"},
        {{"lgder"}, "evenkeel: unknown command 'lgder'; did you mean 'ledger'?"},
        {{"nodes", "lst"}, "'evenkeel nodes' has no command 'lst'; did you mean 'list'?"},
        {{"--state", "nodes", "nodes", "--json", "lst"}, "'evenkeel nodes' has no command 'lst'"},
        {{"report", "--currency", "AUD", "spnd"},
         "'evenkeel report' has no command 'spnd'; did you mean 'spend'?"},
        {{"ledger", "verfy"}, "Try: evenkeel help ledger\n"},
        {{"policy", "--json"}, "evenkeel: 'evenkeel policy' needs a command: "},
        {{"report", "spend", "extra"}, "Try: evenkeel help report spend\n"},
        {{"report", "--json", "--csv"}, "--json excludes --csv"},
        {{"report", "spend", "--hours", "--by", "source"}, "--by excludes --hours"},
        {{"--sate", "/tmp/x", "report"}, "--sate"},
        {{"report", "--by", "key"}, "--by"},
        {{"nodes", "--provider", "runpod", "drain", "x"}, "--provider"},
        {{"report", "requests", "--currency", "AUD"}, "leave --currency out"},
        {{"--currency", "AUD", "report", "requests"}, "leave --currency out"},
        {{"nodes", "--currency", "AUD"}, "--currency is of reports"}};
    for (const Case& wrong : cases) {
        const Said said = say(wrong.words);
        EXPECT_EQ(said.status, Exit::usage);
        EXPECT_EQ(said.out, "");
        EXPECT_NE(said.err.find(wrong.message), std::string::npos) << said.err;
    }
}

}  // namespace
}  // namespace evenkeel::cli
