#include "policies/domain/duration.hpp"
#include "tests/fakes/cloud/inspect.hpp"
#include "tests/fakes/cloud/service.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <sys/prctl.h>
#include <unistd.h>

/// `fake_cloud`: DigitalOcean, RunPod and Lambda Cloud on loopback, for tests. Not installed.
namespace evenkeel::fakes::cloud {
namespace {

namespace asio = boost::asio;

struct Options {
    ServiceOptions service{};
    std::string places_file{};
    std::vector<std::string> personalities{};
    bool dies_with_parent{false};
};

void duration(CLI::App& app, const std::string& name, Milliseconds& target, const char* help) {
    app.add_option_function<std::string>(
           name,
           [&target](const std::string& text) { target = parse_duration(text).value(); },
           help)
        ->check(CLI::Validator{
            [](std::string& text) {
                const auto parsed = parse_duration(text);
                return parsed ? std::string{} : parsed.error().message;
            },
            "DURATION"});
}

void add_flags(CLI::App& app, Options& options) {
    WorldOptions& world = options.service.shop.world;
    app.add_option("--state", options.service.state, "folder for certificates and keys")
        ->required();
    app.add_option("--places-file", options.places_file, "gets all addresses, as JSON");
    app.add_option("--token", options.service.shop.token, "the key clients must present");
    app.add_option("--speed", world.speed, "divides durations, multiplies prices")
        ->check(CLI::Range(1, 10'000));
    duration(app, "--placing", world.placing, "accepted create to a host (20s)");
    duration(app, "--boot", world.boot, "accepted create to active (60s)");
    duration(app, "--loading", world.loading, "active to a listening front (300s)");
    duration(app, "--deleting", world.deleting, "accepted delete to the end (2s)");
    app.add_option("--stock", world.stock, "machines of a type in a region at once");
    app.add_option("--machine-limit", world.machine_limit, "machines of an account at once");
    app.add_option("--seed", world.seed, "of flapping");
    app.add_flag_function(
        "--no-rate-limits",
        [&options](std::int64_t) { options.service.shop.rate_limits = false; },
        "admit any number of calls");
    app.add_option("--engine-program", options.service.engine_program, "evenkeel");
    app.add_option("--profile", options.service.profile, "of the machines' engines");
    app.add_option("--model", options.service.model, "served when the start text names none");
    app.add_option("--personality", options.personalities, "JSON as POST /personalities takes it");
    const std::map<std::string, Flaw> flaws{
        {"none", Flaw::none},
        {"expired", Flaw::expired},
        {"wrong_host", Flaw::wrong_host},
        {"self_signed", Flaw::self_signed}};
    app.add_option("--certificate-flaw", options.service.flaw, "of the vendors' hosts")
        ->transform(CLI::CheckedTransformer{flaws});
    app.add_flag("--die-with-parent", options.dies_with_parent, "end when the starter does");
}

int complain(const Error& error) {
    fmt::print(stderr, "fake_cloud: {}\n", error.message);
    return 1;
}

/// Whoever waits for the file finds either nothing or the whole text.
bool publish(const std::string& path, const std::string& text) {
    const std::string fresh = path + ".new";
    std::ofstream file{fresh, std::ios::trunc};
    file << text << '\n';
    file.close();
    std::error_code error;
    std::filesystem::rename(fresh, path, error);
    return file && !error;
}

int run(Options options) {
    // Two fakes on one host must not want the same address for a machine.
    constexpr int groups = 200;
    options.service.shop.world.address_group = static_cast<std::uint8_t>(16 + ::getpid() % groups);
    if (options.dies_with_parent) {
        ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    }
    asio::io_context context{1};
    asio::signal_set signals{context, SIGTERM, SIGINT};
    Service service{context, options.service};
    if (const auto begun = service.begin(); !begun) {
        return complain(begun.error());
    }
    for (const std::string& text : options.personalities) {
        if (const auto changed = service.change(text); !changed) {
            return complain(changed.error());
        }
    }
    const std::string places = service.places();
    fmt::print("{}\n", places);
    std::fflush(stdout);
    if (!options.places_file.empty() && !publish(options.places_file, places)) {
        return complain({Errc::io_failed, "cannot write " + options.places_file});
    }
    signals.async_wait([&](const boost::system::error_code& error, int) {
        if (!error) {
            service.close([&] { context.stop(); });
        }
    });
    context.run();
    return 0;
}

}  // namespace
}  // namespace evenkeel::fakes::cloud

int main(int argc, char** argv) {
    CLI::App app{"DigitalOcean, RunPod and Lambda Cloud on loopback, for tests"};
    evenkeel::fakes::cloud::Options options;
    evenkeel::fakes::cloud::add_flags(app, options);
    CLI11_PARSE(app, argc, argv);
    spdlog::set_level(spdlog::level::warn);
    return evenkeel::fakes::cloud::run(std::move(options));
}
