#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

/// What the rule `level-memory` remembers. Level k is "the k-th rented machine", whether it exists
/// or not: each one is a decision of its own about renting or buying.
///
/// Amounts are int64 report nanos; averages and means are doubles: estimates, never booked.
namespace evenkeel::scaling {

/// What level k earned in the boot time after a total load of one band was seen.
struct LevelCell {
    double seen{0};  ///< how often
    double sum{0};   ///< of the mean report nanos a second that it then earned
    friend bool operator==(const LevelCell&, const LevelCell&) = default;
};

/// The plain rule on paper, without memory: off, on its way, or held.
enum class ShadowPhase : std::uint8_t { off, booting, ready };

struct Level {
    std::int64_t debt{0};  ///< lost by not having it
    std::int64_t idle{0};  ///< lost by having it, but for what memory makes good
    std::int64_t bare{0};  ///< lost by having it
    ShadowPhase shadow{ShadowPhase::off};
    std::int64_t shadow_debt{0};
    std::int64_t shadow_idle{0};
    std::chrono::milliseconds shadow_boot_left{0};
    std::vector<LevelCell> cells{};  ///< by band of load, as far as one was seen
    friend bool operator==(const Level&, const Level&) = default;
};

struct LevelMemory {
    double money{0};  ///< average report nanos a second of API money that own workers left over
    double work{0};   ///< average rented-engine-seconds a second of the same
    double load{0};   ///< average rented-engine-seconds a second of everything
    double missed_money{0};  ///< of `money`, what went to an API, averaged over less time
    double missed_work{0};   ///< rented-engine-seconds a second of the same
    std::vector<Level> levels{};
    std::vector<std::int64_t> earned{};  ///< so far, per level
    /// Loads that were seen, oldest first, two boot times long: their bands, and what each level
    /// had earned by then, one row of `levels.size()` after the other. What comes after is learnt
    /// later.
    std::vector<std::int32_t> seen{};
    std::vector<std::int64_t> seen_earned{};
    /// What the shadow would have paid less what the rule paid. Memory is not listened to while it
    /// is at or below -credit boot bills.
    std::int64_t account{0};
    friend bool operator==(const LevelMemory&, const LevelMemory&) = default;
};

}  // namespace evenkeel::scaling
