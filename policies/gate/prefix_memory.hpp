#pragma once

#include "policies/gate/request.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <vector>

namespace evenkeel::gate {

/// Which worker last served which beginning of a conversation, of one model. Hashes only; of more
/// than `entries_max` those used longest ago go first (among the eight that share a place). Its
/// memory comes with the first one and is all it ever takes. Internal to gate/.
class PrefixMemory {
public:
    static constexpr std::size_t entries_max = 4'096;

    struct Entry {
        std::uint64_t hash{0};      ///< 0 = empty
        std::uint32_t source{nil};  ///< slot of the worker
        std::uint32_t life{0};      ///< of its lives: what an earlier one read is gone
        std::int64_t filled{0};     ///< what the worker had put into its cache by then, tokens
        std::uint64_t used{0};      ///< order of use
    };

    explicit PrefixMemory(std::pmr::memory_resource* memory) : sets_{memory} {}

    /// Nothing when it is not remembered. Valid until the next `put`.
    [[nodiscard]] const Entry* find(std::uint64_t hash) const noexcept;
    /// Remembers it, or that it was served again, perhaps elsewhere. `entry.used` is not looked at.
    void put(Entry entry);
    [[nodiscard]] bool empty() const noexcept { return sets_.empty(); }

private:
    static constexpr std::size_t ways = 8;
    static constexpr std::size_t sets = entries_max / ways;
    using Set = std::array<Entry, ways>;

    [[nodiscard]] static std::size_t set_of(std::uint64_t hash) noexcept {
        return static_cast<std::size_t>(hash >> 32) % sets;
    }

    std::pmr::vector<Set> sets_;
    std::uint64_t uses_{0};
};

}  // namespace evenkeel::gate
