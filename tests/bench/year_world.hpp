#pragma once

#include "agent/ledger/ledger.hpp"
#include "tests/bench/year_ledger.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Names, prices and dice of the made year. For year_*.cpp alone.
namespace evenkeel::bench {

/// splitmix64: the same on every machine, unlike the distributions of the standard library.
class Dice {
public:
    explicit Dice(std::uint64_t seed) : state_{seed} {}
    std::uint64_t next() noexcept {
        std::uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        return z ^ (z >> 31);
    }
    /// 0 to n - 1.
    std::int64_t below(std::int64_t n) noexcept {
        return static_cast<std::int64_t>(
            (static_cast<unsigned __int128>(next()) * static_cast<std::uint64_t>(n)) >> 64);
    }
    /// Both ends included.
    std::int64_t between(std::int64_t least, std::int64_t most) noexcept {
        return least + below(most - least + 1);
    }
    bool chance(int permille) noexcept { return below(1'000) < permille; }

private:
    std::uint64_t state_;
};

/// Numbers of the names; given once, in this order.
namespace names {
enum : std::int32_t {
    model_qwq = 1,
    model_r1,
    model_opus,
    model_embed,
    route_default,
    route_hard,
    route_batch,
    route_own,
    source_desk,
    source_rack,
    source_claude,
    source_nano,
    source_runpod,
    source_do,
    provider_claude,
    provider_nano,
    provider_runpod,
    provider_do,
    offer_claude,
    offer_nano,
    offer_runpod,
    offer_do,
    budget_all,
    budget_api,
    first_key
};
}  // namespace names

inline constexpr NameIx name(std::int32_t ix) {
    return NameIx{ix};
}

/// Prices of one quarter.
struct Prices {
    Price claude_in{};
    Price claude_out{};
    Price claude_cached{};
    Price nano_in{};
    Price nano_out{};
    Price runpod_hour{};
    Price do_hour{};
    Price power{};
    std::int64_t aud_for_usd_nanos{0};
};
/// Of the `quarter`th quarter of the year.
[[nodiscard]] Prices prices_of(int quarter);

/// Stores every name and source.
void book_names(ledger::Ledger& ledger, int keys);
/// Stores the prices and rates that hold from `now` on.
void book_prices(ledger::Ledger& ledger, const Prices& prices, UtcTime now);

}  // namespace evenkeel::bench
