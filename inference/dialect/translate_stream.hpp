#pragma once

#include "inference/dialect/answer_stream.hpp"
#include "inference/dialect/event_reader.hpp"
#include "inference/dialect/messages_meter.hpp"
#include "inference/dialect/openai.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace evenkeel::inference::dialect {

/// A stream whose events are read and said anew in the other dialect. What the client gets does not
/// depend on how the bytes are split. A comment becomes a comment. An event that cannot be read, or
/// is larger than EventReader::event_bytes_max, ends the stream with an error event.
class TranslatedStream : public AnswerStream {
public:
    const Pass& feed(std::string_view bytes) final;

protected:
    /// One event; false: the stream is over.
    virtual bool event(JsonView data) = 0;
    /// `data: [DONE]`; false: the stream is over.
    virtual bool end_mark() = 0;
    /// Appends an error event of the client's dialect.
    virtual void write_error(const ApiError& error) = 0;

    /// Ends the stream with `error`. False always.
    bool fail(const ApiError& error);
    bool unreadable(std::string_view why);
    /// What out_ gets from here on is the end mark.
    void finish() noexcept {
        done_ = true;
        mark_at_ = out_.size();
    }

    std::string out_{};

private:
    bool data(std::string_view data);

    EventReader reader_{};
    std::size_t mark_at_{0};
};

/// An Anthropic stream for an OpenAI client. Blocks may overlap, as llama-server's do.
class ChatFromMessages final : public TranslatedStream {
public:
    /// `usage_event`: the client asked for the event that carries only usage.
    ChatFromMessages(const AnswerHead& head, bool usage_event);

private:
    bool event(JsonView data) override;
    bool end_mark() override { return true; }
    void write_error(const ApiError& error) override { out_ += to_event(error); }

    struct Call {
        std::int64_t block{0};  ///< index of its content block
        std::int64_t index{0};  ///< among the calls
        bool empty{true};       ///< no piece of its arguments has come
    };
    static constexpr std::size_t open_calls_max = 1024;

    void begin();
    bool block_start(JsonView data);
    void block_delta(JsonView data);
    void block_stop(JsonView data);
    void message_stop();
    Call* find(JsonView index);
    /// A chunk whose delta has one member, a JSON string.
    void piece(std::string_view member, JsonView text);
    void arguments(Call& call, std::string_view quoted);
    /// Open at `"delta":{`, and what closes it.
    JsonWriter open_chunk();
    void close_chunk(std::string_view finish_reason);

    std::string prefix_{};  ///< of every chunk, up to `choices`
    MessagesMeter meter_{};
    std::vector<Call> calls_{};  ///< whose blocks are open
    std::int64_t call_count_{0};
    std::string stop_reason_{};
    bool usage_event_;
    bool began_{false};
};

/// An OpenAI stream for an Anthropic client: blocks one after the other. Fragments of two tool
/// calls that are mixed cannot be told so and end the stream with an error.
class MessagesFromChat final : public TranslatedStream {
public:
    /// `prompt_tokens`: the estimate that message_start tells; message_delta corrects it.
    MessagesFromChat(
        const AnswerHead& head, std::int64_t prompt_tokens, std::string_view request_id);

private:
    enum class Block : std::uint8_t { none, thinking, text, tool };

    bool event(JsonView data) override;
    bool end_mark() override;
    void write_error(const ApiError& error) override;

    void begin();
    bool delta(JsonView delta);
    /// Makes sure that a block of that kind, and no other, is open.
    void open(Block kind);
    void close();
    /// A delta of the open block: `{"type":type,member:text}`.
    void piece(std::string_view type, std::string_view member, JsonView text);
    void say(JsonView text);
    bool tool_call(JsonView call);
    void open_tool(JsonView call, std::int64_t index, std::string id);
    /// Appends `event: ..` and the data up to its type.
    JsonWriter open_event(std::string_view type);
    void close_event() { out_ += "}\n\n"; }

    std::string id_;
    std::string model_;
    std::string request_id_;
    ChatCounts counts_{};
    std::int64_t block_index_{0};
    std::int64_t tool_index_{-1};  ///< of the last tool call begun
    std::string tool_id_{};        ///< the source's id of that call
    std::string finish_reason_{};
    Block block_{Block::none};
    bool began_{false};
    bool refused_{false};
};

}  // namespace evenkeel::inference::dialect
