#include "scene.hpp"

#include "lab/demo/checks.hpp"
#include "lab/demo/children.hpp"
#include "lab/demo/document.hpp"
#include "lab/player/player.hpp"
#include "providers/http/client.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

namespace evenkeel::integration {

namespace fs = std::filesystem;

Folder::Folder() {
    std::string pattern = (fs::temp_directory_path() / "evenkeel-test-XXXXXX").string();
    const char* made = ::mkdtemp(pattern.data());
    if (made == nullptr) {
        throw std::runtime_error{"no temporary folder can be made"};
    }
    path_ = made;
}

Folder::~Folder() {
    if (testing::Test::HasFailure()) {
        std::fprintf(stderr, "kept for a look: %s\n", path_.c_str());
        return;
    }
    std::error_code code;
    fs::remove_all(path_, code);
}

lab::demo::World quick_world(std::int64_t speed) {
    lab::demo::World world;
    world.speed = speed;
    world.own_slots = 1;
    world.boot = 60s;
    world.loading = 30s;
    world.max_wait = 30s;
    world.api_port = world.admin_port = 0;  // tests run beside each other
    return world;
}

Answer fetch(
    std::uint16_t port,
    const std::string& method,
    const std::string& target,
    const std::string& bearer,
    const std::string& body) {
    auto client = providers::make_curl_client(
        {.base_url = fmt::format("http://127.0.0.1:{}", port),
         .bearer = providers::Secret{bearer},
         .connect_limit = 2s,
         .total_limit = 20s});
    if (!client) {
        return {};
    }
    const auto response = (*client)->send({.method = method, .target = target, .body = body}, {});
    return response ? Answer{response->status, response->body} : Answer{};
}

lab::demo::ToolResult evenkeel(const std::vector<std::string>& arguments) {
    auto result = lab::demo::run_tool(EVENKEEL_PROGRAM, arguments, 60s);
    return result ? *result : lab::demo::ToolResult{.err = result.error().message};
}

void edit_file(const std::filesystem::path& file, const std::string& old, const std::string& with) {
    std::ostringstream read;
    read << std::ifstream{file}.rdbuf();
    std::string text = read.str();
    const auto at = text.find(old);
    ASSERT_NE(at, std::string::npos) << old;
    std::ofstream{file} << text.replace(at, old.size(), with);
}

bool eventually(std::chrono::milliseconds limit, const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!holds()) {
        if (std::chrono::steady_clock::now() > deadline) {
            return false;
        }
        std::this_thread::sleep_for(20ms);
    }
    return true;
}

Scene::Scene(lab::demo::World world) {
    stage_ = std::make_unique<lab::demo::Stage>(
        std::move(world),
        folder_.path().string(),
        false,
        [](const std::string&) {},
        EVENKEEL_PROGRAM);
    const auto prepared = stage_->prepare([] { return false; });
    if (!prepared) {
        throw std::runtime_error{prepared.error().message};
    }
}

Scene::~Scene() {
    if (testing::Test::HasFailure()) {
        std::fprintf(stderr, "%s\n", logs().c_str());
    }
}

Result<std::chrono::milliseconds> Scene::start_daemon(std::chrono::milliseconds limit) {
    const auto began = std::chrono::steady_clock::now();
    if (const auto started = stage_->start_daemon(); !started) {
        return std::unexpected{started.error()};
    }
    const bool ready = eventually(
        limit, [&] { return fetch(stage_->ports().admin, "GET", "/readyz").status == 200; });
    if (!ready) {
        return fail(Errc::timed_out, "the daemon did not become ready:\n" + logs());
    }
    return std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - began);
}

namespace {

json::object object_of(const Answer& answer) {
    boost::system::error_code code;
    json::value value = json::parse(answer.body, code);
    return !code && value.is_object() ? std::move(value.get_object()) : json::object{};
}

}  // namespace

json::object Scene::status() const {
    return object_of(fetch(stage_->ports().admin, "GET", "/api/status"));
}

json::object Scene::nodes() const {
    return object_of(fetch(stage_->ports().admin, "GET", "/api/nodes"));
}

json::object Scene::cloud(const std::string& target) const {
    return object_of(fetch(stage_->ports().cloud, "GET", target, stage_->cloud_token()));
}

bool Scene::machines_gone() const {
    const json::object list = cloud("/v1/machines");
    const json::value* remote = list.if_contains("machines");
    const json::object known = nodes();
    const json::value* machines = known.if_contains("machines");
    if (remote == nullptr || machines == nullptr || !remote->as_array().empty()) {
        return false;
    }
    for (const json::value& machine : machines->as_array()) {
        if (machine.at("state").as_string() != "gone") {
            return false;
        }
    }
    return true;
}

std::string Scene::bills_text() const {
    const auto spend = stage_->tool({"report", "spend", "--json"});
    const json::object bill = cloud("/v1/bill");
    const json::value* total = bill.if_contains("total");
    return fmt::format(
        "ledger: {}\ncloud: {}",
        spend ? spend->out : spend.error().message,
        total == nullptr ? "?" : std::string{total->as_string().c_str()});
}

bool Scene::bills_agree() const {
    const auto spend = stage_->tool({"report", "spend", "--json"});
    if (!spend || spend->status != 0) {
        return false;
    }
    const auto books = lab::demo::parse_object(spend->out, "spend");
    return books && lab::demo::check_bill(*books, cloud("/v1/bill")).ok;
}

void Scene::burst(int count, int tokens_in, int tokens_out) const {
    std::vector<std::thread> clients;
    const std::string body = lab::player::make_body("qwq-32b", tokens_in, tokens_out, true);
    for (int i = 0; i < count; ++i) {
        clients.emplace_back([this, &body] {
            static_cast<void>(fetch(
                stage_->ports().api, "POST", "/v1/chat/completions", stage_->client_key(), body));
        });
    }
    for (std::thread& client : clients) {
        client.join();
    }
}

std::string Scene::logs() const {
    return lab::demo::log_tail(stage_->folder() + "/log/daemon.log", 60);
}

}  // namespace evenkeel::integration
