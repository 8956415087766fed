#include "agent/metrics/metrics.hpp"

#include "agent/ledger/reader.hpp"
#include "agent/metrics/collect.hpp"

#include <spdlog/spdlog.h>

namespace evenkeel::agent::metrics {

namespace {

constexpr std::chrono::minutes chain_every{1};
/// Older transactions checked at a time: some milliseconds of the admin thread.
constexpr std::int64_t chain_part = 1'024;

}  // namespace

std::int64_t GrowingSum::next(std::int64_t value) noexcept {
    if (value < last_) {
        before_ += last_;
    }
    last_ = value;
    return before_ + value;
}

bool ChainWatch::ok(BootTime now) {
    if (!ok_ || now < next_) {
        return ok_;
    }
    next_ = now + chain_every;
    auto reader = ledger::Reader::open(state_);
    if (!reader) {
        return ok_;
    }
    const auto found = reader->check_chain(at_, chain_part);
    if (found && !found->problems.empty()) {
        ok_ = false;
        spdlog::critical("ledger: {}; run: evenkeel ledger verify", found->problems.front());
    }
    return ok_;
}

std::string Metrics::text(
    const View& view, const ledger::Figures& booked, bool files_taken, BootTime now) {
    Known known{
        .view = view,
        .booked = booked,
        .commit = commit(),
        .reload_ok = files_taken,
        .chain_ok = chain_.ok(now)};
    for (const inference::gpu::GpuReading& reading : view.gpus->gpus) {
        if (const auto energy = reading.sample.energy_millijoules) {
            GrowingSum& sum = energy_[reading.info.index];
            known.gpu_millijoules.emplace(reading.info.index, sum.next(*energy));
        }
    }
    Families families;
    collect(known, families);
    return families.text();
}

}  // namespace evenkeel::agent::metrics
