#include "agent/cli/route.hpp"

#include "agent/cli/daemon_client.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/rentals.hpp"
#include "agent/cli/text.hpp"
#include "agent/ledger/reader.hpp"
#include "agent/report/nodes.hpp"
#include "agent/report/requests.hpp"
#include "agent/service/clock.hpp"
#include "policies/routing/quote.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <optional>
#include <vector>

namespace evenkeel::cli {

namespace json = boost::json;

namespace {

/// The request as it was, with the names of its columns.
struct Past {
    ledger::RequestView row{};
    std::string key{};
    std::string model{};
    std::string route{};
    std::string source{};
};

struct Asked {
    routing::Ask ask{};
    std::string model{};
    std::string key{};
    std::map<std::string, std::string, std::less<>> headers{};
    std::optional<std::string> text{};
    std::optional<Past> past{};
    ledger::KeyTerms terms{};  ///< of the key, as they are now
};

std::string_view header_of(const void* context, std::string_view name) {
    const auto& headers = static_cast<const Asked*>(context)->headers;
    const auto found = headers.find(name);
    return found == headers.end() ? std::string_view{} : std::string_view{found->second};
}

std::string_view text_of(void* context) {
    return *static_cast<Asked*>(context)->text;
}

Result<Past> past_of(const Globals& globals, const std::string& text) {
    const auto id = request_id_from(text);
    if (!id) {
        return fail(
            Errc::invalid_argument,
            fmt::format(
                "'{}' is no request id; it stands in x-request-id (request-id) of the answer",
                text));
    }
    auto reader = ledger::Reader::open(globals.state);
    if (!reader) {
        return std::unexpected{reader.error()};
    }
    const auto row = reader->request(*id);
    const auto names = reader->names();
    if (!row || !names) {
        return std::unexpected{row ? names.error() : row.error()};
    }
    return Past{
        .row = *row,
        .key = report::name_text(*names, row->key),
        .model = report::name_text(*names, row->model),
        .route = report::name_text(*names, row->route),
        .source = report::name_text(*names, row->source)};
}

/// What a living key of that name may do; nothing special where there is no ledger or no such key.
ledger::KeyTerms terms_of(const Globals& globals, const std::string& key) {
    auto reader = ledger::Reader::open(globals.state);
    const auto rows = reader ? reader->keys() : std::unexpected{reader.error()};
    if (rows) {
        for (const ledger::KeyRow& row : *rows) {
            if (row.name == key && !row.revoked) {
                return row.terms;
            }
        }
    }
    return {};
}

Result<void> fill(const Globals& globals, const RouteArguments& arguments, Asked& asked) {
    routing::Ask& ask = asked.ask;
    ask.tools = arguments.tools;
    ask.images = arguments.images;
    for (const std::string& header : arguments.headers) {
        const std::size_t equals = header.find('=');
        if (equals == std::string::npos || equals == 0) {
            return fail(
                Errc::invalid_argument, fmt::format("--header takes name=value, not '{}'", header));
        }
        asked.headers[header.substr(0, equals)] = header.substr(equals + 1);
    }
    if (arguments.request.empty()) {
        asked.model = arguments.model;
        asked.key = arguments.key;
        ask.tokens_in = arguments.tokens_in;
        ask.max_tokens = arguments.max_tokens;
        ask.tokens_out_guess = arguments.tokens_out;
    } else {
        auto past = past_of(globals, arguments.request);
        if (!past) {
            return std::unexpected{past.error()};
        }
        asked.past = std::move(*past);
        asked.model = asked.past->model;
        asked.key = asked.past->key;
        ask.tokens_in = asked.past->row.usage.prompt;
        ask.tokens_out_guess = asked.past->row.usage.completion;
    }
    if (arguments.text) {
        asked.text = arguments.text;
        ask.text = text_of;
        ask.text_context = &asked;
    }
    asked.terms = terms_of(globals, asked.key);
    ask.model = asked.model;
    ask.key_name = asked.key;
    ask.team = asked.terms.team;
    ask.key_routes = asked.terms.routes;
    ask.header = header_of;
    ask.header_context = &asked;
    return {};
}

std::string verdict_text(const routing::Quote& quote, const routing::Explanation& explained) {
    switch (quote.verdict) {
        case routing::QuoteVerdict::worker:
            return quote.kind == SourceKind::rental
                       ? fmt::format("when one is rented and one of {} slots is free", quote.slots)
                       : fmt::format("when one of {} slots is free", quote.slots);
        case routing::QuoteVerdict::api:
            return fmt::format("choice {} of the APIs", quote.place);
        case routing::QuoteVerdict::at_home:
            return "no: 'stay: own' keeps it in the house";
        case routing::QuoteVerdict::too_dear:
            return "no: it may cost more than is allowed";
        case routing::QuoteVerdict::no_price:
            return "no: it has no price that can be compared";
        case routing::QuoteVerdict::retired:
            return fmt::format("no: its seller retired it on {}", config::to_text(*quote.retires));
        case routing::QuoteVerdict::no_room:
            return "no: enough cheaper ones may be used";
        case routing::QuoteVerdict::other_queue:
            return fmt::format(
                "no: the request waits for workers of {}", explained.quotes.front().model);
    }
    return "";
}

std::string amount(const std::optional<std::int64_t>& report, Currency currency) {
    return report ? money_text(Money{*report, currency}, 6) : "-";
}

std::string seconds(std::chrono::nanoseconds time) {
    return fmt::format(
        "{} ms", std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
}

std::string past_text(const Past& past, bool utc, Currency currency) {
    const ledger::RequestView& row = past.row;
    return fmt::format(
        "{}  {}  key {}  model {}  in {}  out {}{}\n"
        "It went to {} ({}) by route '{}': waited {} ms, first token after {} ms, ended after {} "
        "ms, "
        "cost {}\n{}\n",
        moment_text(row.at, utc),
        request_id_text(row.id),
        past.key,
        past.model,
        count_text(row.usage.prompt),
        count_text(row.usage.completion),
        row.tags.empty() ? "" : "  tags " + row.tags,
        past.source,
        to_text(row.kind),
        past.route,
        row.wait.count(),
        row.ttft.count(),
        row.total.count(),
        !row.paid.is_zero()     ? money_text(row.paid, 6)
        : row.charged.is_zero() ? "nothing by itself"
                                : "nothing by itself, charged " + money_text(row.charged, 6),
        row.reason.code == ReasonCode::none ? "" : sentence(row.reason, currency.text()) + "\n");
}

/// Routes that could not be tried, because the text that they match on is not known.
std::vector<std::string> passed_over(const config::Config& config, const Asked& asked) {
    std::vector<std::string> names;
    for (const config::Route& route : config.routes) {
        if (!asked.text && !route.match.text.empty()) {
            names.push_back(route.name);
        }
    }
    return names;
}

std::string explain_text(
    const Asked& asked,
    const routing::Explanation& explained,
    const std::vector<std::string>& untried,
    bool utc,
    Currency currency) {
    using enum Table::Align;
    Table table{
        {{"OFFER", left},
         {"MODEL", left},
         {"KIND", left},
         {"LIKELY", right},
         {"AT MOST", right},
         {"VERDICT", left}}};
    for (const routing::Quote& quote : explained.quotes) {
        table.add(
            {quote.offer,
             quote.model,
             std::string{to_text(quote.kind)},
             amount(quote.expected_report, currency),
             amount(quote.hold_report, currency),
             verdict_text(quote, explained)});
    }
    std::string out = asked.past ? past_text(*asked.past, utc, currency)
                                 : fmt::format(
                                       "key {}  model {}  in {}  out {} (guessed)\n\n",
                                       asked.key.empty() ? "-" : asked.key,
                                       asked.model,
                                       count_text(asked.ask.tokens_in),
                                       count_text(asked.ask.tokens_out_guess));
    out += table.text();
    out += fmt::format(
        "rule: routes[{}] '{}'; an API is taken {}, given up after {}\n",
        explained.route_number,
        explained.route->name,
        explained.api_after ? "after " + seconds(*explained.api_after) : std::string{"never"},
        seconds(explained.gives_up_after));
    if (explained.max_cost_report) {
        out += fmt::format(
            "at most {} a request\n", money_text(Money{*explained.max_cost_report, currency}, 6));
    }
    if (!untried.empty()) {
        out += fmt::format(
            "not tried, as they match on text: {}; {}\n",
            fmt::join(untried, ", "),
            asked.past ? "texts are not stored" : "say --text");
    }
    if (asked.past) {
        out += "By the configuration as it is now; the request's own headers are not stored.\n";
    }
    return out;
}

json::value amount_json(const std::optional<std::int64_t>& report, Currency currency) {
    return report ? json::value(amount_text(Money{*report, currency})) : json::value(nullptr);
}

std::string explain_json(
    const Asked& asked,
    const routing::Explanation& explained,
    const std::vector<std::string>& untried,
    Currency currency) {
    json::array quotes;
    for (const routing::Quote& quote : explained.quotes) {
        quotes.emplace_back(json::object{
            {"offer", quote.offer},
            {"model", quote.model},
            {"provider", quote.provider},
            {"kind", to_text(quote.kind)},
            {"verdict", to_text(quote.verdict)},
            {"place", quote.place},
            {"slots", quote.slots},
            {"likely", amount_json(quote.expected_report, currency)},
            {"at_most", amount_json(quote.hold_report, currency)}});
    }
    json::object root{
        {"schema", "evenkeel.route-explain/1"},
        {"model", asked.model},
        {"key", asked.key},
        {"tokens_in", asked.ask.tokens_in},
        {"tokens_out", asked.ask.tokens_out_guess},
        {"currency", currency.text()},
        {"route", explained.route->name},
        {"route_number", explained.route_number},
        {"quotes", std::move(quotes)},
        {"routes_not_tried", json::array(untried.begin(), untried.end())}};
    using std::chrono::duration_cast;
    using std::chrono::milliseconds;
    root["api_after_ms"] =
        explained.api_after ? json::value(duration_cast<milliseconds>(*explained.api_after).count())
                            : json::value(nullptr);
    root["gives_up_after_ms"] = duration_cast<milliseconds>(explained.gives_up_after).count();
    root["max_cost"] = amount_json(explained.max_cost_report, currency);
    json::array tags;
    for (const std::string_view tag :
         report::split_tags(asked.past ? asked.past->row.tags : std::string_view{})) {
        tags.emplace_back(tag);
    }
    root["past"] = asked.past ? json::value(json::object{
                                    {"id", request_id_text(asked.past->row.id)},
                                    {"tags", std::move(tags)},
                                    {"source", asked.past->source},
                                    {"kind", to_text(asked.past->row.kind)},
                                    {"route", asked.past->route},
                                    {"wait_ms", asked.past->row.wait.count()},
                                    {"ttft_ms", asked.past->row.ttft.count()},
                                    {"total_ms", asked.past->row.total.count()},
                                    {"paid", amount_text(asked.past->row.paid)},
                                    {"charged", amount_text(asked.past->row.charged)},
                                    {"paid_currency", asked.past->row.paid.currency().text()}})
                              : json::value(nullptr);
    return json::serialize(root);
}

}  // namespace

int route_explain(const Globals& globals, const RouteArguments& arguments) {
    if (arguments.request.empty() == arguments.model.empty()) {
        std::cerr << "evenkeel: say either the id of a past request, or --model and what else a "
                     "request would be\n";
        return Exit::usage;
    }
    Asked asked;
    if (const auto filled = fill(globals, arguments, asked); !filled) {
        return report(filled.error());
    }
    const agent::SystemClock clock;
    const auto config = read_checked(globals, clock);
    if (!config) {
        std::cerr << "evenkeel: " << config.error().message << '\n';
        return Exit::configuration;
    }
    const Currency currency = config->currency.report;
    routing::NameTable names;
    const auto catalogue = routing::compile(*config, 0, names);
    const Now now = clock.read();
    asked.ask.now = now.boot;
    asked.ask.today = std::chrono::floor<std::chrono::days>(now.utc);
    const auto explained = routing::quote(*catalogue, asked.ask);
    if (!explained) {
        report(explained.error());
        return explained.error().code == Errc::refused ? Exit::refused : Exit::failed;
    }
    const auto untried = passed_over(*config, asked);
    std::cout
        << (globals.json ? explain_json(asked, *explained, untried, currency) + "\n"
                         : explain_text(asked, *explained, untried, globals.utc, currency));
    return Exit::done;
}

}  // namespace evenkeel::cli
