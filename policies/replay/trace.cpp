#include "policies/replay/trace.hpp"

#include "policies/domain/money.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <utility>

namespace evenkeel::replay {

namespace {

using std::chrono::nanoseconds;

constexpr std::size_t line_max = 64 * 1024;  ///< mooncake rows carry their block ids
constexpr nanoseconds disorder_max = std::chrono::seconds{1};
constexpr nanoseconds span_max = std::chrono::years{10};

struct Layout {
    TraceFormat format;
    std::string_view header;
    std::size_t time;
    std::size_t in;
    std::size_t out;
    std::size_t columns;
};
constexpr Layout layouts[] = {
    {TraceFormat::azure, "TIMESTAMP,ContextTokens,GeneratedTokens", 0, 1, 2, 3},
    {TraceFormat::mooncake, "timestamp,input_length,output_length,hash_ids", 0, 1, 2, 4},
    {TraceFormat::servegen, "arrival_s,client,input_tokens,output_tokens", 0, 2, 3, 4},
};

std::string_view next_line(std::string_view& text) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) {
        line.remove_suffix(1);
    }
    return line;
}

/// Splits at commas; the number of fields, or nothing when there are more than fit.
std::optional<std::size_t> split(std::string_view line, std::array<std::string_view, 4>& fields) {
    std::size_t count = 0;
    for (;;) {
        if (count == fields.size()) {
            return std::nullopt;
        }
        const std::size_t comma = line.find(',');
        fields[count++] = line.substr(0, comma);
        if (comma == std::string_view::npos) {
            return count;
        }
        line.remove_prefix(comma + 1);
    }
}

std::optional<std::int64_t> whole(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || text.empty()) {
        return std::nullopt;
    }
    return value;
}

/// "2023-11-16 18:15:46.6805900": UTC, up to nine decimals.
std::optional<nanoseconds> date_time(std::string_view text) {
    const auto part = [&](std::size_t at, std::size_t size) -> std::optional<std::int64_t> {
        const std::string_view digits = text.substr(at, size);
        return std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; })
                   ? whole(digits)
                   : std::nullopt;
    };
    if (text.size() < 19 || text[4] != '-' || text[7] != '-' || text[10] != ' ' ||
        text[13] != ':' || text[16] != ':') {
        return std::nullopt;
    }
    const auto year = part(0, 4);
    const auto month = part(5, 2);
    const auto day = part(8, 2);
    const auto hour = part(11, 2);
    const auto minute = part(14, 2);
    const auto second = part(17, 2);
    if (!year || !month || !day || !hour || !minute || !second) {
        return std::nullopt;
    }
    const std::chrono::year_month_day date{
        std::chrono::year{static_cast<int>(*year)},
        std::chrono::month{static_cast<unsigned>(*month)},
        std::chrono::day{static_cast<unsigned>(*day)}};
    if (!date.ok() || *year < 1970 || *year > 2200 || *hour > 23 || *minute > 59 || *second > 60) {
        return std::nullopt;
    }
    std::int64_t fraction = 0;
    if (text.size() > 19) {
        if (text[19] != '.' || text.size() == 20 || text.size() > 29) {
            return std::nullopt;
        }
        const auto digits = part(20, text.size() - 20);
        if (!digits) {
            return std::nullopt;
        }
        fraction = *digits;
        for (std::size_t i = text.size(); i < 29; ++i) {
            fraction *= 10;
        }
    }
    const auto days = std::chrono::sys_days{date}.time_since_epoch();
    return nanoseconds{days} + std::chrono::hours{*hour} + std::chrono::minutes{*minute} +
           std::chrono::seconds{*second} + nanoseconds{fraction};
}

/// A time as the format writes it, on the format's own axis.
std::optional<nanoseconds> time_of(TraceFormat format, std::string_view text) {
    switch (format) {
        case TraceFormat::azure:
            return date_time(text);
        case TraceFormat::mooncake:
        case TraceFormat::servegen: {
            const int scale = format == TraceFormat::mooncake ? 6 : 9;  // ms or s -> ns
            const auto value = parse_decimal(text, scale);
            return value ? std::optional{nanoseconds{*value}} : std::nullopt;
        }
    }
    return std::nullopt;
}

std::unexpected<Error> bad_line(std::size_t number, std::string_view what) {
    return fail(Errc::invalid_argument, fmt::format("trace line {}: {}", number, what));
}

Result<TraceRow> parse_row(const Layout& layout, std::string_view line, std::size_t number) {
    std::array<std::string_view, 4> fields{};
    const auto count = split(line, fields);
    if (line.size() > line_max || !count || *count != layout.columns) {
        return bad_line(number, fmt::format("not {} comma-separated fields", layout.columns));
    }
    const auto at = time_of(layout.format, fields[layout.time]);
    if (!at || *at < nanoseconds::zero()) {
        return bad_line(number, "the time cannot be read");
    }
    const auto in = whole(fields[layout.in]);
    const auto out = whole(fields[layout.out]);
    if (!in || !out || *in < 0 || *out < 0 || *in > trace_tokens_max || *out > trace_tokens_max) {
        return bad_line(
            number,
            fmt::format("token counts must be whole numbers from 0 to {}", trace_tokens_max));
    }
    return TraceRow{.at = *at, .tokens_in = *in, .tokens_out = *out};
}

}  // namespace

