#pragma once

#include "policies/gate/request.hpp"

#include <cstdint>
#include <memory_resource>
#include <unordered_map>
#include <vector>

namespace evenkeel::gate {

/// The waiting requests of one model: a first-come-first-served flow per key, flows in deficit
/// round robin (Shreedhar and Varghese 1995), and in front of them a lane of retried requests.
/// Requests that may use own workers only have flows of their own, so that a rented worker can pass
/// them by. Internal to gate/.
class FairQueue {
public:
    explicit FairQueue(std::pmr::memory_resource* memory) : flows_{memory}, flow_of_{memory} {}

    /// Puts a new request at the end of its key's flow. O(1).
    void push(Slab& slab, std::uint32_t index);
    /// Puts a request that had its turn already into the lane of retried ones. O(1).
    void push_again(Slab& slab, std::uint32_t index);
    /// Takes a waiting request out, from wherever it waits. O(1).
    void remove(Slab& slab, std::uint32_t index);
    /// The request whose turn it is among those that may go to the source in slot `source`
    /// (`rental`: a rented one); nil when there is none. Its turn is then used up: the caller
    /// removes it next. Looks at the retried requests, few unless a source fails all it gets, and
    /// at most three times at each active flow.
    [[nodiscard]] std::uint32_t next(const Slab& slab, std::uint32_t source, bool rental);

    [[nodiscard]] std::int64_t size() const noexcept { return size_; }
    [[nodiscard]] std::int64_t tokens_in() const noexcept { return tokens_in_; }
    [[nodiscard]] std::int64_t tokens_out() const noexcept { return tokens_out_; }
    /// Arrival of the request that waits longest; BootTime{} when none does. Looks at the head of
    /// each active flow and at the retried ones.
    [[nodiscard]] BootTime oldest(const Slab& slab) const noexcept;

private:
    struct Flow {
        List requests{};
        Links active{};  ///< in active_, while it has requests
        std::int64_t deficit{0};
        bool own_only{false};
        bool has_quantum{false};  ///< got this turn's tokens already
    };
    struct ActiveLinks {
        std::pmr::vector<Flow>* flows;
        Links& operator()(std::uint32_t flow) const noexcept { return (*flows)[flow].active; }
    };

    [[nodiscard]] ActiveLinks active_links() noexcept { return {&flows_}; }
    [[nodiscard]] std::uint32_t next_again(
        const Slab& slab, std::uint32_t source, bool rental) const;
    [[nodiscard]] std::uint32_t next_of_flows(const Slab& slab, bool rental);
    void skip_rounds(const Slab& slab, bool rental);
    void count(const Request& request, std::int64_t sign) noexcept;

    std::pmr::vector<Flow> flows_;
    std::pmr::unordered_map<std::uint64_t, std::uint32_t> flow_of_;  ///< key and own_only -> flow
    List active_{};
    List again_{};
    std::int64_t size_{0};
    std::int64_t tokens_in_{0};
    std::int64_t tokens_out_{0};
};

}  // namespace evenkeel::gate
