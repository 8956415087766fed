#include "policies/gate/fair_queue.hpp"

#include <algorithm>
#include <bit>
#include <limits>

namespace evenkeel::gate {

void FairQueue::count(const Request& request, std::int64_t sign) noexcept {
    size_ += sign;
    tokens_in_ += sign * request.arrival.tokens_in;
    tokens_out_ += sign * request.arrival.tokens_out;
}

int FairQueue::size_class(const Request& request, bool short_first) noexcept {
    if (!short_first || !request.has_choice()) {
        return 0;
    }
    // The highest bit and the two below it: 4, 5, 6, 7, 8-9, 10-11, ... tokens.
    const auto tokens =
        static_cast<std::uint64_t>(std::max<std::int64_t>(request.arrival.tokens_in, 4));
    const auto octave = static_cast<int>(std::bit_width(tokens)) - 3;
    const int quarter = static_cast<int>(tokens >> octave) & 3;
    return std::min(1 + octave * 4 + quarter, classes - 1);
}

void FairQueue::push(Slab& slab, std::uint32_t index, bool short_first) {
    Request& request = slab[index];
    const std::uint64_t name = static_cast<std::uint64_t>(request.arrival.key.value()) * 2 +
                               (request.arrival.own_only ? 1u : 0u);
    const auto [it, fresh] = flow_of_.try_emplace(name, static_cast<std::uint32_t>(flows_.size()));
    if (fresh) {
        flows_.push_back({.own_only = request.arrival.own_only});
    }
    request.flow = it->second;
    request.again = false;
    request.size_class = static_cast<std::uint8_t>(size_class(request, short_first));
    Flow& flow = flows_[request.flow];
    if (flow.filled == 0) {
        push_back(active_, request.flow, active_links());
    }
    push_back(flow.requests[request.size_class], index, OrderLinks{&slab});
    flow.filled |= std::uint64_t{1} << request.size_class;
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
    List& list = flow.requests[request.size_class];
    unlink(list, index, OrderLinks{&slab});
    if (list.size == 0) {
        flow.filled &= ~(std::uint64_t{1} << request.size_class);
    }
    if (flow.filled == 0) {
        unlink(active_, request.flow, active_links());
        flow.deficit = 0;
        flow.has_quantum = false;
    }
    request.flow = nil;
}

std::uint32_t FairQueue::next(Slab& slab, bool rental, Fits fits) {
    const std::uint32_t again = next_again(slab, fits);
    return again != nil ? again : next_of_flows(slab, rental, fits);
}

std::uint32_t FairQueue::next_again(const Slab& slab, Fits fits) const {
    for (std::uint32_t i = again_.head; i != nil; i = slab[i].order.next) {
        if (fits(i)) {
            return i;
        }
    }
    return nil;
}

std::uint32_t FairQueue::candidate(const Slab& slab, const Flow& flow, bool rental, Fits fits) {
    if (rental && flow.own_only) {
        return nil;
    }
    int unpaid = 0;
    for (std::uint64_t left = flow.filled; left != 0; left &= left - 1) {
        std::uint32_t i = flow.requests[static_cast<std::size_t>(std::countr_zero(left))].head;
        std::uint32_t first = nil;
        for (int looks = 0; looks < looks_max && i != nil;) {
            const bool pays = fits.pays(i);
            looks += pays || ++unpaid > unpaid_max ? 1 : 0;
            if (pays && fits.call(fits.context, i)) {
                first = first == nil ? i : first;
                if (fits.at_home == nullptr || slab[first].passed >= passes_max ||
                    fits.at_home(fits.context, i)) {
                    return i;
                }
            }
            i = slab[i].order.next;
        }
        if (first != nil) {
            return first;
        }
    }
    return nil;
}

void FairQueue::note_passed(Slab& slab, const Flow& flow, std::uint32_t index) noexcept {
    std::uint32_t i = flow.requests[slab[index].size_class].head;
    for (; i != index; i = slab[i].order.next) {
        slab[i].passed = static_cast<std::uint8_t>(std::min(slab[i].passed + 1, passes_max));
    }
}

std::uint32_t FairQueue::next_of_flows(Slab& slab, bool rental, Fits fits) {
    // The first round may find nothing because every candidate costs more than its flow has saved
    // up; then the rounds that would only add quanta are skipped at once, and the next round finds
    // one.
    for (int attempt = 0; attempt < 2; ++attempt) {
        bool any = false;
        for (std::uint32_t left = active_.size; left > 0; --left) {
            const std::uint32_t turn = active_.head;
            Flow& flow = flows_[turn];
            if (const std::uint32_t index = candidate(slab, flow, rental, fits); index != nil) {
                any = true;
                if (!flow.has_quantum) {
                    flow.deficit += drr_quantum_tokens;
                    flow.has_quantum = true;
                }
                if (const std::int64_t cost = slab[index].cost(); cost <= flow.deficit) {
                    flow.deficit -= cost;
                    if (fits.at_home != nullptr) {
                        note_passed(slab, flow, index);
                    }
                    return index;
                }
                flow.has_quantum = false;
            }
            unlink(active_, turn, active_links());
            push_back(active_, turn, active_links());
        }
        if (!any) {
            return nil;
        }
        if (attempt == 0) {
            skip_rounds(slab, rental, fits);
        }
    }
    return nil;
}

void FairQueue::skip_rounds(const Slab& slab, bool rental, Fits fits) {
    std::int64_t rounds = std::numeric_limits<std::int64_t>::max();
    for (std::uint32_t i = active_.head; i != nil; i = flows_[i].active.next) {
        Flow& flow = flows_[i];
        flow.next = candidate(slab, flow, rental, fits);
        if (flow.next != nil) {
            const std::int64_t missing = slab[flow.next].cost() - flow.deficit;
            rounds = std::min(rounds, (missing + drr_quantum_tokens - 1) / drr_quantum_tokens);
        }
    }
    // The round that follows adds one quantum itself.
    for (std::uint32_t i = active_.head; i != nil; i = flows_[i].active.next) {
        if (flows_[i].next != nil) {
            flows_[i].deficit += (rounds - 1) * drr_quantum_tokens;
        }
    }
}

BootTime FairQueue::oldest(const Slab& slab) const noexcept {
    BootTime oldest = BootTime::max();
    for (std::uint32_t i = active_.head; i != nil; i = flows_[i].active.next) {
        for (std::uint64_t left = flows_[i].filled; left != 0; left &= left - 1) {
            const auto at = static_cast<std::size_t>(std::countr_zero(left));
            oldest = std::min(oldest, slab[flows_[i].requests[at].head].arrived);
        }
    }
    for (std::uint32_t i = again_.head; i != nil; i = slab[i].order.next) {
        oldest = std::min(oldest, slab[i].arrived);
    }
    return size_ == 0 ? BootTime{} : oldest;
}

}  // namespace evenkeel::gate
