#include "policies/gate/fair_queue.hpp"

#include <algorithm>
#include <limits>

namespace evenkeel::gate {

void FairQueue::count(const Request& request, std::int64_t sign) noexcept {
    size_ += sign;
    tokens_in_ += sign * request.arrival.tokens_in;
    tokens_out_ += sign * request.arrival.tokens_out;
}

void FairQueue::push(Slab& slab, std::uint32_t index) {
    Request& request = slab[index];
    const std::uint64_t name = static_cast<std::uint64_t>(request.arrival.key.value()) * 2 +
                               (request.arrival.own_only ? 1u : 0u);
    const auto [it, fresh] = flow_of_.try_emplace(name, static_cast<std::uint32_t>(flows_.size()));
    if (fresh) {
        flows_.push_back({.own_only = request.arrival.own_only});
    }
    request.flow = it->second;
    request.again = false;
    Flow& flow = flows_[request.flow];
    if (flow.requests.size == 0) {
        push_back(active_, request.flow, active_links());
    }
    push_back(flow.requests, index, OrderLinks{&slab});
    count(request, 1);
}

void FairQueue::push_again(Slab& slab, std::uint32_t index) {
    slab[index].again = true;
    push_back(again_, index, OrderLinks{&slab});
    count(slab[index], 1);
}

void FairQueue::remove(Slab& slab, std::uint32_t index) {
    Request& request = slab[index];
    count(request, -1);
    if (request.again) {
        unlink(again_, index, OrderLinks{&slab});
        request.again = false;
        return;
    }
    Flow& flow = flows_[request.flow];
    unlink(flow.requests, index, OrderLinks{&slab});
    if (flow.requests.size == 0) {
        unlink(active_, request.flow, active_links());
        flow.deficit = 0;
        flow.has_quantum = false;
    }
    request.flow = nil;
}

std::uint32_t FairQueue::next(const Slab& slab, std::uint32_t source, bool rental) {
    const std::uint32_t again = next_again(slab, source, rental);
    return again != nil ? again : next_of_flows(slab, rental);
}

std::uint32_t FairQueue::next_again(const Slab& slab, std::uint32_t source, bool rental) const {
    for (std::uint32_t i = again_.head; i != nil; i = slab[i].order.next) {
        if (slab[i].may_use(source) && !(rental && slab[i].arrival.own_only)) {
            return i;
        }
    }
    return nil;
}

std::uint32_t FairQueue::next_of_flows(const Slab& slab, bool rental) {
    // The first round may find nothing because every head costs more than its flow has saved up;
    // then the rounds that would only add quanta are skipped at once, and the next round finds one.
    for (int attempt = 0; attempt < 2; ++attempt) {
        for (std::uint32_t left = active_.size; left > 0; --left) {
            const std::uint32_t turn = active_.head;
            Flow& flow = flows_[turn];
            if (!(rental && flow.own_only)) {
                if (!flow.has_quantum) {
                    flow.deficit += drr_quantum_tokens;
                    flow.has_quantum = true;
                }
                const std::uint32_t index = flow.requests.head;
                if (const std::int64_t cost = slab[index].cost(); cost <= flow.deficit) {
                    flow.deficit -= cost;
                    return index;
                }
                flow.has_quantum = false;
            }
            unlink(active_, turn, active_links());
            push_back(active_, turn, active_links());
        }
        skip_rounds(slab, rental);
    }
    return nil;
}

void FairQueue::skip_rounds(const Slab& slab, bool rental) {
    std::int64_t rounds = std::numeric_limits<std::int64_t>::max();
    const auto each = [&](auto&& visit) {
        for (std::uint32_t i = active_.head; i != nil; i = flows_[i].active.next) {
            if (!(rental && flows_[i].own_only)) {
                visit(flows_[i]);
            }
        }
    };
    each([&](const Flow& flow) {
        const std::int64_t missing = slab[flow.requests.head].cost() - flow.deficit;
        rounds = std::min(rounds, (missing + drr_quantum_tokens - 1) / drr_quantum_tokens);
    });
    // The round that follows adds one quantum itself.
    each([&](Flow& flow) { flow.deficit += (rounds - 1) * drr_quantum_tokens; });
}

BootTime FairQueue::oldest(const Slab& slab) const noexcept {
    BootTime oldest = BootTime::max();
    for (std::uint32_t i = active_.head; i != nil; i = flows_[i].active.next) {
        oldest = std::min(oldest, slab[flows_[i].requests.head].arrived);
    }
    for (std::uint32_t i = again_.head; i != nil; i = slab[i].order.next) {
        oldest = std::min(oldest, slab[i].arrived);
    }
    return size_ == 0 ? BootTime{} : oldest;
}

}  // namespace evenkeel::gate
