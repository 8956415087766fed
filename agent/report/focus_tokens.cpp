// Rows of requests: those that were paid for, by kind of token, and those that were not.
#include "agent/report/focus_cells.hpp"
#include "agent/report/focus_rows.hpp"
#include "agent/report/requests.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace evenkeel::report {

using namespace focus;

const ledger::PriceSeen* FocusRows::price_at(
    const std::string& offer, std::string_view meter, UtcTime at) const {
    const auto found = prices_.find({offer, std::string{meter}});
    if (found == prices_.end()) {
        return nullptr;
    }
    const auto& all = found->second;
    const auto after =
        std::ranges::find_if(all, [&](const ledger::PriceSeen& seen) { return seen.from > at; });
    return after == all.begin() ? &all.front() : &*std::prev(after);
}

void FocusRows::name_request(FocusRow& row, const ledger::RequestView& request) const {
    namespace json = boost::json;
    json::object tags{{"key", text(request.key)}, {"route", text(request.route)}};
    for (const std::string_view tag : split_tags(request.tags)) {
        const std::size_t equals = tag.find('=');
        if (equals != std::string_view::npos && !tags.contains(tag.substr(0, equals))) {
            tags[tag.substr(0, equals)] = tag.substr(equals + 1);
        }
    }
    row[Focus::tags] = json::serialize(tags);
    row[Focus::sub_account_id] = text(request.key);
    row[Focus::sub_account_name] = text(request.key);
    row[Focus::model] = text(request.model);
    row[Focus::sku_id] = text(request.model);
    row[Focus::service_category] = "AI and Machine Learning";
    row[Focus::service_subcategory] = "Generative AI";
}

void FocusRows::add_paid(
    const ledger::TxView& tx,
    const ledger::PostingView& posting,
    const ledger::RequestView* request,
    std::vector<FocusRow>& rows) {
    const std::string source{last_part(posting.account)};
    const UtcTime at = request != nullptr ? request->at : id_time(tx.ref);
    const auto provider = provider_of_source_.find(source);
    const auto begin = [&](Money billed, Money list) {
        FocusRow row = blank(posting.amount.currency());
        set_tx(row, tx, posting);
        set_hour(row, at);
        set_costs(row, billed, billed, list);
        row[Focus::allocated_cost] = amount_text(billed);
        row[Focus::service_category] = "AI and Machine Learning";
        row[Focus::service_subcategory] = "Generative AI";
        name_seller(
            row,
            provider == provider_of_source_.end() || provider->second.empty() ? source
                                                                              : provider->second);
        row[Focus::resource_type].clear();
        return row;
    };
    const auto whole = [&](std::string_view words, std::string_view sku) {
        FocusRow& row = rows.emplace_back(begin(posting.amount, posting.amount));
        if (request != nullptr) {
            name_request(row, *request);
        }
        const std::string model = row[Focus::model].empty() ? source : row[Focus::model];
        row[Focus::charge_description] = fmt::format("{} {}", model, words);
        row[Focus::sku_meter] = sku;
        set_tokens(row, posting.quantity);
    };
    if (request == nullptr) {
        return whole("tokens; the request itself was deleted by age", "tokens");
    }
    const Usage& usage = request->usage;
    const std::array<Meter, 4> meters{
        {{"input tokens",
          "in",
          "input",
          std::max<std::int64_t>(usage.prompt - usage.cached - usage.cache_write, 0),
          Focus::input_tokens},
         {"cache read tokens", "cached", "cache read", usage.cached, Focus::cached_tokens},
         {"cache write tokens",
          "cache_write",
          "cache write",
          usage.cache_write,
          Focus::input_tokens},
         {"output tokens", "out", "output", usage.completion, Focus::output_tokens}}};
    struct Part {
        const Meter* meter{nullptr};
        const ledger::PriceSeen* price{nullptr};
        std::int64_t weight{0};
    };
    std::vector<Part> parts;
    std::int64_t weights = 0;
    bool all_priced = true;
    for (const Meter& meter : meters) {
        if (meter.tokens == 0) {
            continue;
        }
        const ledger::PriceSeen* price = price_at(source, meter.meter, at);
        const ledger::PriceSeen* like =
            price != nullptr || meter.meter == "out" ? price : price_at(source, "in", at);
        const bool fits = like != nullptr && like->price.currency() == posting.amount.currency();
        all_priced = all_priced && fits;
        const std::int64_t cost =
            fits ? like->price.cost(meter.tokens, Rounding::half_even).nanos() : 0;
        parts.push_back({&meter, fits ? like : nullptr, cost});
        weights += cost;
    }
    if (parts.empty()) {
        return whole("money set aside that a crash left open", "hold");
    }
    if (!all_priced || weights == 0) {
        weights = 0;
        for (Part& part : parts) {
            part.weight = part.meter->tokens;
            weights += part.weight;
        }
    }
    // Telescoped, so that the parts sum to what was paid exactly.
    std::int64_t so_far = 0;
    std::int64_t given = 0;
    for (const Part& part : parts) {
        so_far += part.weight;
        const std::int64_t until =
            mul_div(posting.amount.nanos(), so_far, weights, Rounding::half_even).value_or(given);
        const Money billed{until - given, posting.amount.currency()};
        given = until;
        const Money list = part.price != nullptr
                               ? part.price->price.cost(part.meter->tokens, Rounding::half_even)
                               : billed;
        FocusRow& row = rows.emplace_back(begin(billed, list));
        name_request(row, *request);
        row[Focus::charge_description] = fmt::format("{} {}", row[Focus::model], part.meter->words);
        row[Focus::sku_meter] = part.meter->sku;
        row[part.meter->tokens_column] = std::to_string(part.meter->tokens);
        set_tokens(row, part.meter->tokens);
        if (part.price != nullptr) {
            set_unit_price(row, part.price->price);
            row[Focus::price_seen] = time_text(part.price->seen);
        }
    }
}

FocusRow FocusRows::of_unpaid(const ledger::RequestView& request, std::optional<Money> share) {
    const Currency currency =
        !share || share->currency().is_none() ? request.paid.currency() : share->currency();
    FocusRow row = blank(currency);
    set_hour(row, request.at);
    const Money nothing{0, currency};
    set_costs(row, nothing, nothing, nothing);
    const std::string source = text(request.source);
    const auto machine = machine_at_.find(request.machine.value());
    if (request.kind == SourceKind::own) {
        name_owner(row, source);
    } else {
        const auto provider = provider_of_source_.find(source);
        name_seller(row, provider == provider_of_source_.end() ? source : provider->second);
        row[Focus::resource_name] = source;
    }
    if (machine != machine_at_.end()) {
        name_machine(row, machine->second);
    }
    name_request(row, request);
    row[Focus::charge_description] = fmt::format("{} tokens on {}", row[Focus::model], source);
    set_tokens(row, request.usage.prompt + request.usage.completion);
    row[Focus::sku_meter] = "tokens";
    row[Focus::input_tokens] = std::to_string(request.usage.prompt - request.usage.cached);
    row[Focus::cached_tokens] = std::to_string(request.usage.cached);
    row[Focus::output_tokens] = std::to_string(request.usage.completion);
    if (share) {
        row[Focus::allocated_cost] = amount_text(Money{share->nanos(), currency});
    }
    return row;
}

}  // namespace evenkeel::report
