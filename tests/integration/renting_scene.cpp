#include "renting_scene.hpp"

#include "agent/ledger/reader.hpp"
#include "lab/demo/document.hpp"
#include "lab/demo/setup.hpp"
#include "raw_http.hpp"
#include "renting_config.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace evenkeel::integration {

namespace {

namespace demo = lab::demo;
using providers::exact_json::Value;

constexpr auto stop_grace = 60s;
constexpr auto kill_grace = 5s;
constexpr auto tool_limit = 60s;
constexpr auto gone_limit = 60s;
constexpr auto books_limit = 60s;
constexpr auto chat_limit = 40s;
constexpr int tries_max = 200;  ///< waves, those that found no daemon included
constexpr auto try_again = 50ms;
constexpr std::int64_t hour_s = 3'600;
constexpr std::int64_t tolerance_s = 2;

FakeCloudProcess start_fake(const RentingWorld& world, const std::string& folder) {
    const auto text = [](std::chrono::milliseconds time) {
        return fmt::format("{}ms", time.count());
    };
    std::vector<std::string> flags{
        "--speed",
        std::to_string(world.speed),
        "--placing",
        text(world.placing),
        "--boot",
        text(world.boot),
        "--loading",
        text(world.loading),
        "--engine-program",
        EVENKEEL_PROGRAM,
        "--die-with-parent"};
    flags.insert(flags.end(), world.fake_flags.begin(), world.fake_flags.end());
    auto fake = FakeCloudProcess::start(FAKE_CLOUD_PROGRAM, folder, std::move(flags));
    if (!fake) {
        throw std::runtime_error{fake.error().message};
    }
    return *std::move(fake);
}

std::int64_t nanos(const Value& object, std::string_view name) {
    return parse_decimal(object.text(name), 9).value_or(-1);
}

}  // namespace

std::string read_file(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream{path}.rdbuf();
    return text.str();
}

int RentingScene::Machines::count(std::string_view state) const {
    return static_cast<int>(std::ranges::count(states, state));
}

RentingScene::RentingScene(RentingWorld world)
    : world_{std::move(world)}, fake_{start_fake(world_, folder_.path().string())} {
    api_ = demo::free_port(0).value();
    admin_ = demo::free_port(0).value();
    const std::string port_file = (folder_.path() / "engine.port").string();
    auto engine = demo::start_child(
        "engine",
        EVENKEEL_PROGRAM,
        {"engine",
         "--synthetic",
         "--profile",
         "5090-32b-awq",
         "--model",
         "qwq-32b",
         "--speed",
         world_.own_speed,
         "--listen",
         "127.0.0.1:0",
         "--port-file",
         port_file},
        (folder_.path() / "engine.log").string(),
        true);
    if (!engine) {
        throw std::runtime_error{engine.error().message};
    }
    engine_ = *std::move(engine);
    const bool listens = eventually(15s, [&] {
        return (std::ifstream{port_file} >> engine_port_).good() || engine_port_ != 0;
    });
    if (!listens) {
        throw std::runtime_error{"the own engine does not listen"};
    }
    write_config();
    const auto made = tool({"keys", "create", "clients", "--json"});
    const auto answer = demo::parse_object(made.out, "the answer of `keys create`");
    if (made.status != 0 || !answer) {
        throw std::runtime_error{"no client key: " + made.err};
    }
    client_key_ = demo::text_at(*answer, "key");
}

RentingScene::~RentingScene() {
    if (daemon_.pid > 0 && !daemon_.status) {
        kill_daemon();
    }
    if (engine_.pid > 0) {
        demo::stop_child(engine_, kill_grace);
    }
    if (testing::Test::HasFailure()) {
        std::fprintf(stderr, "%s\n%s\n", log_tail().c_str(), books_text().c_str());
    }
}

void RentingScene::write_config() const {
    const std::string base =
        world_.base_url.empty() ? fake_->base_url(world_.vendor, true) : world_.base_url;
    const std::string authority = world_.ca_file.empty() ? fake_->ca_file() : world_.ca_file;
    const auto written = demo::write_files(
        config().string(),
        renting_config(
            world_,
            {.base_url = base,
             .ca_file = authority == "none" ? std::string{} : authority,
             .api = api_,
             .admin = admin_,
             .engine = engine_port_}));
    if (!written) {
        throw std::runtime_error{written.error().message};
    }
}

void RentingScene::edit(
    const std::string& file, const std::string& old, const std::string& with) const {
    edit_file(config() / file, old, with);
}

Result<std::chrono::milliseconds> RentingScene::start_daemon(std::chrono::milliseconds limit) {
    const auto began = std::chrono::steady_clock::now();
    std::filesystem::create_directories(state());
    std::filesystem::permissions(state(), std::filesystem::perms::owner_all);
    auto started = demo::start_child(
        "daemon",
        EVENKEEL_PROGRAM,
        {"serve", "--config", config().string(), "--state", state().string()},
        (folder_.path() / "daemon.log").string(),
        true);
    if (!started) {
        return std::unexpected{started.error()};
    }
    daemon_ = *std::move(started);
    const bool ready =
        eventually(limit, [&] { return fetch(admin_, "GET", "/readyz").status == 200; });
    if (!ready) {
        return fail(Errc::timed_out, "the daemon did not become ready:\n" + log_tail());
    }
    return std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - began);
}

