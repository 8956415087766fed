#include "agent/ledger/ledger.hpp"
#include "daemon_process.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/// `evenkeel policy` on a running agent and beside a stopped one.
namespace evenkeel::integration {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

constexpr int failed = 1;
constexpr int usage = 2;
constexpr int daemon_down = 3;
constexpr int refused = 4;
constexpr int changes_pending = 10;
constexpr int configuration = 78;

class PolicyCommand : public testing::Test {
protected:
    DaemonProcess daemon;

    void SetUp() override {
        daemon.start();
        ASSERT_TRUE(daemon.ready()) << daemon.log();
    }
    [[nodiscard]] lab::demo::ToolResult policy(std::vector<std::string> words) const {
        words.insert(words.begin(), "policy");
        return daemon.tool(std::move(words));
    }
    [[nodiscard]] std::int64_t revision() const {
        boost::system::error_code code;
        const json::value status =
            json::parse(fetch(daemon.admin(), "GET", "/api/status").body, code);
        return code ? -1 : status.at("policy").at("revision").to_number<std::int64_t>();
    }
    /// The only plan in the state folder.
    [[nodiscard]] std::string plan() const {
        std::string name;
        for (const auto& entry : fs::directory_iterator{daemon.state() / "plans"}) {
            EXPECT_TRUE(name.empty()) << "more than one plan";
            name = entry.path().filename().string();
        }
        return name;
    }
    void edit(const std::string& old, const std::string& with) const {
        daemon.replace("policy.yaml", old, with);
    }
};

TEST_F(PolicyCommand, APlanIsMadeAndApplied) {
    ASSERT_EQ(revision(), 1);
    const auto none = policy({"diff", "--exit-code"});
    EXPECT_EQ(none.status, 0) << none.err;
    EXPECT_NE(none.out.find("0 changes between policy #1"), std::string::npos) << none.out;
    const auto nothing = policy({"plan", "--exit-code"});
    EXPECT_EQ(nothing.status, 0) << nothing.err;
    EXPECT_FALSE(fs::exists(daemon.state() / "plans")) << "nothing to plan, nothing to keep";

    edit("max_wait: 200ms}", "max_wait: 300ms}  # a comment");
    const auto diff = policy({"diff", "--exit-code"});
    EXPECT_EQ(diff.status, changes_pending) << diff.err;
    EXPECT_NE(diff.out.find("-  max_wait: 200ms\n+  max_wait: 300ms\n"), std::string::npos)
        << diff.out;
    EXPECT_EQ(policy({"diff"}).status, 0) << "10 only when asked for";
    const auto made = policy({"plan", "--exit-code"});
    EXPECT_EQ(made.status, changes_pending) << made.err;
    EXPECT_NE(made.out.find("max_wait  200ms -> 300ms"), std::string::npos) << made.out;
    EXPECT_NE(made.out.find("Worst   case, rentals per day"), std::string::npos) << made.out;
    EXPECT_NE(made.out.find("policy apply " + plan()), std::string::npos) << made.out;
    EXPECT_EQ(fs::status(daemon.state() / "plans" / plan()).permissions(), fs::perms{0600});
    EXPECT_EQ(revision(), 1) << "a plan changes nothing";

    const auto applied = policy({"apply", plan()});
    EXPECT_EQ(applied.status, 0) << applied.err;
    EXPECT_EQ(applied.out, "policy #2 is in force (1 change)\n");
    EXPECT_EQ(revision(), 2);
    const auto again = policy({"apply", plan()});
    EXPECT_EQ(again.status, refused);
    EXPECT_NE(again.err.find("made when policy #1 was in force; now it is #2"), std::string::npos)
        << again.err;
}

TEST_F(PolicyCommand, APlanIsRefusedWhenTheFilesMoveOn) {
    edit("max_wait: 200ms", "max_wait: 300ms");
    ASSERT_EQ(policy({"plan"}).status, 0);
    edit("max_wait: 300ms", "max_wait: 301ms");
    const auto refusal = policy({"apply", plan()});
    EXPECT_EQ(refusal.status, refused);
    EXPECT_NE(refusal.err.find("have changed since"), std::string::npos) << refusal.err;
    EXPECT_EQ(revision(), 1);
    // The agent compares too: here only its files differ from those of the command.
    const fs::path copy = daemon.state().parent_path() / "copy";
    fs::copy(daemon.config(), copy, fs::copy_options::recursive);
    edit("max_wait: 301ms", "max_wait: 302ms");
    const auto elsewhere = evenkeel(
        {"policy",
         "apply",
         "--yes",
         "--config",
         copy.string(),
         "--state",
         daemon.state().string()});
    EXPECT_EQ(elsewhere.status, refused) << elsewhere.out;
    EXPECT_NE(elsewhere.err.find("which the agent reads"), std::string::npos) << elsewhere.err;
    EXPECT_EQ(revision(), 1);
}

TEST_F(PolicyCommand, ALimitThatDisappearsMustBeNamed) {
    const std::string whole = daemon.read("policy.yaml");
    daemon.write("policy.yaml", whole + "budgets: [{name: purse, limit: 5 USD, per: day}]\n");
    ASSERT_EQ(policy({"apply", "--yes"}).status, 0);
    daemon.write("policy.yaml", whole);
    const auto made = policy({"plan"});
    EXPECT_EQ(made.status, 0) << made.err;
    EXPECT_NE(made.out.find("- budgets.purse"), std::string::npos) << made.out;
    EXPECT_NE(made.out.find("5.00 USD a day    (removed)"), std::string::npos) << made.out;
    EXPECT_NE(made.out.find("! the budget purse disappears"), std::string::npos) << made.out;
    EXPECT_NE(made.out.find("--confirm=purse"), std::string::npos) << made.out;
    for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
             {"apply", plan()}, {"apply", "--yes"}, {"apply", plan(), "--confirm=wallet"}}) {
        const auto refusal = policy(words);
        EXPECT_EQ(refusal.status, refused) << refusal.out;
        EXPECT_NE(refusal.err.find("--confirm=purse"), std::string::npos) << refusal.err;
    }
    EXPECT_EQ(revision(), 2);
    const auto done = policy({"apply", "--confirm=purse", plan()});
    EXPECT_EQ(done.status, 0) << done.err;
    EXPECT_EQ(revision(), 3);
}

