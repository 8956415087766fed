#include "policies/replay/rows.hpp"

#include <algorithm>
#include <utility>

namespace evenkeel::replay {

namespace {

using std::chrono::nanoseconds;

class MemoryRows final : public RowSource {
public:
    explicit MemoryRows(const std::vector<TraceRow>& rows) : rows_{rows} {}
    Result<std::span<const TraceRow>> next() override {
        if (done_) {
            return std::span<const TraceRow>{};
        }
        done_ = true;
        if (!std::ranges::is_sorted(rows_, {}, &TraceRow::at)) {
            return fail(Errc::invalid_argument, "the rows of a replay must ascend by time");
        }
        return std::span{rows_};
    }

private:
    const std::vector<TraceRow>& rows_;
    bool done_{false};
};

class WindowRows final : public RowSource {
public:
    WindowRows(std::unique_ptr<RowSource> source, nanoseconds from, nanoseconds to)
        : source_{std::move(source)}, from_{from}, to_{to} {}
    Result<std::span<const TraceRow>> next() override {
        for (;;) {
            const Result<std::span<const TraceRow>> rows = source_->next();
            if (!rows || rows->empty()) {
                return rows;
            }
            const auto first = std::ranges::lower_bound(*rows, from_, {}, &TraceRow::at);
            const auto last = std::ranges::lower_bound(*rows, to_, {}, &TraceRow::at);
            if (first < last) {
                return std::span<const TraceRow>{first, last};
            }
            if (first == rows->begin()) {
                return std::span<const TraceRow>{};  // all of them are past the end
            }
        }
    }

private:
    std::unique_ptr<RowSource> source_;
    nanoseconds from_;
    nanoseconds to_;
};

}  // namespace

OpenRows rows_of(const std::vector<TraceRow>& rows) {
    return [&rows]() -> Result<std::unique_ptr<RowSource>> {
        return std::make_unique<MemoryRows>(rows);
    };
}

OpenRows window_of(OpenRows open, nanoseconds from, nanoseconds to) {
    return [open = std::move(open), from, to]() -> Result<std::unique_ptr<RowSource>> {
        Result<std::unique_ptr<RowSource>> source = open();
        if (!source) {
            return source;
        }
        return std::make_unique<WindowRows>(std::move(*source), from, to);
    };
}

double TraceSums::mean_in() const noexcept {
    return requests == 0 ? 0 : static_cast<double>(tokens_in) / static_cast<double>(requests);
}
double TraceSums::mean_out() const noexcept {
    return requests == 0 ? 0 : static_cast<double>(tokens_out) / static_cast<double>(requests);
}

Result<TraceSums> sums_of(const OpenRows& open) {
    TraceSums sums;
    const Result<void> read = for_each_row(open, [&](const TraceRow& row) {
        if (sums.requests++ == 0) {
            sums.first = row.at;
        }
        sums.last = row.at;
        sums.tokens_in += row.tokens_in;
        sums.tokens_out += row.tokens_out;
    });
    if (!read) {
        return std::unexpected{read.error()};
    }
    return sums;
}

}  // namespace evenkeel::replay
