#include "agent/daemon.hpp"

#include "agent/admin/admin.hpp"
#include "agent/config/policy_text.hpp"
#include "agent/config/reading.hpp"
#include "agent/control/control.hpp"
#include "agent/service/clock.hpp"
#include "agent/service/identity.hpp"
#include "agent/service/notify.hpp"
#include "agent/service/signals.hpp"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <thread>
#include <vector>

namespace evenkeel::agent {

namespace {

constexpr int exit_failed = 1;
constexpr int exit_money_hazard = 6;
constexpr int exit_configuration = 78;
constexpr std::chrono::milliseconds loop_pause{200};
/// For the ledger to store a policy; nobody pings the watchdog meanwhile.
constexpr std::chrono::seconds policy_wait{10};
constexpr std::chrono::seconds stuck_after{10};  ///< no heartbeat for so long: no watchdog ping
constexpr std::chrono::minutes stop_limit{14};   ///< TimeoutStopSec of the unit is 15 min
constexpr std::chrono::minutes stop_extension{2};

void set_up_log(int verbosity) {
    auto logger = std::make_shared<spdlog::logger>(
        "evenkeel", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    // The journal stamps lines itself.
    logger->set_pattern(
        std::getenv("JOURNAL_STREAM") != nullptr ? "%l %v" : "%Y-%m-%dT%H:%M:%S.%e %l %v");
    logger->set_level(
        verbosity > 0   ? spdlog::level::debug
        : verbosity < 0 ? spdlog::level::warn
                        : spdlog::level::info);
    logger->flush_on(spdlog::level::info);
    spdlog::set_default_logger(std::move(logger));
}

int refuse(const Error& error) {
    std::cerr << "evenkeel: " << error.message << '\n';
    return exit_failed;
}

std::filesystem::path socket_path(const ServeOptions& options) {
    if (!options.socket.empty()) {
        return options.socket;
    }
    const char* runtime = std::getenv("RUNTIME_DIRECTORY");
    return std::filesystem::path{runtime != nullptr ? runtime : options.state.string()} /
           "control.sock";
}

/// For who works on the page: its files are read from here at each request (CONTRIBUTING.md).
std::filesystem::path page_folder() {
    const char* folder = std::getenv("EVENKEEL_WEB_DIR");
    return folder != nullptr ? folder : "";
}

/// Reads the configuration again and again; keeps the running one when a new one is wrong.
class Reloader {
public:
    Reloader(
        const ServeOptions& options,
        const Clock& clock,
        Control& control,
        Board& board,
        config::Config now,
        std::string_view text)
        : options_{options},
          clock_{clock},
          control_{control},
          board_{board},
          running_{std::move(now)},
          running_sha256_{policy_sha256(text)} {}

    /// Errors: what is wrong, as `policy check` prints it, or conflict when the policy in force or
    /// the files are not those of the request; nothing changed then.
    Result<std::int64_t> reload(const ApplyRequest& request) {
        const std::lock_guard lock{mutex_};
        auto taken = take(request);
        // A plan that came too late says nothing against the files.
        if (taken || taken.error().code != Errc::conflict) {
            board_.reloaded(taken.has_value());
        }
        return taken;
    }

    /// What the running policy says of machines at a stop.
    [[nodiscard]] config::OnStop on_stop() {
        const std::lock_guard lock{mutex_};
        return running_.safety.on_stop;
    }

private:
    Result<std::int64_t> take(const ApplyRequest& request) {
        if (!request.base_sha256.empty() && request.base_sha256 != running_sha256_) {
            return fail(
                Errc::conflict,
                "another policy is in force by now than the one that the plan was made for; "
                "nothing changed. Look again: evenkeel policy plan");
        }
        auto reading = read_configuration(options_.config, clock_.read().utc);
        if (!reading) {
            spdlog::error("reload: {}; the old policy stays in force", reading.error().message);
            return std::unexpected{reading.error()};
        }
        const std::string sha256 = policy_sha256(reading->text);
        if (!request.draft_sha256.empty() && request.draft_sha256 != sha256) {
            return fail(
                Errc::conflict,
                fmt::format(
                    "the files in {}, which the agent reads, are not those of the plan; nothing "
                    "changed. Look again: evenkeel policy plan --config {}",
                    options_.config.string(),
                    options_.config.string()));
        }
        if (!reading->loaded) {
            const std::string text = config::render_all(reading->loaded.error());
            spdlog::error("reload refused, the old policy stays in force:\n{}", text);
            return fail(Errc::invalid_argument, text);
        }
        for (const config::Diagnostic& warning : reading->loaded->warnings) {
            spdlog::warn("{}:{}: {}", warning.file, warning.line, warning.message);
        }
        config::Config next = std::move(reading->loaded->config);
        if (next.listen != running_.listen || next.limits != running_.limits ||
            next.report_zone != running_.report_zone || next.speed != running_.speed) {
            spdlog::warn("reload: listen, limits, report_zone and speed change only at a restart");
            next.listen = running_.listen;
            next.limits = running_.limits;
            next.report_zone = running_.report_zone;
            next.speed = running_.speed;
        }
        if (next.currency.report != running_.currency.report) {
            return fail(
                Errc::invalid_argument,
                "currency.report changes only at a restart; nothing changed");
        }
        auto applied = control_.apply(next, std::move(reading->text), request.author, policy_wait);
        if (applied) {
            running_ = std::move(next);
            running_sha256_ = sha256;
            spdlog::info("reload: policy revision={} author={} in force", *applied, request.author);
        }
        return applied;
    }

    const ServeOptions& options_;
    const Clock& clock_;
    Control& control_;
    Board& board_;
    std::mutex mutex_;
    config::Config running_;
    std::string running_sha256_;
};

/// Says whether the parts that must move have moved lately.
class Pulse {
public:
    bool beats(std::uint64_t control, std::uint64_t ledger, BootTime now) {
        if (control != control_) {
            control_ = control;
            control_at_ = now;
        }
        if (ledger != ledger_) {
            ledger_ = ledger;
            ledger_at_ = now;
        }
        return now - control_at_ < stuck_after && now - ledger_at_ < stuck_after;
    }

private:
    std::uint64_t control_{~std::uint64_t{0}};
    std::uint64_t ledger_{~std::uint64_t{0}};
    BootTime control_at_{};
    BootTime ledger_at_{};
};

std::string status_line(const View& view) {
    return fmt::format(
        "{}: {} sources, {} of {} machines rented, {} {}/h",
        view.state,
        view.sources.size(),
        view.rented,
        view.rented_max,
        rounded_text(view.cost_rate),
        view.cost_rate.currency().text());
}

}  // namespace

int serve(const ServeOptions& options) {
    Signals signals;
    set_up_log(options.verbosity);
    raise_open_files();
    const SystemClock clock;

    auto reading = read_configuration(options.config, clock.read().utc);
    if (!reading) {
        std::cerr << "evenkeel: " << reading.error().message << '\n';
        return exit_configuration;
    }
    if (!reading->loaded) {
        std::cerr << config::render_all(reading->loaded.error())
                  << config::summary(reading->files, reading->loaded.error())
                  << ": nothing was started\n";
        return exit_configuration;
    }
    for (const config::Diagnostic& warning : reading->loaded->warnings) {
        spdlog::warn("{}:{}: {}", warning.file, warning.line, warning.message);
    }
    const config::Config config = reading->loaded->config;

    auto zone = ledger::Zone::load(config.report_zone);
    if (!zone) {
        return refuse(zone.error());
    }
    std::vector<ledger::FxRate> rates;
    for (const auto& [currency, rate] : config.currency.rates) {
        rates.push_back(
            {.base = currency,
             .quote = config.currency.report,
             .num = rate.rate_nanos,
             .den = 1'000'000'000,
             .as_of = std::chrono::sys_days{rate.as_of}});
    }
    auto opened = ledger::Ledger::open(
        {.dir = options.state,
         .clock = &clock,
         .zone = config.report_zone,
         .report = config.currency.report,
         .rates = std::move(rates)});
    if (!opened) {
        return refuse(opened.error());
    }
    ledger::Ledger& books = **opened;
    const auto secret = engine_secret(options.state);
    if (!secret) {
        return refuse(secret.error());
    }
    const auto boot_id = host_boot_id();
    if (!boot_id) {
        return refuse(boot_id.error());
    }
    ledger::LedgerBooks adapter{books, clock, *zone};
    ledger::StoredKeys keys{books.recovered().keys, &clock};
    const Credentials credentials{options.config};
    Board board;

    const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    auto gateway = inference::Gateway::start(
        {.listen = config.listen.api,
         .threads = options.threads > 0 ? options.threads : std::min(cores, 64),
         .limits = config.limits,
         .last_request_id = books.recovered().last_id,
         .hold_grace = std::chrono::milliseconds{5'000} / config.speed,
         .keepalive = std::chrono::milliseconds{10'000} / config.speed,
         .breaker_time = std::chrono::milliseconds{2'000} / config.speed},
        adapter,
        keys,
        clock);
    if (!gateway) {
        return refuse(gateway.error());
    }
    int status = 0;
    std::atomic<bool> served{false};  // outlive the gateway and control, which set them
    std::atomic<bool> ended{false};
    {
        Control control{
            {clock, books, adapter, **gateway, keys, credentials, board},
            {.state = options.state,
             .version = options.version,
             .owner_mark = "ek-" + books.recovered().agent_id,
             .engine_secret = *secret,
             .boot_id = *boot_id,
             .zone = *zone}};
        Reloader reloader{options, clock, control, board, config, reading->text};
        auto admin = Admin::start(
            {.listen = config.listen.admin,
             .socket = socket_path(options),
             .state = options.state,
             .config = options.config,
             .zone = *zone,
             .page_folder = page_folder()},
            {control, books, **gateway, board, clock, [&reloader](const ApplyRequest& request) {
                 return reloader.reload(request);
             }});
        if (!admin) {
            return refuse(admin.error());
        }
        // Every address is ours by now: only then may anything be done about machines.
        control.start();
        const auto revision = control.apply(config, std::move(reading->text), "start", policy_wait);
        if (!revision) {
            return refuse(revision.error());
        }
        spdlog::info(
            "evenkeel {} api={} admin={} state={}",
            options.version,
            (*gateway)->address(),
            (*admin)->address(),
            options.state.string());

        const auto watchdog = notify::watchdog_interval();
        Pulse pulse;
        BootTime next_ping = clock.read().boot;
        std::string shown;
        bool told_ready = false;
        const auto look = [&] {
            const BootTime now = clock.read().boot;
            const auto view = board.read();
            if (!told_ready && control.ready()) {
                told_ready = true;
                notify::ready();
                spdlog::info("ready");
            }
            if (std::string line = status_line(*view); line != shown) {
                shown = std::move(line);
                notify::status(shown);
            }
            const bool alive = pulse.beats(control.heartbeat(), books.heartbeat(), now);
            if (watchdog && alive && now >= next_ping) {
                next_ping = now + *watchdog / 2;
                notify::watchdog();
            }
        };
        for (;;) {
            const auto signal = signals.wait(loop_pause);
            look();
            if (signal == Signals::Kind::reload) {
                notify::reloading();
                static_cast<void>(reloader.reload(ApplyRequest{}));
                if (told_ready) {
                    notify::ready();
                }
            } else if (signal == Signals::Kind::stop) {
                break;
            }
        }

        notify::stopping();
        (*admin)->stopping();
        spdlog::info("stopping: no new work; streams may finish, machines are ended");
        const bool keep = reloader.on_stop() == config::OnStop::keep;
        (*gateway)->stop(config.limits.stream_drain, [&served] { served = true; });
        control.stop(keep, false, [&ended] { ended = true; });
        const BootTime give_up = clock.read().boot + stop_limit;
        BootTime next_extension = clock.read().boot;
        while (!(served && ended)) {
            const auto signal = signals.wait(loop_pause);
            look();
            const BootTime now = clock.read().boot;
            if (signal == Signals::Kind::stop) {
                spdlog::info("stopping faster: streams are cut, machines destroyed at once");
                (*gateway)->stop(std::chrono::milliseconds{0}, {});
                control.stop(keep, true, {});
            }
            if (now >= next_extension) {
                next_extension = now + stop_extension / 2;
                notify::extend_timeout(stop_extension);
            }
            if (now >= give_up) {
                const auto view = board.read();
                for (const MachineView& machine : view->machines) {
                    spdlog::critical(
                        "not proved gone: {} {} at {} ({})",
                        machine.name,
                        machine.state,
                        machine.provider,
                        machine.remote_id);
                }
                status = view->machines.empty() ? exit_failed : exit_money_hazard;
                break;
            }
        }
    }
    gateway->reset();
    if (const auto closed = books.close(); !closed) {
        spdlog::critical("{}", closed.error().message);
        status = exit_failed;
    }
    spdlog::info("stopped");
    return status;
}

}  // namespace evenkeel::agent
