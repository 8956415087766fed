#include "tests/simulator/cloud.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace evenkeel::simulator {

using namespace std::chrono_literals;

namespace {

std::unexpected<Error> lost(Api api) {
    return fail(
        api == Api::create ? Errc::outcome_unknown : Errc::unavailable, "the answer was lost");
}

std::chrono::microseconds micros(nanoseconds time) {
    return std::chrono::duration_cast<std::chrono::microseconds>(time);
}

}  // namespace

std::string_view to_text(Api api) noexcept {
    constexpr std::string_view names[] = {"offers", "create", "list", "get", "destroy", "billing"};
    return names[static_cast<std::size_t>(api)];
}

Cloud::Cloud(
    std::string name,
    Personality who,
    std::string mark,
    nanoseconds faults_end,
    CallTap& tap,
    Dice& dice)
    : name_{std::move(name)},
      who_{who},
      mark_{std::move(mark)},
      faults_end_{faults_end},
      tap_{tap},
      dice_{dice} {
    // Others live in the same account, in every life.
    add_stranger("db-7", "", 0s);
    add_stranger("ek-ffffffff-01jd0000000000", "ek-ffffffff", 0s);
    add_stranger(mark_ + "-06yhbx5000g00", "", 0s);
    if (who_ == Personality::foreign) {
        add_stranger(mark_ + "x", mark_ + "x", 0s);
        add_stranger("EK-1A2B3C4D-01", "EK-1A2B3C4D", 0s);
        add_stranger(mark_, "", 0s);
    }
    const std::map<Personality, nanoseconds> spells{
        {Personality::outage, 30min},
        {Personality::storm_429, bound::storm},
        {Personality::auth_revoked, bound::revoked}};
    if (const auto spell = spells.find(who_); spell != spells.end()) {
        bad_from_ = pause(0s, 12min);
        bad_to_ = std::min<nanoseconds>(bad_from_ + spell->second, faults_end_);
    }
    if (who_ == Personality::orphan) {
        stray_at_ = pause(10s, 10min);
    }
}

nanoseconds Cloud::pause(std::chrono::milliseconds a, std::chrono::milliseconds b) {
    return dice_.between(a, b);
}

void Cloud::add_stranger(std::string name, std::string mark, nanoseconds t) {
    boxes_.push_back(
        {.id = fmt::format("{}-s{}", name_, next_),
         .name = std::move(name),
         .mark = std::move(mark),
         .port = 20'000 + next_,
         .hour_nanos = hour_price,
         .born = t,
         .got_from = t,
         .listed_from = t});
    ++next_;
}

// ---- the world ----------------------------------------------------------------------------------

void Cloud::settle(nanoseconds t) {
    for (Box& box : boxes_) {
        if (!box.ended && box.dies && *box.dies <= t) {
            box.ended = *box.dies;
        }
    }
    if (stray_at_ <= t) {
        stray_at_ = nanoseconds::max();
        add_stranger(mark_ + "-stray", mark_, t);
    }
}

nanoseconds Cloud::next_change(nanoseconds t) const {
    nanoseconds next = stray_at_ > t ? stray_at_ : nanoseconds::max();
    for (const Box& box : boxes_) {
        if (!box.ended && box.dies && *box.dies > t) {
            next = std::min(next, *box.dies);
        }
    }
    return next;
}

Box* Cloud::by_port(int port) {
    const auto found = std::ranges::find(boxes_, port, &Box::port);
    return found == boxes_.end() ? nullptr : &*found;
}

Box* Cloud::by_id(const std::string& id) {
    const auto found = std::ranges::find(boxes_, id, &Box::id);
    return found == boxes_.end() ? nullptr : &*found;
}

bool Cloud::engine_answers(const Box& box, nanoseconds t) const {
    const bool there = t >= box.boots && (!box.ended || t < *box.ended);
    const bool cut = t >= box.cut_from && t < box.cut_to;
    return there && box.healthy && !cut && (!box.stopped || t < *box.stopped);
}

/// Per second of life, at least a minute, half-even: the provider's own sum.
std::int64_t Cloud::bill(const Box& box, nanoseconds until) const {
    if (!box.billed) {
        return 0;
    }
    const nanoseconds lived = std::max<nanoseconds>(min_bill, box.ended.value_or(until) - box.born);
    const __int128 product = static_cast<__int128>(box.hour_nanos) * lived.count();
    const __int128 hour = 3'600'000'000'000;
    __int128 nanos = product / hour;
    const __int128 rest = 2 * (product % hour);
    if (rest > hour || (rest == hour && nanos % 2 == 1)) {
        ++nanos;
    }
    return static_cast<std::int64_t>(nanos);
}

std::int64_t Cloud::calls() const {
    return std::accumulate(calls_.begin(), calls_.end(), std::int64_t{0});
}

void Cloud::unread(nanoseconds t) {
    for (Box& box : boxes_) {
        if (box.told && *box.told >= t) {
            box.told.reset();
        }
    }
}

// ---- the API ------------------------------------------------------------------------------------

