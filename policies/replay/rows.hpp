#pragma once

#include "policies/domain/error.hpp"
#include "policies/replay/trace.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

/// Where the requests of a replay come from. Rows are handed on in pieces, so that a trace of a
/// year needs no more memory than one of an hour.
namespace evenkeel::replay {

class RowSource {
public:
    virtual ~RowSource() = default;
    /// The next rows, ascending by time and not before those given last; empty at the end. The span
    /// lives until the next call. Errors: those of the text behind it.
    [[nodiscard]] virtual Result<std::span<const TraceRow>> next() = 0;
};

/// Opens the same rows anew: some policies look at the whole trace before they replay it.
using OpenRows = std::function<Result<std::unique_ptr<RowSource>>()>;

/// Rows that are in memory and outlive every source opened. Errc::invalid_argument from `next`
/// when they do not ascend.
[[nodiscard]] OpenRows rows_of(const std::vector<TraceRow>& rows);

/// Only the rows with from <= at < to of another source, times kept.
[[nodiscard]] OpenRows window_of(
    OpenRows open, std::chrono::nanoseconds from, std::chrono::nanoseconds to);

/// What a whole trace holds.
struct TraceSums {
    std::int64_t requests{0};
    std::int64_t tokens_in{0};
    std::int64_t tokens_out{0};
    std::chrono::nanoseconds first{};
    std::chrono::nanoseconds last{};
    [[nodiscard]] double mean_in() const noexcept;   ///< 0 for an empty trace
    [[nodiscard]] double mean_out() const noexcept;  ///< likewise
};
[[nodiscard]] Result<TraceSums> sums_of(const OpenRows& open);

/// Calls `each` for every row. Errors: those of the source.
template <class Each>
[[nodiscard]] Result<void> for_each_row(const OpenRows& open, Each&& each) {
    Result<std::unique_ptr<RowSource>> source = open();
    if (!source) {
        return std::unexpected{std::move(source.error())};
    }
    for (;;) {
        const Result<std::span<const TraceRow>> rows = (*source)->next();
        if (!rows) {
            return std::unexpected{rows.error()};
        }
        if (rows->empty()) {
            return {};
        }
        for (const TraceRow& row : *rows) {
            each(row);
        }
    }
}

}  // namespace evenkeel::replay
