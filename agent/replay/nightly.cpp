#include "agent/replay/nightly.hpp"

#include "agent/replay/world.hpp"
#include "policies/replay/recommend.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <sched.h>
#include <sys/resource.h>
#include <system_error>

namespace evenkeel::agent {

namespace {

constexpr int night_hours = 6;
constexpr std::chrono::minutes settled_after{10};
constexpr int least_priority = 19;

/// Tells the kernel that this thread takes only what is left over.
void step_back() {
    const sched_param none{};
    const bool idle = ::sched_setscheduler(0, SCHED_IDLE, &none) == 0;
    const bool nice = ::setpriority(PRIO_PROCESS, 0, least_priority) == 0;
    if (!idle && !nice) {
        spdlog::warn(
            "the nightly replay runs at the priority of the agent: {}",
            std::generic_category().message(errno));
    }
}

std::string too_little(const ModelDemand& demand) {
    return fmt::format(
        "too little history: {} requests in {} hours, it takes {} in {} days",
        demand.replayed(),
        std::chrono::round<std::chrono::hours>(demand.length()).count(),
        history_requests_min,
        history_length_min.count());
}

std::size_t place_of(config::RentRule rule) {
    return static_cast<std::size_t>(
        std::ranges::find(config::rent_rules, rule) - config::rent_rules.begin());
}

void note_outcomes(const Subject& subject, config::RentRule in_force, ledger::RuleReplay& row) {
    for (std::size_t i = 0; i < subject.totals.size(); ++i) {
        const replay::Totals& totals = subject.totals[i];
        row.outcomes.push_back(
            {.rule = std::string{to_text(config::rent_rules[i])},
             .own = totals.own,
             .rental = totals.rental,
             .api = totals.api,
             .total = totals.total,
             .j = totals.j,
             .requests = totals.requests,
             .within_limit = totals.within_limit,
             .machine_starts = totals.machine_starts});
    }
    const std::size_t best = replay::recommend(subject.totals, place_of(in_force));
    row.recommended = to_text(config::rent_rules[best]);
}

}  // namespace

int quiet_hour(
    const ledger::Zone& zone, const std::vector<std::pair<UtcTime, std::int64_t>>& hours) {
    std::array<std::int64_t, night_hours> asked{};
    for (const auto& [at, requests] : hours) {
        const auto utc = std::chrono::floor<std::chrono::seconds>(at);
        const auto local = utc.time_since_epoch() + zone.offset(utc);
        const auto hour = std::chrono::floor<std::chrono::hours>(
            local - std::chrono::floor<std::chrono::days>(local));
        if (hour.count() < night_hours) {
            asked[static_cast<std::size_t>(hour.count())] += requests;
        }
    }
    int best = quiet_hour_at_first;
    for (int hour = 0; hour < night_hours; ++hour) {
        const auto key = [&](int one) {
            return std::pair{
                asked[static_cast<std::size_t>(one)], std::abs(one - quiet_hour_at_first)};
        };
        best = key(hour) < key(best) ? hour : best;
    }
    return best;
}

bool night_due(
    const ledger::Zone& zone,
    int quiet,
    UtcTime now,
    std::optional<UtcTime> last,
    std::chrono::nanoseconds uptime) {
    const std::chrono::hours hour{1};
    const auto begin_on = [&](std::chrono::year_month_day day) {
        return UtcTime{zone.to_utc(std::chrono::local_days{day} + hour * quiet)};
    };
    UtcTime begin = begin_on(zone.day(now));
    if (begin > now) {
        const auto before = std::chrono::local_days{zone.day(now)} - std::chrono::days{1};
        begin = begin_on(std::chrono::year_month_day{before});
    }
    const bool had_one = last && *last >= begin;
    return !had_one && (now < begin + hour || uptime >= settled_after);
}

Result<std::vector<ledger::RuleReplay>> replay_rules(
    ledger::Reader& reader,
    const routing::Catalogue& catalogue,
    const std::map<std::string, config::RentRule>& in_force,
    const std::filesystem::path& state,
    UtcTime now,
    const ReplayLimit& limit) {
    const config::Config& config = catalogue.config;
    const Speeds speeds{state};
    const auto demand = read_demand(reader, config, {now - night_days, now});
    std::vector<ledger::RuleReplay> rows;
    for (const config::Scaling& entry : config.scaling) {
        const auto known = in_force.find(entry.name);
        const config::RentRule rule = known == in_force.end() ? entry.rule : known->second;
        ledger::RuleReplay row{
            .at = now,
            .scaling = entry.name,
            .policy = catalogue.revision,
            .since = now - night_days,
            .until = now,
            .currency = config.currency.report,
            .rule = std::string{to_text(rule)}};
        const auto world =
            replay_world(config, entry.model, std::chrono::floor<std::chrono::days>(now), &speeds);
        if (!demand || !world) {
            row.note = !demand ? demand.error().message : world.error().message;
            rows.push_back(std::move(row));
            continue;
        }
        const ModelDemand asked = demand->of(entry.model);
        row.requests = asked.replayed();
        if (!is_enough(asked)) {
            row.note = too_little(asked);
            rows.push_back(std::move(row));
            continue;
        }
        const config::TokenPrices& api = world->options.api_price;
        if (api.in.num() == 0 && api.out.num() == 0) {
            // A late or refused request would cost nothing, and the least would be to rent nothing.
            row.note = "no API has a price: what a late answer costs is unknown";
            rows.push_back(std::move(row));
            continue;
        }
        std::vector<Subject> subjects{{.model = entry.model}};
        for (const config::RentRule one : config::rent_rules) {
            subjects.front().worlds.push_back(world->options);
            subjects.front().worlds.back().scaling.rule = one;
        }
        ReplayLimit share = limit;
        share.time /= static_cast<std::int64_t>(config.scaling.size());
        const auto done = replay_newest(reader, config, *demand, subjects, share);
        if (!done && done.error().code == Errc::cancelled) {
            return std::unexpected{done.error()};
        }
        if (!done) {
            row.note = done.error().message;
        } else {
            row.since = done->span.since;
            row.requests = done->of(entry.model).replayed();
            if (is_enough(done->of(entry.model))) {
                note_outcomes(subjects.front(), rule, row);
            } else {
                row.note = fmt::format(
                    "in {} s only the newest {} requests could be replayed",
                    share.time.count() / 1'000,
                    row.requests);
            }
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

namespace {

NightlyResult night(
    const std::filesystem::path& state,
    const ledger::Zone& zone,
    const routing::Catalogue& catalogue,
    const std::map<std::string, config::RentRule>& in_force,
    UtcTime now,
    const std::stop_token& stop) {
    NightlyResult result;
    auto reader = ledger::Reader::open(state);
    if (!reader) {
        spdlog::warn("no nightly replay: {}", reader.error().message);
        return result;
    }
    if (const auto hours = reader->requests_by_hour(now - night_days)) {
        result.quiet = quiet_hour(zone, *hours);
    }
    if (auto replays = replay_rules(
            *reader, catalogue, in_force, state, now, {.time = night_limit, .stop = stop})) {
        result.replays = std::move(*replays);
    }
    return result;
}

}  // namespace

Nightly::Nightly(std::filesystem::path state, ledger::Zone zone)
    : state_{std::move(state)}, zone_{std::move(zone)} {}

Nightly::~Nightly() = default;

void Nightly::begin(
    std::shared_ptr<const routing::Catalogue> catalogue,
    std::map<std::string, config::RentRule> in_force,
    UtcTime now) {
    if (is_busy()) {
        return;
    }
    phase_ = Phase::running;
    result_ = {};
    thread_ = std::jthread{
        [this, catalogue = std::move(catalogue), in_force, now](const std::stop_token& stop) {
            step_back();
            try {
                result_ = night(state_, zone_, *catalogue, in_force, now, stop);
            } catch (const std::exception& error) {
                spdlog::error("the nightly replay ended: {}", error.what());
            }
            phase_ = Phase::over;
        }};
}

std::optional<NightlyResult> Nightly::take() {
    if (phase_ != Phase::over) {
        return std::nullopt;
    }
    thread_.join();
    phase_ = Phase::none;
    return std::exchange(result_, {});
}

}  // namespace evenkeel::agent
