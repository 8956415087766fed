#include "inference/dialect/limited.hpp"
#include "inference/dialect/prefix.hpp"
#include "inference/gateway/client_request.hpp"
#include "inference/gateway/tags.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>

/// From the head of a request to the gate's verdict.
namespace evenkeel::inference {

namespace {

constexpr std::int64_t reserve_tokens_min = 128;
constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);

std::chrono::nanoseconds first_token_of(const void* context, NameIx api) {
    return static_cast<const Loop*>(context)->first_token_of(api);
}

std::string_view header_of(const void* context, std::string_view name) {
    return static_cast<const http::RequestHead*>(context)->field(name);
}

/// The text of a request's messages, decoded when a route first asks for it.
struct MessageText {
    std::string_view body{};
    const dialect::RequestScan& scan;
    std::optional<std::string> text{};
};

std::string_view text_of(void* context) {
    auto& message = *static_cast<MessageText*>(context);
    if (!message.text) {
        message.text =
            dialect::message_text(message.body, message.scan, routing::match_text_bytes_max);
    }
    return *message.text;
}

}  // namespace

ClientRequest::ClientRequest(
    Loop& loop, http::Exchange& exchange, dialect::Endpoint endpoint, ClientKey key)
    : loop_{loop},
      hub_{loop.hub()},
      exchange_{exchange},
      key_{std::move(key)},
      speech_{.endpoint = endpoint, .asked = endpoint, .client_model = {}},
      arrived_{hub_.clock().read()},
      waker_{loop.context(), Steady::time_point::max()} {
    id_ = hub_.next_id(arrived_.utc);
    id_text_ = request_id_text(id_);
    cookie_ = loop_.add(*this);
    hub_.tally().total.fetch_add(1, std::memory_order_relaxed);
    record_.id = id_;
    record_.at = arrived_.utc;
    record_.key = key_.ix;
}

ClientRequest::~ClientRequest() {
    end(Outcome::failed);
    loop_.remove(cookie_);
    exchange_.give_back(std::move(body_));
}

asio::awaitable<void> ClientRequest::run() {
    co_await asio::this_coro::throw_if_cancelled(false);
    try {
        co_await serve();
    } catch (const std::exception& error) {
        spdlog::error("request_failed id={} error=\"{}\"", id_text_, error.what());
        if (upstream_ != nullptr) {
            upstream_->close();
        }
        give_back_after_failure();
    }
    watchable_ = false;
    if (watching_) {
        co_await unwatch_client();
    }
}

/// After an exception: what was sent may be billed, and the gate must hear of it.
void ClientRequest::give_back_after_failure() noexcept {
    try {
        if (sent_ && source_ != nullptr && !ended_ && !settled_) {
            Usage usage = usage_left();
            if (record_.kind == SourceKind::api) {
                usage.completion = std::max(usage.completion, reserved_tokens_);
            }
            settle(usage);
        }
        finish_ticket(false);
    } catch (const std::exception& error) {
        spdlog::error("request_left_open id={} error=\"{}\"", id_text_, error.what());
    }
}

asio::awaitable<void> ClientRequest::serve() {
    if (!co_await read()) {
        co_return;
    }
    watchable_ = true;
    const std::string_view name = exchange_.head().field("idempotency-key");
    if ((!name.empty() && !co_await is_first(name)) || !co_await admit()) {
        co_return;
    }
    for (;;) {
        if (!verdict_) {
            co_await await_verdict();
        }
        if (!verdict_) {
            if (co_await gave_up() == Next::over) {
                co_return;
            }
            continue;
        }
        const gate::Effect verdict = *verdict_;
        verdict_.reset();
        if (verdict.kind == gate::EffectKind::refuse) {
            ticket_.refused();
            co_await refused(verdict.reason);
            co_return;
        }
        ticket_.granted(verdict.source);
        const Next next = co_await attempt(verdict);
        if (next == Next::over) {
            co_return;
        }
        source_ = nullptr;
        sent_ = false;
        if (next == Next::go_on) {
            ticket_.go_on(go_on_until(), used(false));
        } else if (next == Next::leave) {
            ticket_.leave();
        } else {
            ticket_.retry();
        }
    }
}

