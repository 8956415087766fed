#include "agent/cli/actions.hpp"
#include "agent/cli/daemon_client.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/config/reading.hpp"
#include "agent/report/spend.hpp"
#include "agent/service/clock.hpp"

#include <fmt/format.h>

#include <iostream>

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

}  // namespace

int report_spend(const Globals& globals, const std::string& by) {
    const auto grouping = report::spend_by_from(by);
    if (!grouping) {
        std::cerr << "evenkeel: --by takes source, model, key, route or provider, not '" << by
                  << "'\n";
        return Exit::usage;
    }
    auto reader = ledger::Reader::open(globals.state);
    if (!reader) {
        return report(reader.error());
    }
    const auto summary = reader->summary();
    if (!summary) {
        return report(summary.error());
    }
    const Now now = agent::SystemClock{}.read();
    report::SpendOptions options{.now = now.utc, .by = *grouping, .currency = summary->report};
    auto zone = ledger::Zone::load(globals.utc ? "UTC" : summary->zone);
    if (!zone) {
        return report(zone.error());
    }
    options.zone = std::move(*zone);
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
    const auto spend = report::make_spend(*reader, options);
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

}  // namespace evenkeel::cli
