#include "policies/scaling/rent.hpp"
#include "policies/scaling/state_bytes.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::scaling {

namespace {

/// 1 had no records of offers, 2 no gathered signals and no memory of levels, 3 not what an API
/// got, 4 not how long somebody has waited.
constexpr std::uint8_t version = 5;
}  // namespace

Constants Constants::scaled(std::int64_t speed) {
    Constants constants;
    constants.speed = std::max<std::int64_t>(1, speed);
    for (milliseconds* time :
         {&constants.boot_seed,
          &constants.warm_floor,
          &constants.over_window,
          &constants.slow_window,
          &constants.period,
          &constants.stock_memory,
          &constants.failure_window,
          &constants.suspend_first,
          &constants.suspend_most,
          &constants.restart_gap,
          &constants.level_period,
          &constants.level_window,
          &constants.missed_window}) {
        *time = std::max(milliseconds{1}, *time / constants.speed);
    }
    return constants;
}

std::string to_bytes(const RentState& state) {
    std::string out;
    out.push_back(static_cast<char>(version));
    put(out, state.debt);
    put(out, state.over);
    put(out, state.worth);
    put(out, state.worth_slow);
    put(out, to_us(state.frozen_until));
    put(out, static_cast<std::uint64_t>(state.idle.size()));
    for (const auto& [machine, lost] : state.idle) {
        put(out, machine.value());
        put(out, lost);
    }
    put(out, static_cast<std::uint64_t>(state.sold_out_until.size()));
    for (const auto& [offer, until] : state.sold_out_until) {
        put(out, static_cast<std::int64_t>(offer.value()));
        put(out, to_us(until));
    }
    put(out, static_cast<std::uint64_t>(state.failures.size()));
    for (const UtcTime at : state.failures) {
        put(out, to_us(at));
    }
    put(out, static_cast<std::uint64_t>(state.records.size()));
    for (const auto& [offer, record] : state.records) {
        put(out, static_cast<std::int64_t>(offer.value()));
        put(out, static_cast<std::int64_t>(record.failed));
        put(out, static_cast<std::int64_t>(record.suspensions));
        put(out, to_us(record.suspended_until));
    }
    put_signals(out, state);
    put_memory(out, state.memory);
    put(out, static_cast<std::uint64_t>(state.waits_for ? 1 : 0));
    put(out, static_cast<std::int64_t>(state.waits_for.value_or(nanoseconds{0}).count()));
    return out;
}

Result<RentState> from_bytes(std::string_view bytes) {
    const int stored = bytes.empty() ? 0 : static_cast<int>(static_cast<std::uint8_t>(bytes[0]));
    if (stored < 1 || stored > version) {
        return fail(
            Errc::corrupt,
            fmt::format(
                "the stored state of the rent rule is of version {}, this program reads {}: "
                "the rule starts anew",
                stored,
                version));
    }
    Reader reader{.rest = bytes.substr(1)};
    RentState state;
    state.debt = reader.number();
    state.over = reader.real();
    state.worth = reader.real();
    state.worth_slow = reader.real();
    state.frozen_until = from_us(reader.number());
    for (std::size_t left = reader.length(); left > 0 && reader.ok; --left) {
        const MachineId machine{reader.number()};
        state.idle[machine] = reader.number();
    }
    for (std::size_t left = reader.length(); left > 0 && reader.ok; --left) {
        const NameIx offer{static_cast<std::int32_t>(reader.number())};
        state.sold_out_until[offer] = from_us(reader.number());
    }
    for (std::size_t left = reader.length(); left > 0 && reader.ok; --left) {
        state.failures.push_back(from_us(reader.number()));
    }
    for (std::size_t left = stored < 2 ? 0 : reader.length(); left > 0 && reader.ok; --left) {
        OfferRecord& record = state.records[NameIx{static_cast<std::int32_t>(reader.number())}];
        record.failed = reader.count();
        record.suspensions = reader.count();
        record.suspended_until = from_us(reader.number());
    }
    if (stored >= 3) {
        read_signals(reader, state);
        read_memory(reader, state.memory, stored);
    }
    if (stored >= 5) {
        const bool waits = reader.word() == 1;
        const nanoseconds waits_for{reader.number()};
        if (waits && waits_for >= nanoseconds::zero()) {
            state.waits_for = waits_for;
        }
    }
    const auto is_sane = [](double value) { return value >= 0 && value < 1e18; };
    if (!reader.ok || !reader.rest.empty() || !is_sane(state.over) || !is_sane(state.worth) ||
        !is_sane(state.worth_slow) || state.debt < 0) {
        return fail(
            Errc::corrupt, "the stored state of the rent rule is damaged: the rule starts anew");
    }
    return state;
}

void order_failed(
    RentState& state, NameIx offer, bool sold_out, UtcTime now, const Constants& constants) {
    if (sold_out) {
        state.sold_out_until[offer] = now + constants.stock_memory;
        return;
    }
    std::erase_if(state.failures, [&](UtcTime at) { return now - at > constants.failure_window; });
    state.failures.push_back(now);
    if (static_cast<int>(state.failures.size()) >= constants.failures_max) {
        state.frozen_until = now + constants.failure_window;
    }
}

void machine_failed(RentState& state, NameIx offer, UtcTime now, const Constants& constants) {
    constexpr int doublings_max = 20;
    OfferRecord& record = state.records[offer];
    ++record.failed;
    if (record.failed < constants.warm_ups_max) {
        return;
    }
    const milliseconds time =
        constants.suspend_first * (std::int64_t{1} << std::min(record.suspensions, doublings_max));
    record.suspended_until = now + std::min(time, constants.suspend_most);
    ++record.suspensions;
}

void machine_served(RentState& state, NameIx offer) {
    state.records.erase(offer);
}

milliseconds boot_time(
    const config::Scaling& policy,
    const std::optional<milliseconds>& measured,
    const Constants& constants) {
    return policy.boot.value_or(measured.value_or(constants.boot_seed));
}

}  // namespace evenkeel::scaling
