#include "lab/demo/demo.hpp"

#include "lab/demo/screen.hpp"
#include "lab/demo/setup.hpp"
#include "lab/demo/stage.hpp"
#include "lab/demo/story.hpp"
#include "lab/player/trace_file.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <optional>
#include <utility>

namespace evenkeel::lab::demo {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t speed_max = 120;
constexpr const char* trace_name = "azure2023_conv.csv.gz";
constexpr int stopped_by_user = 130;

/// The shipped trace: beside an installed program, else in the source tree it was built from.
std::string shipped_trace() {
    const fs::path installed =
        fs::path{own_program()}.parent_path() / "../share/evenkeel/traces" / trace_name;
    std::error_code code;
    return fs::exists(installed, code) ? installed.lexically_normal().string()
                                       : std::string{EVENKEEL_TRACE_DIR "/"} + trace_name;
}

/// A folder of our own: the one asked for, new or empty, or a temporary one.
Result<std::string> make_folder(const std::string& wanted) {
    if (wanted.empty()) {
        std::string form = (fs::temp_directory_path() / "evenkeel-demo-XXXXXX").string();
        if (::mkdtemp(form.data()) == nullptr) {
            return fail(Errc::io_failed, fmt::format("cannot make a folder like {}", form));
        }
        return form;
    }
    std::error_code code;
    fs::create_directories(wanted, code);
    if (code || !fs::is_directory(wanted, code) || !fs::is_empty(wanted, code)) {
        return fail(
            Errc::invalid_argument,
            fmt::format(
                "{} is not empty: an earlier run is in it. Give another folder, or remove it",
                wanted));
    }
    fs::permissions(wanted, fs::perms::owner_all, code);
    return fs::absolute(wanted).lexically_normal().string();
}

int complain(const Error& error) {
    fmt::print(stderr, "evenkeel demo: {}\n", error.message);
    return error.code == Errc::invalid_argument ? 2 : 1;
}

/// Ctrl-C, SIGTERM and a closed terminal, as something to ask and something that cancels the story.
class Interrupt {
public:
    explicit Interrupt(asio::io_context& context)
        : context_{context}, signals_{context, SIGINT, SIGTERM, SIGHUP} {
        signals_.async_wait([this](const boost::system::error_code& code, int) {
            if (!code) {
                came_ = true;
                story_.emit(asio::cancellation_type::all);
            }
        });
    }
    [[nodiscard]] bool came() {
        context_.poll();
        context_.restart();
        return came_;
    }
    [[nodiscard]] asio::cancellation_slot slot() { return story_.slot(); }

private:
    asio::io_context& context_;
    asio::signal_set signals_;
    asio::cancellation_signal story_{};
    bool came_{false};
};

/// Runs one coroutine on the context to its end. Nothing when it was cancelled.
template <class T>
std::optional<T> run_to_end(
    asio::io_context& context, Interrupt& interrupt, asio::awaitable<T> work) {
    std::optional<T> result;
    bool ended = false;
    asio::co_spawn(
        context,
        std::move(work),
        asio::bind_cancellation_slot(interrupt.slot(), [&](std::exception_ptr thrown, T value) {
            ended = true;
            if (!thrown) {
                result = std::move(value);
            }
        }));
    while (!ended && context.run_one() > 0) {
    }
    return result;
}

struct Setting {
    std::vector<replay::TraceRow> rows{};
    Progress progress{};
    World world{};
};

Result<Setting> read_setting(const DemoOptions& options) {
    if (options.speed < 1 || options.speed > speed_max) {
        return fail(Errc::invalid_argument, fmt::format("--speed must be 1 to {}", speed_max));
    }
    const Result<Window> window = parse_window(options.window);
    if (!window) {
        return std::unexpected{window.error()};
    }
    const std::string trace = options.trace.empty() ? shipped_trace() : options.trace;
    Result<std::vector<replay::TraceRow>> rows =
        player::read_window(trace, window->from, window->to);
    if (!rows) {
        return std::unexpected{rows.error()};
    }
    Setting setting{.rows = std::move(*rows)};
    const std::string file = fs::path{trace}.filename().string();
    setting.progress.trace = file.substr(0, file.find('.'));
    setting.progress.from = window->from;
    setting.progress.to = window->to;
    setting.progress.speed = options.speed;
    setting.world.speed = options.speed;
    return setting;
}

void tell_ending(Screen& screen, const Stage& stage, const Setting& setting, const Story& story) {
    screen.say("");
    const Result<ToolResult> spend = stage.tool({"report", "spend", "--since", "24h"});
    screen.say(spend ? spend->out : spend.error().message);
    const Result<Comparison> comparison = compare(setting.rows, setting.world);
    if (!comparison) {
        screen.say("No comparison: " + comparison.error().message);
        return;
    }
    for (const std::string& line : comparison_lines(
             *comparison, setting.world.machine_price, total_of(story.books().spend))) {
        screen.say(line);
    }
    screen.say("");
}

/// Everything between the first child and the last line. Returns the exit status.
int play_and_judge(const DemoOptions& options, Setting setting, Screen& screen, Stage& stage) {
    asio::io_context context{1};
    Interrupt interrupt{context};
    const auto asked_to_stop = [&interrupt] { return interrupt.came(); };
    const auto stopped = [&] {
        screen.say("Stopped: the daemon destroys what it rented, then everything ends.");
        stage.stop();
        return stopped_by_user;
    };
    Result<void> ready = stage.prepare(asked_to_stop);
    if (ready && !interrupt.came()) {
        ready = stage.start_daemon();
    }
    if (interrupt.came()) {
        return stopped();
    }
    if (!ready) {
        return complain(ready.error());
    }
    screen.say(fmt::format(
        "Daemon on {}, its admin interface on {}, logs in {}/log.",
        stage.address(stage.ports().api),
        stage.address(stage.ports().admin),
        stage.folder()));
    Story story{context, stage, screen, setting.rows, setting.progress, options.seed};
    const std::optional<Result<void>> played = run_to_end(context, interrupt, story.play());
    if (!played || interrupt.came()) {
        return stopped();
    }
    if (!*played) {
        return complain(played->error());
    }
    Books books = story.books();
    std::vector<Check> checks = judge(story.report(), books);
    tell_ending(screen, stage, setting, story);
    if (!options.keep) {
        const std::optional<int> status = stage.stop_daemon();
        checks.push_back(
            {.name = "the daemon stops cleanly",
             .ok = status == 0,
             .detail = fmt::format("exit status {}", status.value_or(-1))});
        books.cloud_list =
            run_to_end(context, interrupt, story.list_machines()).value_or(json::object{});
        const std::optional<std::int64_t> left = machines_left(books.cloud_list);
        checks.push_back(
            {.name = "nothing came back",
             .ok = left == 0,
             .detail = fmt::format("the cloud lists {} machines at the end", left.value_or(-1))});
    }
    bool all = true;
    for (const Check& check : checks) {
        all = all && check.ok;
        screen.say(
            fmt::format("{}  {}: {}", check.ok ? "ok    " : "FAILED", check.name, check.detail));
    }
    screen.say("");
    for (const std::string& line : summary(setting.progress, story.report(), books, checks)) {
        screen.say(line);
    }
    if (options.keep) {
        if (const Result<void> left = stage.leave(); !left) {
            return complain(left.error());
        }
        for (const std::string& line : keep_lines(stage, own_program())) {
            screen.say(line);
        }
    }
    return all ? 0 : 1;
}

}  // namespace

