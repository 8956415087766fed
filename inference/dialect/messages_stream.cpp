#include "inference/dialect/messages_stream.hpp"

#include "inference/dialect/event_reader.hpp"

namespace evenkeel::inference::dialect {

MessagesStream::Line MessagesStream::data_line(std::string_view name, std::string_view data) {
    const std::string_view type = name.empty() ? leading_type(data) : name;
    if (!type.empty()) {
        return typed(type, data);
    }
    const auto text = JsonText::read(data);
    if (!text) {
        return Line::plain;
    }
    const std::string found = text->root()["type"].text();
    if (found.empty()) {
        error_ = error_ || !text->root()["error"].is_none();  // as an OpenAI server says it
        return Line::plain;
    }
    return typed(found, data);
}

MessagesStream::Line MessagesStream::typed(std::string_view type, std::string_view data) {
    if (type == "message_stop") {
        return Line::done;
    }
    if (type == "error") {
        error_ = true;
    } else if (type == "content_block_delta") {
        ++events_;
        usage_ = meter_.usage(events_);
    } else if (type == "message_start" || type == "message_delta") {
        if (const auto text = JsonText::read(data)) {
            meter_.start(text->root()["message"]["usage"]);
            meter_.end(text->root()["usage"]);
            usage_ = meter_.usage(events_);
        }
    }
    return Line::plain;
}

}  // namespace evenkeel::inference::dialect
