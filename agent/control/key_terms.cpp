#include "agent/control/key_terms.hpp"

#include "policies/config/quantities.hpp"
#include "policies/domain/duration.hpp"
#include "policies/routing/catalogue.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <charconv>

namespace evenkeel::agent {

namespace {

constexpr std::int64_t rate_max = 1'000'000'000;
constexpr std::int64_t in_flight_max = 1'000'000;
constexpr std::size_t name_max = 64;
constexpr std::size_t routes_max = 64;

std::unexpected<Error> wrong(std::string_view option, std::string_view why) {
    return fail(Errc::invalid_argument, fmt::format("--{}: {}", option, why));
}

bool is_none(std::string_view text) {
    return text == "none";
}

Result<std::int64_t> count_of(
    std::string_view option, config::Type type, const std::string& text, std::int64_t most) {
    if (is_none(text)) {
        return 0;
    }
    const auto value = config::read_quantity(type, text, /*is_quoted=*/false, "USD");
    if (!value) {
        return wrong(
            option,
            value.error().hint.empty()
                ? value.error().message
                : fmt::format("{}; {}", value.error().message, value.error().hint));
    }
    if (value->number < 1 || value->number > most) {
        return wrong(option, fmt::format("'{}' is out of range: 1 to {}, or none", text, most));
    }
    return value->number;
}

Result<std::optional<ledger::KeyMoney>> money_of(
    const std::string& text, const config::Config* config) {
    if (is_none(text)) {
        return std::nullopt;
    }
    const auto refuse = [&] {
        return wrong(
            "limit",
            fmt::format(
                "'{}' is not an amount in a window; write '20 AUD/mo', '5 AUD/day', '1 AUD/h' or "
                "none",
                text));
    };
    const std::size_t slash = text.rfind('/');
    if (slash == std::string::npos) {
        return refuse();
    }
    const auto amount = parse_money(text.substr(0, slash));
    const std::string window = text.substr(slash + 1);
    ledger::KeyMoney money;
    if (window == "mo" || window == "month") {
        money.per = config::BudgetPer::month;
    } else if (window == "d" || window == "day") {
        money.per = config::BudgetPer::day;
    } else if (window == "h" || window == "hour") {
        money.per = config::BudgetPer::hour;
    } else {
        return refuse();
    }
    if (!amount || amount->nanos() < 0) {
        return refuse();
    }
    if (config != nullptr) {
        if (const auto known = routing::to_report(config->currency, *amount, Rounding::down);
            !known) {
            return wrong("limit", known.error().message);
        }
    }
    money.amount = *amount;
    return money;
}

bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= name_max && std::ranges::all_of(text, [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
    });
}

Result<std::vector<std::string>> routes_of(const std::string& text, const config::Config* config) {
    std::vector<std::string> routes;
    if (text == "all" || is_none(text)) {
        return routes;
    }
    for (std::size_t at = 0; at != std::string::npos;) {
        const std::size_t comma = text.find(',', at);
        const std::string name = text.substr(at, comma - at);
        at = comma == std::string::npos ? comma : comma + 1;
        if (!is_name(name)) {
            return wrong("routes", fmt::format("'{}' is not a list of names: 'a,b', or all", text));
        }
        const bool is_known =
            config == nullptr ||
            std::ranges::find(config->routes, name, &config::Route::name) != config->routes.end();
        if (!is_known) {
            std::vector<std::string_view> known;
            for (const config::Route& route : config->routes) {
                known.push_back(route.name);
            }
            return wrong(
                "routes",
                fmt::format("there is no route '{}'; known: {}", name, fmt::join(known, ", ")));
        }
        if (std::ranges::find(routes, name) == routes.end()) {
            routes.push_back(name);
        }
    }
    if (routes.size() > routes_max) {
        return wrong("routes", fmt::format("more than {} routes", routes_max));
    }
    return routes;
}

/// The start of a day written as 2026-12-31.
std::optional<UtcTime> day_of(std::string_view text) {
    const auto number = [&](std::size_t at, std::size_t size) {
        int value = -1;
        const char* end = text.data() + at + size;
        const auto read = std::from_chars(text.data() + at, end, value);
        return read.ec == std::errc{} && read.ptr == end ? value : -1;
    };
    if (text.size() != 10 || text[4] != '-' || text[7] != '-') {
        return std::nullopt;
    }
    const std::chrono::year_month_day date{
        std::chrono::year{number(0, 4)},
        std::chrono::month{static_cast<unsigned>(number(5, 2))},
        std::chrono::day{static_cast<unsigned>(number(8, 2))}};
    return date.ok() ? std::optional{UtcTime{std::chrono::sys_days{date}}} : std::nullopt;
}

Result<std::optional<UtcTime>> expiry_of(const std::string& text, UtcTime now) {
    if (is_none(text)) {
        return std::nullopt;
    }
    if (const auto day = day_of(text)) {
        return *day;
    }
    const auto time = parse_duration(text);
    if (!time) {
        return wrong(
            "expires",
            fmt::format(
                "'{}' is neither a duration such as 90d nor a day such as 2026-12-31; or "
                "none",
                text));
    }
    return now + *time;
}

}  // namespace

Result<ledger::KeyTerms> change_terms(
    ledger::KeyTerms terms, const KeyChange& change, const config::Config* config, UtcTime now) {
    if (change.limit) {
        const auto money = money_of(*change.limit, config);
        if (!money) {
            return std::unexpected{money.error()};
        }
        terms.money = *money;
    }
    const auto count = [&](const std::optional<std::string>& text,
                           std::string_view option,
                           config::Type type,
                           std::int64_t most,
                           std::int64_t& out) -> Result<void> {
        if (text) {
            const auto read = count_of(option, type, *text, most);
            if (!read) {
                return std::unexpected{read.error()};
            }
            out = *read;
        }
        return {};
    };
    using config::Type;
    config::RequestLimit& rate = terms.rate;
    for (const auto& done :
         {count(change.requests, "requests", Type::per_minute, rate_max, rate.requests_min),
          count(change.tokens, "tokens", Type::per_minute, rate_max, rate.tokens_min),
          count(change.in_flight, "in-flight", Type::integer, in_flight_max, rate.in_flight)}) {
        if (!done) {
            return std::unexpected{done.error()};
        }
    }
    if (change.routes) {
        auto routes = routes_of(*change.routes, config);
        if (!routes) {
            return std::unexpected{routes.error()};
        }
        terms.routes = std::move(*routes);
    }
    if (change.team) {
        if (!is_none(*change.team) && !is_name(*change.team)) {
            return wrong("team", fmt::format("'{}' is not a name", *change.team));
        }
        terms.team = is_none(*change.team) ? std::string{} : *change.team;
    }
    if (change.expires) {
        const auto expires = expiry_of(*change.expires, now);
        if (!expires) {
            return std::unexpected{expires.error()};
        }
        terms.expires = *expires;
    }
    return terms;
}

std::string limit_text(const ledger::KeyTerms& terms) {
    if (!terms.money) {
        return "none";
    }
    const config::BudgetPer per = terms.money->per;
    return fmt::format(
        "{}/{}",
        to_text(terms.money->amount),
        per == config::BudgetPer::hour  ? "h"
        : per == config::BudgetPer::day ? "day"
                                        : "mo");
}

std::string per_minute_text(std::int64_t count) {
    return count == 0               ? "none"
           : count % 1'000'000 == 0 ? fmt::format("{}M/min", count / 1'000'000)
           : count % 1'000 == 0     ? fmt::format("{}k/min", count / 1'000)
                                    : fmt::format("{}/min", count);
}

}  // namespace evenkeel::agent
