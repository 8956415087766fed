#include "agent/report/requests.hpp"

#include "agent/report/csv.hpp"
#include "providers/http/rfc3339.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <limits>
#include <unordered_map>
#include <utility>

namespace evenkeel::report {

namespace json = boost::json;

namespace {

constexpr int rows_at_once = 1'000;

/// Nobody served it: then it has no kind either.
std::string_view kind_of(const RequestLine& line) {
    return line.row.source == NameIx{} ? std::string_view{} : to_text(line.row.kind);
}

std::string_view reason_of(const RequestLine& line) {
    const ReasonCode code = line.row.reason.code;
    return code == ReasonCode::none ? std::string_view{} : to_text(code);
}

/// What request.flags says, in words.
std::vector<std::string_view> flags_of(const ledger::RequestView& row) {
    constexpr std::array<std::pair<std::int64_t, std::string_view>, 3> words{
        {{ledger::flag_estimated, "estimated"},
         {ledger::flag_lapsed, "lapsed"},
         {ledger::flag_continued, "continued"}}};
    std::vector<std::string_view> flags;
    for (const auto& [flag, word] : words) {
        if ((row.flags & flag) != 0) {
            flags.push_back(word);
        }
    }
    return flags;
}

}  // namespace

std::vector<std::string_view> split_tags(std::string_view tags) {
    std::vector<std::string_view> parts;
    while (!tags.empty()) {
        const std::size_t comma = tags.find(',');
        parts.push_back(tags.substr(0, comma));
        tags.remove_prefix(comma == std::string_view::npos ? tags.size() : comma + 1);
    }
    return parts;
}

Result<void> each_request(
    ledger::Reader& reader,
    const RequestsAsked& asked,
    const std::function<void(const RequestLine&)>& visit) {
    const auto rows = reader.names();
    if (!rows) {
        return std::unexpected{rows.error()};
    }
    ledger::RequestFilter filter{.since = asked.since, .key = {}, .tag = asked.tag};
    std::unordered_map<NameIx, std::string> names;
    for (const ledger::NameRow& name : *rows) {
        names.emplace(name.ix, name.text);
        if (name.kind == routing::NameKind::key && name.text == asked.key) {
            filter.key = name.ix;
        }
    }
    if (!asked.key.empty() && filter.key == NameIx{}) {
        return fail(
            Errc::not_found,
            fmt::format("no request was ever made with a key named '{}'", asked.key));
    }
    const auto text = [&names](NameIx ix) {
        const auto found = names.find(ix);
        return found == names.end() ? std::string{} : found->second;
    };
    std::int64_t left = asked.limit > 0 ? asked.limit : std::numeric_limits<std::int64_t>::max();
    RequestId before{least_id_at(asked.until)};
    while (left > 0) {
        const auto limit = static_cast<int>(std::min<std::int64_t>(left, rows_at_once));
        const auto page = reader.requests(filter, before, limit);
        if (!page) {
            return std::unexpected{page.error()};
        }
        for (const ledger::RequestView& row : page->rows) {
            visit(
                {.row = row,
                 .key = text(row.key),
                 .model = text(row.model),
                 .route = text(row.route),
                 .source = text(row.source)});
        }
        if (!page->next) {
            break;
        }
        left -= std::ssize(page->rows);
        before = *page->next;
    }
    return {};
}

std::string request_csv(const RequestLine& line) {
    const ledger::RequestView& row = line.row;
    return fmt::format(
        "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\r\n",
        request_id_text(row.id),
        providers::format_rfc3339_ms(row.at),
        csv_field(line.key),
        csv_field(line.model),
        csv_field(line.route),
        csv_field(line.source),
        kind_of(line),
        to_text(row.outcome),
        reason_of(line),
        row.wait.count(),
        row.ttft.count(),
        row.total.count(),
        row.usage.prompt,
        row.usage.cached,
        row.usage.cache_write,
        row.usage.completion,
        amount_text(row.paid),
        amount_text(row.charged),
        row.paid.currency().text(),
        fmt::join(flags_of(row), " "),
        csv_field(row.tags));
}

std::string request_json(const RequestLine& line) {
    const ledger::RequestView& row = line.row;
    const auto or_null = [](std::string_view text) {
        return text.empty() ? json::value(nullptr) : json::value(text);
    };
    const auto flags = flags_of(row);
    json::array tags;
    for (const std::string_view tag : split_tags(row.tags)) {
        tags.emplace_back(tag);
    }
    return json::serialize(json::object{
        {"id", request_id_text(row.id)},
        {"at", providers::format_rfc3339_ms(row.at)},
        {"key", or_null(line.key)},
        {"model", or_null(line.model)},
        {"route", or_null(line.route)},
        {"source", or_null(line.source)},
        {"kind", or_null(kind_of(line))},
        {"outcome", to_text(row.outcome)},
        {"reason", or_null(reason_of(line))},
        {"wait_ms", row.wait.count()},
        {"ttft_ms", row.ttft.count()},
        {"total_ms", row.total.count()},
        {"tokens_in", row.usage.prompt},
        {"tokens_cached", row.usage.cached},
        {"tokens_cache_write", row.usage.cache_write},
        {"tokens_out", row.usage.completion},
        {"paid", amount_text(row.paid)},
        {"charged", amount_text(row.charged)},
        {"currency", row.paid.currency().text()},
        {"flags", json::array(flags.begin(), flags.end())},
        {"tags", std::move(tags)}});
}

}  // namespace evenkeel::report
