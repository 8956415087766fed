#include "lab/engine/chat.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <utility>

namespace evenkeel::lab::engine {
namespace {

namespace http = inference::http;
namespace asio = boost::asio;
using SteadyClock = std::chrono::steady_clock;

constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);

/// One sequence in the batch; leaving the scope takes it out, wherever it is.
class Seat {
public:
    Seat(Desk& desk, std::int64_t tokens_in, std::int64_t tokens_out)
        : desk_{desk}, id_{desk.batch.add(tokens_in, tokens_out, desk.elapsed())} {
        desk_.totals.prompt_tokens += tokens_in;
    }
    ~Seat() {
        desk_.batch.remove(id_, desk_.elapsed());
        ++(finished_ == nullptr ? desk_.totals.finished_abort : *finished_);
    }
    Seat(const Seat&) = delete;
    Seat& operator=(const Seat&) = delete;

    [[nodiscard]] Batch::Progress progress() { return desk_.batch.progress(id_, desk_.elapsed()); }
    /// The answer was handed over completely; `counter` is where it counts.
    void finished(std::int64_t& counter) noexcept { finished_ = &counter; }

private:
    Desk& desk_;
    Batch::Id id_;
    std::int64_t* finished_{nullptr};
};

struct Job {
    ClientRequest request{};
    AnswerHead head{};
    std::int64_t tokens_out{0};
    std::string_view finish_reason{};
    bool garbage{false};
};

/// Whether the request was cancelled. An operation whose end was already on its way when that
/// happened says nothing of it: whoever waits must ask, before and after.
asio::awaitable<bool> cancelled() {
    const auto state = co_await asio::this_coro::cancellation_state;
    co_return state.cancelled() != asio::cancellation_type::none;
}

/// Waits one tick. False when the request was cancelled.
asio::awaitable<bool> pause(Desk& desk) {
    asio::steady_timer timer{co_await asio::this_coro::executor, desk.options.tick};
    co_await timer.async_wait(use_tuple);
    const bool over = co_await cancelled();
    co_return !over;
}

/// A stream that says nothing more but stays open.
asio::awaitable<void> stall() {
    if (co_await cancelled()) {
        co_return;
    }
    asio::steady_timer timer{co_await asio::this_coro::executor, SteadyClock::time_point::max()};
    co_await timer.async_wait(use_tuple);
}

std::string last_events(const Job& job) {
    std::string events = finish_event(job.head, job.finish_reason);
    if (job.request.include_usage) {
        events += usage_event(job.head, job.request.prompt_tokens, job.tokens_out);
    }
    events += done_event;
    return events;
}

/// Where an answer that was handed over completely counts.
std::int64_t& counter(Desk& desk, const Job& job) {
    return job.finish_reason == "stop" ? desk.totals.finished_stop : desk.totals.finished_length;
}

/// Sends tokens as the batch yields them, several in one event.
asio::awaitable<void> stream_answer(Desk& desk, Seat& seat, http::Exchange& exchange, Job job) {
    const std::int64_t stall_at = desk.options.failures.stall_after_tokens;
    std::int64_t sent = 0;
    bool begun = false;
    for (;;) {
        const Batch::Progress progress = seat.progress();
        std::int64_t until = progress.tokens;
        const bool stalls = stall_at >= 0 && until >= stall_at;
        until = stalls ? stall_at : until;
        std::string piece;
        if (until > sent) {
            const std::int64_t from = job.request.continues_at + sent;
            std::string text{sent == 0 ? job.request.continues_with : std::string_view{}};
            text += filler_tokens(from, until - sent);
            piece = content_event(job.head, text, sent == 0);
            desk.generated(until - sent);
            sent = until;
        }
        if (job.garbage && sent > 0) {
            piece += "data: {\"this is\": not JSON\n\n";
        } else if (progress.ended && !stalls) {
            piece += last_events(job);
        }
        if (!begun && !piece.empty()) {
            const Result<void> head =
                co_await exchange.begin_stream(200, headers_for("text/event-stream"));
            if (!head) {
                co_return;
            }
            begun = true;
        }
        if (!piece.empty()) {
            const Result<void> written = co_await exchange.write(piece);
            if (!written) {
                co_return;
            }
        }
        if (progress.ended && !stalls && !job.garbage) {
            seat.finished(counter(desk, job));
        }
        if (stalls) {
            co_await stall();
            co_return;
        }
        if (progress.ended || (job.garbage && sent > 0)) {
            break;
        }
        const bool waited = co_await pause(desk);
        if (!waited) {
            co_return;
        }
    }
    co_await exchange.end_stream();
}

asio::awaitable<void> plain_answer(Desk& desk, Seat& seat, http::Exchange& exchange, Job job) {
    for (;;) {
        const Batch::Progress progress = seat.progress();
        if (progress.ended) {
            break;
        }
        const bool waited = co_await pause(desk);
        if (!waited) {
            co_return;
        }
    }
    desk.generated(job.tokens_out);
    const std::string body = job.garbage
                                 ? std::string{"{\"this is\": not JSON"}
                                 : completion_body(
                                       job.head,
                                       std::string{job.request.continues_with} +
                                           filler_tokens(job.request.continues_at, job.tokens_out),
                                       job.finish_reason,
                                       job.request.prompt_tokens,
                                       job.tokens_out);
    const Result<void> sent = co_await exchange.respond(200, headers_for(json_type), body);
    if (sent && !job.garbage) {
        seat.finished(counter(desk, job));
    }
}

asio::awaitable<void> serve(Desk& desk, Seat& seat, http::Exchange& exchange, Job job) {
    co_await asio::this_coro::throw_if_cancelled(false);
    if (job.request.stream) {
        co_await stream_answer(desk, seat, exchange, std::move(job));
    } else {
        co_await plain_answer(desk, seat, exchange, std::move(job));
    }
}

/// Ends when the client is gone; a connection that fails is gone as well. Cancelling throws, and
/// must: bytes of the next request may arrive in the very moment of the cancellation, and a watch
/// that reads on after them would never end.
asio::awaitable<void> until_gone(http::Exchange& exchange) {
    co_await exchange.peer_gone();
}

}  // namespace

