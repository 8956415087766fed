#include "agent/ledger/reader.hpp"
#include "agent/ledger/sqlite.hpp"
#include "daemon_process.hpp"
#include "lab/demo/document.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <thread>

/// Client keys with limits against the real daemon and an engine that stands in for a paid API
/// (FAULTS F94, F95): no cent beyond a limit, whatever comes at once and whenever it dies.
namespace evenkeel::integration {
namespace {

/// A daemon whose only source is a paid API: 10 USD a million tokens, in and out.
class PaidApi {
public:
    explicit PaidApi(const std::string& speed) {
        const std::string folder = daemon.config().parent_path().string();
        const std::string port_file = folder + "/paid.port";
        auto started = lab::demo::start_child(
            "paid",
            EVENKEEL_PROGRAM,
            {"engine",
             "--synthetic",
             "--profile",
             "api-standin",
             "--model",
             "paid",
             "--speed",
             speed,
             "--listen",
             "127.0.0.1:0",
             "--port-file",
             port_file},
            folder + "/paid.log",
            true);
        EXPECT_TRUE(started);
        engine = *started;
        int port = 0;
        EXPECT_TRUE(eventually(10s, [&] { return bool(std::ifstream{port_file} >> port); }));
        std::filesystem::create_directories(daemon.config() / "credentials");
        std::filesystem::permissions(
            daemon.config() / "credentials", std::filesystem::perms::owner_all);
        daemon.write("credentials/paid.key", "secret-of-the-api\n");
        std::filesystem::permissions(
            daemon.config() / "credentials/paid.key",
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
        daemon.write(
            "providers.yaml",
            fmt::format(
                "version: 1\nproviders:\n  seller: {{kind: openai-compatible, credential: "
                "paid.key, url: \"http://127.0.0.1:{}/v1\", max_in_flight: 64, synthetic: true}}\n",
                port));
        daemon.write("models.yaml", R"(version: 1
models:
  paid:
    context: 32k
    offers:
      - {on: seller, price: {in: 10 USD/Mtok, out: 10 USD/Mtok}, seen: 2026-11-20}
)");
        daemon.write("policy.yaml", R"(version: 1
routes:
  - {name: default, match: {}, use: [paid], max_wait: 1s}
)");
    }
    ~PaidApi() { lab::demo::stop_child(engine, 1s); }

    /// Makes a key through the running daemon, or without it into its ledger.
    std::string create(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), {"keys", "create"});
        arguments.insert(arguments.end(), {"--json", "-q"});
        const auto made = daemon.tool(arguments);
        EXPECT_EQ(made.status, 0) << made.err;
        const auto answer = lab::demo::parse_object(made.out, "the answer of `keys create`");
        return answer ? std::string{answer->at("key").as_string().c_str()} : std::string{};
    }
    [[nodiscard]] Answer chat(const std::string& key, int tokens_out = 100) const {
        const std::string body = fmt::format(
            R"({{"model":"paid","max_tokens":{},)"
            R"("messages":[{{"role":"user","content":"hello"}}]}})",
            tokens_out);
        return fetch(daemon.api(), "POST", "/v1/chat/completions", key, body);
    }
    /// `count` callers at once; their answers by status.
    [[nodiscard]] std::map<int, int> burst(
        int count, const std::string& key, std::string* refusal = nullptr) const {
        std::vector<Answer> answers(static_cast<std::size_t>(count));
        std::vector<std::thread> callers;
        callers.reserve(answers.size());
        for (Answer& answer : answers) {
            callers.emplace_back([&] { answer = chat(key); });
        }
        std::map<int, int> statuses;
        for (std::size_t i = 0; i < answers.size(); ++i) {
            callers[i].join();
            ++statuses[answers[i].status];
            if (refusal != nullptr && answers[i].status == 429) {
                *refusal = answers[i].body;
            }
        }
        return statuses;
    }
    /// The row of `name` in `evenkeel keys --json`.
    [[nodiscard]] json::object row(const std::string& name) const {
        const auto list = daemon.tool({"keys", "--json"});
        const auto answer = lab::demo::parse_object(list.out, "the answer of `keys`");
        for (const json::value& key : answer->at("keys").as_array()) {
            if (key.at("name").as_string() == name) {
                return key.as_object();
            }
        }
        return {};
    }
    /// Of its limit, nano-units, holds included.
    [[nodiscard]] std::int64_t used(const std::string& name) const {
        const json::value text = row(name).at("limit").at("used");
        return parse_decimal(text.as_string().c_str(), 9).value_or(-1);
    }
    [[nodiscard]] std::int64_t count(const std::string& sql) const {
        ledger::Database database{daemon.state() / "ledger.db", ledger::Database::Mode::read_only};
        return database.integer(sql);
    }
    void expect_sound() const {
        const auto verified = daemon.tool({"ledger", "verify"});
        EXPECT_EQ(verified.status, 0) << verified.out << verified.err;
        EXPECT_EQ(count("SELECT count(*) FROM hold WHERE state = 'open'"), 0);
        EXPECT_EQ(count("SELECT coalesce(sum(held), 0) FROM budget_window"), 0);
    }

