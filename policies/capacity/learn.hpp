#pragma once

#include "policies/capacity/service_model.hpp"
#include "policies/domain/error.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Learns how fast a worker really is from what its counters show, by recursive least squares.
///
/// While a worker is busy, its time goes into prompts and decode steps, so for every window
///
///     seconds = alpha x (tokens out / batch) + beta x tokens out + tokens in / prefill rate
///
/// which is linear in alpha, beta and 1 / prefill rate; without prompts it is the line
/// seconds per token = alpha + beta x batch. Each window is weighed by how well it fits (Huber),
/// and older ones count less and less. What the windows cannot tell apart stays where it was, first
/// at the seed: with one batch size only, alpha and beta change together.
///
/// Estimates only: doubles, no money. Pure and deterministic.
namespace evenkeel::capacity {

/// Windows after which an estimate is better than a seed.
inline constexpr std::int64_t learned_samples_min = 8;

/// One window in which a worker was busy throughout.
struct Sample {
    double seconds{0};
    double batch{0};  ///< sequences that decoded at once, on average
    std::int64_t tokens_in{0};
    std::int64_t tokens_out{0};
};

/// What is known of one kind of worker. Times are in seconds.
struct Learned {
    /// Seed of alpha, beta and seconds a prompt token; the estimates below are multiples of it.
    std::array<double, 3> seed{};
    std::array<double, 3> factor{1, 1, 1};  ///< the estimate
    std::array<double, 3> prior{1, 1, 1};   ///< where it stays without windows; follows slowly
    std::array<double, 6> information{};    ///< weighted sums of products, upper triangle by rows
    std::array<double, 3> moment{};
    double spread{0.25};  ///< how far windows are off, as a share of their length
    std::int64_t samples{0};
    std::int64_t kv_tokens{0};  ///< room of the KV cache, as the engine states it; 0 = unknown
    friend bool operator==(const Learned&, const Learned&) = default;
};

/// Nothing but the seed.
[[nodiscard]] Learned start(const Profile& seed) noexcept;

/// Takes a window in. False, and nothing changes, when it says nothing: too few tokens, no time, or
/// numbers that no engine could have.
bool add(Learned& learned, const Sample& sample) noexcept;

[[nodiscard]] bool is_measured(const Learned& learned) noexcept;

/// `seed` with what was learnt in its place: times from `learned_samples_min` windows on.
[[nodiscard]] Profile profile_of(const Learned& learned, const Profile& seed) noexcept;

/// A line of text that `learned_from_text` reads back exactly.
[[nodiscard]] std::string to_text(const Learned& learned);
/// Errors: corrupt.
[[nodiscard]] Result<Learned> learned_from_text(std::string_view text);

// ---- from counters to windows -----------------------------------------------------------------

/// When a source's token counters move: with each token (an engine's own metrics), or when a
/// request ends (the gate's).
enum class Counting { live, at_end };

/// Cumulative counters of one worker at one moment.
struct Look {
    double at_s{0};
    int in_flight{0};
    std::int64_t finished{0};
    std::int64_t tokens_in{0};
    std::int64_t tokens_out{0};
};

/// A window in the making.
struct Watch {
    std::optional<Look> first{};
    Look last{};
    double stream_seconds{0};  ///< in flight, summed over the window
    bool from_idle{false};     ///< nothing was in flight when it began
};

/// Takes a look in, about one a second; gives a window when it is full, and begins the next. A
/// window with an idle moment, a gap or a counter that fell is dropped. `now_known` is what is
/// known of the worker: sequences whose prompt is being read do not decode, and that share is
/// reckoned with its prefill rate.
[[nodiscard]] std::optional<Sample> look(
    Watch& watch, const Look& now, Counting counting, const Learned& now_known) noexcept;

}  // namespace evenkeel::capacity
