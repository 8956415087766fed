#include "lab/player/answer.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace evenkeel::lab::player {
namespace {

namespace json = boost::json;

constexpr std::string_view source_comment = ": x-evenkeel-source: ";

/// The object at `key`, or nothing when it is absent or of another kind.
const json::object* object_at(const json::object& parent, std::string_view key) {
    const json::value* found = parent.if_contains(key);
    return found == nullptr ? nullptr : found->if_object();
}

const json::array* array_at(const json::object& parent, std::string_view key) {
    const json::value* found = parent.if_contains(key);
    return found == nullptr ? nullptr : found->if_array();
}

std::string_view text_at(const json::object& parent, std::string_view key) {
    const json::value* found = parent.if_contains(key);
    const json::string* text = found == nullptr ? nullptr : found->if_string();
    return text == nullptr ? std::string_view{} : std::string_view{*text};
}

std::int64_t count_at(const json::object& parent, std::string_view key) {
    const json::value* found = parent.if_contains(key);
    const std::int64_t* number = found == nullptr ? nullptr : found->if_int64();
    return number == nullptr ? -1 : *number;
}

/// Type of a well-formed error object, empty when it is not one: a message is required.
std::string error_type(const json::object& body) {
    const json::object* error = object_at(body, "error");
    if (error == nullptr || text_at(*error, "message").empty()) {
        return {};
    }
    const std::string_view code = text_at(*error, "code");
    if (!code.empty()) {
        return std::string{code};
    }
    const std::string_view type = text_at(*error, "type");
    return type.empty() ? "error" : std::string{type};
}

/// False when there is a usage that is not two counts.
bool read_usage(const json::object& body, Verdict& verdict) {
    const json::object* usage = object_at(body, "usage");
    if (usage == nullptr) {
        return true;
    }
    verdict.prompt_tokens = count_at(*usage, "prompt_tokens");
    verdict.completion_tokens = count_at(*usage, "completion_tokens");
    verdict.usage_seen = verdict.prompt_tokens >= 0 && verdict.completion_tokens >= 0;
    return verdict.usage_seen;
}

}  // namespace

std::string_view to_text(Ending ending) noexcept {
    switch (ending) {
        case Ending::answered:
            return "answered";
        case Ending::error:
            return "error";
        case Ending::malformed:
            return "malformed";
    }
    return "";
}

void AnswerReader::reject(std::string why) {
    if (!bad_) {
        bad_ = true;
        verdict_.why = std::move(why);
    }
}

void AnswerReader::head(int status, std::string_view content_type) {
    head_seen_ = true;
    status_ = status;
    stream_ = content_type.starts_with("text/event-stream");
    const bool json_body = content_type.starts_with("application/json");
    if (!stream_ && !json_body) {
        reject("neither an event stream nor JSON");
    } else if (stream_ && (!asked_stream_ || status != 200)) {
        reject("an event stream where none belongs");
    } else if (!stream_ && asked_stream_ && status == 200) {
        reject("a plain answer to a request for a stream");
    }
}

void AnswerReader::feed(std::string_view bytes) {
    total_ += bytes.size();
    if (total_ > answer_max) {
        reject("longer than the limit");
    }
    if (bad_) {
        return;
    }
    if (!stream_) {
        buffer_.append(bytes);
        return;
    }
    while (!bytes.empty()) {
        const std::size_t end = bytes.find('\n');
        if (end == std::string_view::npos) {
            buffer_.append(bytes);
            if (buffer_.size() > event_max) {
                reject("an event longer than the limit");
            }
            return;
        }
        if (buffer_.empty()) {
            line(bytes.substr(0, end));
        } else {
            buffer_.append(bytes.substr(0, end));
            line(buffer_);
            buffer_.clear();
        }
        bytes.remove_prefix(end + 1);
    }
}

