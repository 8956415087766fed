#include "lab/cloud/switches.hpp"

#include "policies/domain/money.hpp"
#include "providers/http/exact_json.hpp"

#include <fmt/format.h>

#include <numeric>

namespace evenkeel::lab::cloud {

namespace {

using providers::exact_json::Value;
using std::chrono::milliseconds;

constexpr std::int64_t count_max = 1'000'000;
constexpr std::int64_t factor_thousandths_max = 1'000'000;  // 1000 times
constexpr std::int64_t seconds_thousandths_max = 7LL * 86'400 * 1'000;

/// A decimal number between 0 and `largest` / 1000, in thousandths.
std::optional<std::int64_t> thousandths(const Value& value, std::int64_t largest) {
    const auto text = value.decimal_text();
    const auto parsed = text ? parse_decimal(*text, 3) : fail(Errc::invalid_argument, "");
    return parsed && *parsed >= 0 && *parsed <= largest ? std::optional{*parsed} : std::nullopt;
}

bool set(Factor& factor, const Value& value) {
    const auto parsed = thousandths(value, factor_thousandths_max);
    if (!parsed || *parsed == 0) {
        return false;
    }
    const std::int64_t divisor = std::gcd(*parsed, std::int64_t{1'000});
    factor = {*parsed / divisor, 1'000 / divisor};
    return true;
}

bool set(milliseconds& duration, const Value& value) {
    const auto parsed = thousandths(value, seconds_thousandths_max);
    duration = milliseconds{parsed.value_or(0)};
    return parsed.has_value();
}

bool set(int& count, const Value& value) {
    const auto parsed = value.integer();
    if (!parsed || *parsed < 0 || *parsed > count_max) {
        return false;
    }
    count = static_cast<int>(*parsed);
    return true;
}

bool set(bool& flag, const Value& value) {
    flag = value.boolean().value_or(false);
    return value.boolean().has_value();
}

std::string text(Factor factor) {
    return format_decimal(factor.num * (1'000 / factor.den), 3);
}
std::string text(milliseconds duration) {
    return format_decimal(duration.count(), 3);
}
std::string text(int count) {
    return fmt::format("{}", count);
}
std::string text(bool flag) {
    return flag ? "true" : "false";
}

/// Calls `visit(name, member)` for every switch: the one list of their names.
template <class S, class Visit>
void for_each(S& switches, Visit visit) {
    visit("slow_boot", switches.slow_boot);
    visit("boot_fails", switches.boot_fails);
    visit("create_lost", switches.create_lost);
    visit("create_5xx_after_effect", switches.create_5xx_after_effect);
    visit("create_twice", switches.create_twice);
    visit("no_stock", switches.no_stock);
    visit("dearer", switches.dearer);
    visit("wrong_gpu", switches.wrong_gpu);
    visit("delete_lost", switches.delete_lost);
    visit("delete_ignored", switches.delete_ignored);
    visit("delete_busy", switches.delete_busy);
    visit("vanish_after_s", switches.vanish_after);
    visit("list_lag_s", switches.list_lag);
    visit("get_lag_s", switches.get_lag);
    visit("list_empty", switches.list_empty);
    visit("api_down", switches.api_down);
}

}  // namespace

Result<Switches> parse_switches(std::string_view json, const Switches& before) {
    const auto object = providers::exact_json::parse(json);
    if (!object || object->kind() != Value::Kind::object) {
        return fail(
            Errc::invalid_argument,
            fmt::format(
                "the switchboard must be a JSON object: {}",
                object ? "it is another kind of value" : object.error().message));
    }
    Switches switches = before;
    std::string wrong;
    std::size_t known = 0;
    for_each(switches, [&](std::string_view name, auto& member) {
        if (const Value* const value = object->find(name)) {
            ++known;
            if (!set(member, *value) && wrong.empty()) {
                wrong = name;
            }
        }
    });
    if (!wrong.empty()) {
        return fail(
            Errc::invalid_argument, fmt::format("the switch '{}' cannot have this value", wrong));
    }
    if (known < object->members().size()) {
        std::string names;
        for_each(switches, [&](std::string_view name, auto&) {
            names += fmt::format("{}{}", names.empty() ? "" : ", ", name);
        });
        return fail(Errc::invalid_argument, fmt::format("unknown switch; there are: {}", names));
    }
    return switches;
}

std::string to_json(const Switches& switches) {
    std::string json;
    for_each(switches, [&](std::string_view name, const auto& member) {
        json += fmt::format(R"({}"{}":{})", json.empty() ? "{" : ",", name, text(member));
    });
    return json + "}";
}

}  // namespace evenkeel::lab::cloud
