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
    /// Something has come that nobody can go on with.
    void give_up();
    /// What another worker is shown of `text`: all but the white space at its end, which templates
    /// may trim and which its engine then writes anew.
    [[nodiscard]] std::string_view shown() const noexcept;
    /// That white space.
    [[nodiscard]] std::string_view space() const noexcept {
        return std::string_view{text}.substr(shown().size());
    }

    std::string id{};       ///< of its chunks, as JSON; empty: they have none
    std::string created{};  ///< likewise
    std::string model{};    ///< likewise
    std::string text{};
    /// Nothing has come but text, not too much of it, and no end.
    bool can_go_on{true};

private:
    void take_choice(JsonView choice);

    bool known_{false};  ///< id, created and model are
};

/// Who writes the rest, and after how much.
struct Rest {
    std::string_view quoted_model{};  ///< as JSON
    GoesOn how{GoesOn::no};
    std::int64_t tokens_done{0};
};
/// The answer to `body`, which was scanned, can be had in two parts. Else they would not be the
/// same answer: a format or a tool is prescribed, log probabilities are wanted, or an answer was
/// begun already.
[[nodiscard]] bool divides(std::string_view body);
/// The engine can go on with what was begun.
[[nodiscard]] inline bool can_write_rest(GoesOn how, const BegunChat& begun) noexcept {
    return begun.can_go_on && (how != GoesOn::no || begun.shown().empty());
}
/// The request for the rest of an answer, made of the one for the whole. Nothing where it does not
/// divide, the engine cannot, or the limit of the answer is reached.
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
    void tears() override { begun_.give_up(); }

    BegunChat& begun_;
};

/// The rest, said as what follows `begun`: under its id, without a second role, without the white
/// space that the client has already, with the usage of both parts. usage() is that of the rest
/// alone.
class ContinuedStream final : public TranslatedStream {
public:
    /// Both outlive it. `usage_event`: the client asked for the event that carries only usage.
    ContinuedStream(const BegunChat& begun, const Usage& first, bool usage_event) noexcept
        : begun_{begun}, first_{first}, usage_event_{usage_event}, space_{begun.space()} {}

private:
    bool event(JsonView data) override;
    bool end_mark() override;
    void write_error(const ApiError& error) override { out_ += to_event(error); }
    /// `content` without what of the white space comes again.
    [[nodiscard]] std::string after_space(std::string content);
    void write_event(JsonView data, const std::optional<ChatCounts>& counts);
    /// What out_ got from `begin` on is one event.
    void end_event(std::size_t begin);
    void write_choices(JsonWriter& json, JsonView choices);
    void write_usage(JsonWriter& json, const ChatCounts& counts);

    const BegunChat& begun_;
    const Usage& first_;
    bool usage_event_;
    std::string_view space_;  ///< at the end of `begun_`, as far as it may still come again
    std::optional<std::string> content_{};  ///< of the present event, when it is said otherwise
};

}  // namespace evenkeel::inference::dialect
