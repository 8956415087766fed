#include "inference/dialect/translate_stream.hpp"

#include <fmt/format.h>

namespace evenkeel::inference::dialect {

namespace {

/// Streams live long and are many: more room than this is given back after a large event.
constexpr std::size_t idle_bytes_max = 1024;

}  // namespace

const TranslatedStream::Pass& TranslatedStream::feed(std::string_view bytes) {
    pass_.pieces.clear();
    pass_.done = {};
    out_.clear();
    if (out_.capacity() > idle_bytes_max) {
        out_.shrink_to_fit();
    }
    if (done_ || error_) {
        return pass_;
    }
    reader_.feed(
        bytes,
        [this](std::string_view found) { return data(found); },
        [this] {
            out_ += ":\n\n";
            return true;
        });
    if (reader_.too_large()) {
        unreadable("is too large");
    }
    const std::string_view all{out_};
    const std::size_t mark = done_ ? mark_at_ : all.size();
    if (mark > 0) {
        pass_.pieces.push_back(all.substr(0, mark));
    }
    pass_.done = all.substr(mark);
    return pass_;
}

bool TranslatedStream::data(std::string_view data) {
    if (data == "[DONE]") {
        return end_mark();
    }
    const auto text = JsonText::read(data);
    if (!text || !text->root().is_object()) {
        return unreadable("is no JSON object");
    }
    return event(text->root());
}

bool TranslatedStream::fail(const ApiError& error) {
    error_ = true;
    write_error(error);
    return false;
}

bool TranslatedStream::unreadable(std::string_view why) {
    ApiError error = source_cut();
    error.message = fmt::format("The source sent an event that {}.", why);
    return fail(error);
}

}  // namespace evenkeel::inference::dialect
