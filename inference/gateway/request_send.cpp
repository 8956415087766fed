#include "inference/dialect/unsigned_thinking.hpp"
#include "inference/gateway/client_request.hpp"
#include "inference/http/head.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>

/// From a grant to the head of the source's answer.
namespace evenkeel::inference {

namespace {

constexpr int tries_max = 2;  ///< sources one request is sent to
constexpr std::size_t error_body_max = 64 * 1024;
constexpr std::chrono::seconds error_body_time{5};
constexpr http::Limits source_limits{};
/// A connection that was closed before it was used says so within a round trip.
constexpr std::chrono::seconds idle_close_seen_within{1};
constexpr std::size_t head_read_bytes = 2048;  ///< most plain answers come with their head

std::optional<std::chrono::seconds> seconds_of(std::string_view text) {
    int value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size()) {
        return std::nullopt;
    }
    return std::chrono::seconds{value};
}

/// What the client may retry elsewhere without being told.
bool another_may_do_better(int status) noexcept {
    return status >= 500 || status == 429 || status == 401 || status == 403 || status == 404 ||
           status == 402 || status < 400;
}

}  // namespace

asio::awaitable<ClientRequest::Next> ClientRequest::attempt(gate::Effect grant) {
    source_ = hub_.world()->source(grant.source);
    if (continued_ && source_ != nullptr && !may_write_rest(source_->info)) {
        co_return Next::retry;  // it has not failed; another one may be able to
    }
    ++tries_;
    hub_.tally().upstream_tries.fetch_add(1, std::memory_order_relaxed);
    record_.reason = grant.reason;
    record_.source = grant.source;
    record_.kind = grant.source_kind;
    record_.budgets = grant.budgets;
    record_.wait_ms = continued_ ? record_.wait_ms : elapsed_ms();
    sent_ = false;
    first_token_ = false;
    seen_tokens_ = 0;
    told_.reset();
    settled_ = false;
    if (source_ == nullptr) {
        co_return Next::retry;  // taken away between the grant and now
    }
    record_.provider = source_->info.provider;
    record_.machine = source_->info.machine;
    if (!co_await compose()) {
        co_return Next::over;
    }
    if (grant.source_kind == SourceKind::api) {
        start_hold(grant);
    } else {
        reserved_tokens_ = plan_.internal_tokens_out;
    }
    // What is at hand needs no coroutine, here and below: each costs as much as a small system
    // call.
    upstream_ = loop_.pool().take(source_->info.source);
    reused_ = upstream_ != nullptr;
    if (reused_ ? cause_ != Cause::none : !co_await connect()) {
        co_return co_await gave_up();
    }
    if (hold_wait_ != nullptr && !co_await hold_ready()) {
        co_return co_await gave_up();
    }
    auto answer = co_await ask();
    if (!answer) {
        co_return co_await gave_up();
    }
    if (answer->status != 200) {
        co_return co_await source_refused(*answer);
    }
    if (answer->events) {
        co_return co_await relay_stream(*answer);
    }
    co_return co_await relay_plain(*answer);
}

// --- the request, as the source is to read it ---------------------------------------------------

/// A conversation may have begun at an engine, whose thoughts Anthropic's API would refuse.
void ClientRequest::drop_unsigned_thinking() {
    auto without = speech_.asked == dialect::Endpoint::messages && scan_.thoughts
                       ? dialect::without_unsigned_thinking(body_)
                       : std::nullopt;
    auto scan = without ? dialect::scan_request(speech_.endpoint, *without)
                        : std::unexpected{dialect::ScanError{}};
    if (scan) {
        body_ = std::move(*without);
        scan_ = std::move(*scan);
        speech_.client_model = scan_.model;
    }
}