void add_flags(CLI::App& command, DemoOptions& options) {
    command.add_option("--window", options.window, "part of the trace to play, from-to")
        ->capture_default_str();
    command.add_option("--trace", options.trace, "trace file instead of the shipped one");
    command.add_option("--speed", options.speed, "trace seconds played in one second")
        ->capture_default_str();
    command.add_flag("--keep", options.keep, "leave everything running after the checks");
    command.add_option("--state", options.state, "folder to use; must be new or empty");
    command.add_option("--seed", options.seed, "picks which requests are not streamed")
        ->capture_default_str();
    command.add_option("--stop", options.stop, "stop the kept demo in this folder");
    command.add_flag("--plain", options.plain, "plain lines even on a terminal");
}

int run(const DemoOptions& options) {
    Screen screen{options.plain, options.no_color};
    const Say say = [&screen](const std::string& line) { screen.say(line); };
    if (!options.stop.empty()) {
        return stop_kept(options.stop, say);
    }
    Result<Setting> setting = read_setting(options);
    if (!setting) {
        return complain(setting.error());
    }
    const Result<std::string> folder = make_folder(options.state);
    if (!folder) {
        return complain(folder.error());
    }
    const World& world = setting->world;
    say(fmt::format(
        "Evenkeel demo: {} requests of a real trace ({}), {} to {}, against the real daemon. Every "
        "GPU, API and cloud is synthetic.",
        count_text(static_cast<std::int64_t>(setting->rows.size())),
        setting->progress.trace,
        clock_text(setting->progress.from),
        clock_text(setting->progress.to)));
    say(fmt::format(
        "Speed {0}: durations are divided by {0} (the proof of deletion waits {1} instead of {2}), "
        "hourly prices multiplied by {0}.",
        world.speed,
        scaled_text(world.proof_gap, world.speed),
        scaled_text(world.proof_gap, 1)));
    int status = 1;
    {
        Stage stage{world, *folder, options.keep, say};
        status = play_and_judge(options, std::move(*setting), screen, stage);
    }
    const bool kept = options.keep && fs::exists(fs::path{*folder} / "processes");
    if (status == 0 && !kept && options.state.empty()) {
        std::error_code code;
        fs::remove_all(*folder, code);
    } else if (!kept) {
        say(fmt::format("What it wrote is in {}", *folder));
    }
    return status;
}

}  // namespace evenkeel::lab::demo
