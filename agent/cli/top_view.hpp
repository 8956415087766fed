#pragma once

#include "policies/domain/error.hpp"
#include "policies/domain/money.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What `evenkeel top` shows, taken out of the agent's answers.
namespace evenkeel::cli {

struct TopSource {
    std::string name{};
    std::string kind{};  ///< own | rental | api
    std::string what{};
    std::string model{};
    std::string state{};
    bool synthetic{false};
    std::int64_t busy{0};
    std::int64_t slots{0};
    std::int64_t queue{0};
    std::int64_t tokens_per_s{0};
    std::int64_t granted{0};
    std::int64_t failed{0};
    std::chrono::seconds state_for{0};
    std::optional<Money> cost_rate{};  ///< an hour
    std::optional<std::int64_t> vram_used_bytes{};
    std::optional<std::int64_t> vram_bytes{};
    std::optional<std::int64_t> power_milliwatts{};
    std::optional<std::int64_t> temperature_c{};
    std::string ends{};    ///< of a rented machine
    std::string reason{};  ///< why it ends
    std::string measured{};
};

struct TopRequest {
    std::string id{};
    std::string key{};
    std::string model{};
    std::string source{};  ///< empty: queued
    std::chrono::milliseconds wait{0};
    std::chrono::milliseconds age{0};
    std::int64_t tokens_out{0};
    std::optional<Money> cost{};
};

struct TopDecision {
    std::string at{};  ///< "10:31:07", UTC
    std::string subject{};
    std::string sentence{};
};

struct TopView {
    std::string at{};  ///< "10:31:40", UTC
    bool frozen{false};
    bool money_hazard{false};
    Money cost_rate{};
    std::int64_t tokens_per_s{0};
    std::int64_t queued{0};
    std::optional<std::int64_t> milliwatts{};  ///< of all GPUs that say
    std::vector<TopSource> sources{};
    std::vector<TopRequest> requests{};
    std::vector<TopDecision> decisions{};
    std::vector<std::string> warnings{};
};

/// From `evenkeel.status/1` and `evenkeel.requests-live/1`. Errors: invalid_response.
[[nodiscard]] Result<TopView> top_view(std::string_view status, std::string_view requests);

}  // namespace evenkeel::cli
