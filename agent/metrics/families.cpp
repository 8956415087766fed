#include "agent/metrics/families.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <stdexcept>
#include <utility>
#include <vector>

namespace evenkeel::agent::metrics {

struct Families::Impl {
    std::vector<prometheus::MetricFamily> families{};  ///< in the order of the table

    prometheus::ClientMetric& place(const Metric& metric, Labels labels) {
        const auto found = std::ranges::find(all_metrics, &metric);
        if (found == all_metrics.end() || labels.size() != metric.label_count()) {
            throw std::logic_error{
                fmt::format("{} is not served with {} labels", metric.name, labels.size())};
        }
        prometheus::ClientMetric value;
        std::size_t at = 0;
        for (const std::string_view label : labels) {
            value.label.push_back({std::string{metric.labels[at++]}, std::string{label}});
        }
        auto& all = families[static_cast<std::size_t>(found - all_metrics.begin())].metric;
        return all.emplace_back(std::move(value));
    }
};

Families::Families() : impl_{std::make_unique<Impl>()} {
    for (const Metric* metric : all_metrics) {
        impl_->families.push_back(
            {.name = std::string{metric->name},
             .help = std::string{metric->help},
             .type = metric->type == counter ? prometheus::MetricType::Counter
                     : metric->type == gauge ? prometheus::MetricType::Gauge
                                             : prometheus::MetricType::Histogram,
             .metric = {}});
    }
}

Families::~Families() = default;

void Families::add(const Metric& metric, Labels labels, double value) {
    if (metric.type == histogram) {
        throw std::logic_error{fmt::format("{} is a histogram", metric.name)};
    }
    prometheus::ClientMetric& place = impl_->place(metric, labels);
    (metric.type == counter ? place.counter.value : place.gauge.value) = value;
}

void Families::add(
    const Metric& metric,
    Labels labels,
    std::span<const std::int64_t> limits,
    std::span<const std::int64_t> counts,
    std::int64_t sum,
    double unit) {
    if (metric.type != histogram || counts.size() != limits.size() + 1) {
        throw std::logic_error{fmt::format("{} has other buckets", metric.name)};
    }
    auto& place = impl_->place(metric, labels).histogram;
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
        total += static_cast<std::uint64_t>(counts[i]);
        const double limit = i < limits.size() ? static_cast<double>(limits[i]) / unit
                                               : std::numeric_limits<double>::infinity();
        place.bucket.push_back({.cumulative_count = total, .upper_bound = limit});
    }
    place.sample_count = total;
    place.sample_sum = static_cast<double>(sum) / unit;
}

std::string Families::text() const {
    std::vector<prometheus::MetricFamily> said;
    std::ranges::copy_if(impl_->families, std::back_inserter(said), [](const auto& family) {
        return !family.metric.empty();
    });
    return prometheus::TextSerializer{}.Serialize(said);
}

double amount_of(Money amount) noexcept {
    return static_cast<double>(amount.nanos()) / 1e9;
}

double seconds_of(UtcTime time) noexcept {
    return static_cast<double>(time.time_since_epoch().count()) / 1e6;
}

}  // namespace evenkeel::agent::metrics
