#pragma once

#include "policies/config/config.hpp"
#include "policies/domain/error.hpp"
#include "policies/domain/price.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

/// The demo's world: what is played and with which numbers. All durations and prices here are those
/// of the real world; `speed` scales them when the configuration is written.
namespace evenkeel::lab::demo {

using std::chrono::milliseconds;

struct World {
    std::int64_t speed{30};
    std::string model{"qwq-32b"};
    // the owner's GPU
    std::string own_profile{"5090-32b-awq"};
    int own_slots{24};
    std::int64_t busy_milliwatts{725'000};
    std::int64_t idle_milliwatts{90'000};
    Price tariff{Price::per_kwh(Money{250'000'000, usd})};
    // what can be rented
    std::string rented_profile{"h100-32b-fp8"};
    int rented_slots{96};
    Price machine_price{Price::per_hour(Money{4'410'000'000, usd})};
    Price machine_price_max{Price::per_hour(Money{4'500'000'000, usd})};
    milliseconds boot{300'000};     ///< order to started machine
    milliseconds loading{120'000};  ///< started machine to serving engine
    milliseconds min_bill{60'000};
    int machines_max{1};
    // the paid API
    std::string api_profile{"api-standin"};
    config::TokenPrices api_price{
        .in = Price::per_mtok(Money{4'000'000'000, usd}),
        .out = Price::per_mtok(Money{20'000'000'000, usd})};
    int api_in_flight{512};
    // the policy
    milliseconds max_wait{20'000};
    config::Slo slo{};
    milliseconds drain{180'000};
    milliseconds proof_gap{60'000};
    // the daemon's listeners: the usual ones if they are free, or any
    std::uint16_t api_port{8080};
    std::uint16_t admin_port{8081};
};

/// Where the pieces listen on 127.0.0.1.
struct Ports {
    std::uint16_t api{0};
    std::uint16_t admin{0};
    std::uint16_t own{0};
    std::uint16_t paid{0};
    std::uint16_t cloud{0};
};

struct TextFile {
    std::string name{};  ///< relative to the configuration folder
    std::string text{};
    bool secret{false};  ///< written with mode 0600
};

/// The four files. Pure; `today` becomes the date at which the prices were seen.
[[nodiscard]] std::vector<TextFile> make_config(
    const World& world, const Ports& ports, config::Date today);

/// A duration divided by the speed, never below 1 ms, as the configuration writes it: "14s",
/// "167ms".
[[nodiscard]] std::string scaled_text(milliseconds real, std::int64_t speed);
/// An hourly price or a tariff multiplied by the speed, exact: "132.30 USD/h".
[[nodiscard]] std::string scaled_text(const Price& price, std::int64_t speed);

/// Writes `files` below `folder`, making folders as needed. Errors: io_failed.
[[nodiscard]] Result<void> write_files(
    const std::string& folder, const std::vector<TextFile>& files);

/// A port of 127.0.0.1 that was free a moment ago: `wanted` if possible, else one that this process
/// was not given before.
[[nodiscard]] Result<std::uint16_t> free_port(std::uint16_t wanted);

/// 48 hexadecimal digits from the system's random source, for throw-away credentials.
[[nodiscard]] Result<std::string> random_secret();

/// "38m-58m20s" -> 2,280 s and 3,500 s. invalid_argument unless from < to.
struct Window {
    milliseconds from{0};
    milliseconds to{0};
};
[[nodiscard]] Result<Window> parse_window(const std::string& text);

}  // namespace evenkeel::lab::demo
