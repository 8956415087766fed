#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

/// What is different between engines, as data. docs/engines.md shows the same table.
namespace evenkeel::inference::engine {

/// How an engine looks while its weights load.
enum class Loading : std::uint8_t {
    refused,      ///< nothing listens yet
    unavailable,  ///< 503 on its health path
    anything,     ///< not told apart from ready: only a completion tells
};

/// Where its model list says how many tokens one sequence may have.
enum class ContextAt : std::uint8_t {
    unstated,
    max_model_len,  ///< of the model's row
    meta_n_ctx,     ///< `meta.n_ctx` of the row
};

/// What SIGTERM does to requests that still run.
enum class AtTerm : std::uint8_t {
    aborts,  ///< ends them at once, and itself
    hangs,   ///< leaves their streams silent for a while: end them before
    drains,  ///< waits for them
};

struct Kind {
    std::string_view name{};
    std::string_view health_path{"/health"};
    /// Whether anything but 200 and 503 there means that it cannot work; else it may not have the
    /// path.
    bool health_is_sure{true};
    Loading loading{Loading::anything};
    std::string_view metrics_path{};  ///< empty: it has none
    ContextAt context{ContextAt::unstated};
    std::string_view default_tag{};  ///< what its model list adds to a name without one
    bool answers_any_model{false};   ///< a wrong model name is answered as if it were right
    /// One that runs without us gets requests only after a completion of its own; else its health
    /// is enough: there a completion would load weights, or it may cost money.
    bool is_tried{false};
    AtTerm at_term{AtTerm::aborts};
    std::string_view sleep_target{};  ///< POST; empty: it cannot sleep
    std::string_view wake_target{};
    // Endpoints it has beside /v1/chat/completions.
    bool completions{true};
    bool messages{false};
    bool responses{false};
    bool embeddings{false};
    bool tool_choice{true};
};

/// All kinds, in the order of the configuration key `engine`.
[[nodiscard]] std::span<const Kind> kinds() noexcept;
/// The kind of that name; "openai", of which least is known, for any other.
[[nodiscard]] const Kind& kind_of(std::string_view name) noexcept;

/// What a metric means; names drift between releases, so several may mean the same.
enum class Meaning : std::uint8_t {
    running,
    waiting,
    kv_used,
    prompt_tokens,
    generation_tokens,
    kv_tokens,
    kv_blocks,  ///< in its labels: num_gpu_blocks of block_size tokens each
};
struct MetricName {
    std::string_view text{};
    Meaning meaning{};
};
[[nodiscard]] std::span<const MetricName> metric_names() noexcept;

/// docs/engines.md's table of kinds, in Markdown.
[[nodiscard]] std::string kinds_markdown();

}  // namespace evenkeel::inference::engine