nanoseconds Cloud::effect_after(nanoseconds t) {
    return plays(Personality::slow, t) ? nanoseconds{bound::slow_half} : pause(10ms, 300ms);
}

/// What happens to any call before it is looked at.
Cloud::Verdict Cloud::arrive(Api api, nanoseconds t) {
    ++calls_[static_cast<std::size_t>(api)];
    const std::int64_t minute = t / 1min;
    in_minute_ = minute == minute_ ? in_minute_ + 1 : 1;
    minute_ = minute;
    most_in_a_minute_ = std::max(most_in_a_minute_, in_minute_);
    answer_after_ =
        plays(Personality::slow, t) ? nanoseconds{bound::slow_half} : pause(10ms, 300ms);
    const std::int64_t number = tap_.calls++;
    tap_.made.push_back(api);
    if (number == tap_.fault.number) {
        return {.error = lost(api).error(), .has_effect = tap_.fault.has_effect};
    }
    const bool bad = t >= bad_from_ && t < bad_to_;
    if (plays(Personality::outage, t) && bad) {
        return {.error = Error{Errc::unavailable, "connection refused", {}}, .has_effect = false};
    }
    if (plays(Personality::auth_revoked, t) && bad) {
        return {.error = Error{Errc::unauthorized, "the key is refused", {}}, .has_effect = false};
    }
    if (plays(Personality::storm_429, t) && bad) {
        return {.error = Error{Errc::rate_limited, "too many requests", 12s}, .has_effect = false};
    }
    if (plays(Personality::flapping, t) && dice_.chance(50)) {
        return {.error = lost(api).error(), .has_effect = dice_.chance(50)};
    }
    return {};
}

Result<std::vector<providers::MarketOffer>> Cloud::offers(nanoseconds t) {
    if (const Verdict verdict = arrive(Api::offers, t); verdict.error) {
        return std::unexpected{*verdict.error};
    }
    return std::vector<providers::MarketOffer>{
        {.sku = "h100",
         .region = "here",
         .gpu = "H100",
         .gpu_count = who_ == Personality::fewer_gpus && !works_always ? 2 : 1,
         .price = Price::per_hour(Money{hour_price, usd}),
         .min_bill = min_bill,
         .in_stock = true,
         .seen = epoch + micros(t)}};
}

Box Cloud::make_box(const providers::MachineSpec& spec, nanoseconds t) {
    Box box{
        .id = fmt::format("{}-{}", name_, next_),
        .name = spec.name,
        .mark = spec.owner_mark,
        .gpu_count = spec.gpu_count,
        .port = 20'000 + next_,
        .hour_nanos = hour_price,
        .born = t,
        .got_from = t,
        .listed_from = t,
        .boots = t + pause(20s, 80s)};
    ++next_;
    if (!faulty(t)) {
        return box;
    }
    using enum Personality;
    switch (who_) {
        case list_lag:
            box.listed_from = t + pause(1s, 2min);
            box.list_drag = pause(0s, bound::list_drag);
            break;
        case get_lag:
            box.got_from = t + 2min;
            break;
        case vanishing_placement:
            box.billed = false;
            box.ended = t;
            box.got_from = box.listed_from = nanoseconds::max();
            break;
        case wrong_gpu:
            box.gpu = "A100";
            break;
        case fewer_gpus:
            box.gpu_count = 1;
            break;
        case dearer:
            box.hour_nanos += dice_.chance(50) ? 1 : hour_price / 2;
            break;
        case stopped:
            box.stopped = t + pause(1s, 8min);
            break;
        case human_deletes:
            box.dies = t + pause(1s, 8min);
            break;
        case engine_never_healthy:
            box.healthy = false;
            break;
        case engine_garbage:
            box.useful = false;
            break;
        case node_cut_off:
            box.cut_from = box.boots + pause(30s, 2min);
            box.cut_to = box.cut_from + 10min;
            break;
        case delete_204_noop:
            box.deletes_ignored = 1 + static_cast<int>(dice_.upto(3));
            break;
        case delete_404_existing:
            box.deletes_missing = 1 + static_cast<int>(dice_.upto(3));
            break;
        case delete_locked:
            box.locked_to = t + pause(3min, 16min);
            break;
        default:
            break;
    }
    return box;
}

Result<providers::RemoteMachine> Cloud::create(const providers::MachineSpec& spec, nanoseconds t) {
    const Verdict verdict = arrive(Api::create, t);
    const bool unsure = verdict.error && verdict.error->code == Errc::outcome_unknown;
    ++creates_seen_;
    if (verdict.error && !verdict.has_effect) {
        creates_[spec.name] += unsure ? 1 : 0;
        return std::unexpected{*verdict.error};
    }
    if (plays(Personality::no_stock, t)) {
        return fail(Errc::no_capacity, "no such machine now");
    }
    ++creates_[spec.name];
    if (plays(Personality::create_500_before, t) && dice_.chance(70)) {
        return fail(Errc::outcome_unknown, "HTTP 500");
    }
    if (plays(Personality::name_taken, t) && dice_.chance(70)) {
        add_stranger(spec.name, "", t);
        return fail(Errc::conflict, "the name exists");
    }
    boxes_.push_back(make_box(spec, t));
    const providers::RemoteMachine answer = seen(boxes_.back(), t);
    if (plays(Personality::foreign, t)) {
        add_stranger(spec.name, "", t);
    }
    if (verdict.error) {
        return std::unexpected{*verdict.error};
    }
    if (plays(Personality::create_500_after, t)) {
        return fail(Errc::outcome_unknown, "HTTP 502");
    }
    if (plays(Personality::create_lost, t)) {
        answer_after_ = bound::client_limit;
        return lost(Api::create);
    }
    if (plays(Personality::create_broken_json, t)) {
        return fail(Errc::invalid_response, "the body is no JSON");
    }
    return answer;
}