void AnswerReader::line(std::string_view text) {
    if (text.ends_with('\r')) {
        text.remove_suffix(1);
    }
    if (text.empty()) {
        if (has_data_) {
            event(data_);
        }
        data_.clear();
        has_data_ = false;
        return;
    }
    if (text.starts_with(':')) {
        if (text.starts_with(source_comment)) {
            verdict_.source = text.substr(source_comment.size());
        }
        return;
    }
    if (!text.starts_with("data:")) {
        reject("a line that is no field of the dialect");
        return;
    }
    text.remove_prefix(5);
    if (text.starts_with(' ')) {
        text.remove_prefix(1);
    }
    if (has_data_) {
        data_.push_back('\n');
    }
    data_.append(text);
    has_data_ = true;
    if (data_.size() > event_max) {
        reject("an event longer than the limit");
    }
}

void AnswerReader::event(std::string_view data) {
    if (bad_) {
        return;
    }
    if (done_) {
        reject(data == "[DONE]" ? "[DONE] twice" : "an event after [DONE]");
        return;
    }
    if (error_) {
        reject("an event after the error");
        return;
    }
    if (data == "[DONE]") {
        done_ = true;
        return;
    }
    boost::system::error_code code;
    const json::value value = json::parse(data, code);
    const json::object* body = code ? nullptr : value.if_object();
    if (body == nullptr) {
        reject("an event that is no JSON object");
        return;
    }
    if (body->contains("error")) {
        verdict_.why = error_type(*body);
        if (verdict_.why.empty()) {
            reject("an error without a message");
        }
        error_ = true;
        return;
    }
    const json::array* choices = array_at(*body, "choices");
    if (choices == nullptr) {
        reject("an event without choices");
        return;
    }
    for (const json::value& choice : *choices) {
        const json::object* fields = choice.if_object();
        if (fields == nullptr) {
            reject("a choice that is no object");
            return;
        }
        finished_ = finished_ || !text_at(*fields, "finish_reason").empty();
        if (const json::object* delta = object_at(*fields, "delta")) {
            token_seen_ = token_seen_ || !text_at(*delta, "content").empty();
        }
    }
    if (!read_usage(*body, verdict_)) {
        reject("a usage without counts");
    }
}

void AnswerReader::judge_body() {
    boost::system::error_code code;
    const json::value value = json::parse(buffer_, code);
    const json::object* body = code ? nullptr : value.if_object();
    if (body == nullptr) {
        reject("a body that is no JSON object");
        return;
    }
    if (status_ != 200) {
        verdict_.why = error_type(*body);
        if (status_ < 400 || verdict_.why.empty()) {
            reject(fmt::format("status {} without an error of the dialect", status_));
        }
        error_ = true;
        return;
    }
    const json::array* choices = array_at(*body, "choices");
    if (choices == nullptr || choices->empty()) {
        reject("a completion without choices");
        return;
    }
    const json::object* first = choices->front().if_object();
    const json::object* message = first == nullptr ? nullptr : object_at(*first, "message");
    if (message == nullptr || text_at(*first, "finish_reason").empty()) {
        reject("a completion without message or finish_reason");
        return;
    }
    if (!read_usage(*body, verdict_) || !verdict_.usage_seen) {
        reject("a completion without usage");
        return;
    }
    token_seen_ = true;
}

Verdict AnswerReader::finish(bool complete) {
    if (!head_seen_) {
        reject("no answer");
    } else if (!complete) {
        reject("cut before its end");
    }
    if (!bad_ && stream_) {
        if (!buffer_.empty() || has_data_) {
            reject("an event without its end");
        } else if (!error_ && !done_) {
            reject("a stream without [DONE]");
        } else if (done_ && !finished_ && !verdict_.usage_seen) {
            reject("neither finish_reason nor usage");
        }
    } else if (!bad_) {
        judge_body();
    }
    if (bad_) {
        verdict_.ending = Ending::malformed;
    } else {
        verdict_.ending = error_ ? Ending::error : Ending::answered;
    }
    return verdict_;
}

}  // namespace evenkeel::lab::player
