#include "agent/ledger/zone.hpp"

#include <algorithm>
#include <iterator>

namespace evenkeel::ledger {

namespace {

using namespace std::chrono;

int year_of(std::int64_t local) {
    const auto days = floor<std::chrono::days>(sys_seconds{seconds{local}});
    return static_cast<int>(year_month_day{days}.year());
}

std::int64_t seconds_of(year_month_day day) {
    return duration_cast<seconds>(sys_days{day}.time_since_epoch()).count();
}

}  // namespace

std::int64_t Zone::rule_at(const RuleDate& rule, int year) noexcept {
    const std::chrono::year in{year};
    if (rule.kind == 'M') {
        const auto month = std::chrono::month{static_cast<unsigned>(rule.month)};
        const weekday wanted{static_cast<unsigned>(rule.day)};
        const sys_days date = rule.week == 5
                                  ? sys_days{in / month / wanted[last]}
                                  : sys_days{in / month / wanted[static_cast<unsigned>(rule.week)]};
        return duration_cast<seconds>(date.time_since_epoch()).count() + rule.seconds;
    }
    std::int64_t day = rule.day;
    if (rule.kind == 'J') {  // 1..365, 29 February is never counted
        day = rule.day - 1 + (in.is_leap() && rule.day >= 60 ? 1 : 0);
    }
    return seconds_of(in / January / 1) + day * 86'400 + rule.seconds;
}

std::int64_t Zone::rule_offset(std::int64_t utc) const noexcept {
    if (!has_dst_) {
        return std_offset_;
    }
    const int year = year_of(utc + std_offset_);
    // The footer gives both moments in the local time that is in force just before them.
    const std::int64_t begin = rule_at(dst_begin_, year) - std_offset_;
    const std::int64_t end = rule_at(dst_end_, year) - dst_offset_;
    const bool summer = begin < end ? utc >= begin && utc < end : utc >= begin || utc < end;
    return summer ? dst_offset_ : std_offset_;
}

seconds Zone::offset(sys_seconds utc) const noexcept {
    const std::int64_t at = utc.time_since_epoch().count();
    const auto after = std::upper_bound(
        transitions_.begin(), transitions_.end(), at, [](std::int64_t value, const Transition& t) {
            return value < t.at;
        });
    if (after == transitions_.end() && has_rule_) {
        return seconds{rule_offset(at)};
    }
    return seconds{after == transitions_.begin() ? first_offset_ : std::prev(after)->offset};
}

sys_seconds Zone::to_utc(local_seconds local) const noexcept {
    const sys_seconds as_utc{local.time_since_epoch()};
    // The offsets a day before and after enclose every jump; try the one that gives the earlier
    // instant first.
    const seconds before = offset(as_utc - hours{24});
    const seconds later = offset(as_utc + hours{24});
    for (const seconds candidate : {std::max(before, later), std::min(before, later)}) {
        const sys_seconds utc = as_utc - candidate;
        if (offset(utc) == candidate) {
            return utc;
        }
    }
    // Skipped by a jump forward: the jump lies between the two candidates.
    sys_seconds low = as_utc - std::max(before, later);
    sys_seconds high = as_utc - std::min(before, later);
    while (high - low > seconds{1}) {
        const sys_seconds middle = low + (high - low) / 2;
        (offset(middle) == before ? low : high) = middle;
    }
    return high;
}

year_month_day Zone::day(UtcTime utc) const noexcept {
    const auto whole = floor<seconds>(utc);
    return year_month_day{floor<days>(whole + offset(whole))};
}

namespace {

local_seconds local_start(config::BudgetPer per, const Zone& zone, UtcTime utc, int next) {
    const auto whole = floor<seconds>(utc);
    const local_seconds local{(whole + zone.offset(whole)).time_since_epoch()};
    const year_month_day day{floor<days>(local)};
    switch (per) {
        case config::BudgetPer::hour:
            break;
        case config::BudgetPer::day:
            return local_seconds{local_days{day} + days{next}};
        case config::BudgetPer::month:
            return local_seconds{local_days{(day.year() / day.month() + months{next}) / 1}};
    }
    return local;
}

}  // namespace

UtcTime window_start(config::BudgetPer per, const Zone& zone, UtcTime utc) {
    if (per == config::BudgetPer::hour) {
        // Hours are cut on the local clock (half-hour zones), but an hour that comes twice is two.
        const auto whole = floor<seconds>(utc);
        const seconds offset = zone.offset(whole);
        return floor<hours>(whole + offset) - offset;
    }
    return zone.to_utc(local_start(per, zone, utc, 0));
}

UtcTime window_end(config::BudgetPer per, const Zone& zone, UtcTime utc) {
    if (per == config::BudgetPer::hour) {
        return window_start(per, zone, utc) + hours{1};
    }
    return zone.to_utc(local_start(per, zone, utc, 1));
}

std::int64_t day_number(year_month_day day) noexcept {
    return static_cast<int>(day.year()) * 10'000 +
           static_cast<std::int64_t>(static_cast<unsigned>(day.month())) * 100 +
           static_cast<unsigned>(day.day());
}

std::int64_t day_number(const Zone& zone, UtcTime utc) noexcept {
    return day_number(zone.day(utc));
}

year_month_day day_of(std::int64_t number) noexcept {
    return year{static_cast<int>(number / 10'000)} /
           month{static_cast<unsigned>(number / 100 % 100)} /
           std::chrono::day{static_cast<unsigned>(number % 100)};
}

}  // namespace evenkeel::ledger
