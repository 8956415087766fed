#include "providers/http/rfc3339.hpp"

#include <fmt/format.h>

namespace evenkeel::providers {

namespace {

/// Takes things off the front of a text; once one is missing, everything after fails too.
class Reader {
public:
    explicit Reader(std::string_view text) noexcept : rest_{text} {}

    int digits(std::size_t count) noexcept {
        int value = 0;
        for (std::size_t i = 0; i < count; ++i) {
            value = value * 10 + digit();
        }
        return value;
    }
    void expect(std::string_view any_of) noexcept {
        ok_ = ok_ && !rest_.empty() && any_of.contains(rest_.front());
        drop();
    }
    bool accept(char c) noexcept {
        const bool there = ok_ && rest_.starts_with(c);
        if (there) {
            drop();
        }
        return there;
    }
    bool at_digit() const noexcept {
        return ok_ && !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9';
    }
    int digit() noexcept {
        if (!at_digit()) {
            ok_ = false;
            return 0;
        }
        const int value = rest_.front() - '0';
        drop();
        return value;
    }
    [[nodiscard]] bool ended_well() const noexcept { return ok_ && rest_.empty(); }

private:
    void drop() noexcept { rest_.remove_prefix(rest_.empty() ? 0 : 1); }
    std::string_view rest_;
    bool ok_{true};
};

std::int64_t read_micros(Reader& reader) noexcept {
    constexpr int decimals_max = 9;
    std::int64_t micros = 0;
    int decimals = 0;
    while (reader.at_digit() && decimals < decimals_max) {
        const int digit = reader.digit();
        micros = decimals < 6 ? micros * 10 + digit : micros;
        ++decimals;
    }
    if (decimals == 0) {
        reader.expect("");
    }
    for (; decimals < 6; ++decimals) {
        micros *= 10;
    }
    return micros;
}

}  // namespace

std::string format_rfc3339_ms(UtcTime time) {
    std::string text = format_rfc3339(time);
    text.replace(text.size() - 4, 3, "");
    return text;
}

std::string format_rfc3339(UtcTime time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss clock{time - day};
    return fmt::format(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
        static_cast<int>(date.year()),
        static_cast<unsigned>(date.month()),
        static_cast<unsigned>(date.day()),
        clock.hours().count(),
        clock.minutes().count(),
        clock.seconds().count(),
        clock.subseconds().count());
}

std::optional<UtcTime> parse_rfc3339(std::string_view text) noexcept {
    using namespace std::chrono;
    Reader reader{text};
    const int year_number = reader.digits(4);
    reader.expect("-");
    const int month_number = reader.digits(2);
    reader.expect("-");
    const int day_number = reader.digits(2);
    reader.expect("Tt");
    const int hour = reader.digits(2);
    reader.expect(":");
    const int minute = reader.digits(2);
    reader.expect(":");
    const int second = reader.digits(2);
    const std::int64_t micros = reader.accept('.') ? read_micros(reader) : 0;
    int offset = 0;
    if (!reader.accept('Z') && !reader.accept('z')) {
        const int sign = reader.accept('-') ? -1 : 1;
        if (sign > 0) {
            reader.expect("+");
        }
        const int hours_off = reader.digits(2);
        reader.expect(":");
        const int minutes_off = reader.digits(2);
        if (hours_off > 23 || minutes_off > 59) {
            return std::nullopt;
        }
        offset = sign * (hours_off * 60 + minutes_off);
    }
    const year_month_day date{
        year{year_number},
        month{static_cast<unsigned>(month_number)},
        day{static_cast<unsigned>(day_number)}};
    if (!reader.ended_well() || !date.ok() || hour > 23 || minute > 59 || second > 60) {
        return std::nullopt;
    }
    return UtcTime{sys_days{date}} + hours{hour} + minutes{minute - offset} +
           seconds{second == 60 ? 59 : second} + microseconds{micros};
}

}  // namespace evenkeel::providers
