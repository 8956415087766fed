#pragma once

#include "policies/domain/id.hpp"
#include "policies/domain/money.hpp"
#include "policies/domain/reason.hpp"
#include "policies/domain/source.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

/// What was booked since the process began, counted by the writer thread as it commits: the source
/// of /metrics. The data path pays nothing for it.
namespace evenkeel::ledger {

/// Counts of values by fixed upper limits (inclusive), and their sum. `limits` ascend.
template <const auto& limits>
struct Histogram {
    std::array<std::int64_t, std::size(limits) + 1> counts{};  ///< the last: beyond all limits
    std::int64_t sum{0};

    void add(std::int64_t value) noexcept {
        std::size_t at = 0;
        while (at < std::size(limits) && value > limits[at]) {
            ++at;
        }
        ++counts[at];
        sum += value;
    }
    Histogram& operator+=(const Histogram& other) noexcept {
        for (std::size_t i = 0; i < counts.size(); ++i) {
            counts[i] += other.counts[i];
        }
        sum += other.sum;
        return *this;
    }
};

/// Limits in milliseconds.
inline constexpr std::array<std::int64_t, 13> duration_limits_ms{
    100, 250, 500, 1'000, 2'500, 5'000, 10'000, 20'000, 30'000, 60'000, 120'000, 300'000, 600'000};
inline constexpr std::array<std::int64_t, 13> ttft_limits_ms{
    50, 100, 250, 500, 1'000, 2'000, 3'000, 5'000, 10'000, 20'000, 30'000, 60'000, 120'000};
inline constexpr std::array<std::int64_t, 13> wait_limits_ms{
    10, 50, 100, 500, 1'000, 2'000, 5'000, 10'000, 20'000, 30'000, 60'000, 120'000, 300'000};
/// In microseconds.
inline constexpr std::array<std::int64_t, 11> write_limits_us{
    500, 1'000, 2'500, 5'000, 10'000, 25'000, 50'000, 100'000, 250'000, 1'000'000, 5'000'000};

/// A request as its row says.
struct BookedRequest {
    NameIx route{};
    NameIx model{};
    NameIx source{};  ///< none: nobody served it
    SourceKind kind{SourceKind::own};
    Outcome outcome{Outcome::answered};
    ReasonCode reason{ReasonCode::none};
    std::int64_t wait_ms{0};
    std::int64_t ttft_ms{0};  ///< 0: it had no first token
    std::int64_t total_ms{0};
    Usage usage{};
};

/// Money of one transaction's expense, and the machine time it pays.
struct BookedMoney {
    NameIx source{};
    SourceKind kind{SourceKind::own};
    std::string phase{};  ///< "request", a Phase's name, "adjust" or "power"
    Money amount{};       ///< below zero: a correction
    NameIx provider{};    ///< of a machine
    std::chrono::nanoseconds time{0};
};

/// What one ledger transaction holds of either.
struct Booked {
    std::vector<BookedRequest> requests{};
    std::vector<BookedMoney> money{};
};

/// Counters by the names that people know. They only grow.
struct Figures {
    struct Requests {
        std::string route{};
        std::string model{};
        std::string source{};  ///< "none": nobody served them
        std::string kind{};    ///< own | rental | api | none
        std::array<std::int64_t, 6> outcomes{};
        std::int64_t tokens_input{0};  ///< read anew: without the cached ones
        std::int64_t tokens_cached{0};
        std::int64_t tokens_output{0};
        Histogram<duration_limits_ms> duration{};
        Histogram<ttft_limits_ms> first_token{};
        Histogram<wait_limits_ms> wait{};
        std::vector<std::pair<ReasonCode, std::int64_t>> reasons{};
    };
    /// source, kind, phase
    using MoneyKey = std::tuple<std::string, std::string, std::string, Currency>;
    using CreditKey = std::pair<std::string, Currency>;
    /// provider, phase
    using TimeKey = std::pair<std::string, std::string>;

    std::vector<Requests> requests{};
    /// Refunds are taken off what is counted next for that source, since a counter never falls: the
    /// sum of `money` less the sum of `credit` is what was posted, to the nano-unit.
    std::map<MoneyKey, Money> money{};
    std::map<CreditKey, Money> credit{};
    std::map<TimeKey, std::chrono::nanoseconds> paid_time{};
    std::int64_t rows{0};  ///< operations that reached the disk
    Histogram<write_limits_us> writes{};
};

/// Label of a name that the books do not have, and of everything beyond `series_max`.
inline constexpr const char* other_name = "other";
/// Where nobody served a request.
inline constexpr const char* no_name = "none";
/// Different combinations of route, model, source and kind that are counted apart. Names come from
/// the configuration; this bounds what many reloads under new names could add up to.
inline constexpr std::size_t series_max = 1'000;

/// Names as the ledger has them.
using NameTexts = std::unordered_map<NameIx, std::string>;

/// The running counters. One thread adds, any thread reads.
class Activity {
public:
    /// Adds what a commit of `rows` operations put on disk in `took`.
    void add(
        const Booked& booked,
        const NameTexts& names,
        std::int64_t rows,
        std::chrono::microseconds took);
    /// Adds what was booked before there was a writer: nothing was timed.
    void add(const Booked& booked, const NameTexts& names);
    [[nodiscard]] Figures read() const;

private:
    struct Key {
        std::int32_t route{0};
        std::int32_t model{0};
        std::int32_t source{0};
        SourceKind kind{SourceKind::own};
        friend bool operator==(const Key&, const Key&) = default;
    };
    struct KeyHash {
        std::size_t operator()(const Key& key) const noexcept;
    };

    void add_locked(const Booked& booked, const NameTexts& names);
    void add(const BookedRequest& request, const NameTexts& names);
    void add(const BookedMoney& money, const NameTexts& names);
    [[nodiscard]] Figures::Requests& series(const BookedRequest& request, const NameTexts& names);

    mutable std::mutex mutex_{};
    std::unordered_map<Key, std::size_t, KeyHash> index_{};
    Figures figures_{};
};

}  // namespace evenkeel::ledger
