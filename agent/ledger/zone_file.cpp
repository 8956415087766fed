// Time zones as files and texts say them: TZif, the footer's POSIX rule, fixed offsets.
#include "agent/ledger/zone.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <optional>

namespace evenkeel::ledger {

namespace {

using namespace std::chrono;

constexpr const char* zone_folder = "/usr/share/zoneinfo/";
constexpr std::size_t zone_file_max = 64 * 1024;
constexpr std::size_t header_bytes = 44;

/// Reads big-endian numbers and never leaves the buffer.
class Cursor {
public:
    explicit Cursor(std::string_view bytes) : bytes_{bytes} {}
    [[nodiscard]] bool has(std::size_t count) const { return bytes_.size() - at_ >= count; }
    std::int64_t number(std::size_t width) {
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < width; ++i) {
            value = value << 8 | static_cast<unsigned char>(bytes_[at_++]);
        }
        return width == 4 ? static_cast<std::int32_t>(static_cast<std::uint32_t>(value))
                          : static_cast<std::int64_t>(value);
    }
    void skip(std::size_t count) { at_ += count; }
    [[nodiscard]] std::string_view rest() const { return bytes_.substr(at_); }

private:
    std::string_view bytes_;
    std::size_t at_{0};
};

struct Counts {
    std::size_t isut{0};
    std::size_t isstd{0};
    std::size_t leap{0};
    std::size_t time{0};
    std::size_t type{0};
    std::size_t chars{0};

    [[nodiscard]] std::size_t body(std::size_t time_bytes) const {
        return time * (time_bytes + 1) + type * 6 + chars + leap * (time_bytes + 4) + isstd + isut;
    }
};

std::optional<Counts> read_counts(Cursor& cursor) {
    if (!cursor.has(header_bytes) || !cursor.rest().starts_with("TZif")) {
        return std::nullopt;
    }
    cursor.skip(20);
    Counts counts;
    for (std::size_t* field :
         {&counts.isut, &counts.isstd, &counts.leap, &counts.time, &counts.type, &counts.chars}) {
        const std::int64_t value = cursor.number(4);
        if (value < 0 || value > 100'000) {
            return std::nullopt;
        }
        *field = static_cast<std::size_t>(value);
    }
    return counts;
}

/// Parts of a POSIX TZ text such as "AEST-10AEDT,M10.1.0,M4.1.0/3".
class Posix {
public:
    explicit Posix(std::string_view text) : text_{text} {}
    [[nodiscard]] bool done() const { return at_ == text_.size(); }
    bool take(char c) {
        if (!done() && text_[at_] == c) {
            ++at_;
            return true;
        }
        return false;
    }
    bool name() {
        const std::size_t from = at_;
        if (take('<')) {
            while (!done() && text_[at_] != '>') {
                ++at_;
            }
            return take('>');
        }
        while (!done() && std::isalpha(static_cast<unsigned char>(text_[at_])) != 0) {
            ++at_;
        }
        return at_ - from >= 3;
    }
    std::optional<std::int64_t> digits() {
        const std::size_t from = at_;
        std::int64_t value = 0;
        while (!done() && text_[at_] >= '0' && text_[at_] <= '9' && at_ - from < 4) {
            value = value * 10 + (text_[at_++] - '0');
        }
        return at_ == from ? std::nullopt : std::optional{value};
    }
    /// [+-]hh[:mm[:ss]] in seconds.
    std::optional<std::int64_t> time() {
        const bool negative = take('-');
        if (!negative) {
            take('+');
        }
        const auto hours = digits();
        if (!hours) {
            return std::nullopt;
        }
        std::int64_t seconds = *hours * 3600;
        for (const std::int64_t scale : {60, 1}) {
            if (take(':')) {
                const auto part = digits();
                if (!part) {
                    return std::nullopt;
                }
                seconds += *part * scale;
            }
        }
        return negative ? -seconds : seconds;
    }
    [[nodiscard]] bool at_digit_or_sign() const {
        return !done() && (text_[at_] == '-' || text_[at_] == '+' ||
                           std::isdigit(static_cast<unsigned char>(text_[at_])) != 0);
    }

private:
    std::string_view text_;
    std::size_t at_{0};
};

bool valid_name(std::string_view name) {
    return !name.empty() && name.size() <= 64 && !name.starts_with('/') &&
           name.find("..") == std::string_view::npos &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '/' || c == '_' ||
                      c == '-' || c == '+';
           });
}

}  // namespace