void RentingScene::kill_daemon() {
    if (!demo::has_ended(daemon_)) {
        ::kill(daemon_.pid, SIGKILL);
    }
    demo::stop_child(daemon_, kill_grace);
}

std::optional<int> RentingScene::stop_daemon() {
    return daemon_.pid > 0 ? std::optional{demo::stop_child(daemon_, stop_grace)} : std::nullopt;
}

bool RentingScene::end_machines() {
    ::kill(daemon_.pid, SIGTERM);
    // Where no bill is waited for it ends by itself, between two looks.
    const bool gone = eventually(gone_limit, [&] {
        return machines_gone() ||
               (demo::has_ended(daemon_) && count_at_fake("live_with_our_mark") == 0);
    });
    kill_daemon();
    return gone;
}

demo::ToolResult RentingScene::tool(std::vector<std::string> command) const {
    command.insert(command.end(), {"--config", config().string(), "--state", state().string()});
    auto result = demo::run_tool(EVENKEEL_PROGRAM, command, tool_limit);
    return result ? *result : demo::ToolResult{.err = result.error().message};
}

ChatAnswer RentingScene::chat(const std::string& prompt, int tokens_out) const {
    const auto began = std::chrono::steady_clock::now();
    const RawAnswer answer = raw_http(
        api_,
        "POST",
        "/v1/chat/completions",
        client_key_,
        fmt::format(
            R"({{"model":"qwq-32b","max_tokens":{},)"
            R"("messages":[{{"role":"user","content":"{}"}}]}})",
            tokens_out,
            prompt),
        chat_limit);
    return {
        .status = answer.status,
        .source = answer.header("x-evenkeel-source"),
        .body = answer.body,
        .took = std::chrono::duration_cast<std::chrono::milliseconds>(
            std::chrono::steady_clock::now() - began)};
}

std::vector<ChatAnswer> RentingScene::burst(int count, int tokens_out) const {
    std::vector<ChatAnswer> answers(static_cast<std::size_t>(count));
    std::vector<std::jthread> clients;
    for (ChatAnswer& answer : answers) {
        clients.emplace_back([this, &answer, tokens_out] {
            answer = chat("Why is a ship steady on an even keel?", tokens_out);
        });
    }
    clients.clear();
    return answers;
}

json::object RentingScene::admin(const std::string& target) const {
    boost::system::error_code code;
    json::value value = json::parse(fetch(admin_, "GET", target).body, code);
    return !code && value.is_object() ? std::move(value.get_object()) : json::object{};
}

json::object RentingScene::status() const {
    return admin("/api/status");
}

std::string RentingScene::warnings() const {
    std::string text;
    const json::object now = status();
    if (const json::value* list = now.if_contains("warnings")) {
        for (const json::value& warning : list->as_array()) {
            text += fmt::format("{}\n", warning.as_string().c_str());
        }
    }
    return text;
}

RentingScene::Machines RentingScene::machines() const {
    Machines found;
    const json::object nodes = admin("/api/nodes");
    if (const json::value* list = nodes.if_contains("machines")) {
        for (const json::value& machine : list->as_array()) {
            const std::string state{machine.at("state").as_string().c_str()};
            if (state == "gone") {
                ++found.gone;
            } else {
                found.states.push_back(state);
            }
        }
    }
    return found;
}

bool RentingScene::machines_gone() const {
    const json::object nodes = admin("/api/nodes");
    return nodes.contains("machines") && machines().states.empty() &&
           count_at_fake("live_with_our_mark") == 0;
}

std::int64_t RentingScene::count_at_fake(std::string_view member) const {
    const auto summary = fake_->look("/summary");
    if (!summary) {
        return -1;
    }
    const Value* value = summary->find(member);
    const Value* const vendors = summary->find("vendors");
    const Value* const ours =
        vendors == nullptr ? nullptr : vendors->find(fakes::cloud::to_text(world_.vendor));
    if (value == nullptr && ours != nullptr) {
        constexpr std::string_view calls = "calls_";
        const Value* const counts = ours->find("calls");
        value = member.starts_with(calls) && counts != nullptr
                    ? counts->find(member.substr(calls.size()))
                    : ours->find(member);
        if (value == nullptr && member.starts_with(calls)) {
            return 0;  // none yet
        }
    }
    const auto number = value == nullptr ? std::nullopt : value->integer();
    return number.value_or(-1);
}

std::int64_t RentingScene::calls_at_fake() const {
    std::int64_t all = 0;
    for (const char* operation : {"create", "destroy", "list", "get", "offers", "other"}) {
        const std::int64_t calls = count_at_fake(fmt::format("calls_{}", operation));
        if (calls < 0) {
            return -1;
        }
        all += calls;
    }
    return all;
}

std::size_t RentingScene::double_creates() const {
    const auto summary = fake_->look("/summary");
    const Value* names = summary ? summary->find("double_creates") : nullptr;
    return names == nullptr ? 999 : names->items().size();
}