asio::awaitable<bool> ClientRequest::compose() {
    if (continued_) {
        co_return co_await compose_rest();
    }
    const auto asked = dialect::asked_of(source_->info.dialect, speech_.endpoint);
    speech_.asked = asked.value_or(speech_.endpoint);
    speech_.is_engine = source_->info.kind != SourceKind::api;
    outgoing_ = {};
    const bool is_dearer = !speech_.is_engine && !scan_.price_changer.empty();
    if (asked && !speech_.translates() && !is_dearer) {
        drop_unsigned_thinking();
        co_return true;
    }
    auto translated =
        asked && !speech_.translates()
            ? std::unexpected{dialect::ScanError{
                  .message = fmt::format(
                      "'{}' changes the price of this model, and no price for it is stated here.",
                      scan_.price_changer),
                  .param = scan_.price_changer}}
        : asked ? translate_request(
                      speech_, body_, source_->info.seller_model, routing::answer_tokens_default)
                : std::unexpected{dialect::ScanError{
                      .message = "Whoever serves this model has no such endpoint.", .param = {}}};
    if (translated) {
        outgoing_ = std::move(*translated);
        co_return true;
    }
    ticket_.cancel();
    dialect::ScanError& wrong = translated.error();
    auto error = dialect::bad_request(std::move(wrong.message), std::move(wrong.param));
    error.code = std::move(wrong.code);
    co_await answer_error(error);
    end(Outcome::invalid);
    co_return false;
}

// --- the connection ---------------------------------------------------------------------------

asio::awaitable<bool> ClientRequest::connect() {
    reused_ = false;
    upstream_ = std::make_shared<relay::Upstream>(loop_.context());
    deadline_ = Steady::now() + loop_.options().connect_limit;
    const auto connected = co_await upstream_->connect(source_->endpoint);
    deadline_ = Steady::time_point::max();
    if (!connected) {
        upstream_ = nullptr;
    }
    co_return connected.has_value() && cause_ == Cause::none;
}

/// Anthropic's API wants to know which of its versions is spoken, and what of its trials is used.
std::string ClientRequest::version_fields() const {
    if (source_->info.dialect != dialect::Dialect::anthropic) {
        return {};
    }
    if (speech_.translates()) {
        return "anthropic-version: 2023-06-01\r\n";
    }
    const http::RequestHead& head = exchange_.head();
    const std::string_view version = head.field("anthropic-version");
    const std::string_view beta = head.field("anthropic-beta");
    std::string text =
        fmt::format("anthropic-version: {}\r\n", version.empty() ? "2023-06-01" : version);
    if (!beta.empty()) {
        fmt::format_to(std::back_inserter(text), "anthropic-beta: {}\r\n", beta);
    }
    return text;
}

asio::awaitable<std::optional<ClientRequest::Answer>> ClientRequest::ask() {
    const bool with_usage = scan_.stream && (speech_.asked == dialect::Endpoint::chat ||
                                             speech_.asked == dialect::Endpoint::completions);
    dialect::Splice splice{};
    if (!outgoing_.body.empty()) {
        splice = {.pieces = {outgoing_.body}, .count = 1, .bytes = outgoing_.body.size()};
    } else {
        splice = dialect::splice(body_, scan_, source_->quoted_model, with_usage);
    }
    std::string head = source_->heads[static_cast<std::size_t>(speech_.asked)];
    head.append(version_fields()).append("Content-Length: ");
    head.append(fmt::format_int{splice.bytes}.c_str());
    head.append("\r\nX-Request-Id: ").append(id_text_).append("\r\n\r\n");
    std::array<std::string_view, 1 + std::tuple_size_v<decltype(splice.pieces)>> pieces{head};
    std::copy_n(splice.pieces.begin(), splice.count, pieces.begin() + 1);
    for (;;) {
        deadline_ = Steady::now() + (scan_.stream ? loop_.options().first_byte_stream
                                                  : loop_.options().first_byte_plain);
        sent_ = true;
        asked_at_ = Steady::now();
        const auto all = std::span{pieces}.first(splice.count + 1);
        const std::size_t sent = upstream_->write_now(all);
        if (sent < head.size() + splice.bytes) {
            // A source may answer before it has read everything; its answer says why.
            static_cast<void>(co_await upstream_->write(all, sent));
        }
        auto answer = co_await read_head();
        deadline_ = Steady::time_point::max();
        if (answer) {
            co_return answer;
        }
        upstream_->close();
        if (!reused_ || first_byte_ || cause_ != Cause::none ||
            Steady::now() - asked_at_ > idle_close_seen_within) {
            co_return std::nullopt;
        }
        // An idle connection that the source closed in the same instant: once more on a new one.
        // One that ended later may have been at work on the request, and may bill it.
        if (!co_await connect()) {
            co_return std::nullopt;
        }
    }
}

