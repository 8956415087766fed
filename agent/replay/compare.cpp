#include "agent/replay/compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace evenkeel::agent {

namespace {

using std::chrono::milliseconds;

constexpr int overtime = 3;  ///< times the limit, in all, before even the cut one is given up

/// Counts the rows it hands on, and ends with an error when the time is over.
struct Meter {
    std::function<milliseconds()> spent{};
    milliseconds until{};
    std::stop_token stop{};
    std::int64_t rows{0};
};

class MeteredRows final : public replay::RowSource {
public:
    MeteredRows(std::unique_ptr<replay::RowSource> rows, Meter& meter)
        : rows_{std::move(rows)}, meter_{meter} {}
    Result<std::span<const replay::TraceRow>> next() override {
        if (meter_.stop.stop_requested()) {
            return fail(Errc::cancelled, "the replay was stopped");
        }
        if (meter_.spent() >= meter_.until) {
            return fail(Errc::timed_out, "the replay takes too long");
        }
        if (rest_.empty()) {
            const auto rows = rows_->next();
            if (!rows || rows->empty()) {
                return rows;
            }
            rest_ = *rows;
        }
        // Quiet days have few rows and take time all the same: somebody may want to stop.
        const auto end = std::ranges::lower_bound(
            rest_, rest_.front().at + std::chrono::days{1}, {}, &replay::TraceRow::at);
        const std::span piece{rest_.begin(), end};
        rest_ = {end, rest_.end()};
        meter_.rows += std::ssize(piece);
        return piece;
    }

private:
    std::unique_ptr<replay::RowSource> rows_;
    std::span<const replay::TraceRow> rest_{};
    Meter& meter_;
};

Result<void> replay_all(
    ledger::Reader& reader,
    const config::Config& config,
    const Demand& demand,
    std::vector<Subject>& subjects,
    Meter& meter) {
    for (Subject& subject : subjects) {
        subject.totals.clear();
        const auto rows = requests_for(reader, config, demand, subject.model, meter.stop);
        if (!rows) {
            return std::unexpected{rows.error()};
        }
        const replay::OpenRows metered = [&]() -> Result<std::unique_ptr<replay::RowSource>> {
            auto opened = (*rows)();
            if (!opened) {
                return opened;
            }
            return std::make_unique<MeteredRows>(std::move(*opened), meter);
        };
        for (const replay::Options& world : subject.worlds) {
            const auto totals = replay::replay(metered, world);
            if (!totals) {
                return std::unexpected{totals.error()};
            }
            subject.totals.push_back(*totals);
        }
    }
    return {};
}

/// Days whose requests fit into `rows`, at least one.
Result<int> newest_days(ledger::Reader& reader, Span span, std::int64_t rows) {
    const int days =
        static_cast<int>(std::chrono::ceil<std::chrono::days>(span.until - span.since).count());
    const auto counts = reader.requests_by_day(span.until, days);
    if (!counts) {
        return std::unexpected{counts.error()};
    }
    int fit = 0;
    std::int64_t sum = 0;
    for (const std::int64_t count : *counts) {
        sum += count;
        if (sum > rows) {
            break;
        }
        ++fit;
    }
    return std::clamp(fit, 1, std::max(days - 1, 1));
}

}  // namespace

Result<Demand> replay_newest(
    ledger::Reader& reader,
    const config::Config& config,
    Demand whole,
    std::vector<Subject>& subjects,
    const ReplayLimit& limit) {
    const auto begun = std::chrono::steady_clock::now();
    Meter meter{.spent = limit.spent, .until = limit.time / 2, .stop = limit.stop};
    if (!meter.spent) {
        meter.spent = [begun] {
            return std::chrono::duration_cast<milliseconds>(
                std::chrono::steady_clock::now() - begun);
        };
    }
    const auto done = replay_all(reader, config, whole, subjects, meter);
    if (done) {
        return whole;
    }
    if (done.error().code != Errc::timed_out) {
        return std::unexpected{done.error()};
    }
    // Each request of the shorter span goes through as many worlds as the largest subject has.
    std::int64_t worlds = 1;
    for (const Subject& subject : subjects) {
        worlds = std::max<std::int64_t>(worlds, std::ssize(subject.worlds));
    }
    const std::int64_t used = std::max<std::int64_t>(meter.spent().count(), 1);
    const std::int64_t left = std::max<std::int64_t>(limit.time.count() - used, 0);
    const std::int64_t rows = mul_div(meter.rows, left, used * worlds, Rounding::down).value_or(0);
    const auto days = newest_days(reader, whole.span, rows);
    if (!days) {
        return std::unexpected{days.error()};
    }
    auto demand = read_demand(
        reader, config, {whole.span.until - std::chrono::days{*days}, whole.span.until});
    if (!demand) {
        return demand;
    }
    meter.until = limit.time * overtime;
    if (const auto again = replay_all(reader, config, *demand, subjects, meter); !again) {
        return again.error().code == Errc::timed_out
                   ? fail(
                         Errc::timed_out,
                         fmt::format(
                             "the requests of {} day{} take more than {} s to replay",
                             *days,
                             *days == 1 ? "" : "s",
                             limit.time.count() * overtime / 1'000))
                   : std::unexpected{again.error()};
    }
    return demand;
}

bool is_enough(const ModelDemand& demand) noexcept {
    return demand.replayed() >= history_requests_min && demand.length() >= history_length_min;
}

}  // namespace evenkeel::agent
