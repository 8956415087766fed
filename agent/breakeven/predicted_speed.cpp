#include "agent/breakeven/predicted_speed.hpp"

#include "agent/control/renter.hpp"
#include "policies/capacity/known.hpp"
#include "policies/capacity/roofline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace evenkeel::agent {

namespace {

constexpr std::int64_t length = 4'096;  ///< of a sequence, prompt and half its answer
constexpr double prompts = 4;           ///< prompt tokens for each of an answer, as the seeds have

}  // namespace

std::optional<breakeven::Exact> PredictedSpeed::of(std::string_view gpu, std::string_view model) {
    if (const auto seed = tokens_per_s(gpu, model)) {
        return seed;
    }
    const config::Model* const entry = config_.model(model);
    const auto card = capacity::datasheet_speed(gpu);
    if (entry == nullptr || !card) {
        return std::nullopt;
    }
    const auto offer = std::ranges::find_if(entry->offers, [&](const config::Offer& each) {
        return each.gpu == gpu && !each.weights.empty();
    });
    if (offer == entry->offers.end()) {
        return std::nullopt;
    }
    const auto work =
        capacity::work_of(offer->weights, offer->weights_bytes, entry->kv_per_token_bytes);
    if (!work) {
        return std::nullopt;
    }
    const capacity::Prediction found = capacity::predict(*card, *work, length, offer->slots);
    const auto mixed = capacity::mixed_tok_s(found, prompts);
    if (!mixed) {
        return std::nullopt;
    }
    std::string note = fmt::format("{} on {}: {}", model, gpu, capacity::to_text(found, *card));
    if (std::ranges::find(notes_, note) == notes_.end()) {
        notes_.push_back(std::move(note));
    }
    return breakeven::Exact{std::llround(*mixed)};
}

}  // namespace evenkeel::agent