bool Zone::parse_footer(std::string_view text, Zone& zone) {
    Posix posix{text};
    const auto rule_date = [&posix]() -> std::optional<RuleDate> {
        RuleDate date{.seconds = 7200};
        if (!posix.take(',')) {
            return std::nullopt;
        }
        if (posix.take('M')) {
            date.kind = 'M';
            const auto month = posix.digits();
            const bool first = posix.take('.');
            const auto week = posix.digits();
            const bool second = posix.take('.');
            const auto day = posix.digits();
            if (!month || !week || !day || !first || !second || *month < 1 || *month > 12 ||
                *week < 1 || *week > 5 || *day > 6) {
                return std::nullopt;
            }
            date.month = static_cast<int>(*month);
            date.week = static_cast<int>(*week);
            date.day = static_cast<int>(*day);
        } else {
            date.kind = posix.take('J') ? 'J' : 0;
            const auto day = posix.digits();
            if (!day || *day > 366) {
                return std::nullopt;
            }
            date.day = static_cast<int>(*day);
        }
        if (posix.take('/')) {
            const auto at = posix.time();
            if (!at) {
                return std::nullopt;
            }
            date.seconds = *at;
        }
        return date;
    };
    if (!posix.name()) {
        return false;
    }
    const auto west = posix.time();
    if (!west) {
        return false;
    }
    zone.std_offset_ = -*west;
    zone.has_rule_ = true;
    if (posix.done()) {
        return true;
    }
    if (!posix.name()) {
        return false;
    }
    zone.has_dst_ = true;
    zone.dst_offset_ = zone.std_offset_ + 3600;
    if (posix.at_digit_or_sign()) {
        const auto dst_west = posix.time();
        if (!dst_west) {
            return false;
        }
        zone.dst_offset_ = -*dst_west;
    }
    const auto begin = rule_date();
    const auto end = begin ? rule_date() : std::nullopt;
    if (!end || !posix.done()) {
        return false;
    }
    zone.dst_begin_ = *begin;
    zone.dst_end_ = *end;
    return true;
}

Result<Zone> Zone::parse(std::string_view name, std::string_view bytes) {
    const auto broken = [&] {
        return fail(
            Errc::invalid_argument, fmt::format("the time zone file of '{}' is damaged", name));
    };
    Cursor cursor{bytes};
    const auto first = read_counts(cursor);
    if (!first) {
        return broken();
    }
    std::size_t width = 4;
    Counts counts = *first;
    if (bytes[4] >= '2') {  // the second body has 64-bit times
        if (!cursor.has(first->body(4))) {
            return broken();
        }
        cursor.skip(first->body(4));
        const auto second = read_counts(cursor);
        if (!second) {
            return broken();
        }
        counts = *second;
        width = 8;
    }
    if (!cursor.has(counts.body(width)) || counts.type == 0) {
        return broken();
    }
    Zone zone;
    zone.name_ = name;
    std::vector<std::int64_t> times(counts.time);
    for (std::int64_t& time : times) {
        time = cursor.number(width);
    }
    std::vector<std::size_t> types(counts.time);
    for (std::size_t& type : types) {
        type = static_cast<std::size_t>(cursor.number(1));
    }
    std::vector<std::int64_t> offsets(counts.type);
    for (std::int64_t& offset : offsets) {
        offset = cursor.number(4);
        cursor.skip(2);
    }
    for (std::size_t i = 0; i < times.size(); ++i) {
        if (types[i] >= offsets.size() || (i > 0 && times[i] <= times[i - 1])) {
            return broken();
        }
        zone.transitions_.push_back({times[i], offsets[types[i]]});
    }
    zone.first_offset_ = offsets.front();
    cursor.skip(counts.chars + counts.leap * (width + 4) + counts.isstd + counts.isut);
    if (width == 8) {
        const std::string_view rest = cursor.rest();
        const auto end = rest.size() > 1 ? rest.find('\n', 1) : std::string_view::npos;
        if (!rest.starts_with('\n') || end == std::string_view::npos) {
            return broken();
        }
        const std::string_view footer = rest.substr(1, end - 1);
        if (!footer.empty() && !parse_footer(footer, zone)) {
            return broken();
        }
    }
    return zone;
}

Result<Zone> Zone::load(std::string_view name) {
    if (name == "UTC" || name == "Etc/UTC") {
        return Zone{};
    }
    if (name.size() >= 3 && (name[0] == '+' || name[0] == '-')) {
        Posix posix{name};
        const auto offset = posix.time();
        if (offset && posix.done() && std::abs(*offset) <= seconds{offset_max}.count()) {
            Zone zone;
            zone.name_ = name;
            zone.first_offset_ = *offset;
            return zone;
        }
    }
    if (!valid_name(name)) {
        return fail(
            Errc::invalid_argument,
            fmt::format(
                "'{}' is not a time zone: write one such as UTC or Australia/Sydney", name));
    }
    std::ifstream file{zone_folder + std::string{name}, std::ios::binary};
    std::string bytes(zone_file_max, '\0');
    file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    bytes.resize(static_cast<std::size_t>(file.gcount()));
    if (bytes.empty()) {
        return fail(
            Errc::invalid_argument,
            fmt::format(
                "there is no time zone '{0}' in {1}: check its spelling, install the package "
                "tzdata, or write UTC or a fixed offset such as +10:00",
                name,
                zone_folder));
    }
    return parse(name, bytes);
}

}  // namespace evenkeel::ledger