    DaemonProcess daemon{};
    lab::demo::Child engine{};
};

constexpr std::int64_t limit = 50'000'000;  ///< 0.05 USD

TEST(Keys, F94_AThousandAtOnceNeverPassTheLimitOfTheirKey) {
    PaidApi world{"50"};
    const std::string key = world.create({"ci", "--limit", "0.05 USD/mo", "--routes", "default"});
    world.daemon.start();
    ASSERT_TRUE(world.daemon.ready());
    std::string refusal;
    const auto statuses = world.burst(1'000, key, &refusal);
    for (const auto& [status, number] : statuses) {
        EXPECT_TRUE(status == 200 || status == 429) << number << " times " << status;
    }
    // A call of 100 tokens costs at least 0.001 USD, and about a tenth more for its prompt.
    EXPECT_LE(statuses.at(200), 50);
    EXPECT_GE(statuses.at(200), 40) << "what fits must go through";
    EXPECT_NE(refusal.find("insufficient_quota"), std::string::npos) << refusal;
    EXPECT_NE(refusal.find("key 'ci'"), std::string::npos) << refusal;
    EXPECT_TRUE(eventually(5s, [&] {
        return world.count("SELECT count(*) FROM hold WHERE state = 'open'") == 0;
    })) << "every hold is settled or given back";
    EXPECT_LE(world.used("ci"), limit);
    EXPECT_GT(world.used("ci"), limit - 2'000'000) << "used to less than one more call";
    EXPECT_LE(world.count("SELECT sum(paid) FROM request"), limit);
    EXPECT_EQ(world.count("SELECT sum(paid) FROM request"), world.used("ci"));
    world.daemon.signal(SIGTERM);
    EXPECT_EQ(world.daemon.wait(20s), 0);
    world.expect_sound();
}

TEST(Keys, F95_KilledInTheMiddleOpenHoldsAreSpentAtTheirCeiling) {
    PaidApi world{"1"};
    const std::string key = world.create({"ci", "--limit", "0.05 USD/mo"});
    world.daemon.start();
    ASSERT_TRUE(world.daemon.ready());
    std::thread callers{[&] { static_cast<void>(world.burst(100, key)); }};
    ASSERT_TRUE(eventually(
        10s, [&] { return world.count("SELECT count(*) FROM hold WHERE state = 'open'") > 20; }));
    world.daemon.signal(SIGKILL);
    callers.join();
    ASSERT_TRUE(world.daemon.wait(5s));
    const std::int64_t open = world.count("SELECT count(*) FROM hold WHERE state = 'open'");
    const std::int64_t held = world.count("SELECT sum(amount) FROM hold WHERE state = 'open'");
    ASSERT_GT(open, 0);
    world.daemon.start();
    ASSERT_TRUE(world.daemon.ready());
    EXPECT_EQ(world.count("SELECT count(*) FROM hold WHERE state = 'lapsed'"), open);
    EXPECT_EQ(world.count("SELECT sum(paid) FROM request WHERE flags & 2"), held)
        << "at the ceiling, and flagged";
    const std::int64_t used = world.used("ci");
    EXPECT_GE(used, held);
    EXPECT_LE(used, limit);
    // What is left is still given out, and not a unit more.
    const auto statuses = world.burst(100, key);
    EXPECT_EQ(statuses.count(0), 0u);
    EXPECT_TRUE(eventually(
        5s, [&] { return world.count("SELECT count(*) FROM hold WHERE state = 'open'") == 0; }));
    EXPECT_LE(world.used("ci"), limit);
    EXPECT_LE(world.count("SELECT sum(paid) FROM request"), limit);
    world.daemon.signal(SIGTERM);
    EXPECT_EQ(world.daemon.wait(20s), 0);
    world.expect_sound();
}

TEST(Keys, AreChangedAndRevokedWhileTheAgentRuns) {
    PaidApi world{"50"};
    world.daemon.start();
    ASSERT_TRUE(world.daemon.ready());
    const std::string key = world.create({"ci", "--requests", "2/min", "--team", "research"});
    EXPECT_EQ(world.chat(key).status, 200);
    EXPECT_EQ(world.chat(key).status, 200);
    const Answer third = world.chat(key);
    EXPECT_EQ(third.status, 429);
    EXPECT_NE(third.body.find("Key 'ci' has used its 2 requests a minute"), std::string::npos)
        << third.body;
    EXPECT_EQ(world.daemon.tool({"keys", "limit", "ci", "--requests", "none"}).status, 0);
    EXPECT_EQ(world.chat(key).status, 200);
    EXPECT_EQ(world.daemon.tool({"keys", "limit", "ci", "--limit", "0 USD/mo"}).status, 0);
    const Answer spent = world.chat(key);
    EXPECT_EQ(spent.status, 429);
    EXPECT_NE(spent.body.find("insufficient_quota"), std::string::npos) << spent.body;
    EXPECT_GT(world.used("ci"), 0) << "what was spent before counts";
    EXPECT_EQ(world.row("ci").at("team").as_string(), "research");
    EXPECT_EQ(world.daemon.tool({"keys", "limit", "ci", "--routes", "nowhere"}).status, 1);
    EXPECT_EQ(world.daemon.tool({"keys", "limit", "ci"}).status, 2);
    EXPECT_EQ(world.daemon.tool({"keys", "limit", "ci", "--limit", "none"}).status, 0);

    // Revoked while one runs: that one ends as ever, the next is refused.
    std::atomic<int> running{0};
    std::thread slow{[&] { running = world.chat(key, 3'000).status; }};
    ASSERT_TRUE(eventually(
        5s, [&] { return world.count("SELECT count(*) FROM hold WHERE state = 'open'") > 0; }));
    EXPECT_EQ(world.daemon.tool({"keys", "revoke", "ci"}).status, 0);
    EXPECT_EQ(world.chat(key).status, 401);
    slow.join();
    EXPECT_EQ(running, 200);
    EXPECT_EQ(world.daemon.tool({"keys", "revoke", "ci"}).status, 1);
    world.daemon.signal(SIGTERM);
    EXPECT_EQ(world.daemon.wait(20s), 0);
    world.expect_sound();
}

TEST(Keys, AreChangedAndRevokedWithoutTheAgent) {
    PaidApi world{"50"};
    const std::string first = world.create({"one", "--limit", "1 USD/day"});
    const std::string second = world.create({"two", "--expires", "2020-01-01"});
    const std::string third = world.create({"three"});
    EXPECT_EQ(
        world.daemon.tool({"keys", "limit", "one", "--in-flight", "4", "--limit", "none"}).status,
        0);
    EXPECT_EQ(world.daemon.tool({"keys", "revoke", "three"}).status, 0);
    EXPECT_EQ(world.daemon.tool({"keys", "revoke", "nobody"}).status, 1);
    EXPECT_TRUE(world.row("one").at("limit").is_null());
    EXPECT_EQ(world.row("one").at("in_flight").as_int64(), 4);
    EXPECT_TRUE(world.row("three").empty());
    world.daemon.start();
    ASSERT_TRUE(world.daemon.ready());
    EXPECT_EQ(world.chat(first).status, 200);
    EXPECT_EQ(world.chat(second).status, 401) << "expired";
    EXPECT_EQ(world.chat(third).status, 401) << "revoked";
}

}  // namespace
}  // namespace evenkeel::integration