providers::RemoteMachine Cloud::seen(const Box& box, nanoseconds t) const {
    const bool runs = t >= box.boots;
    const bool stopped = box.stopped && t >= *box.stopped;
    const bool strange = plays(Personality::unknown_status, t);
    return {
        .remote_id = box.id,
        .name = box.name,
        .owner_mark = box.mark,
        .status = strange   ? "PONDERING"
                  : stopped ? "off"
                  : runs    ? "active"
                            : "new",
        .running = runs && !stopped && !strange,
        .stopped = stopped,
        .gpu = box.gpu,
        .gpu_count = box.gpu_count,
        .price = Price::per_hour(Money{box.hour_nanos, usd}),
        .host = runs ? "127.0.0.1" : "",
        .port = runs ? box.port : 0,
        .created = epoch + micros(box.born)};
}

bool Cloud::is_listed(const Box& box, nanoseconds t) const {
    return t >= box.listed_from && (!box.ended || t < *box.ended + box.list_drag);
}

Result<std::vector<providers::RemoteMachine>> Cloud::list(nanoseconds t) {
    if (const Verdict verdict = arrive(Api::list, t); verdict.error) {
        return std::unexpected{*verdict.error};
    }
    if (plays(Personality::partial_page, t) && dice_.chance(50)) {
        return fail(Errc::invalid_response, "the list is not complete");  // as a driver says it
    }
    if (plays(Personality::empty_list_once, t) && empty_lists_ < 3 && dice_.chance(30)) {
        ++empty_lists_;
        return std::vector<providers::RemoteMachine>{};
    }
    std::vector<providers::RemoteMachine> all;
    for (const Box& box : boxes_) {
        if (is_listed(box, t)) {
            all.push_back(seen(box, t));
        }
    }
    return all;
}

Result<providers::RemoteMachine> Cloud::get(const std::string& id, nanoseconds t) {
    if (const Verdict verdict = arrive(Api::get, t); verdict.error) {
        return std::unexpected{*verdict.error};
    }
    const Box* box = by_id(id);
    if (box == nullptr || box->ended || t < box->got_from) {
        return fail(Errc::not_found, "no such machine");
    }
    return seen(*box, t);
}

Result<void> Cloud::destroy(const std::string& id, nanoseconds t) {
    Box* box = by_id(id);
    if (box != nullptr && !is_ours(*box)) {
        touched_.push_back(id);
    }
    const Verdict verdict = arrive(Api::destroy, t);
    if (verdict.error && !verdict.has_effect) {
        return std::unexpected{*verdict.error};
    }
    const auto answered = [&](Result<void> otherwise) -> Result<void> {
        if (!verdict.error && box != nullptr && box->ended && !box->told) {
            box->told = t + answer_after_;
        }
        return verdict.error ? std::unexpected{*verdict.error} : std::move(otherwise);
    };
    if (box == nullptr || box->ended || t < box->got_from) {
        return answered(fail(Errc::not_found, "no such machine"));
    }
    if (faulty(t) && t < box->locked_to) {
        return answered(fail(Errc::conflict, "an event is pending"));
    }
    if (faulty(t) && box->deletes_missing > 0) {
        --box->deletes_missing;
        return answered(fail(Errc::not_found, "no such machine"));
    }
    if (faulty(t) && box->deletes_ignored > 0) {
        --box->deletes_ignored;
        return answered({});
    }
    if (plays(Personality::delete_lost, t) && dice_.chance(60)) {
        answer_after_ = bound::client_limit;
        if (dice_.chance(50)) {
            box->ended = t;
        }
        return lost(Api::destroy);
    }
    box->ended = t;
    if (plays(Personality::delete_500_done, t)) {
        return fail(Errc::unavailable, "HTTP 500");
    }
    return answered({});
}

Result<std::vector<providers::BillLine>> Cloud::billing(nanoseconds t) {
    if (const Verdict verdict = arrive(Api::billing, t); verdict.error) {
        return std::unexpected{*verdict.error};
    }
    std::vector<providers::BillLine> lines;
    for (const Box& box : boxes_) {
        if (is_ours(box) && box.billed) {
            lines.push_back(
                {.remote_id = box.id,
                 .amount = Money{bill(box, t), usd},
                 .final = box.ended.has_value()});
        }
    }
    return lines;
}

}  // namespace evenkeel::simulator
