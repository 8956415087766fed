#include "lab/demo/setup.hpp"

#include "policies/domain/duration.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <random>
#include <unistd.h>

namespace evenkeel::lab::demo {
namespace {

namespace fs = std::filesystem;

std::string evenkeel_yaml(const World& world, const Ports& ports) {
    return fmt::format(
        R"(# Made by `evenkeel demo`. Everything behind this daemon is synthetic.
#
# speed: every duration in these files was divided by {speed}, every hourly price and the price of
# power multiplied by {speed}, so that a played hour costs what a real one would. The daemon's clock
# is untouched.
version: 1
speed: {speed}
listen: {{api: "127.0.0.1:{api}", admin: "127.0.0.1:{admin}"}}
currency: {{report: {currency}}}
report_zone: UTC
energy:
  tariff:
    - {{price: {tariff}}}
hardware:
  - {{name: desk, gpus: [0], power: {{busy: {busy} W, idle: {idle} W}}}}
)",
        fmt::arg("speed", world.speed),
        fmt::arg("api", ports.api),
        fmt::arg("admin", ports.admin),
        fmt::arg("currency", world.machine_price.currency().text()),
        fmt::arg("tariff", scaled_text(world.tariff, world.speed)),
        fmt::arg("busy", format_decimal(world.busy_milliwatts, 3)),
        fmt::arg("idle", format_decimal(world.idle_milliwatts, 3)));
}

std::string providers_yaml(const World& world, const Ports& ports) {
    return fmt::format(
        R"(version: 1
providers:
  desk:
    kind: local
    hardware: desk
    engine: synthetic
    url: "http://127.0.0.1:{own}"
    synthetic: true
  sandbox:
    kind: sandbox
    credential: sandbox.token
    base_url: "http://127.0.0.1:{cloud}"
    max_machines: {machines}
    synthetic: true
  api-standin:
    kind: openai-compatible
    credential: api-standin.key
    url: "http://127.0.0.1:{paid}/v1"
    max_in_flight: {in_flight}
    synthetic: true
)",
        fmt::arg("own", ports.own),
        fmt::arg("cloud", ports.cloud),
        fmt::arg("paid", ports.paid),
        fmt::arg("machines", world.machines_max),
        fmt::arg("in_flight", world.api_in_flight));
}

std::string models_yaml(const World& world, const std::string& today) {
    return fmt::format(
        R"(version: 1
models:
  {model}:
    context: 32k
    offers:
      - {{on: desk, slots: {own_slots}}}
      - {{on: sandbox, gpu: sandbox-h100, slots: {rented_slots}, price: {hour}, seen: {today}}}
      - on: api-standin
        model: {model}
        price: {{in: {price_in}, out: {price_out}}}
        seen: {today}
)",
        fmt::arg("model", world.model),
        fmt::arg("own_slots", world.own_slots),
        fmt::arg("rented_slots", world.rented_slots),
        fmt::arg("hour", scaled_text(world.machine_price, world.speed)),
        fmt::arg("price_in", to_text(world.api_price.in)),
        fmt::arg("price_out", to_text(world.api_price.out)),
        fmt::arg("today", today));
}

std::string policy_yaml(const World& world) {
    const std::int64_t speed = world.speed;
    const std::chrono::hours max_life{6};
    const std::chrono::minutes warm_up{15};
    return fmt::format(
        R"(version: 1
routes:
  - {{name: default, match: {{}}, use: [{model}], prefer: cheapest, max_wait: {max_wait}}}
slo:
  first_token: {first}
  first_token_per_1k: {per_1k}
  per_output_token: {per_token}
budgets:
  - {{name: all, limit: 400 {currency}, per: month, at: {{"60%": warn, "100%": refuse}}}}
  - name: rentals-per-day
    scope: {{kind: rental}}
    limit: 60 {currency}
    per: day
    at: {{"100%": no-new-machines}}
scaling:
  - name: h100-burst
    model: {model}
    offers: [sandbox]
    rule: break-even
    boot: {boot}
    min_bill: auto
    keep_warm: 1.0
    max_order: 1
    min: 0
    max: {machines}
    max_price: {max_price}
    max_life: {max_life}
    drain: {drain}
    warm_up: {warm_up}
safety:
  max_machines: {machines}
  leak_scan: {gap}
  proof_gap: {gap}
  orphan_grace: {gap}
  unknown_machine: destroy
  on_stop: destroy
)",
        fmt::arg("model", world.model),
        fmt::arg("max_wait", scaled_text(world.max_wait, speed)),
        fmt::arg("first", scaled_text(world.slo.first_token, speed)),
        fmt::arg("per_1k", scaled_text(world.slo.first_token_per_1k, speed)),
        fmt::arg("per_token", scaled_text(world.slo.per_output_token, speed)),
        fmt::arg("currency", world.machine_price.currency().text()),
        fmt::arg("boot", scaled_text(world.boot + world.loading, speed)),
        fmt::arg("machines", world.machines_max),
        fmt::arg("max_price", scaled_text(world.machine_price_max, speed)),
        fmt::arg("max_life", scaled_text(max_life, speed)),
        fmt::arg("drain", scaled_text(world.drain, speed)),
        fmt::arg("warm_up", scaled_text(warm_up, speed)),
        fmt::arg("gap", scaled_text(world.proof_gap, speed)));
}

