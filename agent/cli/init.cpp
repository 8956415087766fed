#include "agent/cli/init.hpp"

#include "agent/cli/daemon_client.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/find_engines.hpp"
#include "agent/cli/first_config.hpp"
#include "agent/cli/local_gpus.hpp"
#include "agent/cli/probe_report.hpp"
#include "agent/ledger/zone.hpp"
#include "agent/service/clock.hpp"
#include "policies/capacity/known.hpp"
#include "policies/domain/money.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <iostream>
#include <system_error>
#include <unistd.h>

namespace evenkeel::cli {

namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

constexpr std::chrono::milliseconds engine_limit{1'500};
constexpr int new_files_max = 99;

/// The zone this host is set to; UTC when that is no zone of the system's.
std::string host_zone() {
    std::error_code code;
    const std::string link = fs::read_symlink("/etc/localtime", code).string();
    constexpr std::string_view folder = "zoneinfo/";
    const auto at = link.find(folder);
    const std::string name = at == std::string::npos ? "UTC" : link.substr(at + folder.size());
    return ledger::Zone::load(name) ? name : "UTC";
}

std::string asked(const std::string& question, const std::string& otherwise) {
    std::cerr << question;
    std::string line;
    std::getline(std::cin, line);
    return line.empty() ? otherwise : line;
}

/// Errors: invalid_argument.
Result<std::vector<FoundGpu>> stated_gpus(const std::string& text) {
    const auto match = capacity::find_gpu(text);
    if (!match) {
        return fail(
            Errc::invalid_argument,
            fmt::format(
                "'{}' is no GPU whose memory and speed are known here: write for example "
                "--gpu \"2x RTX 5090\", or leave --gpu out where the driver can be asked",
                text));
    }
    std::vector<FoundGpu> gpus;
    for (int i = 0; i < match->count; ++i) {
        gpus.push_back(
            {.index = i,
             .name = std::string{match->gpu.name},
             .memory_bytes = match->gpu.vram_bytes});
    }
    return gpus;
}

/// Writes `text` to a file that was not there; conflict when one was.
Result<void> write_fresh(const fs::path& path, const std::string& text) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) {
        return fail(
            errno == EEXIST ? Errc::conflict : Errc::io_failed,
            fmt::format("{}: {}", path.string(), std::strerror(errno)));
    }
    std::string_view rest{text};
    while (!rest.empty()) {
        const ssize_t sent = ::write(fd, rest.data(), rest.size());
        if (sent < 0 && errno != EINTR) {
            break;
        }
        rest.remove_prefix(sent > 0 ? static_cast<std::size_t>(sent) : 0);
    }
    const bool whole = rest.empty() && ::fsync(fd) == 0;
    const int why = errno;
    ::close(fd);
    if (!whole) {
        ::unlink(path.c_str());
        return fail(Errc::io_failed, fmt::format("{}: {}", path.string(), std::strerror(why)));
    }
    return {};
}

/// `path`, or the first of `path`.new, `path`.new2 ... that is free.
Result<fs::path> write_beside(const fs::path& path, const std::string& text) {
    for (int number = 0; number <= new_files_max; ++number) {
        fs::path target = path;
        target += number == 0 ? "" : number == 1 ? ".new" : fmt::format(".new{}", number);
        const auto written = write_fresh(target, text);
        if (written) {
            return target;
        }
        if (written.error().code != Errc::conflict) {
            return std::unexpected{written.error()};
        }
    }
    return fail(Errc::conflict, fmt::format("{}: too many .new files beside it", path.string()));
}