Desk::Desk(EngineOptions chosen, const capacity::Profile& profile, std::string secret)
    : options{std::move(chosen)},
      key{std::move(secret)},
      batch{profile, options.speed},
      random{options.seed} {}

Batch::Elapsed Desk::elapsed() const {
    return SteadyClock::now() - began;
}

bool Desk::strikes(int permille) {
    return permille > 0 && static_cast<int>(random() % 1'000) < permille;
}

void Desk::generated(std::int64_t tokens) {
    totals.generation_tokens += tokens;
    if (options.failures.die_after_tokens >= 0 &&
        totals.generation_tokens >= options.failures.die_after_tokens) {
        std::raise(SIGKILL);
    }
}

http::Headers headers_for(std::string_view content_type) {
    return {{"content-type", std::string{content_type}}, {"x-synthetic", "true"}};
}

asio::awaitable<void> answer_error(http::Exchange& exchange, int status, std::string_view message) {
    std::string_view type = "invalid_request_error";
    std::string_view code{};
    if (status == 401) {
        type = "authentication_error";
        code = "invalid_api_key";
    } else if (status == 404) {
        code = "model_not_found";
    } else if (status >= 500) {
        type = "server_error";
    }
    co_await exchange.respond(status, headers_for(json_type), error_body(message, type, code));
}

asio::awaitable<void> answer_chat(Desk& desk, http::Exchange& exchange) {
    using namespace asio::experimental::awaitable_operators;
    Result<std::string> body = co_await exchange.read_body();
    if (!body) {
        const bool large = body.error().code == Errc::refused;
        const bool late = body.error().code == Errc::timed_out;
        const int status = large ? 413 : late ? 408 : 400;
        co_await answer_error(exchange, status, body.error().message);
        co_return;
    }
    Result<ClientRequest> request = parse_chat(*body);
    body->clear();
    body->shrink_to_fit();
    if (!request) {
        co_await answer_error(exchange, 400, request.error().message);
        co_return;
    }
    if (request->model != desk.options.model) {
        const std::string message = fmt::format("The model `{}` does not exist.", request->model);
        co_await answer_error(exchange, 404, message);
        co_return;
    }
    const std::int64_t room = desk.options.context - request->prompt_tokens;
    if (room < 1 || request->max_tokens > room) {
        const std::string message = fmt::format(
            "This model's maximum context length is {} tokens; the prompt has {} and {} were asked "
            "for in the completion.",
            desk.options.context,
            request->prompt_tokens,
            request->max_tokens);
        co_await answer_error(exchange, 400, message);
        co_return;
    }
    if (desk.strikes(desk.options.failures.error_permille)) {
        co_await answer_error(exchange, 500, "Synthetic failure: this request was chosen to fail.");
        co_return;
    }
    Job job;
    job.finish_reason = request->max_tokens > 0 ? "length" : "stop";
    const std::int64_t usual =
        std::max<std::int64_t>(desk.options.default_tokens - request->continues_at, 1);
    job.tokens_out = request->max_tokens > 0 ? request->max_tokens : std::min(usual, room);
    job.head = {
        .id = fmt::format("chatcmpl-synthetic-{}", ++desk.answers),
        .model = desk.options.model,
        .created = std::chrono::duration_cast<std::chrono::seconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count()};
    job.garbage = desk.strikes(desk.options.failures.garbage_permille);
    job.request = std::move(*request);
    Seat seat{desk, job.request.prompt_tokens, job.tokens_out};
    auto gone = until_gone(exchange);
    auto answer = serve(desk, seat, exchange, std::move(job));
    co_await (std::move(answer) || std::move(gone));
}

}  // namespace evenkeel::lab::engine
