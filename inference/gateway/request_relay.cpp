#include "inference/gateway/client_request.hpp"

#include <fmt/format.h>

#include <algorithm>

/// From the head of the source's answer to its last byte.
namespace evenkeel::inference {

using relay::AnswerBody;

namespace {

constexpr std::size_t unshown_bytes_max = 64 * 1024;

}  // namespace

/// The connection may serve again, if its answer ended as it should.
void ClientRequest::give_back_connection(const AnswerBody& body) {
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

dialect::ApiError ClientRequest::cut_error() const {
    switch (cause_) {
        case Cause::late:
            return dialect::source_stalled();
        case Cause::stopping:
            return dialect::shutting_down();
        case Cause::spent:
            return dialect::refused(
                {.code = ReasonCode::budget_spent, .args = {}}, std::chrono::seconds{1}, false);
        default:
            return dialect::source_cut();
    }
}

// --- plain answers ----------------------------------------------------------------------------

asio::awaitable<ClientRequest::Next> ClientRequest::relay_plain(Answer& answer) {
    record_.ttft_ms = elapsed_ms();
    std::string body = std::move(answer.first);
    std::string_view content;
    const auto stall = loop_.options().limits.stall_time;
    do {
        const bool is_long = body.size() > loop_.options().plain_buffer_bytes;
        if (is_long && (speech_.translates() || begun_)) {
            break;  // it cannot be said anew in pieces, or not at all
        }
        if (is_long) {
            co_return co_await pass_through(answer, std::move(body));
        }
        deadline_ = Steady::now() + stall;
    } while (reads_on(answer.body) && co_await read_some(answer.body, content) &&
             (body.append(content), true));
    deadline_ = Steady::time_point::max();

    seen_tokens_ = static_cast<std::int64_t>(body.size()) / dialect::bytes_per_token;
    // A stream that was held has begun: it cannot become a plain answer any more.
    const bool whole = answer.body.state() == AnswerBody::State::done && !begun_;
    if (!whole || cause_ != Cause::none) {
        if (answer.body.state() == AnswerBody::State::done) {
            told_ = usage_of(speech_.asked, body);
        }
        upstream_->close();
        co_return co_await gave_up();
    }
    give_back_connection(answer.body);
    settle(usage_of(speech_.asked, body).value_or(estimated(seen_tokens_)));
    finish_ticket(true);
    if (speech_.translates()) {
        auto translated = translate_answer(speech_, body);
        if (!translated) {
            co_await answer_error(dialect::source_failed());
            end(Outcome::failed);
            co_return Next::over;
        }
        body = std::move(*translated);
    }
    const std::string head = head_text(&answer, body.size());
    remember(body);
    whole_ = true;
    const std::array<std::string_view, 2> pieces{head, body};
    const auto written = co_await exchange_.write_raw(pieces, true, reusable_);
    end(written ? Outcome::answered : Outcome::client_gone);
    co_return Next::over;
}

/// An answer too long to keep: its beginning is sent, and the rest as it comes.
asio::awaitable<ClientRequest::Next> ClientRequest::pass_through(
    Answer& answer, std::string buffered) {
    if (scan_.stream && !first_token_ && record_.kind != SourceKind::api) {
        ticket_.first_token();
    }
    first_token_ = true;
    forget_request();
    auto size = static_cast<std::int64_t>(buffered.size());
    const auto stall = loop_.options().limits.stall_time;
    // Usage stands at the end as a rule.
    constexpr std::size_t tail_bytes = 1024;
    std::string tail = buffered.substr(buffered.size() - std::min(buffered.size(), tail_bytes));
    co_await begin_stream(&answer);
    exchange_.forget_head();
    std::string_view content = buffered;
    bool there = co_await chunk({&content, 1}, false);
    std::string{}.swap(buffered);
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
    const auto usage = whole ? usage_of_tail(speech_.asked, tail) : std::nullopt;
    settle(usage.value_or(estimated(size / dialect::bytes_per_token)));
    finish_ticket(whole || !there || cause_ == Cause::client_gone);
    if (whole) {
        whole_ = true;
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

/// From here on no other source can take over: what was asked is of no more use, and an answer may
/// take minutes. Assigning an empty string would keep the memory.
void ClientRequest::forget_request() noexcept {
    exchange_.give_back(std::exchange(body_, {}));
    std::string{}.swap(outgoing_.body);
}

// --- streams ----------------------------------------------------------------------------------

/// Until the first event nothing of the answer is shown, its head neither: engines send that at
/// once, and the source may still fail, or be left because it will be late. What stood `before`
/// that event (comments) comes with it. False: the client is gone.
asio::awaitable<bool> ClientRequest::stream_begins(const Answer& answer, std::string_view before) {
    first_token_ = true;
    if (!may_go_on()) {
        forget_request();
    }
    record_.ttft_ms = continued_ ? record_.ttft_ms : std::max<std::int64_t>(elapsed_ms(), 1);
    if (record_.kind == SourceKind::api) {
        loop_.learn_first_token(record_.source, Steady::now() - asked_at_);
    } else {
        ticket_.first_token();
    }
    if (!begun_) {
        co_await begin_stream(&answer);
    }
    exchange_.forget_head();
    co_return before.empty() || co_await chunk({&before, 1}, false);
}

namespace {

/// Shows the stream to those who ask for live requests, as long as it is there.
class Following {
public:
    Following(const dialect::AnswerStream*& shown, const dialect::AnswerStream* stream) noexcept
        : shown_{shown} {
        shown_ = stream;
    }
    ~Following() { shown_ = nullptr; }
    Following(const Following&) = delete;
    Following& operator=(const Following&) = delete;

private:
    const dialect::AnswerStream*& shown_;
};

}  // namespace

asio::awaitable<ClientRequest::Next> ClientRequest::relay_stream(Answer& answer) {
    const auto stream = follow();
    const Following following{stream_, stream.get()};
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
            const dialect::AnswerStream::Pass& pass = stream->feed(content);
            told_ = stream->usage();
            if (!first_token_) {
                const bool begins = stream->events() > 0 || !pass.done.empty() ||
                                    stream->error_seen() || stream->torn();
                if (begins || unshown.size() > unshown_bytes_max) {
                    there = co_await stream_begins(answer, unshown);
                } else {
                    for (const std::string_view piece : pass.pieces) {
                        unshown += piece;
                    }
                }
            }
            if (first_token_ && may_go_on() && !begun_chat_->can_go_on && !body_.empty()) {
                forget_request();  // what has come is not gone on with
            }
            if (there && !pass.done.empty()) {
                co_await stream_done(*stream, pass);
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
        while (cause_ == Cause::none && runs_short(*stream)) {
            co_await keep_paid();
        }
        if (first_token_ && !beginning.empty()) {
            std::string{}.swap(beginning);
            std::string{}.swap(answer.first);
        }
        deadline_ = Steady::now() + stall;
        // read_some() without a coroutine of its own: this is where events come by.
        Came came = Came::nothing;
        while (came == Came::nothing && reads_on(answer.body)) {
            co_await upstream_->readable();
            came = take_some(answer.body, content);
        }
        if (came != Came::content) {
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
    if (can_go_on(*stream) && hub_.take_retry()) {
        go_on(*stream);
        co_return Next::go_on;
    }
    co_await stream_cut(*stream);
    co_return Next::over;
}

/// The end mark has come: settle, then say what it cost, and end.
asio::awaitable<void> ClientRequest::stream_done(
    const dialect::AnswerStream& stream, const dialect::AnswerStream::Pass& pass) {
    if (stream.usage() && !stream.usage()->estimated) {
        loop_.learn_events(record_.source, stream.events(), stream.usage()->completion);
    }
    settle(usage_so_far(stream));
    finish_ticket(!stream.error_seen());
    const std::string cost = trailer();
    std::vector<std::string_view> pieces = pass.pieces;
    if (!stream.error_seen()) {
        pieces.push_back(cost);
        pieces.push_back(pass.done);
    }
    const bool there = co_await chunk(pieces, true);
    whole_ = !stream.error_seen();
    if (!there || cause_ == Cause::client_gone) {
        end(Outcome::client_gone);
    } else {
        end(stream.error_seen() ? Outcome::cut : Outcome::answered);
    }
}

/// The stream has ended without its end mark: whatever the cause, the client gets one typed end.
asio::awaitable<void> ClientRequest::stream_cut(const dialect::AnswerStream& stream) {
    settle(usage_so_far(stream));
    if (cause_ == Cause::spent) {
        record_.reason = {.code = ReasonCode::budget_spent, .args = {}};
    }
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
    const std::string event = error_event(client_dialect(), cut_error(), id_text_);
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

}  // namespace evenkeel::inference
