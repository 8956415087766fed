#include "agent/control/engine_watch.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>

namespace evenkeel::agent {

namespace {

constexpr std::chrono::nanoseconds ask_every = std::chrono::seconds{1};
constexpr std::chrono::nanoseconds ask_least = std::chrono::milliseconds{100};
/// After an engine that does not answer (llama-server without --metrics).
constexpr std::chrono::seconds ask_again{60};
constexpr std::chrono::seconds ask_soon{5};  ///< after one that did until now
constexpr std::chrono::seconds forgotten_after{10};
constexpr std::chrono::milliseconds answer_limit{2'000};
constexpr double full = 0.95;

/// Requests that the engine has taken in but not begun for lack of room. Those that wait while its
/// cache and its places are not full are only in line for their prompt to be read.
int waiting_for_room(const inference::engine::Metrics& metrics, int slots) noexcept {
    const bool no_room =
        metrics.kv_used.value_or(0) >= full || metrics.running.value_or(0) >= slots;
    return no_room ? static_cast<int>(
                         std::clamp<std::int64_t>(metrics.waiting.value_or(0), 0, 1'000'000))
                   : 0;
}

}  // namespace

bool EngineWatch::can_ask(std::string_view engine) noexcept {
    return !inference::engine::kind_of(engine).metrics_path.empty();
}

void EngineWatch::look(
    const Worker& worker,
    const std::shared_ptr<const routing::Catalogue>& catalogue,
    const std::function<EngineAt()>& at) {
    const BootTime now = parts_.clock.read().boot;
    Watched& watched = watched_[worker.source];
    watched.seen = now;
    if (watched.asking || now < watched.next) {
        return;
    }
    watched.asking = true;
    watched.next = now + std::max(ask_every / catalogue->config.speed, ask_least);
    parts_.prober.metrics(
        at(),
        answer_limit,
        [this, worker, catalogue](const Result<inference::engine::Metrics>& metrics) {
            answered(worker, catalogue->config.speed, metrics);
        });
}

void EngineWatch::answered(
    const Worker& worker, std::int64_t speed, const Result<inference::engine::Metrics>& metrics) {
    const auto found = watched_.find(worker.source);
    if (found == watched_.end()) {
        return;
    }
    Watched& watched = found->second;
    watched.asking = false;
    const BootTime now = parts_.clock.read().boot;
    if (!metrics) {
        watched.counts = false;
        // One that answered before is busy or starts again, and what it said is old.
        watched.next = now + (watched.told ? ask_soon : ask_again);
        if (watched.told) {
            parts_.gateway.source_load(worker.source, *watched.told, 0);
        }
        spdlog::debug("source={} no metrics: {}", worker.source.value(), metrics.error().message);
        return;
    }
    if (metrics->kv_tokens) {
        parts_.speeds.cache(*worker.model, *worker.offer, worker.seed, *metrics->kv_tokens);
    }
    if (metrics->kv_used && metrics->kv_tokens) {
        watched.told = std::llround(*metrics->kv_used * static_cast<double>(*metrics->kv_tokens));
        parts_.gateway.source_load(
            worker.source, *watched.told, waiting_for_room(*metrics, worker.slots));
    }
    // In a sped-up world this host is the limit, not the GPU that is played.
    watched.counts =
        speed <= 1 && metrics->running && metrics->prompt_tokens && metrics->generation_tokens;
    if (watched.counts) {
        parts_.speeds.look(
            *worker.model,
            *worker.offer,
            worker.seed,
            {.source = worker.source,
             .in_flight = static_cast<int>(*metrics->running + metrics->waiting.value_or(0)),
             .tokens_in = *metrics->prompt_tokens,
             .tokens_out = *metrics->generation_tokens},
            capacity::Counting::live,
            now);
    }
}

bool EngineWatch::counts(NameIx source) const {
    const auto found = watched_.find(source);
    return found != watched_.end() && found->second.counts;
}

void EngineWatch::tick() {
    const BootTime now = parts_.clock.read().boot;
    std::erase_if(watched_, [now](const auto& entry) {
        return now - entry.second.seen > forgotten_after && !entry.second.asking;
    });
}

}  // namespace evenkeel::agent
