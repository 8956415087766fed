#include "lab/engine/engine.hpp"

#include "lab/engine/service.hpp"
#include "policies/domain/duration.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

namespace evenkeel::lab::engine {
namespace {

namespace asio = boost::asio;

constexpr std::size_t key_bytes_max = 4 * 1024;

Result<std::string> read_key(const std::string& path) {
    if (path.empty()) {
        return std::string{};
    }
    std::ifstream file{path, std::ios::binary};
    std::string key(key_bytes_max + 1, '\0');
    file.read(key.data(), static_cast<std::streamsize>(key.size()));
    key.resize(static_cast<std::size_t>(file.gcount()));
    while (key.ends_with('\n') || key.ends_with('\r')) {
        key.pop_back();
    }
    if (key.empty() || key.size() > key_bytes_max) {
        return fail(
            Errc::io_failed,
            fmt::format("the key file {} cannot be read, is empty or too long", path));
    }
    return key;
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
    std::error_code code;
    std::filesystem::rename(fresh, path, code);
    if (code) {
        return fail(Errc::io_failed, fmt::format("cannot write {}: {}", path, code.message()));
    }
    return {};
}

int complain(const Error& error) {
    fmt::print(stderr, "evenkeel engine: {}\n", error.message);
    return error.code == Errc::invalid_argument ? 2 : 1;
}

CLI::Validator duration_text() {
    return CLI::Validator{
        [](std::string& text) {
            const auto parsed = parse_duration(text);
            return parsed ? std::string{} : parsed.error().message;
        },
        "DURATION"};
}

void duration_flag(
    CLI::App& command, const std::string& name, Milliseconds& target, const std::string& help) {
    command
        .add_option_function<std::string>(
            name,
            [&target](const std::string& text) { target = parse_duration(text).value_or(target); },
            help)
        ->check(duration_text());
}

}  // namespace

void add_flags(CLI::App& command, EngineOptions& options) {
    command.add_flag(
        "--synthetic", options.synthetic, "required: text without a model, time without a GPU");
    command.add_option("--listen", options.listen, "address; port 0 picks one")
        ->capture_default_str();
    command.add_option("--profile", options.profile, "service-time profile, or api-standin")
        ->capture_default_str();
    command.add_option("--model", options.model, "the model it serves")->capture_default_str();
    command.add_option("--key-file", options.key_file, "file with the key clients must present");
    command.add_option("--port-file", options.port_file, "gets the port once it listens");
    command.add_option("--speed", options.speed, "divides every duration")->capture_default_str();
    duration_flag(command, "--loading", options.loading, "before it listens (divided by --speed)");
    duration_flag(command, "--tick", options.tick, "real time between pieces of a stream");
    command.add_option("--context", options.context, "tokens of prompt and answer together")
        ->capture_default_str();
    command
        .add_option(
            "--default-tokens", options.default_tokens, "answer length when none is asked for")
        ->capture_default_str();
    command.add_option("--seed", options.seed, "picks which requests fail")->capture_default_str();
    Failures& failures = options.failures;
    command.add_option(
        "--die-after-tokens", failures.die_after_tokens, "test: kill the process then");
    command.add_option(
        "--stall-after-tokens", failures.stall_after_tokens, "test: each stream goes silent then");
    command.add_option("--error-permille", failures.error_permille, "test: answered 500, of 1000")
        ->check(CLI::Range(0, 1'000));
    command.add_option("--garbage-permille", failures.garbage_permille, "test: garbled, of 1000")
        ->check(CLI::Range(0, 1'000));
}

int run(const EngineOptions& options) {
    if (const Result<void> fit = check(options); !fit) {
        return complain(fit.error());
    }
    Result<std::string> key = read_key(options.key_file);
    if (!key) {
        return complain(key.error());
    }
    asio::io_context context{1};
    std::unique_ptr<Service> service;
    std::optional<Error> failed;
    asio::steady_timer loading{context, options.loading / options.speed};
    asio::signal_set signals{context, SIGTERM, SIGINT};
    loading.async_wait([&](const boost::system::error_code& code) {
        if (code) {
            return;
        }
        Result<std::unique_ptr<Service>> started = Service::start(context, options, *key);
        const Result<void> told = started ? write_port(options.port_file, (*started)->port())
                                          : Result<void>{std::unexpected{started.error()}};
        if (!told) {
            failed = told.error();
            context.stop();
            return;
        }
        service = std::move(*started);
        fmt::print(
            stderr,
            "synthetic engine: model={} profile={} speed={} port={}\n",
            options.model,
            options.profile,
            options.speed,
            service->port());
    });
    signals.async_wait([&](const boost::system::error_code& code, int) {
        if (code) {
            return;
        }
        loading.cancel();
        if (service) {
            service->stop([&context] { context.stop(); });
        } else {
            context.stop();
        }
    });
    context.run();
    return failed ? complain(*failed) : 0;
}

}  // namespace evenkeel::lab::engine
