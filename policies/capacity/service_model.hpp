#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

/// How long an inference engine takes: time per step = alpha + beta x batch, a prefill rate, a KV
/// room, a number of sequences. Times are estimates, so they are doubles; no money is here.
namespace evenkeel::capacity {

/// Share of an engine's time that prompts get while sequences decode beside them.
inline constexpr double prefill_share = 0.6;

/// One engine on one kind of machine. Seeds; a measured worker replaces them.
struct Profile {
    std::string_view name{};
    double alpha_s{0.016};        ///< seconds of one decode step, however small the batch
    double beta_s{0.0};           ///< and more for each sequence in it
    double prefill_tok_s{7'000};  ///< prompt tokens per second
    std::int64_t kv_tokens{0};    ///< room for prompt + output tokens of all sequences
    int seqs{1};                  ///< sequences at once
    /// Above zero: an API, not an engine. First token after exactly this, then one token every
    /// alpha; no limits, no prefill queue.
    double fixed_first_token_s{0};
};

/// h100-32b-fp8, 5090-32b-awq, h100-70b-awq, 2x5090-70b-awq, api-standin.
[[nodiscard]] std::span<const Profile> profiles() noexcept;
[[nodiscard]] std::optional<Profile> find_profile(std::string_view name) noexcept;

/// The least engine time a request can cost, in seconds: in / prefill + out x (alpha / seqs +
/// beta), that is at a full batch.
[[nodiscard]] double least_seconds(
    const Profile& profile, std::int64_t tokens_in, std::int64_t tokens_out) noexcept;

/// One engine as fluid continuous batching in virtual time.
///
/// Every decoding sequence gets one token per alpha + beta x batch seconds; prompts are processed
/// first come first served at the prefill rate, with 60 % of the engine's time while both are
/// pending; a sequence is admitted when fewer than `seqs` run and its prompt + half its output fits
/// the KV room (alone it is always admitted). The first token comes with the end of the prefill.
/// O(log batch) per sequence, nothing per token. Times are virtual nanoseconds on any axis and
/// never go backwards; dividing or multiplying them scales a whole demo. Not thread-safe.
class EngineModel {
public:
    using Time = std::chrono::nanoseconds;
    /// Names one sequence; stale ids are ignored safely.
    using SeqId = std::uint64_t;
    struct Ended {
        SeqId id{0};
        Time arrived{};
        Time first_token{};
        Time finished{};
    };

    explicit EngineModel(const Profile& profile, Time start = Time::zero());
    ~EngineModel();
    EngineModel(EngineModel&&) noexcept;
    EngineModel& operator=(EngineModel&&) noexcept;

    /// A sequence arrives at `at` (advances to it; ends on the way are kept for the next
    /// `advance`). At least one token in and out is assumed.
    SeqId add(std::int64_t tokens_in, std::int64_t tokens_out, Time at);
    /// Takes it out, wherever it is; its room is free at once.
    void cancel(SeqId id, Time at);
    /// Runs to `until`; sequences that ended by then are appended to `ended`, oldest end first.
    void advance(Time until, std::vector<Ended>& ended);
    /// When the next first token or end happens if nothing else arrives; Time::max() when idle.
    [[nodiscard]] Time next_event() const;

    [[nodiscard]] Time now() const noexcept;
    /// Output tokens it has by `now()`; an ended one counts as nothing. Take the final number from
    /// Ended.
    [[nodiscard]] std::int64_t tokens(SeqId id) const noexcept;
    /// When its first token came, nothing before.
    [[nodiscard]] std::optional<Time> first_token(SeqId id) const noexcept;
    /// When a prompt of `tokens_in` that arrived now would get its first token, if nothing else
    /// arrived: exact for the prefill queue, an estimate when it must wait for room.
    [[nodiscard]] Time expected_first_token(std::int64_t tokens_in, std::int64_t tokens_out) const;

    [[nodiscard]] int running() const noexcept;          ///< admitted: prefilling or decoding
    [[nodiscard]] int waiting() const noexcept;          ///< not admitted yet
    [[nodiscard]] double kv_usage() const noexcept;      ///< 0..1
    [[nodiscard]] double busy_seconds() const noexcept;  ///< time with anything admitted so far
    [[nodiscard]] const Profile& profile() const noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace evenkeel::capacity
