#include "policies/routing/catalogue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace evenkeel::routing {

NameIx NameTable::intern(NameKind kind, std::string_view text) {
    if (const NameIx known = find(kind, text); known != NameIx{}) {
        return known;
    }
    const NameIx ix = append(kind, text);
    if (on_new_) {
        on_new_(ix, kind, text);
    }
    return ix;
}

NameIx NameTable::append(NameKind kind, std::string_view text) {
    const NameIx ix{static_cast<std::int32_t>(entries_.size() + 1)};
    index_.emplace(std::pair{kind, std::string{text}}, ix);
    entries_.push_back({.kind = kind, .text = std::string{text}});
    return ix;
}

NameIx NameTable::find(NameKind kind, std::string_view text) const {
    const auto it = index_.find(std::pair{kind, std::string{text}});
    return it == index_.end() ? NameIx{} : it->second;
}

void NameTable::restore(NameIx ix, NameKind kind, std::string_view text) {
    if (ix.value() != static_cast<std::int32_t>(entries_.size() + 1) ||
        find(kind, text) != NameIx{}) {
        throw std::logic_error{"the stored names have a hole, or one of them twice"};
    }
    static_cast<void>(append(kind, text));
}

const NameTable::Entry& NameTable::entry(NameIx ix) const {
    return entries_.at(static_cast<std::size_t>(ix.value()) - 1);
}

const Catalogue::ModelEntry* Catalogue::model(std::string_view name_or_alias) const noexcept {
    const config::Model* found = config.model(name_or_alias);
    return found == nullptr ? nullptr
                            : &models[static_cast<std::size_t>(found - config.models.data())];
}

const ApiOffer* Catalogue::api(NameIx source) const noexcept {
    for (const ModelEntry& entry : models) {
        const auto it = std::ranges::find(entry.apis, source, &ApiOffer::source);
        if (it != entry.apis.end()) {
            return &*it;
        }
    }
    return nullptr;
}

bool is_charged_internally(const config::Config& config, std::string_view model) {
    const config::Model* found = config.model(model);
    return found != nullptr && found->internal_price.has_value();
}

Result<std::int64_t> to_report(
    const config::CurrencyRules& rules, Money amount, Rounding rounding) {
    if (amount.is_zero() || amount.currency() == rules.report) {
        return amount.nanos();
    }
    const auto rate = rules.rates.find(amount.currency());
    if (rate == rules.rates.end()) {
        return fail(
            Errc::not_found,
            fmt::format(
                "no rate from {} to {}: add it under currency.rates",
                amount.currency().text(),
                rules.report.text()));
    }
    const auto nanos = mul_div(amount.nanos(), rate->second.rate_nanos, 1'000'000'000, rounding);
    if (!nanos) {
        return fail(Errc::invalid_argument, "an amount is beyond 9.2 billion");
    }
    return *nanos;
}

}  // namespace evenkeel::routing
