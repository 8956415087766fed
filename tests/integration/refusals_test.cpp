#include "daemon_process.hpp"
#include "lab/demo/document.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>
#include <gtest/gtest.h>

#include <fstream>

/// What bad input gets: one clear line with the fix, the documented exit status, nothing lost.
namespace evenkeel::integration {
namespace {

namespace fs = std::filesystem;

TEST(Refusal, MissingConfigurationFolderIs78) {
    const auto result = evenkeel({"serve", "--config", "/nonexistent/evenkeel", "--state", "/tmp"});
    EXPECT_EQ(result.status, 78);
    EXPECT_NE(result.err.find("no such configuration folder"), std::string::npos) << result.err;
}

TEST(Refusal, F103_BrokenPolicyAtTheStartIs78WithFileAndLine) {
    DaemonProcess daemon;
    daemon.replace("policy.yaml", "use: [qwq-32b]", "use: [qwq32b]");
    const auto result = daemon.serve_to_end();
    EXPECT_EQ(result.status, 78);
    EXPECT_NE(result.err.find("policy.yaml:3:"), std::string::npos) << result.err;
    EXPECT_NE(result.err.find("did you mean 'qwq-32b'?"), std::string::npos) << result.err;
    EXPECT_FALSE(fs::exists(daemon.state() / "ledger.db")) << "nothing was started";
}

TEST(Refusal, PortInUseIsOneLineAndExit1) {
    DaemonProcess first;
    first.start();
    ASSERT_TRUE(first.ready());
    DaemonProcess second;
    second.replace("evenkeel.yaml", std::to_string(second.api()), std::to_string(first.api()));
    const auto result = second.serve_to_end();
    EXPECT_EQ(result.status, 1);
    EXPECT_NE(result.err.find(std::to_string(first.api())), std::string::npos) << result.err;
}

TEST(Refusal, F92_SecondDaemonOnTheSameStateIsRefused) {
    DaemonProcess daemon;
    daemon.start();
    ASSERT_TRUE(daemon.ready());
    const auto result = daemon.serve_to_end();
    EXPECT_EQ(result.status, 1);
    EXPECT_NE(result.err.find("another"), std::string::npos) << result.err;
    EXPECT_EQ(fetch(daemon.admin(), "GET", "/readyz").status, 200) << "the first goes on";
}

TEST(Refusal, F79_StateThatIsNotOursIsNeverOverwritten) {
    DaemonProcess daemon;
    fs::create_directories(daemon.state());
    fs::permissions(daemon.state(), fs::perms::owner_all);
    const fs::path file = daemon.state() / "ledger.db";
    std::ofstream{file} << "my shopping list, long enough to be looked at as a database file";
    const auto before = fs::file_size(file);
    const auto result = daemon.serve_to_end();
    EXPECT_EQ(result.status, 1);
    EXPECT_NE(result.err.find("ledger.db"), std::string::npos) << result.err;
    EXPECT_EQ(fs::file_size(file), before);
}

TEST(Refusal, StateFolderThatIsAFileIsOneLine) {
    DaemonProcess daemon;
    std::ofstream{daemon.state()} << "x";
    const auto result = daemon.serve_to_end();
    EXPECT_EQ(result.status, 1);
    EXPECT_NE(result.err.find("state"), std::string::npos) << result.err;
}

TEST(Refusal, WithoutAKeyTheApiAnswers401InItsDialect) {
    DaemonProcess daemon;
    daemon.start();
    ASSERT_TRUE(daemon.ready());
    for (const char* key : {"", "ek-wrong"}) {
        const Answer answer = fetch(daemon.api(), "GET", "/v1/models", key);
        EXPECT_EQ(answer.status, 401);
        const auto body = boost::json::parse(answer.body);
        EXPECT_FALSE(body.at("error").at("message").as_string().empty());
    }
}

class WithKey : public testing::Test {
protected:
    void SetUp() override {
        daemon_.start();
        ASSERT_TRUE(daemon_.ready());
        const auto made = daemon_.tool({"keys", "create", "test", "--json"});
        ASSERT_EQ(made.status, 0) << made.err;
        key_ = boost::json::value_to<std::string>(boost::json::parse(made.out).at("key"));
    }
    Answer chat(const std::string& body) {
        return fetch(daemon_.api(), "POST", "/v1/chat/completions", key_, body);
    }
    DaemonProcess daemon_;
    std::string key_;
};

TEST_F(WithKey, UnknownModelIs404AndNamesTheKnownOnes) {
    const Answer answer = chat(R"({"model":"qwq-23b","messages":[]})");
    EXPECT_EQ(answer.status, 404);
    EXPECT_NE(answer.body.find("model_not_found"), std::string::npos) << answer.body;
    EXPECT_NE(answer.body.find("qwq-32b"), std::string::npos) << answer.body;
}

TEST_F(WithKey, MalformedJsonIs400) {
    EXPECT_EQ(chat(R"({"model":"qwq-32b",)").status, 400);
    EXPECT_EQ(chat("").status, 400);
    EXPECT_EQ(chat("[]").status, 400);
}

TEST_F(WithKey, NoWorkerInTimeIsAnHonestRefusal) {
    const Answer answer = chat(R"({"model":"qwq","messages":[{"role":"user","content":"hi"}]})");
    EXPECT_TRUE(answer.status == 503 || answer.status == 429) << answer.status;
    EXPECT_NE(answer.body.find("error"), std::string::npos);
    EXPECT_TRUE(eventually(2s, [&] {
        const auto status = boost::json::parse(fetch(daemon_.admin(), "GET", "/api/status").body);
        return status.at("requests").at("refused").to_number<int>() == 1;
    })) << "the refusal is in the books";
}

TEST_F(WithKey, TheKeyIsShownOnceAndStoredOnlyAsAHash) {
    const auto list = daemon_.tool({"keys", "list", "--json"});
    EXPECT_EQ(list.status, 0);
    EXPECT_EQ(list.out.find(key_), std::string::npos);
    for (const char* file : {"ledger.db", "ledger.db-wal"}) {
        std::ifstream stored{daemon_.state() / file, std::ios::binary};
        const std::string bytes{std::istreambuf_iterator<char>{stored}, {}};
        EXPECT_EQ(bytes.find(key_), std::string::npos) << file;
    }
    EXPECT_EQ(daemon_.log().find(key_), std::string::npos);
}

TEST(CommandLine, ExitCodesAreTheDocumentedOnes) {
    DaemonProcess daemon;
    EXPECT_EQ(daemon.tool({"policy", "check"}).status, 0);
    EXPECT_EQ(daemon.tool({"status"}).status, 3) << "the daemon is not running";
    EXPECT_EQ(evenkeel({"stauts"}).status, 2);
    EXPECT_NE(evenkeel({"stauts"}).err.find("did you mean 'status'?"), std::string::npos);
    EXPECT_EQ(evenkeel({"help", "EK-C012"}).status, 0);
    EXPECT_EQ(evenkeel({"help", "EK-C999"}).status, 2);
    EXPECT_EQ(evenkeel({"version"}).status, 0);
    for (const char* shell : {"bash", "zsh", "fish"}) {
        EXPECT_EQ(evenkeel({"completion", shell}).status, 0) << shell;
    }
    EXPECT_EQ(evenkeel({"completion", "tcsh"}).status, 2);
}

TEST(CommandLine, ReportsWorkWithTheDaemonDown) {
    DaemonProcess daemon;
    ASSERT_EQ(daemon.tool({"keys", "create", "me"}).status, 0);
    const auto report = daemon.tool({"report", "spend", "--json"});
    EXPECT_EQ(report.status, 0) << report.err;
    EXPECT_NE(report.out.find("evenkeel.spend/1"), std::string::npos) << report.out;
    EXPECT_EQ(daemon.tool({"ledger", "verify"}).status, 0);
    const std::string copy = (daemon.config() / "copy.db").string();
    EXPECT_EQ(daemon.tool({"ledger", "backup", copy}).status, 0);
    EXPECT_TRUE(fs::exists(copy));
    EXPECT_NE(daemon.tool({"ledger", "backup", copy}).status, 0) << "never overwrites";
}

TEST(CommandLine, ABackupNamesItsSchemaWithAndWithoutTheAgent) {
    DaemonProcess daemon;
    ASSERT_EQ(daemon.tool({"keys", "create", "me"}).status, 0);
    for (const char* name : {"without.db", "with.db"}) {
        const std::string copy = (daemon.config() / name).string();
        const auto made = daemon.tool({"ledger", "backup", copy, "--json"});
        EXPECT_EQ(made.status, 0) << made.err;
        const auto answer = lab::demo::parse_object(made.out, "the answer of `ledger backup`");
        ASSERT_TRUE(answer) << made.out;
        EXPECT_EQ(lab::demo::text_at(*answer, "schema"), "evenkeel.ledger-backup/1") << name;
        EXPECT_EQ(lab::demo::text_at(*answer, "path"), copy);
        EXPECT_EQ(answer->at("bytes").to_number<std::uintmax_t>(), fs::file_size(copy));
        if (daemon.pid() < 0) {
            daemon.start();
            ASSERT_TRUE(daemon.ready()) << daemon.log();
        }
    }
}

}  // namespace
}  // namespace evenkeel::integration