TEST_F(PolicyCommand, ABrokenDraftChangesNothing) {
    edit("max_wait: 200ms", "max_wait: soon");
    for (const char* word : {"diff", "plan"}) {
        const auto result = policy({word, "--exit-code"});
        EXPECT_EQ(result.status, configuration) << word;
        EXPECT_NE(result.err.find("policy.yaml:3:"), std::string::npos) << result.err;
    }
    const auto checked = policy({"check"});
    EXPECT_EQ(checked.status, configuration);
    EXPECT_NE(checked.err.find("1 error: policy #1 stays in force\n"), std::string::npos)
        << checked.err;
    EXPECT_EQ(policy({"apply", "--yes"}).status, configuration);
    EXPECT_EQ(revision(), 1);
}

TEST_F(PolicyCommand, EveryPolicyIsKeptWithNumberTimeAndAuthor) {
    const std::string before = daemon.read("policy.yaml");
    edit("max_wait: 200ms", "max_wait: 300ms");
    ASSERT_EQ(policy({"apply", "--yes"}).status, 0);
    edit("max_wait: 300ms", "max_wait: 400ms");
    daemon.signal(SIGHUP);
    ASSERT_TRUE(eventually(5s, [&] { return revision() == 3; }));

    const auto listed = policy({"show", "--list", "--json"});
    ASSERT_EQ(listed.status, 0) << listed.err;
    const json::value all = json::parse(listed.out);
    ASSERT_EQ(all.at("policies").as_array().size(), 3u);
    EXPECT_EQ(all.at("policies").at(0).at("author").as_string(), "reload");
    EXPECT_NE(all.at("policies").at(1).at("author").as_string(), "reload") << "the user's name";
    EXPECT_EQ(all.at("policies").at(2).at("author").as_string(), "start");
    const auto old = policy({"show", "--revision", "1"});
    EXPECT_EQ(old.status, 0) << old.err;
    EXPECT_NE(old.out.find(before), std::string::npos) << old.out;
    EXPECT_NE(policy({"show"}).out.find("max_wait: 400ms"), std::string::npos);
    EXPECT_EQ(policy({"show", "--revision", "9"}).status, failed);
}

