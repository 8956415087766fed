#include "agent/control/control.hpp"
#include "agent/ledger/reader.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

/// The replay of every night, as control begins it and takes what it found.
namespace evenkeel::agent {

namespace {

constexpr std::chrono::minutes look_every{1};

}  // namespace

void Control::recall_nights(Now now) {
    auto reader = ledger::Reader::open(options_.state);
    if (!reader) {
        spdlog::warn("no earlier nightly replay: {}", reader.error().message);
        return;
    }
    if (const auto hours = reader->requests_by_hour(now.utc - night_days)) {
        quiet_hour_ = quiet_hour(options_.zone, *hours);
    }
    auto replays = reader->rule_replays();
    if (!replays) {
        spdlog::warn("no earlier nightly replay: {}", replays.error().message);
        return;
    }
    rule_replays_ = std::move(*replays);
    for (const ledger::RuleReplay& replay : rule_replays_) {
        last_night_ = std::max(last_night_.value_or(replay.at), replay.at);
    }
    renter_.recover_rules(rule_replays_);
}

void Control::look_at_night(Now now) {
    if (auto over = nightly_.take()) {
        night_over(std::move(*over));
    }
    if (now.boot < next_night_look_) {
        return;
    }
    next_night_look_ = now.boot + look_every;
    const bool can = !stopping_ && !nightly_.is_busy() && !catalogue_->config.scaling.empty();
    if (can && night_due(options_.zone, quiet_hour_, now.utc, last_night_, now.boot - started_)) {
        last_night_ = now.utc;
        nightly_.begin(catalogue_, renter_.rules(), now.utc);
    }
}

void Control::night_over(NightlyResult result) {
    quiet_hour_ = result.quiet;
    for (ledger::RuleReplay& replay : result.replays) {
        if (replay.policy != catalogue_->revision) {
            spdlog::info("rule={} nightly replay dropped: of an earlier policy", replay.scaling);
            continue;
        }
        renter_.follow(replay);
        spdlog::info(
            "rule={} nightly replay requests={} in_force={} recommended={} {}",
            replay.scaling,
            replay.requests,
            replay.rule,
            replay.recommended.empty() ? "none" : replay.recommended,
            replay.note);
        parts_.ledger.rule_replay(replay);
        std::erase_if(rule_replays_, [&](const ledger::RuleReplay& old) {
            return old.scaling == replay.scaling;
        });
        rule_replays_.push_back(std::move(replay));
    }
}

std::vector<RuleView> Control::rule_views() const {
    std::vector<RuleView> views;
    const auto in_force = renter_.rules();
    for (const config::Scaling& entry : catalogue_->config.scaling) {
        RuleView view{.scaling = entry.name, .model = entry.model, .automatic = entry.rule_auto};
        if (const auto rule = in_force.find(entry.name); rule != in_force.end()) {
            view.rule = to_text(rule->second);
        }
        const auto replay =
            std::ranges::find(rule_replays_, entry.name, &ledger::RuleReplay::scaling);
        if (replay != rule_replays_.end()) {
            view.replay = *replay;
        }
        views.push_back(std::move(view));
    }
    return views;
}

}  // namespace evenkeel::agent
