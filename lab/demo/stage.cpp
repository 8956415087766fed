#include "lab/demo/stage.hpp"

#include "lab/demo/document.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>

namespace evenkeel::lab::demo {
namespace {

namespace fs = std::filesystem;
using SteadyClock = std::chrono::steady_clock;

constexpr milliseconds start_limit{15'000};   ///< of one helper process
constexpr milliseconds tool_limit{30'000};    ///< of one of our commands
constexpr milliseconds daemon_grace{60'000};  ///< for destroying machines and proving it
constexpr milliseconds helper_grace{5'000};
constexpr milliseconds look_again{20};
constexpr int log_lines = 15;
constexpr const char* daemon_name = "daemon";
constexpr const char* processes_file = "processes";

config::Date today() {
    const auto day = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
    return config::Date{day};
}

std::string seconds_text(milliseconds duration) {
    return fmt::format("{}s", duration.count() / 1'000);
}

}  // namespace

Stage::Stage(World world, std::string folder, bool keep, Say say, std::string program)
    : world_{std::move(world)},
      folder_{std::move(folder)},
      keep_{keep},
      say_{std::move(say)},
      program_{program.empty() ? own_program() : std::move(program)} {}

Stage::~Stage() {
    stop();
}

std::string Stage::address(std::uint16_t port) const {
    return fmt::format("127.0.0.1:{}", port);
}

Result<void> Stage::start(const std::string& name, const std::vector<std::string>& arguments) {
    Result<Child> child =
        start_child(name, program_, arguments, folder_ + "/log/" + name + ".log", !keep_);
    if (!child) {
        return std::unexpected{child.error()};
    }
    children_.push_back(std::move(*child));
    return {};
}

Result<void> Stage::check_alive() {
    for (Child& child : children_) {
        if (has_ended(child)) {
            return fail(
                Errc::io_failed,
                fmt::format(
                    "the {} ended by itself (exit status {}). The end of its log:\n{}",
                    child.name,
                    child.status.value_or(-1),
                    log_tail(child.log, log_lines)));
        }
    }
    return {};
}

Result<std::uint16_t> Stage::wait_for_port(
    const std::string& file, const std::function<bool()>& interrupted) {
    const SteadyClock::time_point deadline = SteadyClock::now() + start_limit;
    while (SteadyClock::now() < deadline) {
        std::ifstream input{file};
        std::uint16_t port = 0;
        if (input >> port) {
            return port;
        }
        if (const Result<void> alive = check_alive(); !alive) {
            return std::unexpected{alive.error()};
        }
        if (interrupted()) {
            return fail(Errc::cancelled, "stopped");
        }
        std::this_thread::sleep_for(look_again);
    }
    return fail(
        Errc::timed_out,
        fmt::format(
            "the {} did not start within {}. The end of its log:\n{}",
            children_.back().name,
            seconds_text(start_limit),
            log_tail(children_.back().log, log_lines)));
}

Result<std::uint16_t> Stage::start_engine(
    const std::string& name,
    const std::string& profile,
    const std::string& key_file,
    const std::function<bool()>& interrupted) {
    const std::string port_file = folder_ + "/" + name + ".port";
    std::vector<std::string> arguments{
        "engine",
        "--synthetic",
        "--profile",
        profile,
        "--model",
        world_.model,
        "--speed",
        std::to_string(world_.speed),
        "--listen",
        "127.0.0.1:0",
        "--port-file",
        port_file};
    if (!key_file.empty()) {
        arguments.insert(arguments.end(), {"--key-file", key_file});
    }
    if (const Result<void> started = start(name, arguments); !started) {
        return std::unexpected{started.error()};
    }
    return wait_for_port(port_file, interrupted);
}

Result<std::uint16_t> Stage::start_cloud(const std::function<bool()>& interrupted) {
    const std::string port_file = folder_ + "/cloud.port";
    const Result<void> started = start(
        "cloud",
        {"cloud",
         "--listen",
         "127.0.0.1:0",
         "--state",
         folder_ + "/cloud",
         "--token-file",
         config() + "/credentials/sandbox.token",
         "--speed",
         std::to_string(world_.speed),
         "--boot",
         seconds_text(world_.boot),
         "--loading",
         seconds_text(world_.loading),
         "--min-bill",
         seconds_text(world_.min_bill),
         "--price",
         to_text(world_.machine_price),
         "--stock",
         "3",
         "--profile",
         world_.rented_profile,
         "--port-file",
         port_file});
    if (!started) {
        return std::unexpected{started.error()};
    }
    return wait_for_port(port_file, interrupted);
}

Result<void> Stage::make_key() {
    const Result<ToolResult> made = tool({"keys", "create", "demo", "--json"});
    if (!made) {
        return std::unexpected{made.error()};
    }
    const Result<json::object> answer = parse_object(made->out, "the answer of `keys create`");
    if (made->status != 0 || !answer || text_at(*answer, "key").empty()) {
        return fail(
            Errc::io_failed,
            fmt::format(
                "`evenkeel keys create` failed (exit status {}): {}", made->status, made->err));
    }
    client_key_ = text_at(*answer, "key");
    return {};
}

Result<void> Stage::prepare(const std::function<bool()>& interrupted) {
    const Result<std::string> token = random_secret();
    const Result<std::string> paid_key = random_secret();
    if (!token || !paid_key) {
        return std::unexpected{token ? paid_key.error() : token.error()};
    }
    cloud_token_ = *token;
    const std::string paid_key_file = config() + "/credentials/api-standin.key";
    std::error_code code;
    for (const std::string& folder : {folder_ + "/log", state(), folder_ + "/cloud"}) {
        fs::create_directories(folder, code);
        fs::permissions(folder, fs::perms::owner_all, code);
    }
    Result<void> written = write_files(
        config(),
        {{.name = "credentials/sandbox.token", .text = *token + "\n", .secret = true},
         {.name = "credentials/api-standin.key", .text = *paid_key + "\n", .secret = true}});
    if (!written) {
        return written;
    }
    const Result<std::uint16_t> own = start_engine("desk", world_.own_profile, "", interrupted);
    if (!own) {
        return std::unexpected{own.error()};
    }
    const Result<std::uint16_t> paid =
        start_engine("api-standin", world_.api_profile, paid_key_file, interrupted);
    if (!paid) {
        return std::unexpected{paid.error()};
    }
    const Result<std::uint16_t> cloud = start_cloud(interrupted);
    if (!cloud) {
        return std::unexpected{cloud.error()};
    }
    const Result<std::uint16_t> api = free_port(world_.api_port);
    const Result<std::uint16_t> admin = free_port(world_.admin_port);
    if (!api || !admin) {
        return std::unexpected{api ? admin.error() : api.error()};
    }
    ports_ = {.api = *api, .admin = *admin, .own = *own, .paid = *paid, .cloud = *cloud};
    written = write_files(config(), make_config(world_, ports_, today()));
    if (!written) {
        return written;
    }
    return make_key();
}

Result<void> Stage::start_daemon() {
    return start(
        daemon_name,
        {"serve", "--config", config(), "--state", state(), "--socket", state() + "/control.sock"});
}

std::optional<int> Stage::stop_daemon() {
    const auto daemon = std::ranges::find(children_, daemon_name, &Child::name);
    if (daemon == children_.end()) {
        return std::nullopt;
    }
    return stop_child(*daemon, daemon_grace);
}

void Stage::kill_daemon() {
    const auto daemon = std::ranges::find(children_, daemon_name, &Child::name);
    if (daemon != children_.end()) {
        ::kill(daemon->pid, SIGKILL);
        stop_child(*daemon, helper_grace);
        children_.erase(daemon);
    }
}

std::optional<int> Stage::stop() {
    const std::optional<int> status = stop_daemon();
    for (auto child = children_.rbegin(); child != children_.rend(); ++child) {
        stop_child(*child, helper_grace);
    }
    children_.clear();
    return status;
}

Result<void> Stage::leave() {
    std::vector<Child> in_order{children_.rbegin(), children_.rend()};
    const Result<void> written =
        write_files(folder_, {{.name = processes_file, .text = describe(in_order)}});
    if (written) {
        children_.clear();
    }
    return written;
}

Result<ToolResult> Stage::tool(const std::vector<std::string>& command) const {
    std::vector<std::string> arguments = command;
    arguments.insert(arguments.end(), {"--config", config(), "--state", state()});
    return run_tool(program_, arguments, tool_limit);
}

int stop_kept(const std::string& folder, const Say& say) {
    std::ifstream input{folder + "/" + processes_file};
    const std::string text{std::istreambuf_iterator<char>{input}, {}};
    const Result<std::vector<Remembered>> processes = read_description(text);
    if (!processes || processes->empty()) {
        say(fmt::format("evenkeel demo: {} holds no kept demo", folder));
        return 1;
    }
    int status = 0;
    for (const Remembered& process : *processes) {
        if (!lives(process)) {
            say(fmt::format("{} (pid {}) has already ended", process.name, process.pid));
            continue;
        }
        const bool daemon = process.name == daemon_name;
        if (stop_remembered(process, daemon ? daemon_grace : helper_grace)) {
            say(fmt::format("stopped {} (pid {})", process.name, process.pid));
        } else {
            say(fmt::format("killed {} (pid {}): it did not end", process.name, process.pid));
            status = 1;
        }
    }
    std::error_code code;
    fs::remove(folder + "/" + processes_file, code);
    return status;
}

}  // namespace evenkeel::lab::demo
