#include "agent/report/prices.hpp"

#include "agent/report/nodes.hpp"
#include "providers/http/rfc3339.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::report {

namespace json = boost::json;

namespace {

std::optional<std::chrono::milliseconds> age_max_of(
    const config::Config& config, const config::Offer& offer) {
    std::optional<std::chrono::milliseconds> least;
    for (const config::Scaling& rule : config.scaling) {
        if (std::ranges::find(rule.offers, offer.name) != rule.offers.end()) {
            least = std::min(least.value_or(rule.max_price_age), rule.max_price_age);
        }
    }
    return least;
}

std::optional<UtcTime> day_of(const std::optional<config::Date>& date) {
    return date ? std::optional{UtcTime{std::chrono::sys_days{*date}}} : std::nullopt;
}

json::object to_json(const PriceRow& row, UtcTime now) {
    json::array prices;
    for (const auto& [meter, price] : row.prices) {
        prices.emplace_back(json::object{
            {"meter", meter},
            {"amount", amount_text(price.per_display_unit())},
            {"currency", price.currency().text()},
            {"unit", display_suffix(price.unit())}});
    }
    json::object object{
        {"offer", row.offer},
        {"model", row.model},
        {"provider", row.provider},
        {"what", row.what},
        {"prices", std::move(prices)},
        {"source", row.measured ? "seen" : "configured"},
        {"stale", row.stale(now)}};
    using std::chrono::duration_cast;
    using std::chrono::seconds;
    object["seen"] = row.seen ? json::value(providers::format_rfc3339(*row.seen)) : json::value();
    object["age_s"] =
        row.seen ? json::value(duration_cast<seconds>(now - *row.seen).count()) : json::value();
    object["age_max_s"] =
        row.age_max ? json::value(duration_cast<seconds>(*row.age_max).count()) : json::value();
    return object;
}

}  // namespace

SeenPrice prices_in(ledger::Reader& reader) {
    return [seen = reader.prices().value_or(std::vector<ledger::PriceSeen>{}),
            names = reader.names().value_or(std::vector<ledger::NameRow>{})](
               const config::Offer& offer) -> std::optional<std::pair<Price, UtcTime>> {
        const auto found = std::ranges::find_if(seen, [&](const ledger::PriceSeen& row) {
            return row.meter == "hour" && name_text(names, row.offer) == offer.name;
        });
        return found == seen.end() ? std::nullopt
                                   : std::optional{std::pair{found->price, found->seen}};
    };
}

std::vector<PriceRow> price_rows(const config::Config& config, const SeenPrice& seen) {
    std::vector<PriceRow> rows;
    for (const config::Model& model : config.models) {
        for (const config::Offer& offer : model.offers) {
            const config::Provider* provider = config.provider(offer.on);
            PriceRow row{
                .offer = offer.name,
                .model = model.name,
                .provider = offer.on,
                .what = offer.gpu.empty() ? offer.model : offer.gpu,
                .seen = day_of(offer.seen)};
            if (provider != nullptr && provider->kind == config::ProviderKind::rental) {
                row.age_max = age_max_of(config, offer);
                if (const auto found = seen(offer)) {
                    row.prices = {{"hour", found->first}};
                    row.seen = found->second;
                    row.measured = true;
                } else if (offer.hour_price) {
                    row.prices = {{"hour", *offer.hour_price}};
                } else {
                    row.seen.reset();
                }
                rows.push_back(std::move(row));
            } else if (offer.token_price) {
                row.prices = {{"in", offer.token_price->in}, {"out", offer.token_price->out}};
                if (offer.token_price->cached) {
                    row.prices.emplace_back("cached", *offer.token_price->cached);
                }
                if (offer.token_price->cache_write) {
                    row.prices.emplace_back("cache_write", *offer.token_price->cache_write);
                }
                for (const config::PriceTier& tier : offer.token_price->tiers) {
                    const auto add = [&](std::string_view meter, const Price& price) {
                        row.prices.emplace_back(fmt::format("{} over {}", meter, tier.over), price);
                    };
                    add("in", tier.in);
                    add("out", tier.out);
                    if (tier.cached) {
                        add("cached", *tier.cached);
                    }
                    if (tier.cache_write) {
                        add("cache_write", *tier.cache_write);
                    }
                }
                rows.push_back(std::move(row));
            }
        }
    }
    return rows;
}

std::string prices_json(const std::vector<PriceRow>& rows, UtcTime now) {
    json::array prices;
    for (const PriceRow& row : rows) {
        prices.emplace_back(to_json(row, now));
    }
    return json::serialize(
        json::object{{"schema", "evenkeel.prices/1"}, {"prices", std::move(prices)}});
}

std::string refreshed_json(const std::vector<Refreshed>& answers) {
    json::array providers;
    for (const Refreshed& answer : answers) {
        json::array offers;
        for (const providers::MarketOffer& offer : answer.offers) {
            json::object object{
                {"sku", offer.sku},
                {"region", offer.region},
                {"gpu", offer.gpu},
                {"gpu_count", offer.gpu_count},
                {"in_stock", offer.in_stock},
                {"seen", providers::format_rfc3339(offer.seen)}};
            const bool priced = !offer.price.currency().is_none();
            object["amount"] =
                priced ? json::value(amount_text(offer.price.per_display_unit())) : json::value();
            object["currency"] = offer.price.currency().text();
            offers.emplace_back(std::move(object));
        }
        json::object object{
            {"provider", answer.provider},
            {"ok", !answer.error.has_value()},
            {"offers", std::move(offers)}};
        object["error"] = answer.error ? json::value(answer.error->message) : json::value();
        providers.emplace_back(std::move(object));
    }
    return json::serialize(
        json::object{{"schema", "evenkeel.prices-refresh/1"}, {"providers", std::move(providers)}});
}

}  // namespace evenkeel::report
