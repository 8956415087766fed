#pragma once

#include "inference/dialect/stream.hpp"
#include "inference/dialect/translate_stream.hpp"
#include "policies/domain/source.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// A streamed chat whose worker dies in mid-answer: what is kept of it, what another worker is
/// asked to write, and how that becomes the rest of the same stream.
namespace evenkeel::inference::dialect {

/// How an engine is made to go on with an answer that another has begun.
enum class GoesOn : std::uint8_t {
    no,         ///< not known that it can
    by_switch,  ///< `continue_final_message` and `add_generation_prompt` (vLLM)
    by_itself,  ///< whenever the last message is the assistant's (llama-server)
};
/// `engine`: as in providers.yaml.
[[nodiscard]] GoesOn goes_on(std::string_view engine) noexcept;

/// What the client has of an answer.
struct BegunChat {
    static constexpr std::size_t text_bytes_max = std::size_t{256} * 1024;

    /// Takes in one event that was passed on.
    void take(std::string_view data);

    std::string id{};       ///< of its chunks, as JSON; empty: they have none
    std::string created{};  ///< likewise
    std::string model{};    ///< likewise
    std::string text{};
    /// Nothing has come but text, not too much of it, and no end.
    bool can_go_on{true};

private:
    void take_choice(JsonView choice);
    void give_up();

    bool known_{false};  ///< id, created and model are
};

/// Who writes the rest, and after how much.
struct Rest {
    std::string_view quoted_model{};  ///< as JSON
    GoesOn how{GoesOn::no};
    std::int64_t tokens_done{0};
};
/// The request for the rest of an answer, made of the one for the whole (`body`, which was
/// scanned). Nothing where that would not be the same answer: a format or a tool is prescribed,
/// log probabilities are wanted, an answer was begun already, or its limit is reached.
[[nodiscard]] std::optional<std::string> rest_of_chat(
    std::string_view body, const BegunChat& begun, const Rest& rest);

/// The usage of an answer of two parts: the second prompt held the first part.
[[nodiscard]] Usage whole_usage(const Usage& first, const Usage& rest) noexcept;

/// An OpenAI stream for an OpenAI client, of which `begun` keeps what passes.
class KeptStream final : public EventStream {
public:
    KeptStream(bool drop_usage_event, BegunChat& begun) noexcept
        : EventStream{drop_usage_event}, begun_{begun} {}

private:
    Line data_line(std::string_view name, std::string_view data) override;

    BegunChat& begun_;
};

/// The rest, said as what follows `begun`: under its id, without a second role, with the usage of
/// both parts. usage() is that of the rest alone.
class ContinuedStream final : public TranslatedStream {
public:
    /// Both outlive it. `usage_event`: the client asked for the event that carries only usage.
    ContinuedStream(const BegunChat& begun, const Usage& first, bool usage_event) noexcept
        : begun_{begun}, first_{first}, usage_event_{usage_event} {}

private:
    bool event(JsonView data) override;
    bool end_mark() override;
    void write_error(const ApiError& error) override { out_ += to_event(error); }
    void write_choices(JsonWriter& json, JsonView choices);
    void write_usage(JsonWriter& json, const ChatCounts& counts);

    const BegunChat& begun_;
    const Usage& first_;
    bool usage_event_;
};

}  // namespace evenkeel::inference::dialect
