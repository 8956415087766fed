#include "agent/control/speeds.hpp"

#include "agent/service/durable_file.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <fstream>
#include <iterator>

namespace evenkeel::agent {

namespace {

constexpr std::size_t kinds_max = 256;
constexpr std::size_t file_bytes_max = 1 << 20;
constexpr std::chrono::minutes write_every{10};
constexpr std::chrono::minutes forgotten_after{1};
constexpr mode_t owner_only = 0600;

/// Another GPU, engine or set of weights is another kind of worker, whatever its offer is called.
std::string kind_of(const config::Model& model, const config::Offer& offer) {
    return fmt::format(
        "{}\t{}\t{}\t{}\t{}", offer.name, model.name, offer.gpu, offer.engine, offer.weights);
}

}  // namespace

Speeds::Speeds(const std::filesystem::path& state) : file_{state / speeds_file} {
    std::ifstream in{file_, std::ios::binary};
    std::string line;
    std::size_t bytes = 0;
    while (kinds_.size() < kinds_max && std::getline(in, line)) {
        bytes += line.size();
        const std::size_t tab = line.find('\t');
        auto learned = capacity::learned_from_text(std::string_view{line}.substr(0, tab));
        if (bytes > file_bytes_max || tab == std::string::npos || !learned) {
            spdlog::warn("file={} holds something else; speeds are learnt anew", file_.string());
            kinds_.clear();
            return;
        }
        kinds_.insert_or_assign(line.substr(tab + 1), *learned);
    }
}

capacity::Learned* Speeds::kind(
    const config::Model& model, const config::Offer& offer, const capacity::Profile& seed) {
    const std::string name = kind_of(model, offer);
    auto learned = kinds_.find(name);
    if (learned == kinds_.end() && kinds_.size() < kinds_max) {
        learned = kinds_.emplace(name, capacity::start(seed)).first;
    }
    return learned == kinds_.end() ? nullptr : &learned->second;
}

void Speeds::look(
    const config::Model& model,
    const config::Offer& offer,
    const capacity::Profile& seed,
    const Counted& counted,
    capacity::Counting counting,
    BootTime now) {
    capacity::Learned* const learned = kind(model, offer, seed);
    if (learned == nullptr) {
        return;
    }
    Worker& worker = workers_[counted.source];
    worker.seen = now;
    if (worker.counting != counting) {
        worker.watch = {};  // other counters
        worker.counting = counting;
    }
    const auto window = capacity::look(
        worker.watch,
        {.at_s = std::chrono::duration<double>(now.time_since_epoch()).count(),
         .in_flight = counted.in_flight,
         .finished = counted.finished,
         .tokens_in = counted.tokens_in,
         .tokens_out = counted.tokens_out},
        counting,
        *learned);
    if (window) {
        changed_ |= capacity::add(*learned, *window);
    }
}

void Speeds::cache(
    const config::Model& model,
    const config::Offer& offer,
    const capacity::Profile& seed,
    std::int64_t kv_tokens) {
    capacity::Learned* const learned = kind(model, offer, seed);
    if (learned != nullptr && kv_tokens > 0 && learned->kv_tokens != kv_tokens) {
        learned->kv_tokens = kv_tokens;
        changed_ = true;
    }
}

void Speeds::tick(BootTime now) {
    std::erase_if(
        workers_, [&](const auto& entry) { return now - entry.second.seen > forgotten_after; });
    if (now - written_ >= write_every) {
        written_ = now;
        save();
    }
}

void Speeds::save() {
    if (!changed_) {
        return;
    }
    std::string text;
    for (const auto& [kind, learned] : kinds_) {
        if (learned.samples > 0 || learned.kv_tokens > 0) {
            text += fmt::format("{}\t{}\n", capacity::to_text(learned), kind);
        }
    }
    if (const auto written = replace_file(file_, text, owner_only); !written) {
        spdlog::warn("{}", written.error().message);  // it is learnt again
        return;
    }
    changed_ = false;
}

capacity::Profile Speeds::profile(
    const config::Model& model, const config::Offer& offer, const capacity::Profile& seed) const {
    const auto learned = kinds_.find(kind_of(model, offer));
    return learned == kinds_.end() ? seed : capacity::profile_of(learned->second, seed);
}

gate::Speed Speeds::speed(
    const config::Model& model,
    const config::Offer& offer,
    const std::optional<capacity::Profile>& seed,
    std::int64_t clock) const {
    if (measured(model, offer) == nullptr && !seed) {
        return {};
    }
    const capacity::Profile known = profile(model, offer, seed.value_or(capacity::Profile{}));
    const auto times = static_cast<double>(std::max<std::int64_t>(clock, 1));
    return {
        .prefill_tok_s = known.prefill_tok_s * times,
        .step_s = known.alpha_s / times,
        .step_per_seq_s = known.beta_s / times,
        .kv_tokens = known.kv_tokens};
}

const capacity::Learned* Speeds::measured(
    const config::Model& model, const config::Offer& offer) const {
    const auto learned = kinds_.find(kind_of(model, offer));
    return learned != kinds_.end() && capacity::is_measured(learned->second) ? &learned->second
                                                                             : nullptr;
}

}  // namespace evenkeel::agent