std::string_view to_text(TraceFormat format) noexcept {
    switch (format) {
        case TraceFormat::azure:
            return "azure";
        case TraceFormat::mooncake:
            return "mooncake";
        case TraceFormat::servegen:
            return "servegen";
    }
    return "";
}

struct TraceReader::State {
    const Layout* layout{nullptr};
    std::string rest{};  ///< a line whose end has not come
    std::size_t number{0};
    nanoseconds newest{0};
    std::optional<nanoseconds> start{};  ///< of an azure trace, whose times are dates
    std::vector<TraceRow> held{};        ///< ascending; later lines may still come among them
    bool blank{false};                   ///< the last line was empty: only the last one may be

    Result<void> line(std::string_view text) {
        if (blank) {
            return bad_line(number, "an empty line");
        }
        ++number;
        blank = number > 1 && text.empty();
        if (blank) {
            return {};
        }
        if (number == 1) {
            return header(text);
        }
        Result<TraceRow> row = parse_row(*layout, text, number);
        if (!row) {
            return std::unexpected{std::move(row.error())};
        }
        if (row->at < newest - disorder_max) {
            return bad_line(number, "the time goes back by more than a second");
        }
        newest = std::max(newest, row->at);
        // Rows of the same time keep their order.
        auto at = held.end();
        while (at != held.begin() && (at - 1)->at > row->at) {
            --at;
        }
        held.insert(at, *row);
        return {};
    }

    Result<void> header(std::string_view text) {
        if (text.starts_with("\xEF\xBB\xBF")) {
            text.remove_prefix(3);
        }
        layout = std::ranges::find(layouts, text, &Layout::header);
        if (layout == std::end(layouts)) {
            return fail(
                Errc::invalid_argument,
                fmt::format(
                    "trace line 1: unknown columns; expected '{}', '{}' or '{}'",
                    layouts[0].header,
                    layouts[1].header,
                    layouts[2].header));
        }
        return {};
    }

    /// Hands on the held rows up to `until`.
    Result<void> hand_on(nanoseconds until, std::vector<TraceRow>& rows) {
        const auto last = std::ranges::upper_bound(held, until, {}, &TraceRow::at);
        for (auto row = held.begin(); row != last; ++row) {
            if (!start) {
                start = layout->format == TraceFormat::azure ? row->at : nanoseconds{0};
            }
            row->at -= *start;
            if (row->at > span_max) {
                return fail(Errc::invalid_argument, "the trace spans more than ten years");
            }
            rows.push_back(*row);
        }
        held.erase(held.begin(), last);
        return {};
    }
};

TraceReader::TraceReader() : state_{std::make_unique<State>()} {}
TraceReader::~TraceReader() = default;
TraceReader::TraceReader(TraceReader&&) noexcept = default;
TraceReader& TraceReader::operator=(TraceReader&&) noexcept = default;

TraceFormat TraceReader::format() const noexcept {
    return state_->layout == nullptr ? TraceFormat::azure : state_->layout->format;
}

Result<void> TraceReader::feed(std::string_view text, std::vector<TraceRow>& rows) {
    State& s = *state_;
    if (!s.rest.empty()) {
        const std::size_t end = text.find('\n');
        s.rest += text.substr(0, end);
        if (end == std::string_view::npos) {
            return s.rest.size() > line_max ? bad_line(s.number + 1, "longer than a row can be")
                                            : Result<void>{};
        }
        text.remove_prefix(end + 1);
        std::string_view first = s.rest;
        if (auto taken = s.line(next_line(first)); !taken) {
            return taken;
        }
        s.rest.clear();
    }
    for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
        if (auto taken = s.line(next_line(text)); !taken) {
            return taken;
        }
    }
    s.rest = text;
    if (s.rest.size() > line_max) {
        return bad_line(s.number + 1, "longer than a row can be");
    }
    return s.hand_on(s.newest - disorder_max - nanoseconds{1}, rows);
}

Result<void> TraceReader::end(std::vector<TraceRow>& rows) {
    State& s = *state_;
    std::string_view rest = s.rest;
    if (!rest.empty() || s.number == 0) {
        if (auto taken = s.line(next_line(rest)); !taken) {
            return taken;
        }
    }
    return s.hand_on(nanoseconds::max(), rows);
}

Result<Trace> parse_trace(std::string_view text) {
    TraceReader reader;
    Trace trace;
    constexpr std::size_t piece = 256 * 1024;
    while (!text.empty()) {
        const std::string_view part = text.substr(0, piece);
        text.remove_prefix(part.size());
        if (auto fed = reader.feed(part, trace.rows); !fed) {
            return std::unexpected{std::move(fed.error())};
        }
        if (trace.rows.size() > trace_rows_max) {
            return fail(
                Errc::invalid_argument,
                fmt::format("the trace holds more than {} rows", trace_rows_max));
        }
    }
    if (auto ended = reader.end(trace.rows); !ended) {
        return std::unexpected{std::move(ended.error())};
    }
    trace.format = reader.format();
    return trace;
}

std::vector<TraceRow> window(const std::vector<TraceRow>& rows, nanoseconds from, nanoseconds to) {
    const auto first = std::ranges::lower_bound(rows, from, {}, &TraceRow::at);
    const auto last = std::ranges::lower_bound(rows, to, {}, &TraceRow::at);
    return first < last ? std::vector<TraceRow>{first, last} : std::vector<TraceRow>{};
}

}  // namespace evenkeel::replay
