#include "tests/fakes/cloud/service.hpp"

#include "inference/http/response.hpp"
#include "tests/fakes/cloud/delivery.hpp"
#include "tests/fakes/cloud/inspect.hpp"
#include "tests/fakes/cloud/json.hpp"

#include <boost/asio/awaitable.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>

namespace evenkeel::fakes::cloud {

namespace asio = boost::asio;
namespace http = inference::http;

namespace {

constexpr std::size_t body_bytes_max = 4 * 1024 * 1024;
/// The books are looked at this often even when nothing is due: credit runs out without an event.
constexpr Milliseconds idle_tick{500};

Result<void> write_private(const std::string& path, std::string_view text) {
    std::error_code error;
    std::filesystem::remove(path, error);
    const auto before = ::umask(077);
    std::ofstream file{path, std::ios::trunc};
    ::umask(before);
    file << text;
    file.flush();
    return file ? Result<void>{} : fail(Errc::io_failed, fmt::format("cannot write {}", path));
}

Call to_call(const http::RequestHead& head, std::string body, bool tls) {
    return {
        .method = std::string{head.method},
        .path = std::string{head.path},
        .query = std::string{head.query},
        .authorization = std::string{head.field("authorization")},
        .user_agent = std::string{head.field("user-agent")},
        .body = std::move(body),
        .tls = tls};
}

std::string url(std::string_view scheme, std::uint16_t port) {
    return fmt::format("{}://127.0.0.1:{}", scheme, port);
}

}  // namespace

Service::Service(asio::io_context& context, ServiceOptions options)
    : context_{context},
      options_{std::move(options)},
      shop_{options_.shop},
      clock_{UtcTime{}},
      due_{context},
      children_{
          lab::cloud::make_children(context, options_.kill_grace, [this](const std::string& id) {
              std::error_code ignored;
              std::filesystem::remove(options_.state + "/key-" + id, ignored);
              if (closed_ && children_->running() == 0) {
                  asio::post(context_, std::exchange(closed_, {}));
              }
          })} {}

Service::~Service() = default;

Result<void> Service::begin() {
    std::error_code error;
    std::filesystem::create_directories(options_.state, error);
    auto authority = make_authority();
    auto host = authority ? make_host(*authority, options_.flaw) : authority;
    if (error || !host) {
        return fail(Errc::io_failed, fmt::format("cannot prepare {}", options_.state));
    }
    if (auto written = write_private(options_.state + "/ca.pem", authority->certificate);
        !written) {
        return written;
    }
    http::ServerOptions server_options{};
    server_options.limits.body_bytes = body_bytes_max;
    for (const Vendor vendor : vendors) {
        Desk& desk = desks_[vendor];
        for (const bool tls : {false, true}) {
            auto server = http::listen(
                context_,
                "127.0.0.1:0",
                [this, vendor, tls](http::Exchange& exchange) {
                    return handle(exchange, vendor, tls);
                },
                server_options);
            if (!server) {
                return std::unexpected{server.error()};
            }
            (tls ? desk.behind_tls : desk.plain) = std::move(*server);
        }
        auto front = make_tls_front(context_, "127.0.0.1", 0, *host, desk.behind_tls->port());
        if (!front) {
            return std::unexpected{front.error()};
        }
        desk.tls = std::move(*front);
    }
    auto inspection = http::listen(
        context_,
        "127.0.0.1:0",
        [this](http::Exchange& exchange) { return inspect_call(exchange); },
        server_options);
    if (!inspection) {
        return std::unexpected{inspection.error()};
    }
    inspection_ = std::move(*inspection);
    shop_.set_trap(url("http", inspection_->port()));
    keep_time();
    return {};
}

std::string Service::places() const {
    json::Members members;
    for (const auto& [vendor, desk] : desks_) {
        members.emplace_back(
            to_text(vendor),
            json::object(
                {{"http", json::quote(url("http", desk.plain->port()))},
                 {"https", json::quote(url("https", desk.tls->port()))}}));
    }
    members.emplace_back("inspect", json::quote(url("http", inspection_->port())));
    members.emplace_back("ca_file", json::quote(options_.state + "/ca.pem"));
    return json::object(members);
}

Result<void> Service::change(std::string_view personality) {
    return change_personality(shop_, personality, clock_.now());
}

asio::awaitable<void> Service::handle(http::Exchange& exchange, Vendor vendor, bool tls) {
    auto body = co_await exchange.read_body();
    if (!body) {
        const std::string text = http::plain_error_body(body.error().message);
        const http::Headers headers{{"content-type", "application/json"}};
        co_await exchange.respond(400, headers, text);
        co_return;
    }
    const Call call = to_call(exchange.head(), *std::move(body), tls);
    const Reply reply = shop_.answer(vendor, call, clock_.now());
    after_call();
    co_await deliver(exchange, reply);
}

asio::awaitable<void> Service::inspect_call(http::Exchange& exchange) {
    auto body = co_await exchange.read_body();
    const Call call = to_call(exchange.head(), body ? *std::move(body) : std::string{}, false);
    const Reply reply = inspect(shop_, call, clock_.now());
    after_call();
    co_await deliver(exchange, reply);
}

void Service::after_call() {
    for (const Effect& effect : shop_.world().take_effects()) {
        perform(effect);
    }
    keep_time();
}

void Service::keep_time() {
    const UtcTime now = clock_.now();
    const auto next = shop_.world().next_due();
    const Micros pause = next ? std::clamp(*next - now, Micros{0}, Micros{idle_tick}) : idle_tick;
    due_.expires_after(pause);
    due_.async_wait([this](const boost::system::error_code& error) {
        if (!error) {
            shop_.world().tick(clock_.now());
            after_call();
        }
    });
}

void Service::perform(const Effect& effect) {
    if (effect.kind == Effect::Kind::end_front) {
        fronts_.erase(effect.id);
        children_->stop(effect.id);
        return;
    }
    if (Machine* const machine = shop_.world().any(effect.id)) {
        start_front(*machine);
    }
}

void Service::start_front(Machine& machine) {
    // Without an engine the front answers 503: port 1 of loopback refuses connections.
    std::uint16_t engine_port = 1;
    const bool starts =
        !machine.has(Trouble::engine_never_healthy) && !options_.engine_program.empty();
    if (starts) {
        const auto port = start_engine(machine);
        if (!port) {
            spdlog::error(
                "fake_cloud engine_failed machine={} error=\"{}\"",
                machine.id,
                port.error().message);
        } else {
            engine_port = static_cast<std::uint16_t>(*port);
        }
    }
    const int wanted = machine.vendor == Vendor::runpod ? 0 : machine.node->port;
    auto front = make_node_front(context_, machine, wanted, engine_port);
    if (!front) {
        spdlog::error(
            "fake_cloud front_failed machine={} error=\"{}\"", machine.id, front.error().message);
        return;
    }
    World::fronted(machine, (*front)->port());
    fronts_[machine.id] = std::move(*front);
}

Result<int> Service::start_engine(const Machine& machine) {
    const std::string key_file = options_.state + "/key-" + machine.id;
    if (auto written = write_private(key_file, machine.node->engine_key); !written) {
        return std::unexpected{written.error()};
    }
    const std::string named = machine.node->model.empty() ? options_.model : machine.node->model;
    std::vector<std::string> arguments{
        "engine",
        "--synthetic",
        "--listen",
        "127.0.0.1:{port}",
        "--profile",
        options_.profile,
        "--model",
        machine.has(Trouble::wrong_model) ? "another-model" : named,
        "--key-file",
        key_file,
        "--speed",
        fmt::format("{}", options_.shop.world.speed)};
    const auto add = [&](std::string flag, std::string value) {
        arguments.push_back(std::move(flag));
        arguments.push_back(std::move(value));
    };
    if (machine.has(Trouble::garbage_completion)) {
        add("--garbage-permille", "1000");
    }
    if (machine.has(Trouble::dies_mid_stream)) {
        add("--die-after-tokens", fmt::format("{}", machine.die_after_tokens));
    }
    if (machine.has(Trouble::no_gpu)) {
        arguments = {"engine"};  // ends at once, as an engine without a device does
    }
    return children_->start(machine.id, options_.engine_program, std::move(arguments));
}

void Service::close(std::function<void()> done) {
    due_.cancel();
    shop_.world().close(clock_.now());
    for (const Effect& effect : shop_.world().take_effects()) {
        perform(effect);
    }
    if (children_->running() == 0) {
        asio::post(context_, std::move(done));
    } else {
        closed_ = std::move(done);
    }
}

}  // namespace evenkeel::fakes::cloud
