#include "inference/gateway/client_request.hpp"

#include <fmt/format.h>

#include <algorithm>

/// Requests that a client sends again under the same `Idempotency-Key` (F61).
namespace evenkeel::inference {

namespace {

bool printable(std::string_view text) noexcept {
    return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
}

}  // namespace

asio::awaitable<bool> ClientRequest::is_first(std::string_view text) {
    if (text.size() > Replays::name_bytes_max || !printable(text)) {
        co_await answer_error(dialect::bad_request(
            fmt::format(
                "An Idempotency-Key has 1 to {} printable characters.", Replays::name_bytes_max),
            "Idempotency-Key"));
        end(Outcome::invalid);
        co_return false;
    }
    const Replays::Name name{.key = key_.ix, .text = std::string{text}};
    const std::uint64_t digest =
        std::hash<std::string_view>{}(body_) * 31 + static_cast<std::uint64_t>(speech_.endpoint);
    for (;;) {
        const auto wait = std::make_shared<RepeatWait>(RepeatWait{.request = this});
        const Replays::Look look =
            hub_.replays().look(name, digest, Steady::now(), [wait, alive = loop_.alive()] {
                alive->post([wait] {
                    wait->over = true;
                    if (wait->request != nullptr) {
                        wait->request->wake();
                    }
                });
            });
        switch (look.state) {
            case Replays::State::first:
                name_ = name;
                kept_.emplace();
                co_return true;
            case Replays::State::kept:
                co_await answer_again(*look.answer);
                co_return false;
            case Replays::State::other_body:
                co_await answer_error(dialect::key_used_otherwise());
                end(Outcome::invalid);
                co_return false;
            case Replays::State::crowded:
                co_await answer_error(dialect::key_in_use());
                end(Outcome::refused);
                co_return false;
            case Replays::State::running:
                break;
        }
        while (!wait->over && cause_ == Cause::none) {
            co_await sleep(Steady::time_point::max());
        }
        wait->request = nullptr;
        if (cause_ != Cause::none) {
            const bool gone = cause_ == Cause::client_gone;
            if (!gone) {
                co_await answer_error(dialect::shutting_down());
            }
            end(gone ? Outcome::client_gone : Outcome::refused);
            co_return false;
        }
    }
}

asio::awaitable<void> ClientRequest::answer_again(const Replays::Answer& answer) {
    record_.reason = {.code = ReasonCode::repeated, .args = {}};
    const http::Headers headers{
        {"Content-Type", answer.content_type},
        {std::string{id_header(client_dialect())}, id_text_},
        {"x-evenkeel-source", answer.source},
        {"x-evenkeel-reason", std::string{to_text(ReasonCode::repeated)}}};
    const auto written = co_await exchange_.respond(200, headers, answer.body);
    end(written ? Outcome::answered : Outcome::client_gone);
}

void ClientRequest::give_up_kept() {
    if (kept_) {
        hub_.replays().give_back(kept_->body.size());
        kept_.reset();
    }
}

void ClientRequest::remember(std::string_view content) {
    if (!kept_) {
        return;
    }
    const bool fits = kept_->body.size() + content.size() <= Replays::answer_bytes_max;
    if (!fits || !hub_.replays().take(content.size())) {
        give_up_kept();
        return;
    }
    kept_->body += content;
}

/// Also the answer that a client missed because its connection broke is kept: that is why it asks
/// again.
void ClientRequest::end_repeat() {
    if (!name_) {
        return;
    }
    if (whole_ && kept_) {
        kept_->source = source_ == nullptr ? "" : source_->info.name;
        const std::size_t bytes = kept_->body.size();
        hub_.replays().keep(*name_, std::move(*kept_), Steady::now());
        hub_.replays().give_back(bytes);
        kept_.reset();
    } else {
        hub_.replays().forget(*name_);
        give_up_kept();
    }
    name_.reset();
}

}  // namespace evenkeel::inference
