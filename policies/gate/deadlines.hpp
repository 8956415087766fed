#pragma once

#include "policies/gate/request.hpp"

#include <cstdint>
#include <memory_resource>
#include <vector>

namespace evenkeel::gate {

/// When waiting requests must be looked at: a heap with lazy deletion. A request has at most one
/// valid entry, the one whose stamp it carries (Request::deadline; 0 = none); the others are
/// dropped when they come to the top, or all together when they outnumber the valid ones, so that
/// memory follows the number of waiting requests and not their patience. Internal to gate/.
class Deadlines {
public:
    explicit Deadlines(std::pmr::memory_resource* memory) : heap_{memory} {}

    /// Replaces the request's entry. BootTime::max() = never. O(log n).
    void set(Slab& slab, std::uint32_t index, BootTime at);
    /// Forgets the request's entry. Amortised O(1), beside the log n of an entry at the top.
    void clear(Slab& slab, std::uint32_t index);
    /// Earliest valid entry; BootTime::max() when there is none. O(1).
    [[nodiscard]] BootTime next() const noexcept {
        return heap_.empty() ? BootTime::max() : heap_.front().at;
    }
    /// Takes out the earliest entry at or before `now`; of equal times the older entry. nil = none.
    std::uint32_t pop(Slab& slab, BootTime now);

private:
    struct Entry {
        BootTime at{};
        std::uint64_t stamp{0};
        std::uint32_t index{0};
    };
    static bool later(const Entry& a, const Entry& b) noexcept {
        return a.at != b.at ? a.at > b.at : a.stamp > b.stamp;
    }
    void drop_stale(const Slab& slab);

    std::pmr::vector<Entry> heap_;
    std::size_t valid_{0};
    std::uint64_t stamps_{0};
};

}  // namespace evenkeel::gate