TEST_F(PolicyCommand, WhatChangesOnlyAtARestartKeepsItsValueInAReload) {
    const std::string before = daemon.read("evenkeel.yaml");
    daemon.write("evenkeel.yaml", before + "speed: 7\n");
    edit("max_wait: 200ms", "max_wait: 300ms");
    daemon.signal(SIGHUP);
    ASSERT_TRUE(eventually(5s, [&] { return revision() == 2; }));
    EXPECT_NE(daemon.log().find("speed change only at a restart"), std::string::npos);
    EXPECT_EQ(daemon.log().find("speed=7"), std::string::npos);
}

/// The answer to a request on the agent's own socket.
std::string post_local(const fs::path& socket, const std::string& path, const std::string& body) {
    sockaddr_un name{.sun_family = AF_UNIX, .sun_path = {}};
    socket.string().copy(static_cast<char*>(name.sun_path), sizeof name.sun_path - 1);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::connect(fd, std::bit_cast<const sockaddr*>(&name), sizeof name), 0);
    const std::string request = "POST " + path +
                                " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                                "Content-Type: application/json\r\nContent-Length: " +
                                std::to_string(body.size()) + "\r\n\r\n" + body;
    EXPECT_EQ(::send(fd, request.data(), request.size(), 0), std::ssize(request));
    std::string answer;
    std::array<char, 4096> piece{};
    for (ssize_t got = 0; (got = ::recv(fd, piece.data(), piece.size(), 0)) > 0;) {
        answer.append(piece.data(), static_cast<std::size_t>(got));
    }
    ::close(fd);
    return answer;
}

TEST_F(PolicyCommand, AnApplyThatDoesNotSayWhichPlanIsRefused) {
    edit("max_wait: 200ms", "max_wait: 300ms");
    const fs::path socket = daemon.state() / "control.sock";
    for (const char* body :
         {"{}", R"({"base_sha256": "0123"})", R"({"draft_sha256": "0123", "base_sha256": ""})"}) {
        const std::string answer = post_local(socket, "/api/policy/apply", body);
        EXPECT_NE(answer.find("which plan is meant"), std::string::npos) << answer;
    }
    EXPECT_EQ(revision(), 1);
}

TEST_F(PolicyCommand, WhatNeedsNoAgentWorksWithoutOne) {
    daemon.signal(SIGTERM);
    ASSERT_EQ(daemon.wait(10s), 0);
    edit("max_wait: 200ms", "max_wait: 300ms");
    EXPECT_EQ(policy({"diff", "--exit-code"}).status, changes_pending);
    EXPECT_EQ(policy({"plan", "--exit-code"}).status, changes_pending);
    EXPECT_EQ(policy({"show"}).status, 0);
    EXPECT_EQ(policy({"apply", plan()}).status, daemon_down);
    EXPECT_EQ(policy({"explain", "max_life"}).status, 0);
    EXPECT_EQ(policy({"explain", "max_lifetime"}).status, usage);
    EXPECT_EQ(policy({"schema", "policy"}).status, 0);
    EXPECT_EQ(policy({"apply"}).status, usage);
    EXPECT_EQ(policy({"apply", "plan-20200101-1.json"}).status, failed);
}

