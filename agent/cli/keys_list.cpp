#include "agent/cli/daemon_client.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/key_actions.hpp"
#include "agent/cli/text.hpp"
#include "agent/ledger/reader.hpp"
#include "agent/report/keys.hpp"
#include "agent/service/clock.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iostream>

namespace evenkeel::cli {

namespace {

/// "A$100.00/mo".
std::string limit_column(const ledger::KeyTerms& terms) {
    if (!terms.money) {
        return "none";
    }
    const std::string_view per = report::window_text(terms.money->per);
    return fmt::format("{}/{}", money_text(terms.money->amount), per == "month" ? "mo" : per);
}

/// "60 req/min, 200k tok/min, 8 at once".
std::string rates_column(const config::RequestLimit& rate) {
    std::vector<std::string> parts;
    const auto per_minute = [&](std::int64_t count, std::string_view unit) {
        if (count > 0) {
            const std::string text = agent::per_minute_text(count);
            parts.push_back(fmt::format("{} {}/min", text.substr(0, text.find('/')), unit));
        }
    };
    per_minute(rate.requests_min, "req");
    per_minute(rate.tokens_min, "tok");
    if (rate.in_flight > 0) {
        parts.push_back(fmt::format("{} at once", rate.in_flight));
    }
    return parts.empty() ? "none" : fmt::format("{}", fmt::join(parts, ", "));
}

std::string last_used_column(const std::optional<UtcTime>& at, UtcTime now, bool utc) {
    using namespace std::chrono_literals;
    if (!at) {
        return "never";
    }
    const auto ago = std::chrono::duration_cast<std::chrono::milliseconds>(now - *at);
    return ago < 1min ? "now" : ago < 24h ? duration_text(ago) + " ago" : time_text(*at, utc);
}

}  // namespace

int keys_list(const Globals& globals) {
    auto reader = ledger::Reader::open(globals.state);
    if (!reader) {
        return report(reader.error());
    }
    const UtcTime now = agent::SystemClock{}.read().utc;
    const auto uses = report::key_uses(*reader, now);
    if (!uses) {
        return report(uses.error());
    }
    using enum Table::Align;
    Table table{
        {{"NAME", left},
         {"PREFIX", left},
         {"CREATED", left},
         {"LAST USED", left},
         {"MONTH", right},
         {"USED", right},
         {"LIMIT", right},
         {"RATES", left},
         {"ROUTES", left},
         {"TEAM", left},
         {"EXPIRES", left}}};
    for (const report::KeyUse& use : *uses) {
        const ledger::KeyTerms& terms = use.row.terms;
        const bool expired = terms.expires && *terms.expires <= now;
        table.add(
            {use.row.name,
             use.row.prefix + "…",
             time_text(use.row.created, globals.utc),
             last_used_column(use.last_used, now, globals.utc),
             money_text(use.month),
             use.used ? money_text(*use.used) : "-",
             limit_column(terms),
             rates_column(terms.rate),
             terms.routes.empty() ? "all" : fmt::format("{}", fmt::join(terms.routes, ",")),
             terms.team.empty() ? "-" : terms.team,
             expired         ? "expired"
             : terms.expires ? time_text(*terms.expires, globals.utc)
                             : "never"});
    }
    if (globals.json) {
        std::cout << report::keys_json(*uses) << '\n';
    } else {
        std::cout
            << (globals.csv     ? table.csv()
                : table.empty() ? std::string{"No client key yet: evenkeel keys create NAME\n"}
                                : table.text());
    }
    return Exit::done;
}

}  // namespace evenkeel::cli
