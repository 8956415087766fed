#include "agent/metrics/collect.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>

namespace evenkeel::agent::metrics {

namespace {

using Requests = ledger::Figures::Requests;
using Pair = std::pair<std::string_view, std::string_view>;

constexpr std::array all_outcomes{
    Outcome::answered,
    Outcome::client_gone,
    Outcome::refused,
    Outcome::invalid,
    Outcome::failed,
    Outcome::cut};

struct Times {
    ledger::Histogram<ledger::duration_limits_ms> duration{};
    ledger::Histogram<ledger::ttft_limits_ms> first_token{};
    ledger::Histogram<ledger::wait_limits_ms> wait{};
};

struct Tokens {
    std::int64_t input{0};
    std::int64_t cached{0};
    std::int64_t output{0};
};

void add_booked(const std::vector<Requests>& all, Families& out) {
    std::map<Pair, Times> times;  // route, source
    std::map<Pair, Tokens> sums;  // model, source
    std::map<std::tuple<std::string_view, std::string_view, ReasonCode>, std::int64_t> decided;
    for (const Requests& cell : all) {
        for (const Outcome outcome : all_outcomes) {
            const std::int64_t count = cell.outcomes[static_cast<std::size_t>(outcome)];
            if (count > 0) {
                out.add(
                    requests,
                    {cell.route, cell.model, cell.source, cell.kind, to_text(outcome)},
                    static_cast<double>(count));
            }
        }
        Times& time = times[{cell.route, cell.source}];
        time.duration += cell.duration;
        time.first_token += cell.first_token;
        time.wait += cell.wait;
        Tokens& sum = sums[{cell.model, cell.source}];
        sum.input += cell.tokens_input;
        sum.cached += cell.tokens_cached;
        sum.output += cell.tokens_output;
        for (const auto& [reason, count] : cell.reasons) {
            decided[{cell.route, cell.source, reason}] += count;
        }
    }
    for (const auto& [names, sum] : sums) {
        const auto& [model, source] = names;
        if (source == ledger::no_name) {
            continue;  // nobody read or wrote anything
        }
        out.add(tokens, {model, source, "input"}, static_cast<double>(sum.input));
        out.add(tokens, {model, source, "cached"}, static_cast<double>(sum.cached));
        out.add(tokens, {model, source, "output"}, static_cast<double>(sum.output));
    }
    constexpr double per_second = 1e3;
    for (const auto& [names, time] : times) {
        const auto show = [&out, &by = names](
                              const Metric& metric, const auto& limits, const auto& counted) {
            out.add(metric, {by.first, by.second}, limits, counted.counts, counted.sum, per_second);
        };
        show(request_duration, ledger::duration_limits_ms, time.duration);
        show(first_token, ledger::ttft_limits_ms, time.first_token);
        show(queue_wait, ledger::wait_limits_ms, time.wait);
    }
    for (const auto& [names, count] : decided) {
        const auto& [route, source, reason] = names;
        out.add(route_decisions, {route, source, to_text(reason)}, static_cast<double>(count));
    }
}

}  // namespace

void collect_requests(const Known& known, Families& out) {
    add_booked(known.booked.requests, out);
    const View& view = known.view;
    std::map<std::string_view, std::int64_t> queued;  // by model, until a worker shows it
    for (const QueueView& queue : view.queues) {
        queued[queue.model] = queue.depth;
    }
    struct Now {
        std::int64_t waiting{0};
        std::int64_t busy{0};
        std::int64_t slots{0};
        bool worker{false};
    };
    std::map<std::string_view, Now> now;  // by name
    for (const SourceView& source : view.sources) {
        Now& sum = now[source.name];
        sum.busy += source.busy;
        sum.slots += source.slots;
        if (source.kind == to_text(SourceKind::api)) {
            continue;
        }
        sum.worker = true;
        if (const auto queue = queued.find(source.model); queue != queued.end()) {
            sum.waiting += queue->second;
            queued.erase(queue);
        }
    }
    for (const auto& [source, sum] : now) {
        if (sum.worker) {
            out.add(queue_requests, {source}, static_cast<double>(sum.waiting));
        }
        out.add(inflight_requests, {source}, static_cast<double>(sum.busy));
        out.add(slots, {source}, static_cast<double>(sum.slots));
    }
    std::int64_t nowhere = 0;
    for (const auto& [model, depth] : queued) {
        nowhere += depth;
    }
    out.add(queue_requests, {ledger::no_name}, static_cast<double>(nowhere));
}

}  // namespace evenkeel::agent::metrics
