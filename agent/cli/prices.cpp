#include "agent/report/prices.hpp"

#include "agent/cli/daemon_client.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/json_fields.hpp"
#include "agent/cli/rentals.hpp"
#include "agent/cli/spending.hpp"
#include "agent/cli/text.hpp"
#include "agent/ledger/reader.hpp"
#include "agent/report/nodes.hpp"
#include "agent/service/clock.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <iostream>

namespace evenkeel::cli {

namespace json = boost::json;

namespace {

/// A driver's own limits end a call earlier.
constexpr std::chrono::seconds refresh_limit{100};

std::string price_cell(const json::object& row) {
    std::string text;
    for (const json::value& value : row.at("prices").as_array()) {
        const json::object& price = value.as_object();
        const std::string meter = text_field(price, "meter");
        const std::string amount =
            money_text(money_field(price, "amount", text_field(price, "currency")));
        text += (text.empty() ? "" : ", ") +
                (meter == "hour" ? amount + "/h" : fmt::format("{} {}", meter, amount));
    }
    return text.empty() ? "unknown" : text;
}

std::string render_prices(const json::object& root, bool csv) {
    using enum Table::Align;
    Table table{
        {{"OFFER", left},
         {"MODEL", left},
         {"PROVIDER", left},
         {"WHAT", left},
         {"PRICE", left},
         {"SEEN", left},
         {"AGE", right},
         {"SOURCE", left}}};
    for (const json::value& value : root.at("prices").as_array()) {
        const json::object& row = value.as_object();
        const bool seen = !row.at("seen").is_null();
        const bool stale = row.at("stale").as_bool();
        table.add(
            {text_field(row, "offer"),
             text_field(row, "model"),
             text_field(row, "provider"),
             text_field(row, "what"),
             price_cell(row),
             seen ? text_field(row, "seen").substr(0, 10) : "never",
             (seen ? duration_text(seconds_field(row, "age_s")) : "-") + (stale ? " (!)" : ""),
             text_field(row, "source")});
    }
    if (csv) {
        return table.csv();
    }
    std::string out = table.empty() ? "No offer of the configuration costs money.\n" : table.text();
    for (const json::value& value : root.at("prices").as_array()) {
        const json::object& row = value.as_object();
        if (row.at("stale").as_bool()) {
            out += fmt::format(
                "! {}: older than {}: nothing is rented at this price. evenkeel prices refresh "
                "{}\n",
                text_field(row, "offer"),
                duration_text(seconds_field(row, "age_max_s")),
                text_field(row, "provider"));
        }
    }
    return out;
}

std::string render_refreshed(const json::object& root, bool csv) {
    using enum Table::Align;
    Table table{
        {{"PROVIDER", left},
         {"SKU", left},
         {"REGION", left},
         {"GPU", left},
         {"PRICE", right},
         {"STOCK", left}}};
    for (const json::value& value : root.at("providers").as_array()) {
        const json::object& provider = value.as_object();
        for (const json::value& item : provider.at("offers").as_array()) {
            const json::object& offer = item.as_object();
            const std::int64_t count = number_field(offer, "gpu_count");
            const std::string currency = text_field(offer, "currency");
            table.add(
                {text_field(provider, "provider"),
                 text_field(offer, "sku"),
                 text_field(offer, "region"),
                 (count > 1 ? fmt::format("{} x ", count) : "") + text_field(offer, "gpu"),
                 offer.at("amount").is_null()
                     ? "unknown"
                     : money_text(money_field(offer, "amount", currency)) + "/h",
                 offer.at("in_stock").as_bool() ? "yes" : "no"});
        }
    }
    return csv ? table.csv() : table.empty() ? std::string{} : table.text();
}

/// Prints what was found; 5 when a provider did not answer, 2 when there is no such provider.
int show_refreshed(const Globals& globals, const std::string& document, const std::string& one) {
    int status = Exit::done;
    const auto text = render(document, [&](const json::object& root) {
        const json::array& providers = root.at("providers").as_array();
        if (providers.empty()) {
            std::cerr << "evenkeel: no provider of the configuration rents machines"
                      << (one.empty() ? "" : " under the name " + one) << '\n';
            status = one.empty() ? Exit::done : Exit::usage;
        }
        for (const json::value& value : providers) {
            const json::object& provider = value.as_object();
            if (!provider.at("ok").as_bool()) {
                std::cerr << fmt::format(
                    "evenkeel: {}: {}\n",
                    text_field(provider, "provider"),
                    text_field(provider, "error"));
                status = Exit::provider_failed;
            }
        }
        return render_refreshed(root, globals.csv);
    });
    const int shown = show(globals, document, text);
    return shown == Exit::done ? status : shown;
}

Result<std::string> prices_from_files(const Globals& globals) {
    const agent::SystemClock clock;
    const auto config = read_checked(globals, clock);
    if (!config) {
        return std::unexpected{config.error()};
    }
    // Without a ledger the configuration is all there is.
    report::SeenPrice seen = [](const config::Offer&) { return std::nullopt; };
    if (auto reader = ledger::Reader::open(globals.state)) {
        seen = report::prices_in(*reader);
    }
    const auto rows = report::price_rows(*config, seen);
    return report::prices_json(rows, clock.read().utc);
}

}  // namespace

Result<Document> prices_document(const Globals& globals) {
    auto document = ask(globals, "/api/prices");
    const bool without_agent = !document && document.error().code == Errc::unavailable;
    if (without_agent) {
        document = prices_from_files(globals);
    }
    if (!document) {
        return std::unexpected{document.error()};
    }
    return Document{.text = std::move(*document), .without_agent = without_agent};
}

int prices_list(const Globals& globals) {
    const auto document = prices_document(globals);
    if (!document) {
        // Of reading the configuration: the agent itself has no such answers.
        const Errc code = document.error().code;
        if (code == Errc::invalid_argument || code == Errc::not_found || code == Errc::io_failed) {
            std::cerr << "evenkeel: " << document.error().message << '\n';
            return Exit::configuration;
        }
        return report(document.error());
    }
    if (document->without_agent) {
        std::cerr << "evenkeel: the agent is not running; these are the configuration's prices and "
                     "those its ledger has seen\n";
    }
    const bool csv = globals.csv;
    return show(globals, document->text, render(document->text, [csv](const json::object& root) {
                    return render_prices(root, csv);
                }));
}

int prices_refresh(const Globals& globals, const std::string& provider) {
    const std::string body = json::serialize(json::object{{"provider", provider}});
    const auto answer = tell(globals, "/api/prices/refresh", body, refresh_limit);
    if (answer) {
        return show_refreshed(globals, *answer, provider);
    }
    if (answer.error().code != Errc::unavailable) {
        return report(answer.error());
    }
    const agent::SystemClock clock;
    const auto config = read_checked(globals, clock);
    if (!config) {
        std::cerr << "evenkeel: " << config.error().message << '\n';
        return Exit::configuration;
    }
    std::vector<report::Refreshed> answers;
    for (const Rental& rental : make_rentals(globals, *config, {}, clock, provider)) {
        report::Refreshed one{.provider = rental.name};
        auto offers =
            rental.driver ? (*rental.driver)->offers({}) : std::unexpected{rental.driver.error()};
        if (offers) {
            one.offers = std::move(*offers);
        } else {
            one.error = offers.error();
        }
        answers.push_back(std::move(one));
    }
    std::cerr << "evenkeel: the agent is not running; these prices are shown and not kept\n";
    return show_refreshed(globals, report::refreshed_json(answers), provider);
}

}  // namespace evenkeel::cli
