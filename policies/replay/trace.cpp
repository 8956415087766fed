#include "policies/replay/trace.hpp"

#include "policies/domain/money.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>
#include <optional>
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

/// Rows of the same time keep their order.
void sort_by_time(std::vector<TraceRow>& rows) {
    if (std::ranges::is_sorted(rows, {}, &TraceRow::at)) {
        return;
    }
    std::vector<std::size_t> order(rows.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair{rows[i].at, i}; });
    std::vector<TraceRow> sorted;
    sorted.reserve(rows.size());
    for (const std::size_t i : order) {
        sorted.push_back(rows[i]);
    }
    rows = std::move(sorted);
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

Result<Trace> parse_trace(std::string_view text) {
    if (text.starts_with("\xEF\xBB\xBF")) {
        text.remove_prefix(3);
    }
    const std::string_view header = next_line(text);
    const auto layout = std::ranges::find(layouts, header, &Layout::header);
    if (layout == std::end(layouts)) {
        return fail(
            Errc::invalid_argument,
            fmt::format(
                "trace line 1: unknown columns; expected '{}', '{}' or '{}'",
                layouts[0].header,
                layouts[1].header,
                layouts[2].header));
    }
    Trace trace{.format = layout->format};
    nanoseconds newest{0};
    for (std::size_t number = 2; !text.empty(); ++number) {
        const std::string_view line = next_line(text);
        if (line.empty() && text.empty()) {
            break;
        }
        Result<TraceRow> row = parse_row(*layout, line, number);
        if (!row) {
            return std::unexpected{std::move(row.error())};
        }
        if (trace.rows.size() == trace_rows_max) {
            return bad_line(number, fmt::format("more than {} rows", trace_rows_max));
        }
        if (row->at < newest - disorder_max) {
            return bad_line(number, "the time goes back by more than a second");
        }
        newest = std::max(newest, row->at);
        trace.rows.push_back(*row);
    }
    sort_by_time(trace.rows);
    if (trace.format == TraceFormat::azure && !trace.rows.empty()) {
        const nanoseconds start = trace.rows.front().at;
        for (TraceRow& row : trace.rows) {
            row.at -= start;
        }
    }
    if (!trace.rows.empty() && trace.rows.back().at > span_max) {
        return fail(Errc::invalid_argument, "the trace spans more than ten years");
    }
    return trace;
}

std::vector<TraceRow> window(const std::vector<TraceRow>& rows, nanoseconds from, nanoseconds to) {
    const auto first = std::ranges::lower_bound(rows, from, {}, &TraceRow::at);
    const auto last = std::ranges::lower_bound(rows, to, {}, &TraceRow::at);
    return first < last ? std::vector<TraceRow>{first, last} : std::vector<TraceRow>{};
}

}  // namespace evenkeel::replay
