#include "lab/cloud/cloud.hpp"

#include <CLI/CLI.hpp>
#include <gtest/gtest.h>

#include <algorithm>

namespace evenkeel::lab::cloud {
namespace {

using namespace std::chrono_literals;

int parse(CloudOptions& options, std::vector<std::string> arguments) {
    CLI::App app;
    add_flags(app, options);
    std::ranges::reverse(arguments);
    try {
        app.parse(arguments);
    } catch (const CLI::ParseError& error) {
        return error.get_exit_code() == 0 ? -1 : error.get_exit_code();
    }
    return 0;
}

TEST(CloudFlags, ReadsEveryFlag) {
    CloudOptions options;
    ASSERT_EQ(
        parse(options, {"--listen",         "127.0.0.1:7000",
                        "--state",          "s",
                        "--token-file",     "t",
                        "--port-file",      "p",
                        "--speed",          "30",
                        "--boot",           "7m",
                        "--loading",        "5s",
                        "--min-bill",       "1m30s",
                        "--price",          "3.99 AUD/h",
                        "--stock",          "5",
                        "--profile",        "x",
                        "--switch",         R"({"create_lost":2})",
                        "--engine-program", "/bin/true",
                        "--kill-grace",     "20ms"}),
        0);
    EXPECT_EQ(options.listen, "127.0.0.1:7000");
    EXPECT_EQ(options.state, "s");
    EXPECT_EQ(options.token_file, "t");
    EXPECT_EQ(options.port_file, "p");
    EXPECT_EQ(options.speed, 30);
    EXPECT_EQ(options.boot, 420s);
    EXPECT_EQ(options.loading, 5s);
    EXPECT_EQ(options.min_bill, 90s);
    EXPECT_EQ(options.price, Price::per_hour(Money{3'990'000'000, aud}));
    EXPECT_EQ(options.stock, 5);
    EXPECT_EQ(options.profile, "x");
    EXPECT_EQ(options.switches.create_lost, 2);
    EXPECT_EQ(options.engine_program, "/bin/true");
    EXPECT_EQ(options.kill_grace, 20ms);
}

TEST(CloudFlags, RefusesBadValues) {
    const std::vector<std::string> good{"--state", "s", "--token-file", "t"};
    CloudOptions options;
    ASSERT_EQ(parse(options, good), 0);
    for (const std::vector<std::string>& bad : std::vector<std::vector<std::string>>{
             {"--boot", "420"},
             {"--min-bill", "-1s"},
             {"--price", "4.41"},
             {"--price", "free"},
             {"--switch", "{\"x\":1}"},
             {"--speed", "fast"},
             {"--unknown"}}) {
        std::vector<std::string> arguments = good;
        arguments.insert(arguments.end(), bad.begin(), bad.end());
        EXPECT_NE(parse(options, arguments), 0) << bad.front();
    }
    EXPECT_NE(parse(options, {"--state", "s"}), 0) << "the token file is required";
}

}  // namespace
}  // namespace evenkeel::lab::cloud
