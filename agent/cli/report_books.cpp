#include "agent/cli/report_books.hpp"

#include "agent/cli/daemon_client.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/config/reading.hpp"
#include "agent/report/days.hpp"
#include "agent/service/clock.hpp"

#include <iostream>
#include <utility>

namespace evenkeel::cli {

std::optional<std::string> given(const std::string& text) {
    return text.empty() ? std::nullopt : std::optional{text};
}

std::expected<Books, int> open_books(const Globals& globals) {
    auto reader = ledger::Reader::open(globals.state);
    if (!reader) {
        return std::unexpected{report(reader.error())};
    }
    auto meta = reader->meta();
    if (!meta) {
        return std::unexpected{report(meta.error())};
    }
    auto zone = ledger::Zone::load(meta->zone);
    if (!zone) {
        return std::unexpected{report(zone.error())};
    }
    Books books{std::move(*reader), std::move(*meta), std::move(*zone)};
    if (auto reading =
            agent::read_configuration(globals.config, agent::SystemClock{}.read().utc);
        reading && reading->loaded) {
        books.config = std::move(reading->loaded->config);
    }
    return books;
}

int wrong_flag(const Error& error) {
    std::cerr << "evenkeel: " << error.message << '\n';
    return Exit::usage;
}

bool check_currency(std::string_view flag, const std::string& text) {
    const bool is_one = text.empty() || Currency::parse(text).has_value();
    if (!is_one) {
        std::cerr << "evenkeel: " << flag << " takes three capital letters such as AUD, not '"
                  << text << "'\n";
    }
    return is_one;
}

bool check(const ReportArguments& arguments) {
    if (!report::spend_by_from(arguments.by)) {
        std::cerr << "evenkeel: --by takes source, model, key, route, provider, machine or tag, "
                     "not '"
                  << arguments.by << "'\n";
        return false;
    }
    if (arguments.days && (arguments.by == "tag" || arguments.by == "machine")) {
        std::cerr << "evenkeel: days are not counted by " << arguments.by
                  << ": with --days, --by takes source, model, key, route or provider\n";
        return false;
    }
    return check_currency("--currency", arguments.currency);
}

bool check_days(const Globals& globals, const ledger::Zone& zone) {
    const auto days = report::days_between(
        given(globals.since),
        given(globals.until),
        agent::SystemClock{}.read().utc,
        zone);
    if (!days) {
        wrong_flag(days.error());
    }
    return days.has_value();
}

report::SpendOptions report_options(
    const Globals& globals, const ReportArguments& arguments, const Books& books) {
    report::SpendOptions options{
        .now = agent::SystemClock{}.read().utc,
        .by = report::spend_by_from(arguments.by).value_or(report::SpendBy::source),
        .zone = books.zone,
        .currency = Currency::parse(arguments.currency).value_or(books.meta.report)};
    options.since = given(globals.since);
    options.until = given(globals.until);
    if (globals.utc) {
        options.shown = ledger::Zone{};
    }
    if (books.config) {
        report::use_config(*books.config, options);
    }
    return options;
}

}  // namespace evenkeel::cli