/// Books `count` answered requests for qwq-32b, evenly over the last four days; the agent is down.
void book_past(const fs::path& state, int count) {
    const auto now =
        std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
    ManualClock clock{{.boot = {}, .utc = now}};
    auto opened = ledger::Ledger::open({.dir = state, .clock = &clock});
    ASSERT_TRUE(opened) << opened.error().message;
    ledger::Ledger& books = **opened;
    std::map<std::string, NameIx> names;
    for (const ledger::NameRow& name : books.recovered().names) {
        names[name.text] = name.ix;
    }
    ASSERT_TRUE(names.contains("qwq-32b") && names.contains("default") && names.contains("desk"));
    const auto step = std::chrono::microseconds{std::chrono::days{4}} / count;
    for (int i = count; i > 0; --i) {
        const UtcTime at = now - step * i;
        ASSERT_TRUE(books.record(
            {.id = RequestId{least_id_at(at)},
             .at = at,
             .route = names["default"],
             .model = names["qwq-32b"],
             .source = names["desk"],
             .usage = {.prompt = 1'200, .completion = 300}}));
    }
    ASSERT_TRUE(books.close());
}

TEST_F(PolicyCommand, APlanLooksBackOnTheLedgersRequests) {
    daemon.signal(SIGTERM);
    ASSERT_EQ(daemon.wait(10s), 0);
    edit("max_wait: 200ms", "max_wait: 300ms");
    const auto early = policy({"plan"});
    EXPECT_NE(
        early.out.find("Replay  too little history: 0 requests in 0 hours; it takes 1,000 in 3 "),
        std::string::npos)
        << early.out;
    ASSERT_NO_FATAL_FAILURE(book_past(daemon.state(), 1'200));
    const auto made = policy({"plan", "--json"});
    ASSERT_EQ(made.status, 0) << made.err;
    const json::value plan = json::parse(made.out);
    const json::value& replay = plan.at("replay");
    EXPECT_TRUE(replay.at("none").is_null()) << made.out;
    EXPECT_EQ(replay.at("requests").to_number<int>(), 1'200);
    for (const char* side : {"before", "after"}) {
        EXPECT_EQ(replay.at(side).at("answered").at("own").to_number<int>(), 1'200) << side;
    }
    std::ifstream saved{json::value_to<std::string>(plan.at("saved"))};
    std::string text{std::istreambuf_iterator<char>{saved}, {}};
    EXPECT_EQ(json::parse(text).at("replay"), replay) << "the saved plan holds it too";
    const auto shown = policy({"plan"});
    EXPECT_NE(shown.out.find("Replay  of the last 30 days"), std::string::npos) << shown.out;
    EXPECT_NE(shown.out.find("100.00 % -> 100.00 % within the limit"), std::string::npos)
        << shown.out;
}

TEST(PolicyTest, PlaysTheCasesOfTheFolder) {
    const DaemonProcess folder;
    const auto none = folder.tool({"policy", "test"});
    EXPECT_EQ(none.status, failed);
    EXPECT_NE(none.err.find("policy.test.yaml"), std::string::npos) << none.err;
    folder.write(
        "policy.test.yaml",
        "version: 1\ncases:\n  - name: the desk answers\n    request: {model: qwq}\n"
        "    expect: {source: desk, route: default}\n"
        "  - name: nobody else does\n    request: {model: qwq}\n    given: {busy: {desk: 4}}\n"
        "    expect: {source: pod}\n");
    const auto played = folder.tool({"policy", "test"});
    EXPECT_EQ(played.status, failed);
    EXPECT_NE(played.out.find("ok    the desk answers\n"), std::string::npos) << played.out;
    EXPECT_NE(
        played.out.find("FAIL  'nobody else does' should choose pod, was refused: wait_over"),
        std::string::npos)
        << played.out;
    EXPECT_NE(played.out.find("policy.test.yaml:9\n"), std::string::npos) << played.out;
    EXPECT_NE(played.out.find("1 passed, 1 failed\n"), std::string::npos) << played.out;
    const json::value document = json::parse(folder.tool({"policy", "test", "--json"}).out);
    EXPECT_EQ(document.at("cases").at(1).at("line").to_number<int>(), 9);
    folder.replace("policy.test.yaml", "source: pod", "refused: wait_over");
    EXPECT_EQ(folder.tool({"policy", "test"}).status, 0);
    folder.replace("policy.test.yaml", "expect", "expct");
    EXPECT_EQ(folder.tool({"policy", "test"}).status, configuration);
    folder.write("policy.yaml", "version: 1\n");
    EXPECT_EQ(folder.tool({"policy", "test"}).status, configuration);
}

TEST(PolicyTest, TheExampleKeepsItsPromises) {
    const auto example = (fs::path{EVENKEEL_SOURCE_DIR} / "examples/desk-5090").string();
    const auto played = evenkeel({"policy", "test", "--config", example});
    EXPECT_EQ(played.status, 0) << played.out << played.err;
}

}  // namespace
}  // namespace evenkeel::integration