std::string gpu_line(const FoundGpu& gpu) {
    constexpr std::int64_t gib = std::int64_t{1} << 30;
    return fmt::format(
        "GPU {}  {}, {} GB{}{}",
        gpu.index,
        gpu.name,
        (gpu.memory_bytes + gib / 2) / gib,
        gpu.driver.empty() ? "" : ", driver " + gpu.driver,
        gpu.power_limit_milliwatts > 0
            ? fmt::format(", limit {} W", gpu.power_limit_milliwatts / 1'000)
            : "");
}

std::string engine_line(const FoundEngine& engine) {
    if (engine.wants_key) {
        return fmt::format(
            "a server on 127.0.0.1:{} that wants a key: not configured", engine.port);
    }
    std::string models;
    for (const FoundModel& model : engine.models) {
        models += (models.empty() ? "" : ", ") + model_name(model.id);
    }
    return fmt::format(
        "{} server on 127.0.0.1:{} ({}{}{})",
        engine.kind == "openai" ? "OpenAI-compatible" : engine.kind,
        engine.port,
        engine.models.empty()       ? "no model loaded"
        : engine.models.size() == 1 ? "model "
                                    : "models ",
        models,
        engine.slots > 0 ? fmt::format(", {} slots", engine.slots) : "");
}

struct Told {
    std::vector<std::string> found{};
    std::vector<fs::path> written{};
    std::vector<std::string> notes{};
};

int print(const Globals& globals, const Told& told, const fs::path& folder) {
    if (globals.json) {
        const auto list = [](const auto& items) {
            json::array array;
            for (const auto& item : items) {
                array.emplace_back(fs::path{item}.string());
            }
            return array;
        };
        std::cout << json::serialize(json::object{
                         {"schema", "evenkeel.init/1"},
                         {"found", list(told.found)},
                         {"written", list(told.written)},
                         {"notes", list(told.notes)}})
                  << '\n';
        return Exit::done;
    }
    for (const std::string& found : told.found) {
        std::cout << "Found   " << found << '\n';
    }
    std::string files;
    for (const fs::path& path : told.written) {
        files += files.empty() ? path.string() : "  " + path.filename().string();
    }
    std::cout << "Wrote   " << files << '\n';
    for (const std::string& note : told.notes) {
        std::cout << "Note    " << note << '\n';
    }
    std::cout << fmt::format(
        "Next    evenkeel keys create me        then point a client at http://127.0.0.1:8080/v1\n"
        "        install -m600 key.txt {}        to allow rentals, with an entry in "
        "providers.yaml\n",
        (folder / "credentials" / "runpod.key").string());
    return Exit::done;
}

void ask_person(const InitArguments& arguments, FirstFacts& facts) {
    const bool person = !arguments.non_interactive && ::isatty(STDIN_FILENO) == 1;
    if (arguments.currency.empty() && person) {
        facts.currency = asked("Currency of reports [USD]: ", "USD");
    }
    if (arguments.tariff.empty() && person) {
        const std::string price = asked(
            fmt::format("Price of a kWh in {}, such as 0.30 (empty: not known): ", facts.currency),
            "");
        facts.tariff = price.empty() ? "" : fmt::format("{} {}/kWh", price, facts.currency);
    }
}

}  // namespace

int init(const Globals& globals, const InitArguments& arguments) {
    FirstFacts facts{.tariff = arguments.tariff, .zone = host_zone()};
    if (!arguments.currency.empty()) {
        facts.currency = arguments.currency;
    }
    Told told;
    if (!arguments.gpu.empty()) {
        auto stated = stated_gpus(arguments.gpu);
        if (!stated) {
            report(stated.error());
            return Exit::usage;
        }
        facts.gpus = std::move(*stated);
    } else {
        LocalGpus local = look_at_gpus();
        facts.gpus = std::move(local.found);
        if (!local.without.empty()) {
            told.notes.push_back(local.without);
        }
    }
    facts.engines = find_engines({engine_ports.begin(), engine_ports.end()}, engine_limit);
    const bool probe_named = !arguments.probe.empty();
    const auto probed =
        read_probe_report(probe_named ? arguments.probe : globals.state / probe_report_file);
    if (probed) {
        facts.card = *probed;
    } else if (probe_named || probed.error().code != Errc::not_found) {
        return report(probed.error());
    } else if (!facts.gpus.empty()) {
        facts.card = capacity::datasheet_speed(
            fmt::format("{}x {}", facts.gpus.size(), facts.gpus.front().name));
    }
    ask_person(arguments, facts);
    const config::Date today{
        std::chrono::floor<std::chrono::days>(agent::SystemClock{}.read().utc)};
    const auto files = first_configuration(facts, today);
    const auto loaded = config::load(files, today);
    if (!loaded || !loaded->warnings.empty()) {
        // Only what was typed can be wrong: currency and tariff.
        std::cerr
            << config::render_all(loaded ? loaded->warnings : loaded.error())
            << "evenkeel: nothing was written; --currency takes a code such as AUD, --tariff a "
               "price such as \"0.33 AUD/kWh\" in that currency\n";
        return Exit::usage;
    }
    std::error_code code;
    const bool made = fs::create_directories(globals.config / "credentials", code);
    if (code) {
        return report(
            {Errc::io_failed, fmt::format("{}: {}", globals.config.string(), code.message())});
    }
    if (made) {
        fs::permissions(globals.config / "credentials", fs::perms::owner_all, code);
    }
    for (const FoundGpu& gpu : facts.gpus) {
        told.found.push_back(gpu_line(gpu));
    }
    for (const FoundEngine& engine : facts.engines) {
        told.found.push_back(engine_line(engine));
    }
    for (const config::SourceFile& file : files) {
        const auto written = write_beside(globals.config / file.path, file.text);
        if (!written) {
            return report(written.error());
        }
        told.written.push_back(*written);
        if (written->extension() != ".yaml") {
            told.notes.push_back(fmt::format(
                "{} was there and stays; compare it with {}",
                file.path,
                written->filename().string()));
        }
    }
    if (facts.engines.empty()) {
        told.notes.emplace_back(
            "no engine answered on this host: start one, then run this again or write it into "
            "providers.yaml");
    }
    if (fs::is_empty(globals.config / "credentials", code) && !code) {
        told.notes.emplace_back(
            "no provider keys yet: only local routing is active, nothing can be rented or bought");
    }
    return print(globals, told, globals.config);
}

}  // namespace evenkeel::cli
