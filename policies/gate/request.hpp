#pragma once

#include "policies/gate/gate.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory_resource>
#include <vector>

/// The slab in which the gate's requests live, and lists threaded through it. Internal to gate/.
namespace evenkeel::gate {

inline constexpr std::uint32_t nil = std::numeric_limits<std::uint32_t>::max();

/// Tokens a request may claim; more counts as this. Keeps every sum of them in range.
inline constexpr std::int64_t request_tokens_max = std::int64_t{1} << 40;

/// A sum that stays at the end of the range instead of leaving it: beyond is beyond every limit.
[[nodiscard]] constexpr std::int64_t saturating_add(std::int64_t a, std::int64_t b) noexcept {
    std::int64_t sum = 0;
    if (__builtin_add_overflow(a, b, &sum)) {
        return b > 0 ? std::numeric_limits<std::int64_t>::max()
                     : std::numeric_limits<std::int64_t>::min();
    }
    return sum;
}

struct Links {
    std::uint32_t prev{nil};
    std::uint32_t next{nil};
};

/// The ends of a doubly linked list whose links lie in the slab.
struct List {
    std::uint32_t head{nil};
    std::uint32_t tail{nil};
    std::uint32_t size{0};
};

/// Appends `node`; `links(node)` finds its Links. O(1), as is unlink.
template <class LinksOf>
void push_back(List& list, std::uint32_t node, LinksOf links) {
    links(node) = {.prev = list.tail, .next = nil};
    (list.tail == nil ? list.head : links(list.tail).next) = node;
    list.tail = node;
    ++list.size;
}

template <class LinksOf>
void unlink(List& list, std::uint32_t node, LinksOf links) {
    const Links own = links(node);
    (own.prev == nil ? list.head : links(own.prev).next) = own.next;
    (own.next == nil ? list.tail : links(own.next).prev) = own.prev;
    links(node) = {};
    --list.size;
}

enum class Phase : std::uint8_t {
    unused,   ///< on the free list
    placing,  ///< in no list: being granted, queued or refused right now
    queued,
    granted,
};

/// Budgets that count one amount: bits of the newest policy, and the own budget of a key.
struct BudgetSet {
    std::uint64_t mask{0};
    NameIx key{};
    bool internal{false};  ///< the price of a worker's work: no external money
};

struct Request {
    Arrival arrival{};
    BootTime arrived{};
    /// Bits of the newest policy: of the arrival alone, and with those of each choice.
    std::uint64_t budgets{0};
    std::array<std::uint64_t, api_choices_max> api_budgets{};
    std::uint64_t internal_budgets{0};  ///< likewise, Arrival::internal_budgets
    std::array<std::uint32_t, api_choices_max> api_slots{};  ///< sources of its choices
    std::uint32_t generation{1};
    Phase phase{Phase::unused};
    SourceKind kind{SourceKind::own};  ///< granted: of the source, when it was granted
    bool waited{false};                ///< has been queued, or failed somewhere
    bool due{false};                   ///< overflow time has come: waits for all its APIs
    std::uint8_t waiting_at{0};        ///< queued: bit i: in the list of choice i
    bool again{false};                 ///< queued: in the lane of retried requests
    bool worker_failed{false};         ///< a worker failed on it
    bool begun{false};                 ///< granted to a worker: its prompt is done
    bool recalled{false};              ///< granted: was told to leave
    bool rescued{false};               ///< has left a worker that would have been late
    bool returned{false};              ///< granted: to its home
    bool metered{false};               ///< counts in the allowances of its key and route
    std::int64_t worth{0};             ///< its API price, as counters use it
    std::int64_t charged_before{0};  ///< settled of parts that others go on with; no row has it yet
    std::int64_t tokens_used{0};     ///< by grants that have ended, as far as they were told
    std::uint8_t choice{0};          ///< granted to an API: which
    std::uint8_t tried_count{0};
    std::array<std::uint32_t, tries_max> tried{};  ///< sources it failed on
    std::uint32_t model{nil};                      ///< slot of its model, nil = APIs only
    std::uint32_t flow{nil};                       ///< queued: its key's flow
    std::uint32_t source{nil};                     ///< granted: slot of its source
    std::uint64_t charged{0};                      ///< granted: budgets it counts in
    std::int64_t hold_report{0};                   ///< granted: set aside in those
    std::uint64_t deadline{0};                     ///< stamp of its one valid timer entry
    std::int64_t room{0};                          ///< granted to a worker: cache it will fill
    std::uint8_t size_class{0};                    ///< queued: which list of its flow
    std::uint8_t passed{0};                        ///< queued: how often one with a home went first
    std::uint32_t home{nil};                       ///< worker that has its beginning, in that life
    std::uint32_t home_life{0};
    std::int64_t covered{0};  ///< tokens of that beginning
    std::int64_t to_read{0};  ///< granted to a worker: tokens of its prompt without it
    /// In its flow, the retry lane, the free list or, granted, the prompts of its worker.
    Links order{};
    std::array<Links, api_choices_max> api_links{};

