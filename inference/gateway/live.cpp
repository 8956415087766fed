// What can be seen of requests while they run.
#include "inference/gateway/client_request.hpp"
#include "inference/gateway/cost.hpp"
#include "inference/gateway/loop.hpp"

#include <algorithm>

namespace evenkeel::inference {

LiveRequest ClientRequest::live() const {
    const std::int64_t age = elapsed_ms();
    const bool granted = source_ != nullptr;
    LiveRequest seen{
        .id = id_,
        .key = record_.key,
        .model = record_.model,
        .source = granted ? record_.source : NameIx{},
        .kind = record_.kind,
        .wait_ms = granted ? record_.wait_ms : age,
        .age_ms = age};
    if (stream_ == nullptr) {
        return seen;
    }
    const Usage usage = usage_so_far(*stream_);
    seen.tokens_out = usage.completion + first_part_.completion;
    const routing::Catalogue& catalogue = *world_->catalogue;
    const bool is_api = record_.kind == SourceKind::api;
    const config::TokenPrices* price = price_of(is_api ? catalogue.api(record_.source) : nullptr);
    const auto cost =
        price == nullptr ? std::nullopt : token_cost(*price, usage, Rounding::half_even);
    if (cost) {
        const config::CurrencyRules& rules = catalogue.config.currency;
        const auto report = routing::to_report(rules, *cost, Rounding::half_even);
        seen.cost = report ? Money{*report, rules.report} : Money{};
    }
    return seen;
}

void Loop::live(std::size_t most, std::function<void(std::vector<LiveRequest>)> done) {
    post([this, most, done = std::move(done)] {
        std::vector<LiveRequest> seen;
        seen.reserve(std::min(most, requests_.size()));
        for (const auto& [cookie, request] : requests_) {
            if (seen.size() == most) {
                break;
            }
            seen.push_back(request->live());
        }
        done(std::move(seen));
    });
}

}  // namespace evenkeel::inference
