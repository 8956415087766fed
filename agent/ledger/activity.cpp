#include "agent/ledger/activity.hpp"

#include <algorithm>

namespace evenkeel::ledger {

namespace {

std::string text_of(NameIx ix, const NameTexts& names, const char* without) {
    if (ix == NameIx{}) {
        return without;
    }
    const auto found = names.find(ix);
    return found == names.end() ? other_name : found->second;
}

}  // namespace

std::size_t Activity::KeyHash::operator()(const Key& key) const noexcept {
    const auto word = [](std::int32_t value) {
        return static_cast<std::uint64_t>(static_cast<std::uint32_t>(value));
    };
    // Numbers are dense and small: three odd factors spread them.
    std::uint64_t hash = word(key.route) * 0x9E3779B97F4A7C15u;
    hash ^= word(key.model) * 0xC2B2AE3D27D4EB4Fu;
    hash ^= (word(key.source) * 4 + static_cast<std::uint64_t>(key.kind)) * 0x165667B19E3779F9u;
    return static_cast<std::size_t>(hash ^ (hash >> 32));
}

Figures::Requests& Activity::series(const BookedRequest& request, const NameTexts& names) {
    const Key key{
        request.route.value(), request.model.value(), request.source.value(), request.kind};
    if (const auto found = index_.find(key); found != index_.end()) {
        return figures_.requests[found->second];
    }
    const bool served = request.source != NameIx{};
    Figures::Requests fresh{
        .route = text_of(request.route, names, other_name),
        .model = text_of(request.model, names, other_name),
        .source = text_of(request.source, names, no_name),
        .kind = served ? std::string{to_text(request.kind)} : no_name};
    if (figures_.requests.size() >= series_max) {
        fresh.route = fresh.model = fresh.source = other_name;
    }
    const auto same = std::ranges::find_if(figures_.requests, [&](const Figures::Requests& known) {
        return std::tie(known.route, known.model, known.source, known.kind) ==
               std::tie(fresh.route, fresh.model, fresh.source, fresh.kind);
    });
    const auto at = static_cast<std::size_t>(same - figures_.requests.begin());
    if (same == figures_.requests.end()) {
        figures_.requests.push_back(std::move(fresh));
    }
    if (index_.size() < series_max * 4) {
        index_.emplace(key, at);
    }
    return figures_.requests[at];
}

void Activity::add(const BookedRequest& request, const NameTexts& names) {
    Figures::Requests& cell = series(request, names);
    ++cell.outcomes[static_cast<std::size_t>(request.outcome)];
    cell.tokens_input += std::max<std::int64_t>(request.usage.prompt - request.usage.cached, 0);
    cell.tokens_cached += request.usage.cached;
    cell.tokens_output += request.usage.completion;
    cell.duration.add(request.total_ms);
    cell.wait.add(request.wait_ms);
    if (request.ttft_ms > 0) {
        cell.first_token.add(request.ttft_ms);
    }
    const auto reason = std::ranges::find(
        cell.reasons, request.reason, [](const auto& counted) { return counted.first; });
    if (reason == cell.reasons.end()) {
        cell.reasons.emplace_back(request.reason, 1);
    } else {
        ++reason->second;
    }
}

void Activity::add(const BookedMoney& booked, const NameTexts& names) {
    const Currency currency = booked.amount.currency();
    Figures::MoneyKey key{
        text_of(booked.source, names, other_name),
        std::string{to_text(booked.kind)},
        booked.phase,
        currency};
    if (figures_.money.size() >= series_max && !figures_.money.contains(key)) {
        std::get<0>(key) = other_name;
    }
    if (booked.time.count() > 0) {
        figures_.paid_time[{text_of(booked.provider, names, other_name), booked.phase}] +=
            booked.time;
    }
    Money& credit =
        figures_.credit.try_emplace({std::get<0>(key), currency}, Money{0, currency}).first->second;
    if (booked.amount.nanos() < 0) {
        credit -= booked.amount;
        return;
    }
    const Money used = std::min(credit, booked.amount);
    credit -= used;
    figures_.money.try_emplace(key, Money{0, currency}).first->second += booked.amount - used;
}

void Activity::add_locked(const Booked& booked, const NameTexts& names) {
    for (const BookedRequest& request : booked.requests) {
        add(request, names);
    }
    for (const BookedMoney& money : booked.money) {
        add(money, names);
    }
}

void Activity::add(
    const Booked& booked,
    const NameTexts& names,
    std::int64_t rows,
    std::chrono::microseconds took) {
    const std::scoped_lock lock{mutex_};
    add_locked(booked, names);
    figures_.rows += rows;
    figures_.writes.add(took.count());
}

void Activity::add(const Booked& booked, const NameTexts& names) {
    const std::scoped_lock lock{mutex_};
    add_locked(booked, names);
}

Figures Activity::read() const {
    const std::scoped_lock lock{mutex_};
    return figures_;
}

}  // namespace evenkeel::ledger