    [[nodiscard]] bool may_use(std::uint32_t source_slot) const noexcept {
        for (std::size_t i = 0; i < tried_count; ++i) {
            if (tried[i] == source_slot) {
                return false;
            }
        }
        return true;
    }
    /// The budgets that count its API choice `i`.
    [[nodiscard]] BudgetSet counts_in(std::size_t i) const noexcept {
        return {.mask = api_budgets[i], .key = arrival.key};
    }
    /// The budgets that count it on a worker, if that is charged.
    [[nodiscard]] BudgetSet counts_internally() const noexcept {
        return {.mask = internal_budgets, .key = arrival.key, .internal = true};
    }
    [[nodiscard]] bool has_internal_price() const noexcept { return arrival.internal_hold >= 0; }
    /// Granted: the budgets that count it.
    [[nodiscard]] BudgetSet counts_now() const noexcept {
        return {.mask = charged, .key = arrival.key, .internal = kind != SourceKind::api};
    }
    /// What it asks of the allowances of its key and route.
    [[nodiscard]] LimitBook::Entry entry() const noexcept {
        return {
            .key = arrival.key,
            .route = arrival.route,
            .tokens = arrival.tokens_in + arrival.tokens_out};
    }
    /// What it weighs in the round robin.
    [[nodiscard]] std::int64_t cost() const noexcept {
        const std::int64_t tokens = arrival.tokens_in + arrival.tokens_out;
        return std::clamp<std::int64_t>(tokens, 1, drr_cost_max);
    }
    /// An API may answer it instead: it need not take a worker that would be late.
    [[nodiscard]] bool has_choice() const noexcept {
        return arrival.api_count > 0 && arrival.first_token_by != BootTime::max();
    }
};

/// Requests by index, with generations and a free list. Grows, never shrinks.
class Slab {
public:
    explicit Slab(std::pmr::memory_resource* memory) : requests_{memory} {}

    [[nodiscard]] Request& operator[](std::uint32_t index) noexcept { return requests_[index]; }
    [[nodiscard]] const Request& operator[](std::uint32_t index) const noexcept {
        return requests_[index];
    }
    [[nodiscard]] std::uint32_t size() const noexcept {
        return static_cast<std::uint32_t>(requests_.size());
    }
    /// The live request of `handle`, or nil.
    [[nodiscard]] std::uint32_t find(Handle handle) const noexcept {
        const bool live = handle.index < requests_.size() &&
                          requests_[handle.index].generation == handle.generation &&
                          requests_[handle.index].phase != Phase::unused;
        return live ? handle.index : nil;
    }
    [[nodiscard]] Handle handle(std::uint32_t index) const noexcept {
        return {.index = index, .generation = requests_[index].generation};
    }
    /// A fresh request in phase `placing`.
    std::uint32_t make() {
        std::uint32_t index = free_;
        if (index == nil) {
            index = size();
            requests_.emplace_back();
        } else {
            free_ = requests_[index].order.next;
            const std::uint32_t generation = requests_[index].generation;
            requests_[index] = Request{};
            requests_[index].generation = generation;
        }
        requests_[index].phase = Phase::placing;
        return index;
    }
    /// Ends it: every handle to it becomes stale. Precondition: in no list, no deadline.
    void release(std::uint32_t index) noexcept {
        Request& request = requests_[index];
        assert(request.phase != Phase::unused && request.deadline == 0);
        request.phase = Phase::unused;
        request.generation = request.generation == nil ? 1 : request.generation + 1;
        request.order = {.prev = nil, .next = free_};
        free_ = index;
    }

private:
    std::pmr::vector<Request> requests_;
    std::uint32_t free_{nil};
};

/// Finds the links of a request in its flow or lane.
struct OrderLinks {
    Slab* slab;
    Links& operator()(std::uint32_t index) const noexcept { return (*slab)[index].order; }
};

/// Finds the links of "request waits for its choice": node = index * api_choices_max + choice.
struct ApiLinks {
    Slab* slab;
    Links& operator()(std::uint32_t node) const noexcept {
        return (*slab)[node / api_choices_max].api_links[node % api_choices_max];
    }
};

}  // namespace evenkeel::gate