asio::awaitable<bool> ClientRequest::read() {
    auto body = co_await exchange_.read_body();
    if (!body) {
        const Errc code = body.error().code;
        if (code == Errc::unavailable || code == Errc::cancelled) {
            end(Outcome::client_gone);
            co_return false;
        }
        co_await answer_error(dialect::bad_body(body.error(), loop_.options().limits.body_bytes));
        end(Outcome::invalid);
        co_return false;
    }
    body_ = std::move(*body);
    auto tags = read_tags(exchange_.head().fields);
    if (!tags) {
        co_await answer_error(
            dialect::bad_request(std::move(tags.error().message), std::string{tag_header}));
        end(Outcome::invalid);
        co_return false;
    }
    record_.tags = std::move(*tags);
    auto scan = dialect::scan_request(speech_.endpoint, body_);
    if (!scan) {
        co_await answer_error(
            dialect::bad_request(std::move(scan.error().message), std::move(scan.error().param)));
        end(Outcome::invalid);
        co_return false;
    }
    scan_ = std::move(*scan);
    speech_.client_model = scan_.model;
    speech_.request_id = id_text_;
    speech_.created =
        std::chrono::floor<std::chrono::seconds>(arrived_.utc).time_since_epoch().count();
    co_return true;
}

/// Of a streamed answer the likely length, for nine of ten of them; of others the ceiling, since
/// nobody sees them grow.
std::int64_t ClientRequest::reserve(const config::Config& config, Loop::TokensOut guess) const {
    if (!scan_.stream || !scan_.writes || config.safety.reserve == config::Reserve::ceiling) {
        return 0;
    }
    return std::max(guess.mean + 2 * guess.deviation, reserve_tokens_min) * scan_.n;
}

asio::awaitable<bool> ClientRequest::admit() {
    world_ = hub_.world();
    const bool closed = hub_.stopping();
    if (closed || world_->catalogue == nullptr || loop_.records_full()) {
        co_await answer_error(closed ? dialect::shutting_down() : dialect::ledger_closed());
        end(Outcome::refused);
        co_return false;
    }
    const routing::Catalogue& catalogue = *world_->catalogue;
    const auto* entry = catalogue.model(scan_.model);
    const auto guess = scan_.writes
                           ? loop_.tokens_out_guess(entry == nullptr ? NameIx{} : entry->ix)
                           : Loop::TokensOut{};
    MessageText text{.body = body_, .scan = scan_};
    const routing::Ask ask{
        .model = scan_.model,
        .key_name = key_.name,
        .key = key_.ix,
        .team = key_.team,
        .key_routes = key_.routes,
        .header = header_of,
        .header_context = &exchange_.head(),
        .tokens_in = scan_.prompt_tokens,
        .max_tokens = scan_.writes ? scan_.max_tokens * scan_.n : 1,
        .answers = scan_.n,
        .tokens_out_guess = guess.mean * scan_.n,
        .tokens_out_deviation = guess.deviation * scan_.n,
        .streams = scan_.stream,
        .tools = scan_.tools,
        .images = scan_.images,
        .reserve_tokens = reserve(catalogue.config, guess),
        .openai_only = !dialect::asked_of(dialect::Dialect::anthropic, speech_.endpoint),
        .text = text_of,
        .text_context = &text,
        .api_first_token = first_token_of,
        .api_first_token_context = &loop_,
        .now = arrived_.boot,
        .today = std::chrono::floor<std::chrono::days>(arrived_.utc)};
    record_.policy = catalogue.revision;
    auto plan = routing::plan(catalogue, ask);
    text.text.reset();  // only whether it matched is kept
    if (!plan) {
        const dialect::ApiError error = dialect::no_route(plan.error());
        co_await answer_error(error);
        end(error.status < 500 && plan.error().code != Errc::refused ? Outcome::invalid
                                                                     : Outcome::refused);
        co_return false;
    }
    plan_ = std::move(*plan);
    gate::Arrival& arrival = plan_.arrival;
    arrival.loop = loop_.index();
    arrival.cookie = cookie_;
    if (arrival.model != NameIx{}) {
        arrival.marks =
            dialect::prefix_marks(body_, scan_, static_cast<std::uint64_t>(key_.ix.value()));
    }
    record_.route = arrival.route;
    record_.model = plan_.model->ix;
    const bool is_open = loop_.books().accepts_paid_work();
    const bool is_dearer = !scan_.price_changer.empty() && arrival.model != NameIx{};
    if (arrival.api_count > 0 && (!is_open || is_dearer)) {
        arrival.api_count = arrival.apis_first = 0;
        arrival.overflow_at = BootTime::max();
        if (arrival.model == NameIx{}) {
            co_await answer_error(dialect::ledger_closed());
            end(Outcome::refused);
            co_return false;
        }
    }
    comment_at_ = Steady::now() + loop_.options().hold_grace;
    ticket_ = Ticket{loop_, hub_.arrive(arrival, loop_.effects())};
    loop_.deliver(loop_.effects());
    co_return true;
}

