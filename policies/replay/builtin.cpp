#include "policies/replay/builtin.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <charconv>
#include <optional>

namespace evenkeel::replay {

namespace {

constexpr std::array<std::string_view, 10> names{
    "api-only",
    "own+api",
    "always-1",
    "break-even",
    "break-even+k",
    "level-memory",
    "skyserve-like",
    "dstack-like",
    "kpa-like",
    "oracle"};

constexpr int machines_max = 8;
constexpr int always_max = 1'000;
constexpr int order_max = 8;  ///< machines at once

std::optional<int> always_count(std::string_view name) {
    constexpr std::string_view prefix = "always-";
    if (!name.starts_with(prefix)) {
        return std::nullopt;
    }
    name.remove_prefix(prefix.size());
    int count = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), count);
    const bool good = error == std::errc{} && end == name.data() + name.size();
    return good && count >= 1 && count <= always_max ? std::optional{count} : std::nullopt;
}

}  // namespace

std::span<const std::string_view> builtin_policies() noexcept {
    return names;
}

Result<void> apply_builtin(std::string_view name, Options& options) {
    if (const auto count = always_count(name)) {
        options.policy = ReplayPolicy::always_n;
        options.always = *count;
        return {};
    }
    if (name == "api-only") {
        options.policy = ReplayPolicy::api_only;
    } else if (name == "own+api") {
        options.policy = ReplayPolicy::own_api;
    } else if (const auto rule = config::rent_rule_from(name);
               rule && *rule != config::RentRule::never) {
        options.policy = ReplayPolicy::break_even;
        options.scaling.rule = *rule;
        options.scaling.max_order = order_max;
    } else if (name == "skyserve-like") {
        options.policy = ReplayPolicy::skyserve_like;
    } else if (name == "dstack-like") {
        options.policy = ReplayPolicy::dstack_like;
    } else if (name == "kpa-like") {
        options.policy = ReplayPolicy::kpa_like;
    } else if (name == "oracle") {
        options.policy = ReplayPolicy::oracle;
    } else {
        return fail(
            Errc::not_found,
            fmt::format(
                "no built-in policy '{}'; there are {} (always-N for any N); a folder with a "
                "draft is written with a slash, as in ./draft/",
                name,
                fmt::join(names, ", ")));
    }
    return {};
}

Options reference_world() {
    Options options;
    options.own = {capacity::find_profile("5090-32b-awq").value_or(capacity::Profile{})};
    options.rented = capacity::find_profile("h100-32b-fp8").value_or(capacity::Profile{});
    options.min_bill = std::chrono::minutes{5};
    options.machine_price = Price::per_hour(Money{3'390'000'000, usd});
    set_api_price(options, Money{5'000'000'000, usd}, Money{25'000'000'000, usd});
    options.own_busy_milliwatts = 575'000;
    options.power_price = Price::per_kwh(Money{200'000'000, usd});
    options.scaling.max = machines_max;
    options.scaling.max_order = order_max;
    options.scaling.max_life = std::chrono::days{30};
    options.safety.max_machines = machines_max;
    options.safety.max_creates_per_hour = always_max;
    return options;
}

void set_api_price(Options& options, Money in, Money out) {
    options.api_price.in = Price::per_mtok(in);
    options.api_price.out = Price::per_mtok(out);
}

}  // namespace evenkeel::replay
