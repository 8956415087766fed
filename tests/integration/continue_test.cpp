#include "agent/ledger/rows.hpp"
#include "agent/ledger/sqlite.hpp"
#include "daemon_process.hpp"
#include "lab/demo/document.hpp"
#include "lab/engine/wire.hpp"
#include "raw_http.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>

/// An engine that is killed in the middle of an answer, on a route with `continue_on_failure`.
namespace evenkeel::integration {
namespace {

/// A synthetic engine of its own, with `flags`.
class Engine {
public:
    Engine(const std::filesystem::path& folder, int port, std::vector<std::string> flags) {
        const std::string name = std::to_string(port);
        const std::string port_file = folder / (name + ".port");
        flags.insert(
            flags.begin(),
            {"engine",
             "--synthetic",
             "--listen",
             "127.0.0.1:" + name,
             "--port-file",
             port_file,
             "--speed",
             "4"});
        auto started =
            lab::demo::start_child(name, EVENKEEL_PROGRAM, flags, folder / (name + ".log"), true);
        EXPECT_TRUE(started);
        child_ = *started;
        int listens = 0;
        EXPECT_TRUE(eventually(10s, [&] { return bool(std::ifstream{port_file} >> listens); }));
    }
    ~Engine() { lab::demo::stop_child(child_, 1s); }
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    [[nodiscard]] bool ended() { return lab::demo::has_ended(child_); }

private:
    lab::demo::Child child_{};
};

struct Told {
    std::string text{};
    std::vector<std::string> ids{};
    int roles{0};
    int ends{0};
    std::int64_t completion_tokens{0};
};

/// What a client makes of a streamed answer whose framing is still there.
Told read_stream(const std::string& body) {
    Told told;
    for (std::size_t at = body.find("data: {"); at != std::string::npos;
         at = body.find("data: {", at + 1)) {
        const json::value value = json::parse(body.substr(at + 6, body.find("\n\n", at) - at - 6));
        const json::object& chunk = value.as_object();
        if (const json::value* usage = chunk.if_contains("usage"); usage && usage->is_object()) {
            told.completion_tokens = usage->at("completion_tokens").as_int64();
        }
        for (const json::value& choice : chunk.at("choices").as_array()) {
            const json::object& delta = choice.at("delta").as_object();
            told.ids.emplace_back(chunk.at("id").as_string().c_str());
            told.roles += delta.contains("role") ? 1 : 0;
            told.ends += choice.at("finish_reason").is_null() ? 0 : 1;
            if (const json::value* content = delta.if_contains("content")) {
                told.text += content->as_string().c_str();
            }
        }
    }
    return told;
}

TEST(F53Continue, AStreamOfAKilledEngineArrivesWhole) {
    DaemonProcess daemon;
    const auto folder = daemon.config().parent_path();
    const int dying_port = lab::demo::free_port(0).value();
    const int other_port = lab::demo::free_port(0).value();
    Engine dying{folder, dying_port, {"--die-after-tokens", "60"}};
    daemon.write(
        "providers.yaml",
        fmt::format(
            "version: 1\nproviders:\n"
            "  dying: {{kind: local, engine: synthetic, url: \"http://127.0.0.1:{}\", synthetic: "
            "true}}\n"
            "  other: {{kind: local, engine: synthetic, url: \"http://127.0.0.1:{}\", synthetic: "
            "true}}\n",
            dying_port,
            other_port));
    daemon.replace(
        "models.yaml",
        "      - {on: desk, slots: 4}",
        "      - {on: dying, slots: 4}\n      - {on: other, slots: 4}");
    daemon.replace("policy.yaml", "max_wait: 200ms", "max_wait: 5s, continue_on_failure: true");
    daemon.start();
    ASSERT_TRUE(daemon.ready());
    const auto made = daemon.tool({"keys", "create", "me", "--json", "-q"});
    const auto key = lab::demo::parse_object(made.out, "the answer of `keys create`");
    ASSERT_TRUE(key) << made.err;
    // Of two idle workers the one that came first is asked.
    const auto takes_requests = [&](const std::string& name) {
        return eventually(20s, [&] {
            return daemon.log().find("source=" + name + " takes requests") != std::string::npos;
        });
    };
    ASSERT_TRUE(takes_requests("dying"));
    Engine other{folder, other_port, {}};
    ASSERT_TRUE(takes_requests("other"));
    const RawAnswer answer = raw_http(
        daemon.api(),
        "POST",
        "/v1/chat/completions",
        key->at("key").as_string().c_str(),
        R"({"model":"qwq-32b","stream":true,"stream_options":{"include_usage":true},)"
        R"("max_tokens":200,"messages":[{"role":"user","content":"hello"}]})",
        20s);
    EXPECT_TRUE(dying.ended());
    ASSERT_EQ(answer.status, 200) << answer.body;
    const Told told = read_stream(answer.body);
    const std::int64_t tokens = lab::engine::read_filler(told.text).tokens;
    EXPECT_GE(tokens, 200) << "no gap, nothing twice: " << told.text;
    EXPECT_EQ(told.roles, 1);
    EXPECT_EQ(told.ends, 1);
    for (const std::string& id : told.ids) {
        EXPECT_EQ(id, told.ids.front());
    }
    EXPECT_EQ(told.completion_tokens, 200);
    EXPECT_NE(answer.body.find(": x-evenkeel-continued: other\n"), std::string::npos);
    EXPECT_NE(answer.body.find("data: [DONE]\n\n"), std::string::npos);
    daemon.signal(SIGTERM);
    ASSERT_EQ(daemon.wait(20s), 0);
    ledger::Database database{daemon.state() / "ledger.db", ledger::Database::Mode::read_only};
    EXPECT_EQ(
        database.integer(fmt::format(
            "SELECT count(*) FROM request WHERE flags & {} AND outcome = 0 AND tok_out = 200",
            ledger::flag_continued)),
        1);
}

}  // namespace
}  // namespace evenkeel::integration
