#include "inference/relay/answer_body.hpp"

#include <algorithm>
#include <cstring>

namespace evenkeel::inference::relay {

AnswerBody::AnswerBody(const http::ResponseHead& head) noexcept
    : state_{State::more}, keep_alive_{head.keep_alive} {
    if (head.bodiless("POST")) {
        state_ = State::done;
    } else if (head.chunked) {
        framing_ = Framing::chunks;
    } else if (head.content_length) {
        left_ = *head.content_length;
        state_ = left_ == 0 ? State::done : State::more;
    } else {
        framing_ = Framing::close;
    }
}

std::string_view AnswerBody::take(std::span<char> bytes) noexcept {
    if (state_ != State::more) {
        excess_ = excess_ || !bytes.empty();
        return {};
    }
    if (framing_ == Framing::close) {
        return {bytes.data(), bytes.size()};
    }
    if (framing_ == Framing::length) {
        const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
        left_ -= size;
        state_ = left_ == 0 ? State::done : State::more;
        excess_ = size < bytes.size();
        return {bytes.data(), size};
    }
    const std::string_view input{bytes.data(), bytes.size()};
    std::size_t at = 0;
    std::size_t begin = 0;  // of the content, which grows to the right by moving pieces to it
    std::size_t end = 0;
    while (at < input.size() && scanner_.state() == http::ChunkScanner::State::more) {
        const http::ChunkScanner::Step step = scanner_.next(input.substr(at));
        at += step.consumed;
        if (step.payload.empty()) {
            continue;
        }
        const auto from = static_cast<std::size_t>(step.payload.data() - bytes.data());
        if (begin == end) {
            begin = end = from;  // a single piece stays where it is
        } else if (from != end) {
            std::memmove(bytes.data() + end, bytes.data() + from, step.payload.size());
        }
        end += step.payload.size();
    }
    if (scanner_.state() == http::ChunkScanner::State::done) {
        state_ = State::done;
        excess_ = at < input.size();
    } else if (scanner_.state() == http::ChunkScanner::State::bad) {
        state_ = State::bad;
    }
    return input.substr(begin, end - begin);
}

void AnswerBody::closed() noexcept {
    if (state_ == State::more) {
        state_ = framing_ == Framing::close ? State::done : State::bad;
    }
    keep_alive_ = false;
}

}  // namespace evenkeel::inference::relay