asio::awaitable<std::optional<ClientRequest::Answer>> ClientRequest::read_head() {
    first_byte_ = false;
    std::string raw;
    http::HeadParser parser{http::HeadParser::Kind::response};
    while (cause_ == Cause::none) {
        const std::size_t before = raw.size();
        raw.resize_and_overwrite(
            before + head_read_bytes, [](char*, std::size_t size) { return size; });
        const auto moved = co_await upstream_->receive(std::span{raw}.subspan(before));
        raw.resize(before + moved.bytes);
        if (moved.state == relay::Upstream::State::again) {
            continue;
        }
        if (moved.state != relay::Upstream::State::moved) {
            break;
        }
        first_byte_ = true;
        http::Progress progress = parser.feed(raw, source_limits);
        while (progress == http::Progress::complete && parser.response().status / 100 == 1) {
            raw.erase(0, parser.size());
            parser.reset();
            progress = raw.empty() ? http::Progress::need_more : parser.feed(raw, source_limits);
        }
        if (progress == http::Progress::refused) {
            break;
        }
        if (progress != http::Progress::complete) {
            continue;
        }
        const http::ResponseHead& head = parser.response();
        const std::string_view type = head.field("content-type");
        Answer answer{
            .status = head.status,
            .events = http::iequals(type.substr(0, 17), "text/event-stream"),
            .content_type = std::string{type},
            .processing_ms = std::string{head.field("openai-processing-ms")},
            .retry_after = seconds_of(head.field("retry-after")),
            .body = relay::AnswerBody{head},
            .first = {}};
        raw.erase(0, parser.size());
        if (!raw.empty()) {
            const std::string_view content = answer.body.take(raw);
            answer.first = std::string{content};
        }
        co_return answer;
    }
    co_return std::nullopt;
}

ClientRequest::Came ClientRequest::take_some(
    relay::AnswerBody& body, std::string_view& content) noexcept {
    const auto buffer = loop_.buffer();
    const auto moved = upstream_->read_some(buffer);
    switch (moved.state) {
        case relay::Upstream::State::again:
            break;
        case relay::Upstream::State::moved:
            content = body.take(buffer.first(moved.bytes));
            return content.empty() ? Came::nothing : Came::content;
        case relay::Upstream::State::closed:
        case relay::Upstream::State::failed:
            if (cause_ == Cause::none) {
                body.closed();
            }
            return Came::end;
    }
    return Came::nothing;
}

asio::awaitable<bool> ClientRequest::read_some(relay::AnswerBody& body, std::string_view& content) {
    content = {};
    Came came = Came::nothing;
    while (came == Came::nothing && reads_on(body)) {
        co_await upstream_->readable();
        came = take_some(body, content);
    }
    co_return came == Came::content;
}

// --- when it does not work out ----------------------------------------------------------------

