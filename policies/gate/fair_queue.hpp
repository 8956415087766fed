#pragma once

#include "policies/gate/request.hpp"

#include <array>
#include <cstdint>
#include <memory_resource>
#include <unordered_map>
#include <vector>

namespace evenkeel::gate {

/// Whether a waiting request may go to the source that asks for one, now. Refers to `context`.
struct Fits {
    const void* context{nullptr};
    bool (*call)(const void* context, std::uint32_t index){nullptr};
    /// What that would cost it fits its budgets; null: it does.
    bool (*can_pay)(const void* context, std::uint32_t index){nullptr};
    /// That source has the request's beginning in its cache; null: none has.
    bool (*at_home)(const void* context, std::uint32_t index){nullptr};
    [[nodiscard]] bool pays(std::uint32_t index) const {
        return can_pay == nullptr || can_pay(context, index);
    }
    [[nodiscard]] bool operator()(std::uint32_t index) const {
        return pays(index) && call(context, index);
    }
};

/// The waiting requests of one model: a flow per key, flows in deficit round robin (Shreedhar and
/// Varghese 1995), and in front of them a lane of retried requests. A flow is a list per class of
/// prompt length, the shortest first, each in order of arrival; lengths of one class differ by less
/// than a quarter and count as equal. Requests that may use own workers only have flows of their
/// own, so that a rented worker can pass them by. Internal to gate/.
class FairQueue {
public:
    /// Lists of one flow: 0 for those that nobody else would answer, then four to a doubling.
    static constexpr int classes = 64;
    /// Requests of one class that are looked at; those behind them are taken to fit no better.
    static constexpr int looks_max = 4;
    /// So many of one flow that only lack money are passed over beside those: their budgets may be
    /// others than those of the requests behind them.
    static constexpr int unpaid_max = 64;
    /// So many times one behind it, to be served where it has a home, may go before a request.
    static constexpr int passes_max = 8;

    explicit FairQueue(std::pmr::memory_resource* memory) : flows_{memory}, flow_of_{memory} {}

    /// Puts a new request into its key's flow: at the end of the class of its length
    /// (`short_first`, for one that an API may answer), else of the first class. O(1).
    void push(Slab& slab, std::uint32_t index, bool short_first);
    /// Puts a request that had its turn already into the lane of retried ones. O(1).
    void push_again(Slab& slab, std::uint32_t index);
    /// Takes a waiting request out, from wherever it waits. O(1).
    void remove(Slab& slab, std::uint32_t index);
    /// The request whose turn it is among those that fit (`rental`: a rented source asks); nil when
    /// there is none. Its turn is then used up: the caller removes it next. Looks at the retried
    /// requests, few unless a source fails all it gets, and at most three times at each active
    /// flow, where the first one fits unless times or cache are short.
    [[nodiscard]] std::uint32_t next(Slab& slab, bool rental, Fits fits);

    [[nodiscard]] std::int64_t size() const noexcept { return size_; }
    [[nodiscard]] std::int64_t tokens_in() const noexcept { return tokens_in_; }
    [[nodiscard]] std::int64_t tokens_out() const noexcept { return tokens_out_; }
    /// Arrival of the request that waits longest; BootTime{} when none does. Looks at the head of
    /// each class of each active flow and at the retried ones.
    [[nodiscard]] BootTime oldest(const Slab& slab) const noexcept;

private:
    struct Flow {
        std::array<List, classes> requests{};
        std::uint64_t filled{0};  ///< bit i: requests[i] is not empty
        Links active{};           ///< in active_, while it has requests
        std::int64_t deficit{0};
        std::uint32_t next{nil};  ///< scratch of skip_rounds
        bool own_only{false};
        bool has_quantum{false};  ///< got this turn's tokens already
    };
    struct ActiveLinks {
        std::pmr::vector<Flow>* flows;
        Links& operator()(std::uint32_t flow) const noexcept { return (*flows)[flow].active; }
    };

    [[nodiscard]] ActiveLinks active_links() noexcept { return {&flows_}; }
    [[nodiscard]] static int size_class(const Request& request, bool short_first) noexcept;
    /// Its first request that fits, nil when none does or a rented source may take none. Of those
    /// of one class, one that is at home there, unless the first was passed by often enough.
    [[nodiscard]] static std::uint32_t candidate(
        const Slab& slab, const Flow& flow, bool rental, Fits fits);
    [[nodiscard]] std::uint32_t next_again(const Slab& slab, Fits fits) const;
    [[nodiscard]] std::uint32_t next_of_flows(Slab& slab, bool rental, Fits fits);
    /// Counts that those of its class before it were passed by.
    static void note_passed(Slab& slab, const Flow& flow, std::uint32_t index) noexcept;
    void skip_rounds(const Slab& slab, bool rental, Fits fits);
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
