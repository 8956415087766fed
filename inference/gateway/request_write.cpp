#include "inference/gateway/client_request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

/// What the client gets: heads, chunks, errors.
namespace evenkeel::inference {

namespace {

constexpr std::size_t head_bytes_likely = 480;

}  // namespace

std::string ClientRequest::head_text(const Answer* answer, std::optional<std::size_t> length) {
    const http::RequestHead& request = exchange_.head();
    reusable_ = request.keep_alive && !hub_.stopping();
    chunked_ = !length && request.minor > 0;
    const bool events = answer == nullptr || answer->events;
    std::string text;
    text.reserve(head_bytes_likely);
    const auto field = [&text](std::string_view name, std::string_view value) {
        text.append(name).append(": ").append(value).append("\r\n");
    };
    text.append("HTTP/1.1 200 OK\r\n").append(loop_.date_line());
    const std::string_view usual = events ? "text/event-stream" : "application/json";
    const bool typed = answer != nullptr && !answer->content_type.empty();
    const std::string_view type = typed ? std::string_view{answer->content_type} : usual;
    field("Content-Type", type);
    if (kept_) {
        kept_->content_type = type;
    }
    field(id_header(client_dialect()), id_text_);
    if (events) {
        text += "Cache-Control: no-cache\r\nX-Accel-Buffering: no\r\n";
    }
    if (const auto left = answer == nullptr ? eta() : std::nullopt) {
        field(eta_header, fmt::format_int{left->count()}.c_str());
    }
    if (answer != nullptr) {
        field("x-evenkeel-source", source_->info.name);
        field("x-evenkeel-cost", length ? cost_text() : estimate_text());
        field("x-evenkeel-reason", to_text(record_.reason.code));
        if (source_->info.synthetic) {
            text += "x-evenkeel-synthetic: true\r\n";
        }
        if (!outgoing_.dropped.empty()) {
            field("x-evenkeel-dropped", outgoing_.dropped);
        }
        if (!answer->processing_ms.empty()) {
            field("openai-processing-ms", answer->processing_ms);
        }
    }
    if (length) {
        field("Content-Length", fmt::format_int{*length}.c_str());
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

asio::awaitable<void> ClientRequest::begin_stream(const Answer* answer) {
    begun_ = true;
    pending_head_ = head_text(answer, std::nullopt);
    // Announces a raw answer; its bytes go to the socket directly.
    static_cast<void>(co_await exchange_.write_raw({}, false, reusable_));
}

ClientRequest::Sent ClientRequest::send_chunk(std::span<const std::string_view> pieces, bool last) {
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
        remember(piece);
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
    if (!pending_head_.empty()) {
        std::string{}.swap(pending_head_);
    }
    return sent;
}

ClientRequest::Sent ClientRequest::send(std::span<const std::string_view> pieces) {
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

asio::awaitable<bool> ClientRequest::send_rest(bool last) {
    // The source waits meanwhile: its bytes stay where they are until the client has taken ours.
    deadline_ = Steady::time_point::max();
    writing_ = true;
    const std::string_view rest = rest_;
    const auto written = co_await exchange_.write_raw({&rest, 1}, last, reusable_);
    writing_ = false;
    std::string{}.swap(rest_);
    if (!written && cause_ == Cause::none) {
        abort(Cause::client_gone);
    }
    co_return written.has_value();
}

asio::awaitable<bool> ClientRequest::chunk(std::span<const std::string_view> pieces, bool last) {
    const Sent sent = send_chunk(pieces, last);
    if (sent == Sent::gone) {
        co_return false;
    }
    if (sent == Sent::all && !last) {
        co_return true;
    }
    co_return co_await send_rest(last);
}

asio::awaitable<void> ClientRequest::answer_error(const dialect::ApiError& error) {
    if (!begun_) {
        co_await respond_error(exchange_, client_dialect(), error, id_text_);
        co_return;
    }
    const std::string about = trailer();
    // Why nobody writes the rest of an answer concerns the record; to the client it is cut.
    const bool cut = continued_ && !hub_.stopping();
    const std::string event =
        error_event(client_dialect(), cut ? dialect::source_cut() : error, id_text_);
    const std::array<std::string_view, 2> pieces{about, event};
    cause_ = cause_ == Cause::client_gone ? cause_ : Cause::none;
    static_cast<void>(co_await chunk(pieces, true));
}

}  // namespace evenkeel::inference