void ClientRequest::on_effect(const gate::Effect& effect) {
    if (effect.kind == gate::EffectKind::queued) {
        return;
    }
    if (effect.kind == gate::EffectKind::recall) {
        if (!first_token_ && source_ != nullptr && source_->info.source == effect.source) {
            abort(Cause::recalled);
        }
        return;
    }
    verdict_ = effect;
    wake();
}

void ClientRequest::abort(Cause cause) noexcept {
    if (cause <= cause_) {
        return;
    }
    cause_ = cause;
    deadline_ = Steady::time_point::max();
    if (upstream_ != nullptr) {
        upstream_->close();
    }
    if (writing_) {
        boost::system::error_code ignored;
        exchange_.socket().cancel(ignored);
    }
    wake();
}

asio::awaitable<void> ClientRequest::sleep(Steady::time_point until) {
    waker_.expires_at(until);
    co_await waker_.async_wait(use_tuple);
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) {
        abort(Cause::stopping);
    }
}

asio::awaitable<void> ClientRequest::await_verdict() {
    while (!verdict_ && cause_ == Cause::none) {
        if (!scan_.stream) {
            co_await sleep(Steady::time_point::max());
            continue;
        }
        if (Steady::now() < comment_at_) {
            co_await sleep(comment_at_);
            continue;
        }
        co_await comment();
    }
}

/// Tells a waiting stream that we are still there; the first one commits status 200.
asio::awaitable<void> ClientRequest::comment() {
    comment_at_ = Steady::now() + loop_.options().keepalive;
    if (!begun_) {
        held_ = true;
        co_await begin_stream(nullptr);
    }
    std::string text = ": waiting for a source\n";
    if (const auto left = eta()) {
        fmt::format_to(std::back_inserter(text), ": {}: {}\n", eta_header, left->count());
    }
    text += '\n';
    const std::string_view piece = text;
    static_cast<void>(co_await chunk({&piece, 1}, false));
}

std::optional<std::chrono::seconds> ClientRequest::eta() const {
    return plan_.arrival.own_only
               ? std::nullopt
               : hub_.world()->eta(plan_.arrival.model, hub_.clock().read().boot);
}

asio::awaitable<void> ClientRequest::refused(const Reason& reason) {
    record_.reason = reason;
    const NameIx model = plan_.arrival.model;
    const auto world = hub_.world();
    const int slots = world->slots_of(model);
    const bool starting = model != NameIx{} && slots == 0;
    const auto left = eta();
    const auto hint =
        starting ? left.value_or(std::chrono::seconds{15})
                 : loop_.wait_hint(model, std::max<std::int64_t>(reason.args[0], 1), slots);
    dialect::ApiError error = dialect::refused(reason, hint, starting, left);
    if (auto limited = dialect::limited(
            reason,
            {.key = key_.name,
             .key_ix = key_.ix,
             .route = plan_.route->name,
             .report = world_->catalogue->config.currency.report,
             .budget_resets = hub_.budget_resets(reason),
             .now = hub_.clock().read().utc})) {
        error = std::move(*limited);
    }
    const bool tried = reason.code == ReasonCode::source_failed;
    if (tried && source_error_) {
        error = *source_error_;
    }
    co_await answer_error(error);
    end(tried ? Outcome::failed : Outcome::refused);
}

void ClientRequest::watch_client() {
    watchable_ = false;
    watching_ = true;
    asio::co_spawn(
        loop_.context(),
        exchange_.peer_gone(),
        asio::bind_cancellation_slot(
            watch_signal_.slot(), [this](const std::exception_ptr&, const Result<void>& gone) {
                watching_ = false;
                if (!unwatching_) {
                    abort(gone ? Cause::client_gone : Cause::stopping);
                }
                wake();
            }));
}

asio::awaitable<void> ClientRequest::unwatch_client() {
    unwatching_ = true;
    watch_signal_.emit(asio::cancellation_type::terminal);
    while (watching_) {
        waker_.expires_at(Steady::time_point::max());
        co_await waker_.async_wait(use_tuple);
    }
}

}  // namespace evenkeel::inference