/// A step before the first byte has ended without success: by abort(), or by the source's failure.
asio::awaitable<ClientRequest::Next> ClientRequest::gave_up() {
    const Cause cause = cause_;
    const bool paid = record_.kind == SourceKind::api && source_ != nullptr;
    const bool owed = paid && sent_;  // it may have begun to work, and to bill
    deadline_ = Steady::time_point::max();
    if (cause == Cause::client_gone || cause == Cause::stopping) {
        if (upstream_ != nullptr) {
            upstream_->close();
        }
        if (sent_ && source_ != nullptr) {
            settle(usage_left());  // at a worker: what it read counts, for its key's limits
        }
        if (!owed) {
            drop_hold();
        }
        if (sent_) {
            finish_ticket(true);
        } else {
            ticket_.cancel();
        }
        if (cause == Cause::stopping) {
            co_await answer_error(dialect::shutting_down());
            end(sent_ ? Outcome::failed : Outcome::refused);
        } else {
            end(Outcome::client_gone);
        }
        co_return Next::over;
    }
    cause_ = Cause::none;
    if (source_ == nullptr) {
        co_return Next::retry;
    }
    if (cause == Cause::recalled) {
        if (upstream_ != nullptr) {
            upstream_->close();  // the engine sees it and stops
            upstream_ = nullptr;
        }
        --tries_;  // the source has not failed
        co_return Next::leave;
    }
    const bool ledger =
        hold_wait_ != nullptr && !sent_ && upstream_ != nullptr && cause != Cause::source_gone;
    if (ledger) {
        const bool spent = hold_wait_->result && !*hold_wait_->result &&
                           hold_wait_->result->error().code == Errc::refused;
        drop_hold();
        loop_.pool().put(source_->info.source, std::move(upstream_), Steady::now());
        ticket_.cancel();
        const Reason reason{
            .code = spent ? ReasonCode::budget_spent : ReasonCode::hold_ledger, .args = {}};
        record_.reason = reason;
        co_await answer_error(
            spent ? dialect::refused(reason, std::chrono::seconds{1}, false)
                  : dialect::ledger_closed());
        end(Outcome::refused);
        co_return Next::over;
    }
    const bool late = cause == Cause::late;
    if (cause != Cause::source_gone) {
        hub_.source_failed(
            source_->info.source,
            {.code = late ? Errc::timed_out : Errc::unavailable,
             .message = sent_ ? (late ? "no first byte in time" : "broke off before its answer")
                              : (late ? "no connection in time" : "no connection"),
             .retry_after = {}});
    }
    if (owed) {
        settle(usage_left());
    }
    // A late answer has used up the client's patience; a lost paid one may be billed already.
    const bool may_retry = !owed && !(late && sent_);
    co_return co_await failed(late ? dialect::source_late() : dialect::source_failed(), may_retry);
}

asio::awaitable<ClientRequest::Next> ClientRequest::failed(
    dialect::ApiError error, bool may_retry) {
    if (upstream_ != nullptr) {
        upstream_->close();
        upstream_ = nullptr;
    }
    source_error_ = error;
    if (may_retry) {
        drop_hold();
        if (tries_ < tries_max && hub_.take_retry()) {
            co_return Next::retry;
        }
    }
    finish_ticket(false);
    co_await answer_error(error);
    end(Outcome::failed);
    co_return Next::over;
}

asio::awaitable<ClientRequest::Next> ClientRequest::source_refused(Answer& answer) {
    std::string body = std::move(answer.first);
    deadline_ = Steady::now() + error_body_time;
    std::string_view content;
    while (body.size() < error_body_max && co_await read_some(answer.body, content)) {
        body.append(content);
    }
    deadline_ = Steady::time_point::max();
    if (cause_ == Cause::client_gone || cause_ == Cause::stopping) {
        sent_ = false;  // it has refused: nothing is owed
        co_return co_await gave_up();
    }
    cause_ = Cause::none;
    sent_ = false;  // it has refused: nothing is owed
    give_back_connection(answer.body);
    const dialect::ApiError error = dialect::from_upstream(answer.status, body, answer.retry_after);
    if (another_may_do_better(answer.status)) {
        const bool has_no_such_thing =
            answer.status == 404 || answer.status == 405 || answer.status == 501;
        if (has_no_such_thing) {
            co_return co_await failed(error, true);  // it works; it only cannot do this
        }
        hub_.source_failed(
            source_->info.source,
            {.code = error.provider_out_of_budget ? Errc::refused
                     : answer.status == 429       ? Errc::rate_limited
                                                  : Errc::unavailable,
             .message = error.provider_out_of_budget ? "its account has no money left"
                                                     : fmt::format("status {}", answer.status),
             .retry_after = answer.retry_after});
        co_return co_await failed(error, true);
    }
    drop_hold();
    finish_ticket(true);
    co_await answer_error(error);
    end(Outcome::invalid);
    co_return Next::over;
}

}  // namespace evenkeel::inference
