#include "agent/cli/find_engines.hpp"
#include "agent/cli/first_config.hpp"
#include "daemon_process.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>

/// From a running engine to a served request with what `evenkeel init` writes.
namespace evenkeel::integration {
namespace {

TEST(FirstRun, WhatInitWritesServesTheEngineThatItFound) {
    DaemonProcess daemon;
    const std::filesystem::path folder = daemon.config().parent_path();
    const std::string port_file = (folder / "engine.port").string();
    auto engine = lab::demo::start_child(
        "engine",
        EVENKEEL_PROGRAM,
        {"engine",
         "--synthetic",
         "--model",
         "Org/Some-Model-7B",
         "--speed",
         "20",
         "--listen",
         "127.0.0.1:0",
         "--port-file",
         port_file},
        (folder / "engine.log").string(),
        true);
    ASSERT_TRUE(engine) << engine.error().message;
    int port = 0;
    ASSERT_TRUE(eventually(10s, [&] { return bool(std::ifstream{port_file} >> port); }));

    const auto found = cli::find_engines(
        {static_cast<std::uint16_t>(port), daemon.api()}, std::chrono::milliseconds{1'500});
    ASSERT_EQ(found.size(), 1u) << "the daemon's own address has none yet";
    EXPECT_EQ(found[0].kind, "synthetic");
    ASSERT_EQ(found[0].models.size(), 1u);
    EXPECT_EQ(found[0].models[0].id, "Org/Some-Model-7B");
    EXPECT_GT(found[0].models[0].context, 0);

    const config::Date today{std::chrono::year{2026}, std::chrono::November, std::chrono::day{23}};
    for (const config::SourceFile& file : cli::first_configuration({.engines = found}, today)) {
        daemon.write(file.path, file.text);
    }
    daemon.replace("evenkeel.yaml", "127.0.0.1:8080", fmt::format("127.0.0.1:{}", daemon.api()));
    daemon.replace("evenkeel.yaml", "127.0.0.1:8081", fmt::format("127.0.0.1:{}", daemon.admin()));
    const auto checked = daemon.tool({"policy", "check"});
    EXPECT_EQ(checked.status, 0) << checked.out;
    EXPECT_NE(checked.out.find("0 errors"), std::string::npos) << checked.out;
    EXPECT_EQ(checked.out.find("warning"), std::string::npos) << checked.out;

    daemon.start();
    ASSERT_TRUE(daemon.ready()) << daemon.log();
    const auto made = daemon.tool({"keys", "create", "me", "--json"});
    ASSERT_EQ(made.status, 0) << made.err;
    const std::string key{json::parse(made.out).at("key").as_string().c_str()};
    const std::string body =
        R"({"model":"some-model-7b","max_tokens":8,)"
        R"("messages":[{"role":"user","content":"hello"}]})";
    Answer answer;
    EXPECT_TRUE(eventually(
        20s,
        [&] {
            answer = fetch(daemon.api(), "POST", "/v1/chat/completions", key, body);
            return answer.status == 200;
        }))
        << answer.status << " " << answer.body << daemon.log();

    EXPECT_TRUE(cli::find_engines({daemon.api()}, std::chrono::milliseconds{1'500}).empty())
        << "a gateway of ours is no engine";
    const auto well = daemon.tool({"doctor"});
    EXPECT_EQ(well.status, 0) << well.out;
    EXPECT_NE(well.out.find("ok    engine desk-synthetic"), std::string::npos) << well.out;
    static_cast<void>(lab::demo::stop_child(*engine, 5s));
    EXPECT_TRUE(eventually(20s, [&] {
        return daemon.tool({"doctor"}).out.contains("warn  engine desk-synthetic");
    })) << daemon.tool({"doctor"}).out;
}

}  // namespace
}  // namespace evenkeel::integration
