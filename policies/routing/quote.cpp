#include "policies/routing/quote.hpp"

#include "policies/routing/consider.hpp"

#include <algorithm>

namespace evenkeel::routing {

namespace {

/// What the plan did with an API, once it is known that it may be bought.
void place(const gate::Arrival& arrival, NameIx source, Quote& quote) {
    quote.verdict = QuoteVerdict::no_room;
    for (std::size_t i = 0; i < arrival.api_count; ++i) {
        if (arrival.apis[i].source == source) {
            quote.verdict = QuoteVerdict::api;
            quote.place = static_cast<int>(i) + 1;
        }
    }
}

void judge_api(
    const Catalogue& catalogue,
    const Considered& considered,
    const Catalogue::ModelEntry& entry,
    const gate::Arrival* arrival,
    Quote& quote) {
    const auto api = std::ranges::find(entry.apis, quote.offer, &ApiOffer::offer);
    const auto priced =
        api == entry.apis.end() ? std::nullopt : price(catalogue, *api, considered.ask);
    if (!priced) {
        quote.verdict = QuoteVerdict::no_price;
        return;
    }
    if (api->is_retired(considered.ask.today)) {
        quote.verdict = QuoteVerdict::retired;
        return;
    }
    quote.expected_report = priced->choice.expected_report;
    quote.hold_report = priced->most_report;
    if (considered.route->stay_own) {
        quote.verdict = QuoteVerdict::at_home;
    } else if (considered.bounds.max_cost && priced->most_report > *considered.bounds.max_cost) {
        quote.verdict = QuoteVerdict::too_dear;
    } else if (arrival != nullptr) {
        place(*arrival, api->source, quote);
    }
}

}  // namespace

std::string_view to_text(QuoteVerdict verdict) noexcept {
    switch (verdict) {
        case QuoteVerdict::worker:
            return "worker";
        case QuoteVerdict::api:
            return "api";
        case QuoteVerdict::at_home:
            return "at_home";
        case QuoteVerdict::too_dear:
            return "too_dear";
        case QuoteVerdict::no_price:
            return "no_price";
        case QuoteVerdict::retired:
            return "retired";
        case QuoteVerdict::no_room:
            return "no_room";
        case QuoteVerdict::other_queue:
            return "other_queue";
    }
    return "";
}

Result<Explanation> quote(const Catalogue& catalogue, const Ask& ask) {
    const auto considered = consider(catalogue, ask);
    if (!considered) {
        return std::unexpected{considered.error()};
    }
    const config::Config& config = catalogue.config;
    const auto made = plan(catalogue, ask);  // without one nothing is left: each quote says why
    const gate::Arrival* arrival = made ? &made->arrival : nullptr;
    Explanation out{
        .route = considered->route,
        .route_number = static_cast<std::size_t>(considered->route - config.routes.data()),
        .max_cost_report = considered->bounds.max_cost};
    if (arrival != nullptr) {
        out.gives_up_after = arrival->give_up_at - ask.now;
        if (arrival->overflow_at != BootTime::max()) {
            out.api_after = arrival->overflow_at - ask.now;
        }
    }
    for (const Catalogue::ModelEntry* entry : considered->models.all()) {
        for (const config::Offer& offer : entry->model->offers) {
            const config::Provider* provider = config.provider(offer.on);
            if (provider == nullptr) {
                continue;
            }
            Quote quote{
                .offer = offer.name,
                .model = entry->model->name,
                .provider = offer.on,
                .kind = kind_of(provider->kind),
                .retires = offer.retires};
            if (quote.kind == SourceKind::api) {
                judge_api(catalogue, *considered, *entry, arrival, quote);
            } else {
                quote.slots = offer.slots;
                quote.verdict = quote.kind == SourceKind::rental && considered->route->stay_own
                                    ? QuoteVerdict::at_home
                                : arrival != nullptr && arrival->model != entry->ix
                                    ? QuoteVerdict::other_queue
                                    : QuoteVerdict::worker;
            }
            out.quotes.push_back(std::move(quote));
        }
    }
    return out;
}

}  // namespace evenkeel::routing
