#include "agent/cli/actions.hpp"
#include "agent/cli/daemon_client.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/report_books.hpp"
#include "agent/cli/text.hpp"
#include "agent/report/forecast.hpp"
#include "agent/report/idle.hpp"
#include "agent/report/requests.hpp"
#include "agent/report/savings.hpp"
#include "agent/report/spend_days.hpp"
#include "agent/service/clock.hpp"

#include <fmt/format.h>

#include <iostream>
#include <utility>

namespace evenkeel::cli {

namespace {

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

/// Says a report the way the flags ask for it, or why there is none.
template <class Made>
int say(
    const Globals& globals,
    const Result<Made>& made,
    const auto& as_json,
    const auto& as_csv,
    const auto& as_text) {
    if (!made) {
        return report(made.error());
    }
    if (globals.json) {
        std::cout << as_json(*made) << '\n';
    } else {
        std::cout << (globals.csv ? as_csv(*made) : as_text(*made));
    }
    return Exit::done;
}

/// Opens what a report reads and makes it; what is wrong with the flags is said before.
int with_books(const Globals& globals, const ReportArguments& arguments, const auto& make) {
    if (!check(arguments)) {
        return Exit::usage;
    }
    auto books = open_books(globals);
    if (!books) {
        return books.error();
    }
    return check_days(globals, books->zone)
               ? make(*books, report_options(globals, arguments, *books))
               : Exit::usage;
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

int report_spend(const Globals& globals, const ReportArguments& arguments) {
    return with_books(globals, arguments, [&](Books& books, const report::SpendOptions& options) {
        if (arguments.days) {
            return say(
                globals,
                report::make_spend_days(books.reader, options),
                report::spend_days_json,
                report::spend_days_csv,
                report::spend_days_text);
        }
        if (arguments.hours) {
            const auto asked = report::hours_asked(books.reader, options);
            if (!asked && asked.error().code == Errc::invalid_argument) {
                return wrong_flag(asked.error());
            }
            return say(
                globals,
                report::make_spend_hours(books.reader, options),
                report::spend_hours_json,
                report::spend_hours_csv,
                [&](const report::SpendHours& hours) {
                    return report::spend_hours_text(hours, options.shown.value_or(options.zone));
                });
        }
        return say(
            globals,
            report::make_spend(books.reader, options),
            report::spend_json,
            report::spend_csv,
            report::spend_text);
    });
}

int report_savings(const Globals& globals, const ReportArguments& arguments) {
    return with_books(globals, arguments, [&](Books& books, const report::SpendOptions& options) {
        return say(
            globals,
            report::make_savings(books.reader, books.configuration(), options),
            report::savings_json,
            report::savings_csv,
            report::savings_text);
    });
}

int report_idle(const Globals& globals, const ReportArguments& arguments) {
    return with_books(globals, arguments, [&](Books& books, const report::SpendOptions& options) {
        return say(
            globals,
            report::make_idle(books.reader, options),
            report::idle_json,
            report::idle_csv,
            report::idle_text);
    });
}

int report_forecast(const Globals& globals, const ReportArguments& arguments) {
    if (!globals.since.empty() || !globals.until.empty()) {
        std::cerr << "evenkeel: the forecast is of this month and each budget's own window: leave "
                     "--since and --until out\n";
        return Exit::usage;
    }
    return with_books(globals, arguments, [&](Books& books, const report::SpendOptions& options) {
        return say(
            globals,
            report::make_forecast(books.reader, books.configuration(), options),
            report::forecast_json,
            report::forecast_csv,
            report::forecast_text);
    });
}

int report_requests(
    const Globals& globals, const ReportArguments& report, const RequestsArguments& arguments) {
    if (!report.currency.empty()) {
        std::cerr << "evenkeel: single requests are told in the currency that was paid: leave "
                     "--currency out\n";
        return Exit::usage;
    }
    auto books = open_books(globals);
    if (!books) {
        return books.error();
    }
    const auto last = given(globals.until);
    const auto days = report::days_between(
        globals.since.empty() ? last.value_or("0d") : globals.since,
        last,
        agent::SystemClock{}.read().utc,
        books->zone);
    if (!days) {
        return wrong_flag(days.error());
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