Result<void> write_file(const fs::path& path, const TextFile& file) {
    const int fd =
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, file.secret ? 0600 : 0644);
    bool good = fd >= 0;
    for (std::string_view left = file.text; good && !left.empty();) {
        const ssize_t put = ::write(fd, left.data(), left.size());
        good = put > 0;
        left.remove_prefix(good ? static_cast<std::size_t>(put) : 0);
    }
    const int error = errno;
    if (fd >= 0) {
        ::close(fd);
    }
    if (!good) {
        return fail(
            Errc::io_failed,
            fmt::format("cannot write {}: {}", path.string(), std::strerror(error)));
    }
    return {};
}

}  // namespace

std::string scaled_text(milliseconds real, std::int64_t speed) {
    const std::int64_t scaled = std::max<std::int64_t>(1, (real.count() + speed / 2) / speed);
    return scaled % 1'000 == 0 ? fmt::format("{}s", scaled / 1'000) : fmt::format("{}ms", scaled);
}

std::string scaled_text(const Price& price, std::int64_t speed) {
    const Money hour = price.per_display_unit();
    const Money scaled{hour.nanos() * speed, hour.currency()};
    switch (price.unit()) {
        case Unit::nanosecond:
            return to_text(Price::per_hour(scaled));
        case Unit::microjoule:
            return to_text(Price::per_kwh(scaled));
        case Unit::token:
            return to_text(price);  // tokens do not get dearer with time
    }
    return {};
}

std::vector<TextFile> make_config(const World& world, const Ports& ports, config::Date today) {
    return {
        {.name = "evenkeel.yaml", .text = evenkeel_yaml(world, ports)},
        {.name = "providers.yaml", .text = providers_yaml(world, ports)},
        {.name = "models.yaml", .text = models_yaml(world, config::to_text(today))},
        {.name = "policy.yaml", .text = policy_yaml(world)}};
}

Result<void> write_files(const std::string& folder, const std::vector<TextFile>& files) {
    for (const TextFile& file : files) {
        const fs::path path = fs::path{folder} / file.name;
        std::error_code code;
        fs::create_directories(path.parent_path(), code);
        if (!code && file.secret) {
            fs::permissions(path.parent_path(), fs::perms::owner_all, code);
        }
        if (code) {
            return fail(
                Errc::io_failed,
                fmt::format("cannot make {}: {}", path.parent_path().string(), code.message()));
        }
        if (const Result<void> written = write_file(path, file); !written) {
            return written;
        }
    }
    return {};
}

Result<std::uint16_t> free_port(std::uint16_t wanted) {
    namespace asio = boost::asio;
    // Below those that the kernel gives to outgoing connections: one of them could take it before
    // who asked listens there.
    constexpr std::uint32_t first = 12'000;
    constexpr std::uint32_t count = 20'000;
    static std::atomic<std::uint32_t> next{std::random_device{}()};
    asio::io_context context;
    for (std::uint32_t tried = 0; tried < count; ++tried) {
        const bool is_wanted = tried == 0 && wanted != 0;
        const auto port =
            is_wanted ? wanted : static_cast<std::uint16_t>(first + next.fetch_add(1) % count);
        asio::ip::tcp::acceptor acceptor{context};
        boost::system::error_code code;
        acceptor.open(asio::ip::tcp::v4(), code);
        if (!code) {
            acceptor.bind({asio::ip::address_v4::loopback(), port}, code);
        }
        if (!code) {
            acceptor.listen(1, code);
        }
        if (!code) {
            return port;
        }
    }
    return fail(Errc::io_failed, "no free port on 127.0.0.1");
}

Result<std::string> random_secret() {
    std::array<unsigned char, 24> bytes{};
    if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
        return fail(Errc::io_failed, "the system gives no random numbers");
    }
    std::string text;
    for (const unsigned char byte : bytes) {
        text += fmt::format("{:02x}", byte);
    }
    return text;
}

Result<Window> parse_window(const std::string& text) {
    const std::size_t dash = text.find('-');
    const Result<milliseconds> from = parse_duration(text.substr(0, dash));
    const Result<milliseconds> to =
        parse_duration(dash == std::string::npos ? std::string{} : text.substr(dash + 1));
    if (!from || !to || *from >= *to) {
        return fail(
            Errc::invalid_argument,
            fmt::format("'{}' is no window; write for example 38m-58m20s", text));
    }
    return Window{.from = *from, .to = *to};
}

}  // namespace evenkeel::lab::demo
