#include "inference/gateway/chat_request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

/// From the head of the source's answer to its last byte.
namespace evenkeel::inference {

using relay::AnswerBody;

/// The connection may serve again, if its answer ended as it should.
void ChatRequest::give_back_connection(const AnswerBody& body) {
    if (upstream_ == nullptr) {
        return;
    }
    const NameIx source = source_->info.source;
    const auto now = Steady::now();
    const bool known = hub_.world()->source(source) == source_;  // else it is gone or was changed
    if (known && body.reusable()) {
        loop_.pool().put(source, std::move(upstream_), now);
    } else if (known && body.state() == AnswerBody::State::more) {
        loop_.pool().put_ending(source, std::move(upstream_), body, now);
    } else {
        upstream_->close();
    }
    upstream_ = nullptr;
}

dialect::ApiError ChatRequest::cut_error() const {
    switch (cause_) {
        case Cause::late:
            return dialect::source_stalled();
        case Cause::stopping:
            return dialect::shutting_down();
        default:
            return dialect::source_cut();
    }
}

// --- plain answers ----------------------------------------------------------------------------

asio::awaitable<ChatRequest::Next> ChatRequest::relay_plain(Answer answer) {
    record_.ttft_ms = elapsed_ms();
    std::string body = std::move(answer.first);
    std::string_view content;
    const auto stall = loop_.options().limits.stall_time;
    do {
        if (body.size() > loop_.options().plain_buffer_bytes && !begun_) {
            co_return co_await pass_through(std::move(answer), std::move(body));
        }
        deadline_ = Steady::now() + stall;
    } while (co_await read_some(answer.body, content) && (body.append(content), true));
    deadline_ = Steady::time_point::max();

    seen_tokens_ = static_cast<std::int64_t>(body.size()) / dialect::bytes_per_token;
    // A stream that was held has begun: it cannot become a plain answer any more.
    const bool whole = answer.body.state() == AnswerBody::State::done && !begun_;
    if (!whole || cause_ != Cause::none) {
        upstream_->close();
        co_return co_await gave_up();
    }
    give_back_connection(answer.body);
    const auto scan = dialect::scan_answer(body);
    settle(scan && scan->usage ? *scan->usage : estimated(seen_tokens_));
    finish_ticket(true);
    const std::string head = head_text(&answer, body.size());
    const std::array<std::string_view, 2> pieces{head, body};
    const auto written = co_await exchange_.write_raw(pieces, true, reusable_);
    end(written ? Outcome::answered : Outcome::client_gone);
    co_return Next::over;
}

/// An answer too long to keep: its beginning is sent, and the rest as it comes.
asio::awaitable<ChatRequest::Next> ChatRequest::pass_through(Answer answer, std::string buffered) {
    if (scan_.stream && !first_token_ && record_.kind != SourceKind::api) {
        ticket_.first_token();
    }
    first_token_ = true;
    body_ = {};
    auto size = static_cast<std::int64_t>(buffered.size());
    const auto stall = loop_.options().limits.stall_time;
    // Usage stands at the end as a rule.
    constexpr std::size_t tail_bytes = 1024;
    std::string tail = buffered.substr(buffered.size() - std::min(buffered.size(), tail_bytes));
    co_await begin_stream(&answer);
    std::string_view content = buffered;
    bool there = co_await chunk({&content, 1}, false);
    buffered = {};
    while (there) {
        deadline_ = Steady::now() + stall;
        if (!co_await read_some(answer.body, content)) {
            break;
        }
        size += static_cast<std::int64_t>(content.size());
        tail.append(content.substr(content.size() - std::min(content.size(), tail_bytes)));
        tail.erase(0, tail.size() - std::min(tail.size(), tail_bytes));
        there = co_await chunk({&content, 1}, false);
    }
    deadline_ = Steady::time_point::max();
    const bool whole = there && answer.body.state() == AnswerBody::State::done;
    // The tail begins in the middle of the object: complete it to one that can be read.
    const std::size_t at = tail.rfind(R"("usage")");
    const auto scan =
        at == std::string::npos ? std::nullopt : dialect::scan_answer("{" + tail.substr(at));
    settle(
        whole && scan && scan->usage ? *scan->usage : estimated(size / dialect::bytes_per_token));
    finish_ticket(whole || !there || cause_ == Cause::client_gone);
    if (whole) {
        give_back_connection(answer.body);
        there = co_await chunk({}, true);
        end(there ? Outcome::answered : Outcome::client_gone);
        co_return Next::over;
    }
    // Not ended: the connection closes, and the client sees that the answer is cut.
    upstream_->close();
    end(!there || cause_ == Cause::client_gone ? Outcome::client_gone : Outcome::cut);
    co_return Next::over;
}

// --- streams ----------------------------------------------------------------------------------

/// Until the first event nothing of the answer is shown, its head neither: engines send that at
/// once, and the source may still fail, or be left because it will be late. What stood `before`
/// that event (comments) comes with it. False: the client is gone.
asio::awaitable<bool> ChatRequest::stream_begins(const Answer& answer, std::string_view before) {
    first_token_ = true;
    body_ = {};  // from here on no other source can take over
    record_.ttft_ms = std::max<std::int64_t>(elapsed_ms(), 1);
    if (record_.kind == SourceKind::api) {
        loop_.learn_first_token(record_.source, Steady::now() - asked_at_);
    } else {
        ticket_.first_token();
    }
    if (!begun_) {
        co_await begin_stream(&answer);
    }
    co_return before.empty() || co_await chunk({&before, 1}, false);
}

asio::awaitable<ChatRequest::Next> ChatRequest::relay_stream(Answer answer) {
    dialect::EventStream stream{!scan_.include_usage && scan_.stream};
    const auto stall = loop_.options().limits.stall_time;
    std::string_view content = answer.first;
    std::string beginning;  // the loop's buffer is everybody's, and to begin may take a moment
    std::string unshown;    // comments before the first event
    bool there = true;
    while (there) {
        if (!content.empty()) {
            if (!first_token_) {
                beginning.assign(content);
                content = beginning;
            }
            const dialect::AnswerStream::Pass& pass = stream.feed(content);
            if (!first_token_) {
                const bool begins = stream.events() > 0 || !pass.done.empty() ||
                                    stream.error_seen() || stream.torn();
                if (begins || unshown.size() > dialect::EventStream::held_bytes_max) {
                    there = co_await stream_begins(answer, unshown);
                } else {
                    for (const std::string_view piece : pass.pieces) {
                        unshown += piece;
                    }
                }
            }
            if (there && !pass.done.empty()) {
                co_await stream_done(stream, pass);
                break;
            }
            if (there && first_token_ && (!pass.empty() || !pending_head_.empty())) {
                const Sent sent = send_chunk(pass.pieces, false);
                if (sent != Sent::all) {
                    there = sent == Sent::rest && co_await send_rest(false);
                }
            }
            if (!there) {
                break;
            }
        }
        deadline_ = Steady::now() + stall;
        if (!co_await read_some(answer.body, content)) {
            break;
        }
    }
    deadline_ = Steady::time_point::max();
    if (ended_) {
        give_back_connection(answer.body);
        co_return Next::over;
    }
    upstream_->close();
    if (!first_token_) {
        co_return co_await gave_up();  // the client has seen nothing of it
    }
    if (!there) {
        cause_ = std::max(cause_, Cause::client_gone);
    }
    co_await stream_cut(stream);
    co_return Next::over;
}

/// `[DONE]` has come: settle, then say what it cost, and end.
asio::awaitable<void> ChatRequest::stream_done(
    dialect::AnswerStream& stream, const dialect::AnswerStream::Pass& pass) {
    settle(stream.usage() ? *stream.usage() : estimated(stream.events()));
    finish_ticket(!stream.error_seen());
    const std::string cost = trailer();
    std::vector<std::string_view> pieces = pass.pieces;
    if (!stream.error_seen()) {
        pieces.push_back(cost);
        pieces.push_back(pass.done);
    }
    const bool there = co_await chunk(pieces, true);
    if (!there || cause_ == Cause::client_gone) {
        end(Outcome::client_gone);
    } else {
        end(stream.error_seen() ? Outcome::cut : Outcome::answered);
    }
}

/// The stream has ended without `[DONE]`: whatever the cause, the client gets one typed end.
asio::awaitable<void> ChatRequest::stream_cut(dialect::AnswerStream& stream) {
    settle(stream.usage() ? *stream.usage() : estimated(stream.events()));
    const bool gone = cause_ == Cause::client_gone;
    const bool source_did = cause_ == Cause::none || cause_ == Cause::late;
    finish_ticket(!source_did);
    if (source_did) {
        hub_.source_failed(
            source_->info.source,
            {.code = cause_ == Cause::late ? Errc::timed_out : Errc::unavailable,
             .message = cause_ == Cause::late ? "stalled in mid-answer" : "broke off in mid-answer",
             .retry_after = {}});
    }
    if (gone) {
        end(Outcome::client_gone);
        co_return;
    }
    const std::string cost = trailer();
    const std::string event = dialect::to_event(cut_error());
    std::vector<std::string_view> pieces;
    if (stream.torn()) {
        pieces.push_back("\n\n");
    }
    if (!stream.error_seen()) {
        pieces.push_back(cost);
        pieces.push_back(event);
    }
    cause_ = Cause::none;  // the client is still there; only the source is not
    const bool there = co_await chunk(pieces, true);
    end(there ? Outcome::cut : Outcome::client_gone);
}

// --- to the client ----------------------------------------------------------------------------

std::string ChatRequest::head_text(const Answer* answer, std::optional<std::size_t> length) {
    const http::RequestHead& request = exchange_.head();
    reusable_ = request.keep_alive && !hub_.stopping();
    chunked_ = !length && request.minor > 0;
    const bool events = answer == nullptr || answer->events;
    std::string text = fmt::format(
        "HTTP/1.1 200 OK\r\n{}Content-Type: {}\r\nX-Request-Id: {}\r\n",
        loop_.date_line(),
        answer == nullptr || answer->content_type.empty()
            ? (events ? "text/event-stream" : "application/json")
            : answer->content_type,
        id_text_);
    auto out = std::back_inserter(text);
    if (events) {
        text += "Cache-Control: no-cache\r\nX-Accel-Buffering: no\r\n";
    }
    if (answer != nullptr) {
        fmt::format_to(
            out,
            "x-evenkeel-source: {}\r\nx-evenkeel-cost: {}\r\nx-evenkeel-reason: {}\r\n",
            source_->info.name,
            length ? cost_text() : estimate_text(),
            to_text(record_.reason.code));
        if (source_->info.synthetic) {
            text += "x-evenkeel-synthetic: true\r\n";
        }
        if (!answer->processing_ms.empty()) {
            fmt::format_to(out, "openai-processing-ms: {}\r\n", answer->processing_ms);
        }
    }
    if (length) {
        fmt::format_to(out, "Content-Length: {}\r\n", *length);
    } else if (chunked_) {
        text += "Transfer-Encoding: chunked\r\n";
    } else {
        reusable_ = false;
    }
    if (!reusable_) {
        text += "Connection: close\r\n";
    } else if (request.minor == 0) {
        text += "Connection: keep-alive\r\n";
    }
    text += "\r\n";
    return text;
}

asio::awaitable<void> ChatRequest::begin_stream(const Answer* answer) {
    begun_ = true;
    pending_head_ = head_text(answer, std::nullopt);
    // Announces a raw answer; its bytes go to the socket directly.
    static_cast<void>(co_await exchange_.write_raw({}, false, reusable_));
}

ChatRequest::Sent ChatRequest::send_chunk(std::span<const std::string_view> pieces, bool last) {
    constexpr std::size_t frame_pieces = 3;
    constexpr std::size_t pieces_max = 24;
    std::string joined;
    std::array<std::string_view, 1> one{};
    if (pieces.size() + frame_pieces > pieces_max) {
        for (const std::string_view piece : pieces) {
            joined += piece;
        }
        one[0] = joined;
        pieces = one;
    }
    std::size_t bytes = 0;
    for (const std::string_view piece : pieces) {
        bytes += piece.size();
    }
    std::array<char, 20> size{};
    std::array<std::string_view, pieces_max> all{};
    std::size_t count = 0;
    all[count++] = pending_head_;
    if (chunked_ && bytes > 0) {
        char* end = std::to_chars(size.data(), size.data() + size.size() - 2, bytes, 16).ptr;
        *end++ = '\r';
        *end++ = '\n';
        all[count++] = {size.data(), end};
    }
    for (const std::string_view piece : pieces) {
        all[count++] = piece;
    }
    if (chunked_) {
        all[count++] = bytes == 0 ? (last ? "0\r\n\r\n" : "") : (last ? "\r\n0\r\n\r\n" : "\r\n");
    }
    const Sent sent = send(std::span{all}.first(count));
    pending_head_.clear();
    return sent;
}

ChatRequest::Sent ChatRequest::send(std::span<const std::string_view> pieces) {
    if (cause_ == Cause::client_gone) {
        return Sent::gone;
    }
    const auto sent = relay::send_now(exchange_.socket().native_handle(), pieces);
    if (!sent) {
        abort(Cause::client_gone);
        return Sent::gone;
    }
    std::size_t skip = *sent;
    for (const std::string_view piece : pieces) {
        const std::size_t gone = std::min(skip, piece.size());
        skip -= gone;
        if (gone < piece.size()) {
            rest_.append(piece.substr(gone));
        }
    }
    return rest_.empty() ? Sent::all : Sent::rest;
}

asio::awaitable<bool> ChatRequest::send_rest(bool last) {
    // The source waits meanwhile: its bytes stay where they are until the client has taken ours.
    deadline_ = Steady::time_point::max();
    writing_ = true;
    const std::string_view rest = rest_;
    const auto written = co_await exchange_.write_raw({&rest, 1}, last, reusable_);
    writing_ = false;
    rest_ = {};
    if (!written && cause_ == Cause::none) {
        abort(Cause::client_gone);
    }
    co_return written.has_value();
}

asio::awaitable<bool> ChatRequest::chunk(std::span<const std::string_view> pieces, bool last) {
    const Sent sent = send_chunk(pieces, last);
    if (sent == Sent::gone) {
        co_return false;
    }
    if (sent == Sent::all && !last) {
        co_return true;
    }
    co_return co_await send_rest(last);
}

asio::awaitable<void> ChatRequest::answer_error(const dialect::ApiError& error) {
    if (!begun_) {
        co_await respond_error(exchange_, error, id_text_);
        co_return;
    }
    const std::string about = trailer();
    const std::string event = dialect::to_event(error);
    const std::array<std::string_view, 2> pieces{about, event};
    cause_ = cause_ == Cause::client_gone ? cause_ : Cause::none;
    static_cast<void>(co_await chunk(pieces, true));
}

}  // namespace evenkeel::inference
