#include "agent/report/price_book.hpp"

#include "agent/report/days.hpp"

#include <algorithm>

namespace evenkeel::report {

Result<PriceBook> PriceBook::read(
    ledger::Reader& reader, const config::Config* config, const ledger::Zone& zone, Of of) {
    const auto rows = of == Of::all ? reader.price_history() : reader.token_prices();
    const auto names = reader.names();
    if (!rows || !names) {
        return std::unexpected{!rows ? rows.error() : names.error()};
    }
    PriceBook book;
    book.zone_ = zone;
    std::map<NameIx, std::string> offers;
    for (const ledger::NameRow& name : *names) {
        if (name.kind == routing::NameKind::offer) {
            offers.emplace(name.ix, name.text);
        }
    }
    for (const ledger::PriceSeen& row : *rows) {
        if (const auto offer = offers.find(row.offer); offer != offers.end()) {
            std::vector<Stated>& stated = book.prices_[{offer->second, row.meter}];
            stated.push_back(
                {.from = row.from,
                 .seen = row.seen,
                 .price = row.price,
                 .order = stated.size()});
        }
    }
    for (auto& [key, stated] : book.prices_) {
        std::ranges::sort(stated, {}, [](const Stated& one) {
            return std::pair{one.from, one.order};
        });
    }
    const auto state = [&](const config::Offer& offer, const char* meter, const Price& price) {
        const auto [entry, is_new] = book.prices_.try_emplace({offer.name, meter});
        if (is_new) {
            const UtcTime seen =
                offer.seen ? UtcTime{std::chrono::sys_days{*offer.seen}} : UtcTime{};
            entry->second.push_back(
                {.from = seen, .seen = seen, .price = price, .configured = true});
        }
    };
    for (const config::Model& model : config ? config->models : std::vector<config::Model>{}) {
        for (const config::Offer& offer : model.offers) {
            if (offer.token_price) {
                state(offer, "in", offer.token_price->in);
                state(offer, "out", offer.token_price->out);
            }
            if (offer.hour_price) {
                state(offer, "hour", *offer.hour_price);
            }
        }
    }
    return book;
}

std::set<std::string> PriceBook::offers_with(const std::vector<std::string>& meters) const {
    std::set<std::string> offers;
    for (const auto& [key, stated] : prices_) {
        const std::string& offer = key.first;
        if (std::ranges::all_of(
                meters, [&](const auto& meter) { return prices_.contains({offer, meter}); })) {
            offers.insert(offer);
        }
    }
    return offers;
}

std::optional<DayPrice> PriceBook::at(
    const std::string& offer, const std::string& meter, std::chrono::year_month_day day) const {
    const auto found = prices_.find({offer, meter});
    if (found == prices_.end()) {
        return std::nullopt;
    }
    const std::vector<Stated>& stated = found->second;
    const auto [start, end] = instants({day, day}, zone_);
    const auto after = std::ranges::lower_bound(stated, end, {}, &Stated::from);
    const Stated& best = after == stated.begin() ? stated.front() : *std::prev(after);
    using enum DayPrice::Match;
    DayPrice price{
        .price = best.price,
        .seen = best.seen,
        .match = after == stated.begin() ? later : best.seen < start ? earlier : that_day,
        .configured = best.configured};
    if (price.match == earlier) {
        const std::chrono::sys_days of_day{day};
        price.age_days = (of_day - std::chrono::sys_days{zone_.day(best.seen)}).count();
    }
    return price;
}

}  // namespace evenkeel::report
