#include "daemon_process.hpp"
#include "inference/http/client.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

/// The web page's side of the agent, as a browser and its enemies see it (FAULTS F70).
namespace evenkeel::integration {
namespace {

namespace http = inference::http;

constexpr int refused_by_policy = 4;

/// A daemon with a browser in front of it.
class PageListener : public testing::Test {
protected:
    void start(const std::string& dashboard = {}) {
        daemon.replace("evenkeel.yaml", "version: 1\n", "version: 1\n" + dashboard);
        daemon.start();
        ASSERT_TRUE(daemon.ready());
    }
    [[nodiscard]] std::string host() const { return fmt::format("127.0.0.1:{}", daemon.admin()); }
    [[nodiscard]] http::ClientResponse ask(http::ClientRequest request) const {
        http::ClientResponse answer;
        boost::asio::io_context context;
        boost::asio::co_spawn(
            context,
            http::fetch(host(), std::move(request), 10s),
            [&answer](std::exception_ptr, Result<http::ClientResponse> got) {
                EXPECT_TRUE(got) << (got ? "" : got.error().message);
                answer = got.value_or(http::ClientResponse{});
            });
        context.run();
        return answer;
    }
    [[nodiscard]] http::ClientResponse get(
        const std::string& target, const http::Headers& headers = {}) const {
        return ask({.target = target, .headers = headers});
    }
    /// A POST as the page's own script sends it.
    [[nodiscard]] http::ClientResponse post(
        const std::string& target, const json::object& body, const std::string& cookie = {}) const {
        http::Headers headers{
            {"origin", "http://" + host()},
            {"sec-fetch-site", "same-origin"},
            {"x-evenkeel-page", "1"},
            {"content-type", "application/json"}};
        if (!cookie.empty()) {
            headers.emplace_back("cookie", "other=1; " + cookie);
        }
        return ask(
            {.method = "POST",
             .target = target,
             .headers = headers,
             .body = json::serialize(body)});
    }
    [[nodiscard]] std::string token() const {
        const auto result = daemon.tool({"dashboard", "login", "--json"});
        EXPECT_EQ(result.status, 0) << result.err;
        return std::string{json::parse(result.out).at("token").as_string()};
    }
    /// The cookie of a new session.
    [[nodiscard]] std::string log_in() const {
        const auto answer = post("/ui/api/login", {{"token", token()}});
        EXPECT_EQ(answer.status, 200) << answer.body;
        const std::string cookie{answer.header("set-cookie")};
        return cookie.substr(0, cookie.find(';'));
    }
    /// An action on the whole agent: the name of its host is typed.
    [[nodiscard]] json::object on_host(const std::string& action) const {
        const std::string name{json::parse(get("/api/status").body).at("host").as_string()};
        return {{"action", action}, {"name", name}, {"typed", name}};
    }
    [[nodiscard]] bool frozen() const { return std::filesystem::exists(daemon.state() / "FREEZE"); }

