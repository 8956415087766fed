#pragma once

#include "inference/http/server.hpp"
#include "lab/engine/batch.hpp"
#include "lab/engine/engine.hpp"
#include "lab/engine/wire.hpp"

#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

namespace evenkeel::lab::engine {

/// What all connections of one engine share. One thread.
struct Desk {
    Desk(EngineOptions chosen, const capacity::Profile& profile, std::string secret);

    EngineOptions options;
    std::string key;  ///< what clients must present; empty = open
    Batch batch;
    std::mt19937_64 random;
    MetricValues totals{};
    std::int64_t answers{0};
    std::chrono::steady_clock::time_point began{std::chrono::steady_clock::now()};
    std::int64_t created{0};  ///< seconds since 1970

    /// Real time since the start.
    [[nodiscard]] Batch::Elapsed elapsed() const;
    /// True for `permille` of 1,000 calls.
    [[nodiscard]] bool strikes(int permille);
    /// Counts tokens that were handed out; kills the process when the failure flags say so.
    void generated(std::int64_t tokens);
};

/// Headers every answer carries: its type, and that it is synthetic.
[[nodiscard]] inference::http::Headers headers_for(std::string_view content_type);
inline constexpr std::string_view json_type = "application/json";

/// Answers one `POST /v1/chat/completions` whose key was accepted. A client that goes away frees
/// its sequence at once.
[[nodiscard]] inference::http::asio::awaitable<void> answer_chat(
    Desk& desk, inference::http::Exchange& exchange);

/// Sends an error of the dialect.
[[nodiscard]] inference::http::asio::awaitable<void> answer_error(
    inference::http::Exchange& exchange, int status, std::string_view message);

}  // namespace evenkeel::lab::engine
