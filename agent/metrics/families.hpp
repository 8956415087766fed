#pragma once

#include "agent/metrics/table.hpp"
#include "policies/domain/money.hpp"
#include "policies/domain/time.hpp"

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace evenkeel::agent::metrics {

/// Values of metrics, gathered for one answer and written as Prometheus text. Only metrics of the
/// table, with exactly its labels: anything else is our mistake and throws std::logic_error. What
/// has no value is left out of the text.
class Families {
public:
    using Labels = std::initializer_list<std::string_view>;

    Families();
    ~Families();
    Families(const Families&) = delete;
    Families& operator=(const Families&) = delete;

    /// A value of a counter or a gauge; `labels` in the order of the table.
    void add(const Metric& metric, Labels labels, double value);
    /// Counts by upper limits; the last count is beyond all of them. `unit`: how many of the
    /// limits' unit make one second.
    void add(
        const Metric& metric,
        Labels labels,
        std::span<const std::int64_t> limits,
        std::span<const std::int64_t> counts,
        std::int64_t sum,
        double unit);
    /// Text exposition format 0.0.4.
    [[nodiscard]] std::string text() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// An amount in whole units of its currency, as near as a double comes: here, at the very edge,
/// money stops being exact.
[[nodiscard]] double amount_of(Money amount) noexcept;
[[nodiscard]] double seconds_of(UtcTime time) noexcept;

}  // namespace evenkeel::agent::metrics