    DaemonProcess daemon;
};

std::string code_of(const http::ClientResponse& answer) {
    boost::system::error_code code;
    const json::value root = json::parse(answer.body, code);
    const json::value* text = code ? nullptr : root.find_pointer("/error/code", code);
    return text != nullptr && text->is_string() ? std::string{text->get_string()} : "";
}

TEST_F(PageListener, ServesThePageUnderItsStrictPolicy) {
    start();
    const auto page = get("/", {{"accept-encoding", "gzip"}});
    EXPECT_EQ(page.status, 200);
    EXPECT_EQ(page.header("content-encoding"), "gzip");
    EXPECT_TRUE(page.header("content-security-policy").starts_with("default-src 'none'; script"));
    const std::string etag{page.header("etag")};
    EXPECT_EQ(get("/", {{"accept-encoding", "gzip"}, {"if-none-match", etag}}).status, 304);
    const auto plain = get("/");
    EXPECT_EQ(plain.header("content-encoding"), "");
    EXPECT_TRUE(plain.body.starts_with("<!doctype html>")) << plain.body.substr(0, 80);
    EXPECT_EQ(get("/ui/").body, plain.body);
    for (const char* path : {"/", "/ui/api/live", "/ui/api/me"}) {
        const auto head = ask({.method = "HEAD", .target = path});
        EXPECT_EQ(head.status, 200) << path;
        EXPECT_EQ(head.body, "") << path;
    }
    // Everything that the page names is there, to be kept for ever.
    for (std::size_t at = 0; (at = plain.body.find("\"/ui/assets/", at)) != std::string::npos;) {
        const std::string path = plain.body.substr(at + 1, plain.body.find('"', at + 1) - at - 1);
        const auto file = get(path);
        EXPECT_EQ(file.status, 200) << path;
        EXPECT_TRUE(file.header("cache-control").contains("immutable")) << path;
        at += path.size();
    }
}

TEST_F(PageListener, EveryDocumentIsThere) {
    start();
    for (const char* name :
         {"me",
          "machines?since=30d",
          "routing?since=7d",
          "gpus",
          "keys",
          "policy",
          "policy?no=1",
          "policy/draft",
          "health",
          "spend?by=model",
          "spend-days?since=7d",
          "hours",
          "savings",
          "idle",
          "forecast",
          "ledger?limit=10",
          "reconcile",
          "ledger/verify"}) {
        const auto answer = get(std::string{"/ui/api/"} + name);
        EXPECT_EQ(answer.status, 200) << name << ": " << answer.body;
        EXPECT_EQ(answer.header("content-type"), "application/json") << name;
        EXPECT_EQ(answer.header("cache-control"), "no-store") << name;
        EXPECT_TRUE(json::parse(answer.body).is_object()) << name;
    }
    EXPECT_EQ(code_of(get("/ui/api/nothing")), "not_found");
    EXPECT_EQ(get("/ui/nothing").status, 404);
}

TEST_F(PageListener, SaysWhatTheCommandsSay) {
    start();
    const std::vector<std::pair<std::string, std::vector<std::string>>> pairs{
        {"keys", {"keys", "list"}},
        {"ledger/verify", {"ledger", "verify"}},
        {"ledger", {"ledger", "show"}},
        {"reconcile", {"ledger", "reconcile"}},
        {"spend?by=model&since=30d", {"report", "spend", "--by", "model", "--since", "30d"}},
        {"spend-days?since=30d", {"report", "spend", "--days", "--since", "30d"}},
        {"savings", {"report", "savings"}},
        {"idle", {"report", "idle"}},
        {"forecast", {"report", "forecast"}}};
    for (auto [path, command] : pairs) {
        command.push_back("--json");
        EXPECT_EQ(get("/ui/api/" + path).body + "\n", daemon.tool(command).out) << path;
    }
}

TEST_F(PageListener, TellsWhatHappensWhileItStandsOpen) {
    start();
    std::string text;
    bool whole = false;
    std::thread listener{[&] {
        boost::asio::io_context context;
        boost::asio::co_spawn(
            context,
            http::fetch_stream(
                host(),
                {.target = "/ui/api/live"},
                20s,
                [](const http::ClientResponse& head) {
                    EXPECT_EQ(head.status, 200);
                    EXPECT_EQ(head.header("content-type"), "text/event-stream");
                },
                [&text](std::string_view data) { text += data; }),
            [&whole](std::exception_ptr, Result<http::ClientResponse> answer) {
                whole = answer.has_value();
            });
        context.run();
    }};
    std::this_thread::sleep_for(2500ms);
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(15s), 0) << "an open page does not hold up the stop";
    listener.join();
    EXPECT_TRUE(whole) << "the stream is ended, not cut";
    EXPECT_TRUE(text.starts_with("retry: 2000\n\nevent: status\ndata: {\"schema\":\"evenkeel.stat"))
        << text.substr(0, 200);
    EXPECT_TRUE(text.contains("event: nodes\ndata: {\"schema\":\"evenkeel.nodes/1\""));
    int told = 0;
    for (std::size_t at = 0; (at = text.find("event: status", at)) != std::string::npos; ++at) {
        ++told;
    }
    EXPECT_GE(told, 2);
}

TEST_F(PageListener, F70ForeignPagesGetNothingAndChangeNothing) {
    start("dashboard: {control: true}\n");
    const std::string cookie = log_in();
    const std::vector<std::string> paths{
        "/", "/ui/", "/ui/api/me", "/ui/api/machines", "/ui/api/live", "/api/status", "/metrics"};
    for (const std::string& path : paths) {
        for (const char* evil : {"evil.example", "127.0.0.1.evil.example", "0.0.0.0"}) {
            EXPECT_EQ(get(path, {{"host", evil}}).status, 421) << path << " as " << evil;
        }
        EXPECT_EQ(get(path, {{"host", ""}}).status, 400) << path;
        EXPECT_EQ(get(path, {{"origin", "http://evil.example"}}).status, 421) << path;
        EXPECT_EQ(get(path, {{"origin", "null"}}).status, 421) << path;
    }
    for (const char* path : {"/ui/api/me", "/ui/api/machines", "/ui/api/live"}) {
        EXPECT_EQ(get(path, {{"sec-fetch-site", "cross-site"}}).status, 403) << path;
        EXPECT_EQ(get(path, {{"sec-fetch-site", "same-site"}}).status, 403) << path;
    }
    const std::string body = json::serialize(on_host("freeze"));
    const http::Headers ours{
        {"origin", "http://" + host()}, {"x-evenkeel-page", "1"}, {"cookie", cookie}};
    const auto without = [&ours](std::string_view name) {
        http::Headers rest = ours;
        std::erase_if(rest, [name](const auto& field) { return field.first == name; });
        return rest;
    };
    const auto with = [&without](const std::string& name, const std::string& value) {
        http::Headers all = without(name);
        all.emplace_back(name, value);
        return all;
    };
    const auto act = [&](const http::Headers& headers) {
        return ask({.method = "POST", .target = "/ui/api/act", .headers = headers, .body = body})
            .status;
    };
    EXPECT_EQ(act(without("origin")), 403) << "a form of an old browser";
    EXPECT_EQ(act(without("x-evenkeel-page")), 403) << "a form cannot set it";
    EXPECT_EQ(act(without("cookie")), 401);
    EXPECT_EQ(act(with("cookie", "evenkeel_page=" + std::string(48, '0'))), 401);
    EXPECT_EQ(act(with("origin", "http://evil.example")), 421);
    EXPECT_EQ(act(with("origin", "http://127.0.0.1:9")), 403) << "another port of this host";
    EXPECT_EQ(act(with("host", "evil.example")), 421);
    EXPECT_FALSE(frozen());
    for (const char* path : {"/api/freeze", "/api/keys", "/api/nodes/destroy"}) {
        EXPECT_EQ(ask({.method = "POST", .target = path, .headers = ours}).status, 405) << path;
    }
    EXPECT_EQ(ask({.method = "DELETE", .target = "/ui/api/act", .headers = ours}).status, 405);
    EXPECT_FALSE(frozen());
    EXPECT_EQ(act(ours), 200) << "and ours still does";
    EXPECT_TRUE(frozen());
}

TEST_F(PageListener, F70NothingGetsOutOfPathsOrQueries) {
    start();
    for (const char* path :
         {"/ui/assets/../../etc/passwd",
          "/ui/assets/%2e%2e/%2e%2e/etc/passwd",
          "/ui/assets/..%2f..%2fetc%2fpasswd",
          "/ui/assets//etc/passwd",
          "/ui/api/../../api/keys"}) {
        const auto answer = get(path);
        EXPECT_TRUE(answer.status == 400 || answer.status == 404) << path << answer.status;
        EXPECT_FALSE(answer.body.contains("root:")) << path;
    }
    const std::string script = "%3Cscript%3Ealert(1)%3C/script%3E";
    for (const std::string& target : std::vector<std::string>{
             "/ui/api/machines?since=" + script,
             "/ui/api/machines?" + script + "=1",
             "/ui/api/policy?no=" + script,
             "/ui/api/" + script,
             "/ui/" + script,
             "/ui/api/machines?since=" + std::string(1'000, 'd'),
             "/ui/api/machines?since=%zz",
             "/ui/api/machines?" + std::string(7'000, '&'),
             "/ui/api/machines?since=" + std::string(20'000, 'd')}) {
        const auto answer = get(target);
        EXPECT_TRUE(answer.status >= 400 && answer.status < 500) << target.substr(0, 60);
        EXPECT_EQ(answer.header("content-type"), "application/json") << target.substr(0, 60);
        EXPECT_EQ(json::parse(answer.body).at("error").is_object(), true);
    }
    for (const std::string& target : std::vector<std::string>{
             "/ui/api/machines?since=" + script, "/ui/api/nothing", "/ui/nothing"}) {
        EXPECT_EQ(get(target).header("x-content-type-options"), "nosniff");
    }
    EXPECT_EQ(get("/healthz").status, 200) << "and it lives";
}

TEST_F(PageListener, OnlyReadsUnlessTheConfigurationSaysOtherwise) {
    start();
    EXPECT_EQ(
        get("/ui/api/me").body, R"({"schema":"evenkeel.page-user/1","control":false,"user":null})");
    const auto refused = post("/ui/api/login", {{"token", "ekp-1"}});
    EXPECT_EQ(refused.status, 403);
    EXPECT_TRUE(refused.body.contains("dashboard.control")) << "says what to do: " << refused.body;
    EXPECT_EQ(post("/ui/api/act", on_host("freeze")).status, 403);
    EXPECT_FALSE(frozen());
    const auto tool = daemon.tool({"dashboard", "login"});
    EXPECT_EQ(tool.status, refused_by_policy) << tool.out;
    EXPECT_TRUE(tool.err.contains("dashboard.control")) << tool.err;
}

TEST_F(PageListener, AppliesAPlanThatIsMeant) {
    start("dashboard: {control: true}\n");
    const std::string cookie = log_in();
    const std::string whole = daemon.read("policy.yaml");
    daemon.write("policy.yaml", whole + "budgets: [{name: purse, limit: 5 USD, per: day}]\n");
    ASSERT_EQ(daemon.tool({"policy", "apply", "--yes"}).status, 0);
    daemon.write("policy.yaml", whole);
    ASSERT_EQ(daemon.tool({"policy", "plan"}).status, 0);
    const auto draft = [this] { return json::parse(get("/ui/api/policy/draft").body); };
    EXPECT_FALSE(draft().at("same").as_bool());
    const json::value plan = draft().at("plan");
    EXPECT_EQ(plan.at("outdated").as_string(), "");
    EXPECT_EQ(plan.at("document").at("confirm").at(0).at("name").as_string(), "purse");
    const auto apply = [&](const json::value& confirm, std::string_view typed) {
        return post(
            "/ui/api/act",
            {{"action", "apply"},
             {"name", plan.at("name")},
             {"typed", typed},
             {"confirm", confirm}},
            cookie);
    };
    const std::string_view name{plan.at("name").as_string()};
    EXPECT_EQ(apply(json::array{"purse"}, "plan").status, 400) << "not typed";
    EXPECT_EQ(apply(json::array{}, name).status, 403) << "a limit would disappear";
    EXPECT_EQ(apply("purse", name).status, 403) << "no list";
    EXPECT_FALSE(draft().at("same").as_bool());
    const auto applied = apply(json::array{"purse"}, name);
    EXPECT_EQ(applied.status, 200) << applied.body;
    EXPECT_EQ(json::parse(applied.body).at("revision").as_int64(), 3);
    EXPECT_TRUE(draft().at("same").as_bool());
    EXPECT_EQ(draft().at("plan").at("outdated").as_string(), "what it says is in force");
    const auto again = apply(json::array{"purse"}, name);
    EXPECT_GE(again.status, 400) << again.body;
    EXPECT_EQ(draft().at("running").as_int64(), 3);
    EXPECT_TRUE(daemon.log().contains("action=apply name=\"plan-"));
}

TEST_F(PageListener, ActsAfterALoginAndATypedName) {
    start("dashboard: {control: true}\n");
    const std::string once = token();
    const auto opened = post("/ui/api/login", {{"token", once}});
    ASSERT_EQ(opened.status, 200) << opened.body;
    const std::string line{opened.header("set-cookie")};
    EXPECT_TRUE(line.contains("; HttpOnly")) << line;
    EXPECT_TRUE(line.contains("; SameSite=Strict")) << line;
    EXPECT_TRUE(line.contains("; Max-Age=43200")) << line;
    EXPECT_EQ(post("/ui/api/login", {{"token", once}}).status, 401) << "used";
    const std::string cookie = line.substr(0, line.find(';'));
    EXPECT_FALSE(json::parse(get("/ui/api/me", {{"cookie", cookie}}).body).at("user").is_null());
    EXPECT_TRUE(json::parse(get("/ui/api/me").body).at("user").is_null());

    EXPECT_EQ(post("/ui/api/act", {{"action", "freeze"}}, cookie).status, 400) << "not typed";
    EXPECT_EQ(
        post("/ui/api/act", {{"action", "freeze"}, {"name", "x"}, {"typed", "x"}}, cookie).status,
        400)
        << "another host";
    EXPECT_EQ(post("/ui/api/act", {{"action", "freeze"}, {"typed", "Freeze"}}, cookie).status, 400);
    EXPECT_EQ(post("/ui/api/act", {{"action", "backup"}, {"typed", "backup"}}, cookie).status, 400);
    EXPECT_FALSE(frozen());
    const auto frozen_now = post("/ui/api/act", on_host("freeze"), cookie);
    EXPECT_EQ(frozen_now.status, 200) << frozen_now.body;
    EXPECT_TRUE(frozen());
    const auto thawed = post("/ui/api/act", on_host("thaw"), cookie);
    EXPECT_EQ(thawed.status, 200) << thawed.body;
    EXPECT_TRUE(thawed.body.contains(R"("changed":true)")) << "at once after the freeze";
    const auto again = post("/ui/api/act", on_host("thaw"), cookie);
    EXPECT_TRUE(again.body.contains(R"("changed":false)")) << again.body;
    EXPECT_FALSE(frozen());
    const json::object nobody{{"action", "destroy"}, {"name", "cloud-9"}, {"typed", "cloud-9"}};
    EXPECT_EQ(code_of(post("/ui/api/act", nobody, cookie)), "not_found");
    EXPECT_EQ(
        post("/ui/api/act", {{"action", "drain"}, {"name", "a"}, {"typed", "b"}}, cookie).status,
        400);
    json::object another = nobody;
    another["id"] = "06ZG1";
    const auto conflict = post("/ui/api/act", another, cookie);
    EXPECT_EQ(conflict.status, 409) << "the name belongs to another machine by now, or to none";
    EXPECT_TRUE(conflict.body.contains("look again")) << conflict.body;
    EXPECT_TRUE(daemon.log().contains("action=freeze"));
    EXPECT_TRUE(daemon.log().contains("action=destroy name=\"cloud-9\" refused"));

    EXPECT_EQ(post("/ui/api/logout", {}, cookie).status, 200);
    EXPECT_EQ(post("/ui/api/act", on_host("freeze"), cookie).status, 401);
    const std::string late = log_in();
    daemon.replace("evenkeel.yaml", "control: true", "control: false");
    daemon.signal(SIGHUP);
    EXPECT_TRUE(
        eventually(5s, [&] { return get("/ui/api/me").body.contains(R"("control":false)"); }));
    EXPECT_EQ(post("/ui/api/act", on_host("freeze"), late).status, 403) << "a reload ends it";
    EXPECT_FALSE(frozen());
}

TEST_F(PageListener, ASessionDoesNotOutliveThatActionsWereTakenAway) {
    start("dashboard: {control: true}\n");
    const std::string cookie = log_in();
    const std::string unused = token();
    const auto revision = [this] {
        return json::parse(get("/api/status").body).at("policy").at("revision").as_int64();
    };
    // Nothing is asked of the page in between: the session must end all the same.
    for (const bool allowed : {false, true}) {
        const std::int64_t before = revision();
        daemon.replace(
            "evenkeel.yaml",
            allowed ? "control: false" : "control: true",
            allowed ? "control: true" : "control: false");
        daemon.signal(SIGHUP);
        ASSERT_TRUE(eventually(5s, [&] { return revision() > before; })) << daemon.log();
    }
    EXPECT_EQ(post("/ui/api/act", on_host("freeze"), cookie).status, 401);
    EXPECT_EQ(post("/ui/api/login", {{"token", unused}}).status, 401);
    EXPECT_FALSE(frozen());
}

TEST_F(PageListener, IsReadUnderTheNumbersOfThisHost) {
    start();
    const auto as = [this](const std::string& name) {
        return get("/readyz", {{"host", name}}).status;
    };
    for (const char* ours : {"127.0.0.1", "127.0.0.2:8081", "localhost:1", "[::1]", "[::1]:8081"}) {
        EXPECT_EQ(as(ours), 200) << ours;
    }
    for (const char* other : {"[::1].evil.example", "127.0.0.1.evil.example", "::2", "10.0.0.1"}) {
        EXPECT_EQ(as(other), 421) << other;
    }
}

TEST_F(PageListener, ScriptsOfOtherSitesReadNothingBesidesThePageEither) {
    start();
    for (const char* path : {"/api/status", "/api/nodes", "/api/prices", "/metrics"}) {
        EXPECT_EQ(get(path, {{"sec-fetch-site", "cross-site"}}).status, 403) << path;
        EXPECT_EQ(
            get(path, {{"sec-fetch-site", "cross-site"}, {"sec-fetch-mode", "navigate"}}).status,
            200)
            << "a person follows a link to " << path;
        EXPECT_EQ(get(path).header("cross-origin-resource-policy"), "same-origin") << path;
    }
    EXPECT_EQ(get("/api/keys").status, 404) << "keys are on the page, with what they used";
}

TEST_F(PageListener, GuessingTokensIsEndedForAWhile) {
    start("dashboard: {control: true}\n");
    const std::string good = token();
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(post("/ui/api/login", {{"token", fmt::format("ekp-{}", i)}}).status, 401);
    }
    EXPECT_EQ(post("/ui/api/login", {{"token", good}}).status, 429);
}

TEST_F(PageListener, ServesAFolderToWhoWorksOnThePage) {
    const auto folder = daemon.state().parent_path() / "web";
    std::filesystem::create_directories(folder / "page");
    const auto write = [&folder](const std::string& text) {
        std::ofstream{folder / "page/index.html"} << text;
    };
    write("<p>one");
    daemon.start({{"EVENKEEL_WEB_DIR", folder.string()}});
    ASSERT_TRUE(daemon.ready());
    EXPECT_EQ(get("/").body, "<p>one");
    write("<p>two");
    EXPECT_EQ(get("/").body, "<p>two");
    write("<script>three</script>");
    EXPECT_EQ(get("/").status, 400) << "says what the build would say";
}

}  // namespace
}  // namespace evenkeel::integration
