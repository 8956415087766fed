#include "lab/cloud/cloud.hpp"

#include "lab/cloud/service.hpp"
#include "policies/domain/duration.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>

namespace evenkeel::lab::cloud {

namespace asio = boost::asio;
namespace http = inference::http;

namespace {

constexpr std::int64_t speed_max = 1'000;
constexpr int stock_max = 1'000;
constexpr Milliseconds duration_max = std::chrono::hours{24};
constexpr std::size_t body_bytes_max = 64 * 1024;
constexpr int connections_max = 256;
constexpr Milliseconds drain_limit{1'000};

int complain(const Error& error) {
    fmt::print(stderr, "evenkeel cloud: {}\n", error.message);
    return error.code == Errc::invalid_argument ? 2 : 1;
}

bool is_loopback(std::string_view address) {
    return address.starts_with("127.") || address.starts_with("[::1]:") ||
           address.starts_with("localhost:");
}

/// What the options come to in the cloud's own time and money.
Result<Shelf> make_shelf(const CloudOptions& options) {
    if (options.speed < 1 || options.speed > speed_max) {
        return fail(Errc::invalid_argument, fmt::format("--speed must be 1 to {}", speed_max));
    }
    if (options.state.empty() || options.token_file.empty()) {
        return fail(Errc::invalid_argument, "--state and --token-file are required");
    }
    if (!is_loopback(options.listen)) {
        return fail(
            Errc::invalid_argument,
            fmt::format("--listen {} is not an address of this host alone", options.listen));
    }
    if (options.stock < 1 || options.stock > stock_max) {
        return fail(Errc::invalid_argument, fmt::format("--stock must be 1 to {}", stock_max));
    }
    for (const Milliseconds duration : {options.boot, options.loading, options.min_bill}) {
        if (duration < Milliseconds{0} || duration > duration_max) {
            return fail(
                Errc::invalid_argument, "--boot, --loading and --min-bill must be at most 24h");
        }
    }
    if (options.price.unit() != Unit::nanosecond) {
        return fail(Errc::invalid_argument, "--price must be by the hour, such as '4.41 USD/h'");
    }
    const Money hourly = options.price.per_display_unit();
    const auto faster = mul_div(hourly.nanos(), options.speed, 1, Rounding::half_even);
    if (!faster) {
        return fail(Errc::invalid_argument, "--price times --speed is too large");
    }
    return Shelf{
        .sku = options.sku,
        .region = options.region,
        .gpu = options.gpu,
        .hourly = Money{*faster, hourly.currency()},
        .boot = Micros{options.boot} / options.speed,
        .min_bill = Micros{options.min_bill} / options.speed,
        .stock = options.stock,
        .speed = options.speed};
}

/// Whoever waits for the file finds either nothing or the whole number.
Result<void> write_port(const std::string& path, std::uint16_t port) {
    if (path.empty()) {
        return {};
    }
    const std::string fresh = path + ".new";
    {
        std::ofstream file{fresh, std::ios::trunc};
        file << port << '\n';
        file.flush();
        if (!file) {
            return fail(Errc::io_failed, fmt::format("cannot write {}", fresh));
        }
    }
    std::error_code error;
    std::filesystem::rename(fresh, path, error);
    if (error) {
        return fail(Errc::io_failed, fmt::format("cannot write {}: {}", path, error.message()));
    }
    return {};
}

/// Six hexadecimal digits that tell this journal's machines from another's.
std::string new_mark() {
    std::random_device random;
    return fmt::format("{:06x}", std::uniform_int_distribution<unsigned>{0, 0xff'ffff}(random));
}

Result<std::unique_ptr<Journal>> open_books(const CloudOptions& options, World& world) {
    std::error_code error;
    std::filesystem::create_directories(options.state, error);
    if (error) {
        return fail(
            Errc::io_failed,
            fmt::format("cannot make the folder {}: {}", options.state, error.message()));
    }
    auto journal = open_journal(options.state);
    if (!journal) {
        return journal;
    }
    std::size_t number = 0;
    for (const Record& record : (*journal)->take_records()) {
        ++number;
        if (const auto replayed = world.replay(record); !replayed) {
            return fail(
                Errc::corrupt,
                fmt::format(
                    "{}/journal.jsonl:{}: {}", options.state, number, replayed.error().message));
        }
    }
    return journal;
}

/// Serves until a signal comes or the books fail.
int serve(const CloudOptions& options, World& world, Journal& journal, providers::Secret token) {
    asio::io_context context{1};
    Service service{context, world, journal, options, std::move(token)};
    asio::signal_set signals{context, SIGTERM, SIGINT};
    if (const auto begun = service.begin(new_mark()); !begun) {
        return complain(begun.error());
    }
    http::ServerOptions server_options{
        .limits =
            {.body_bytes = body_bytes_max,
             .connections = connections_max,
             .connections_per_address = connections_max},
        .error_body = [](int, std::string_view sentence) {
            return error_body("invalid", sentence);
        }};
    auto server = http::listen(
        context,
        options.listen,
        [&service](http::Exchange& exchange) { return service.handle(exchange); },
        std::move(server_options));
    if (!server) {
        return complain(server.error());
    }
    if (const auto written = write_port(options.port_file, (*server)->port()); !written) {
        return complain(written.error());
    }
    signals.async_wait([&](const boost::system::error_code& error, int) {
        if (!error) {
            service.close([&] { (*server)->stop(drain_limit, [&] { context.stop(); }); });
        }
    });
    spdlog::info(
        "cloud listening address={} synthetic=true speed={} price=\"{}/h\" stock={} machines={}",
        (*server)->address(),
        options.speed,
        to_text(world.shelf().hourly),
        options.stock,
        world.live());
    context.run();
    return service.failure() ? complain(*service.failure()) : 0;
}

CLI::Option* duration_flag(
    CLI::App& command, const std::string& name, Milliseconds& target, const std::string& help) {
    return command
        .add_option_function<std::string>(
            name,
            [&target](const std::string& text) { target = parse_duration(text).value_or(target); },
            help)
        ->check(CLI::Validator{
            [](std::string& text) {
                const auto parsed = parse_duration(text);
                return parsed ? std::string{} : parsed.error().message;
            },
            "DURATION"});
}

}  // namespace

void add_flags(CLI::App& command, CloudOptions& options) {
    command.description("A seller of machines on this host, without GPUs: everything is synthetic");
    command.add_option("--listen", options.listen, "loopback address; port 0 picks one")
        ->capture_default_str();
    command.add_option("--state", options.state, "folder of its journal")->required();
    command.add_option("--token-file", options.token_file, "the key clients must present")
        ->required();
    command.add_option("--port-file", options.port_file, "gets the port once it listens");
    command.add_option("--speed", options.speed, "divides durations, multiplies the price")
        ->capture_default_str();
    duration_flag(command, "--boot", options.boot, "from the create to a started machine (420s)");
    duration_flag(command, "--loading", options.loading, "of the engine in a machine (60s)");
    duration_flag(command, "--min-bill", options.min_bill, "billed at least (60s)");
    command
        .add_option_function<std::string>(
            "--price",
            [&options](const std::string& text) {
                options.price = parse_price(text).value_or(options.price);
            },
            "of a machine, \"4.41 USD/h\" if not given")
        ->check(CLI::Validator{
            [](std::string& text) {
                const auto parsed = parse_price(text);
                return parsed ? std::string{} : parsed.error().message;
            },
            "PRICE"});
    command.add_option("--stock", options.stock, "machines at once")->capture_default_str();
    command.add_option("--profile", options.profile, "what its machines can do")
        ->capture_default_str();
    command.add_option("--sku", options.sku, "name of the machine type")->capture_default_str();
    command.add_option("--gpu", options.gpu, "name of its GPU")->capture_default_str();
    command.add_option("--region", options.region, "where it is")->capture_default_str();
    command
        .add_option_function<std::string>(
            "--switch",
            [&options](const std::string& text) {
                options.switches = parse_switches(text).value_or(options.switches);
            },
            "what goes wrong on purpose, as JSON")
        ->check(CLI::Validator{
            [](std::string& text) {
                const auto parsed = parse_switches(text);
                return parsed ? std::string{} : parsed.error().message;
            },
            "JSON"});
    // For tests: something else than this program behind the machines.
    command.add_option("--engine-program", options.engine_program)->group("");
    duration_flag(command, "--kill-grace", options.kill_grace, "")->group("");
}

int run(const CloudOptions& options) {
    auto shelf = make_shelf(options);
    if (!shelf) {
        return complain(shelf.error());
    }
    auto token = providers::read_secret_file(options.token_file);
    if (!token) {
        return complain(token.error());
    }
    if (token->warning) {
        spdlog::warn("cloud {}", *token->warning);
    }
    World world{*std::move(shelf), options.switches};
    const auto journal = open_books(options, world);
    if (!journal) {
        return complain(journal.error());
    }
    return serve(options, world, **journal, std::move(token->secret));
}

}  // namespace evenkeel::lab::cloud