void RentingScene::put_on(Trouble trouble) const {
    const auto done = fake_->put_on(world_.vendor, trouble);
    ASSERT_TRUE(done) << done.error().message;
}

void RentingScene::put_on(Trouble trouble, int times, std::int64_t value) const {
    const auto done = fake_->put_on(world_.vendor, trouble, times, value);
    ASSERT_TRUE(done) << done.error().message;
}

void RentingScene::take_off_all() const {
    const auto done = fake_->take_off_all(world_.vendor);
    ASSERT_TRUE(done) << done.error().message;
}

std::vector<RentingScene::Paid> RentingScene::books() const {
    std::vector<Paid> books;
    auto reader = ledger::Reader::open(state());
    const auto rows =
        reader ? reader->machines(UtcTime{}) : Result<std::vector<ledger::MachineView>>{};
    const auto machines = fake_->look("/machines");
    const Value* list = machines ? machines->find("machines") : nullptr;
    if (list == nullptr) {
        return {Paid{.machine = "the fake does not answer", .ledger = -1}};
    }
    for (const Value& machine : list->items()) {
        if (machine.text("vendor") != fakes::cloud::to_text(world_.vendor) ||
            machine.text("creator") == "foreign") {
            continue;
        }
        Paid paid{
            .machine = std::string{machine.text("name")},
            .ledger = -1,
            .fake = nanos(machine, "billed"),
            .second = nanos(machine, "price_per_hour") / hour_s};
        for (const ledger::MachineView& row : *rows) {
            if (row.row.remote_id != machine.text("id")) {
                continue;
            }
            std::int64_t phases = 0;
            for (const ledger::PhaseRow& phase : row.phases) {
                phases += phase.billed.nanos();
            }
            paid.ledger = row.paid.nanos();
            paid.adjusted = row.paid.nanos() - phases;
        }
        books.push_back(std::move(paid));
    }
    return books;
}

bool RentingScene::bills_agree() const {
    return std::ranges::all_of(books(), [this](const Paid& paid) {
        if (world_.vendor == Vendor::lambda) {
            return paid.ledger >= 0 &&
                   std::abs(paid.ledger - paid.fake) <= tolerance_s * paid.second;
        }
        return paid.ledger == paid.fake;
    });
}

std::string RentingScene::books_text() const {
    std::string text;
    for (const Paid& paid : books()) {
        text += fmt::format(
            "{} ledger {} fake {} adjusted {} ({} ms of its price)\n",
            paid.machine,
            format_decimal(paid.ledger, 9),
            format_decimal(paid.fake, 9),
            format_decimal(paid.adjusted, 9),
            paid.second == 0 ? 0 : paid.adjusted * 1'000 / paid.second);
    }
    return text;
}

void RentingScene::expect_clean_end() {
    EXPECT_TRUE(eventually(gone_limit, [&] { return machines_gone(); })) << "a machine is left";
    EXPECT_TRUE(eventually(books_limit, [&] { return bills_agree(); })) << books_text();
    for (const Paid& paid : books()) {
        EXPECT_LE(std::abs(paid.ledger - paid.adjusted - paid.fake), tolerance_s * paid.second)
            << paid.machine << " before it was compared with the bill\n"
            << books_text();
    }
    std::fprintf(stderr, "%s", books_text().c_str());
    EXPECT_EQ(double_creates(), 0u) << "an intent has two machines";
    EXPECT_EQ(count_at_fake("foreign_delete_calls"), 0);
    EXPECT_EQ(count_at_fake("live_with_our_mark"), 0);
    EXPECT_EQ(stop_daemon(), 0);
    const auto verified = tool({"ledger", "verify"});
    EXPECT_EQ(verified.status, 0) << verified.out << verified.err;
    auto reader = ledger::Reader::open(state());
    ASSERT_TRUE(reader);
    EXPECT_EQ(reader->summary()->open_holds, 0) << "money is still set aside for nothing";
}

std::string RentingScene::log() const {
    return read_file(folder_.path() / "daemon.log");
}

std::string RentingScene::log_tail() const {
    return demo::log_tail((folder_.path() / "daemon.log").string(), 60);
}

Clients::Clients(const RentingScene& scene, int waves, int count)
    : thread_{[this, &scene, waves, count](std::stop_token stop) {
          int answered = 0;
          for (int tries = 0; answered < waves && tries < tries_max && !stop.stop_requested();
               ++tries) {
              auto answers = scene.burst(count);
              const bool any = std::ranges::any_of(
                  answers, [](const ChatAnswer& answer) { return answer.status == 200; });
              if (any) {
                  ++answered;
              } else {
                  std::this_thread::sleep_for(try_again);
              }
              answers_.insert(
                  answers_.end(),
                  std::make_move_iterator(answers.begin()),
                  std::make_move_iterator(answers.end()));
          }
      }} {}

Clients::~Clients() = default;

const std::vector<ChatAnswer>& Clients::join() {
    if (thread_.joinable()) {
        thread_.join();
    }
    return answers_;
}

}  // namespace evenkeel::integration
