#include "agent/ledger/ledger.hpp"

#include "agent/ledger/impl.hpp"

#include <spdlog/spdlog.h>

#include <future>
#include <memory>
#include <utility>

namespace evenkeel::ledger {

namespace {

Error no_room(const Writer& writer) {
    if (writer.closed()) {
        return {Errc::cancelled, "the ledger is closed"};
    }
    const Health health = writer.health();
    return {
        Errc::refused,
        health.problem.empty() ? std::string{"the ledger has too much to do: try again shortly"}
                               : health.problem};
}

/// Queues `op`; when there is no room its caller hears so at once.
template <class T, class Operation>
void submit(Writer& writer, Operation op) {
    // Kept outside: a refused push has not taken the operation, but may have moved from it.
    Done<T> done = op.done;
    if (!writer.push(std::move(op)) && done) {
        done(std::unexpected{no_room(writer)});
    }
}

/// Queues what nobody waits for. It is turned away only after close, or when the disk has been
/// failing for so long that even the reserve is used up.
template <class Operation>
void leave(Writer& writer, Operation op, const char* what) {
    if (!writer.push(std::move(op)) && !writer.closed()) {
        spdlog::error("ledger: no room to keep a {} in memory, it is lost", what);
    }
}

}  // namespace

Ledger::Ledger(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}

Ledger::~Ledger() = default;

const Recovered& Ledger::recovered() const noexcept {
    return impl_->recovered;
}

const Zone& Ledger::zone() const noexcept {
    return impl_->zone;
}

void Ledger::hold(Hold hold, Done<HoldId> done) {
    submit<HoldId>(*impl_->writer, HoldOp{.hold = std::move(hold), .done = std::move(done)});
}

void Ledger::top_up(HoldId hold, Money more, std::int64_t more_report, Done<void> done) {
    submit<void>(
        *impl_->writer,
        TopUpOp{
            .hold = hold,
            .more = more,
            .more_report = more_report,
            .target = {},
            .done = std::move(done)});
}

void Ledger::release(HoldId hold) {
    leave(*impl_->writer, ReleaseOp{hold}, "release");
}

bool Ledger::record(Request request) {
    return impl_->writer->push(RecordOp{std::move(request)});
}

bool Ledger::accepts_paid_work() const noexcept {
    return impl_->writer->accepts_paid_work();
}

void Ledger::machine_step(MachineStep step, Done<void> done) {
    submit<void>(*impl_->writer, MachineOp{.step = std::move(step), .done = std::move(done)});
}

void Ledger::adjust(Adjustment adjustment, Done<void> done) {
    submit<void>(
        *impl_->writer, AdjustOp{.adjustment = std::move(adjustment), .done = std::move(done)});
}

void Ledger::decision(Decision decision) {
    leave(*impl_->writer, DecisionOp{.decision = std::move(decision)}, "decision");
}

void Ledger::rent_state(RentStateRow state) {
    leave(*impl_->writer, RentOp{std::move(state)}, "rent_state");
}

void Ledger::rule_replay(RuleReplay replay) {
    leave(*impl_->writer, RuleReplayOp{std::move(replay)}, "rule_replay");
}

void Ledger::power(PowerPost post) {
    leave(*impl_->writer, PowerOp{std::move(post)}, "power");
}

void Ledger::gpu_minute(GpuRollup minute) {
    leave(*impl_->writer, GpuMinuteOp{std::move(minute)}, "gpu_minute");
}

void Ledger::bill_seen(BillSeen bill) {
    leave(*impl_->writer, BillOp{std::move(bill)}, "bill_seen");
}

void Ledger::keep_detail(std::chrono::seconds time) {
    impl_->writer->keep_detail(time);
}

void Ledger::name(NameRow name) {
    leave(*impl_->writer, NameOp{std::move(name)}, "name");
}

void Ledger::source(SourceInfo source) {
    leave(*impl_->writer, SourceOp{std::move(source)}, "source");
}

void Ledger::price_seen(PriceSeen seen) {
    leave(*impl_->writer, PriceOp{std::move(seen)}, "price_seen");
}

void Ledger::fx_seen(FxRate rate) {
    leave(*impl_->writer, FxOp{rate}, "fx_seen");
}

void Ledger::policy(std::string text, std::string author, Done<std::int64_t> done) {
    submit<std::int64_t>(
        *impl_->writer,
        PolicyOp{.text = std::move(text), .author = std::move(author), .done = std::move(done)});
}

void Ledger::add_key(KeyRow key, Done<void> done) {
    submit<void>(*impl_->writer, AddKeyOp{.key = std::move(key), .done = std::move(done)});
}

void Ledger::key_terms(std::string name, KeyTerms terms, Done<void> done) {
    submit<void>(
        *impl_->writer,
        KeyTermsOp{.name = std::move(name), .terms = std::move(terms), .done = std::move(done)});
}

void Ledger::revoke_key(std::string name, Done<void> done) {
    submit<void>(*impl_->writer, RevokeKeyOp{.name = std::move(name), .done = std::move(done)});
}

void Ledger::backup(std::filesystem::path path, Done<std::int64_t> done) {
    submit<std::int64_t>(
        *impl_->writer, BackupOp{.path = std::move(path), .done = std::move(done)});
}

Health Ledger::health() const {
    return impl_->writer->health();
}

Figures Ledger::figures() const {
    return impl_->writer->figures();
}

std::uint64_t Ledger::heartbeat() const noexcept {
    return impl_->writer->heartbeat();
}

Result<void> Ledger::flush() {
    // Shared with the callback: it may still be in its call when the waiter has gone on.
    const auto answer = std::make_shared<std::promise<Result<void>>>();
    auto waiting = answer->get_future();
    submit<void>(*impl_->writer, BarrierOp{[answer](Result<void> result) {
        answer->set_value(std::move(result));
    }});
    return waiting.get();
}

Result<void> Ledger::close() {
    return impl_->writer->stop();
}

}  // namespace evenkeel::ledger
