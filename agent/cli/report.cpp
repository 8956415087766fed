#include "agent/cli/actions.hpp"
#include "agent/cli/daemon_client.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/text.hpp"
#include "agent/config/reading.hpp"
#include "agent/report/requests.hpp"
#include "agent/report/spend.hpp"
#include "agent/service/clock.hpp"

#include <fmt/format.h>

#include <expected>
#include <iostream>
#include <utility>

namespace evenkeel::cli {

namespace {

/// The dearest model of the configuration that an API sells: what everything would have cost there.
void name_api(const config::Config& config, report::SpendOptions& options) {
    for (const config::Model& model : config.models) {
        for (const config::Offer& offer : model.offers) {
            const bool dearer =
                offer.token_price &&
                (!options.api_price || offer.token_price->out.per_display_unit().nanos() >
                                           options.api_price->out.per_display_unit().nanos());
            if (dearer) {
                options.api_label = offer.name;
                options.api_price = offer.token_price;
            }
        }
    }
}

constexpr std::int64_t shown_as_text = 50;

int list_requests(
    const Globals& globals, ledger::Reader& reader, const report::RequestsAsked& asked) {
    using enum Table::Align;
    Table table{
        {{"AT", left},
         {"REQUEST", left},
         {"KEY", left},
         {"MODEL", left},
         {"SOURCE", left},
         {"WAIT", right},
         {"TIME", right},
         {"IN", right},
         {"OUT", right},
         {"PAID", right},
         {"OUTCOME", left},
         {"TAGS", left}}};
    const auto or_dash = [](const std::string& text) { return text.empty() ? "-" : text; };
    const auto read = report::each_request(reader, asked, [&](const report::RequestLine& line) {
        const ledger::RequestView& row = line.row;
        table.add(
            {moment_text(row.at, globals.utc),
             request_id_text(row.id),
             or_dash(line.key),
             or_dash(line.model),
             or_dash(line.source),
             duration_text(row.wait),
             duration_text(row.total),
             count_text(row.usage.prompt),
             count_text(row.usage.completion),
             money_text(row.paid, 6),
             std::string{to_text(row.outcome)},
             or_dash(row.tags)});
    });
    if (!read) {
        return report(read.error());
    }
    std::cout << (table.empty() ? "no request in this time\n" : table.text());
    return Exit::done;
}

/// The ledger as it says of itself, and the zone that days are meant in.
struct Books {
    ledger::Reader reader;
    ledger::Summary summary{};
    ledger::Zone zone{};
};

std::expected<Books, int> open_books(const Globals& globals) {
    auto reader = ledger::Reader::open(globals.state);
    if (!reader) {
        return std::unexpected{report(reader.error())};
    }
    auto summary = reader->summary();
    if (!summary) {
        return std::unexpected{report(summary.error())};
    }
    auto zone = ledger::Zone::load(globals.utc ? "UTC" : summary->zone);
    if (!zone) {
        return std::unexpected{report(zone.error())};
    }
    return Books{std::move(*reader), std::move(*summary), std::move(*zone)};
}

int export_requests(
    const Globals& globals, ledger::Reader& reader, const report::RequestsAsked& asked) {
    bool begun = false;
    const auto begin = [&] {
        const bool is_first = !std::exchange(begun, true);
        if (is_first) {
            std::cout
                << (globals.json ? R"({"schema":"evenkeel.requests/1","requests":[)"
                                 : report::requests_csv_head);
        }
        return is_first;
    };
    const auto read = report::each_request(reader, asked, [&](const report::RequestLine& line) {
        const bool is_first = begin();
        if (globals.json) {
            std::cout << (is_first ? "" : ",") << report::request_json(line);
        } else {
            std::cout << report::request_csv(line);
        }
    });
    if (!read) {
        return report(read.error());  // and what was begun stays visibly unfinished
    }
    begin();
    std::cout << (globals.json ? "]}\n" : "");
    return Exit::done;
}

}  // namespace

int report_spend(const Globals& globals, const std::string& by) {
    const auto grouping = report::spend_by_from(by);
    if (!grouping) {
        std::cerr << "evenkeel: --by takes source, model, key, route, provider or tag, not '" << by
                  << "'\n";
        return Exit::usage;
    }
    auto books = open_books(globals);
    if (!books) {
        return books.error();
    }
    const Now now = agent::SystemClock{}.read();
    report::SpendOptions options{
        .now = now.utc, .by = *grouping, .currency = books->summary.report};
    options.zone = std::move(books->zone);
    if (!globals.since.empty()) {
        options.since = globals.since;
    }
    if (!globals.until.empty()) {
        options.until = globals.until;
    }
    // Rates and API prices come from the configuration when it is there; the ledger has the rest.
    if (const auto reading = agent::read_configuration(globals.config, now.utc);
        reading && reading->loaded) {
        options.rates = reading->loaded->config.currency;
        name_api(reading->loaded->config, options);
    }
    const auto spend = report::make_spend(books->reader, options);
    if (!spend) {
        return report(spend.error());
    }
    std::cout
        << (globals.json  ? report::spend_json(*spend)
            : globals.csv ? report::spend_csv(*spend)
                          : report::spend_text(*spend));
    if (globals.json) {
        std::cout << '\n';
    }
    return Exit::done;
}

int report_requests(const Globals& globals, const RequestsArguments& arguments) {
    auto books = open_books(globals);
    if (!books) {
        return books.error();
    }
    const auto days = report::days_between(
        globals.since.empty() ? "0d" : globals.since,
        globals.until.empty() ? std::optional<std::string>{} : globals.until,
        agent::SystemClock{}.read().utc,
        books->zone);
    if (!days) {
        return report(days.error());
    }
    const auto [since, until] = report::instants(*days, books->zone);
    const bool as_text = !globals.json && !globals.csv;
    const report::RequestsAsked asked{
        .since = since,
        .until = until,
        .key = arguments.key,
        .tag = arguments.tag,
        .limit = arguments.limit > 0 ? arguments.limit
                 : as_text           ? shown_as_text
                                     : 0};
    return as_text ? list_requests(globals, books->reader, asked)
                   : export_requests(globals, books->reader, asked);
}

}  // namespace evenkeel::cli
