#include "inference/gateway/client_request.hpp"

#include <algorithm>
#include <limits>

/// The money set aside for a paid request.
namespace evenkeel::inference {

namespace {

constexpr std::int64_t top_up_tokens_min = 128;

}  // namespace

void ClientRequest::start_hold(const gate::Effect& grant) {
    hold_wait_ = std::make_shared<HoldWait>(HoldWait{.request = this, .result = {}});
    for (std::size_t i = 0; i < plan_.arrival.api_count; ++i) {
        const gate::ApiChoice& choice = plan_.arrival.apis[i];
        reserved_tokens_ =
            choice.source == grant.source ? choice.hold_tokens_out : reserved_tokens_;
    }
    Books* books = &loop_.books();
    // Runs on the ledger's thread. Whoever no longer waits must not keep the money set aside.
    auto acknowledged = [wait = hold_wait_, alive = loop_.alive(), books](Result<HoldId> result) {
        Result<HeldMoney> held = result ? Result<HeldMoney>{HeldMoney{*books, *result}}
                                        : std::unexpected{std::move(result.error())};
        alive->post([wait, held = std::move(held)] mutable {
            if (wait->request != nullptr) {
                wait->result = std::move(held);
                wait->request->wake();
            }
        });
    };
    loop_.books().hold(
        {.request = id_,
         .key = key_.ix,
         .source = grant.source,
         .amount = grant.hold,
         .amount_report = grant.hold_report,
         .budgets = grant.budgets,
         .policy = record_.policy},
        std::move(acknowledged));
}

std::int64_t ClientRequest::tokens_of(const dialect::AnswerStream& stream) const {
    const std::int64_t likely = loop_.tokens_of(record_.source, stream.events());
    return std::max(stream.events(), std::min(likely, tokens_most()));
}

/// A plain answer grows unseen, and its seller may finish and bill it: then all that was set aside
/// counts, as after a crash.
Usage ClientRequest::usage_left() const {
    const bool unseen = record_.kind == SourceKind::api && !scan_.stream;
    const std::int64_t tokens = unseen ? std::max(seen_tokens_, reserved_tokens_) : seen_tokens_;
    Usage usage = told_.value_or(estimated(0));
    if (usage.estimated) {
        usage.completion = std::max(usage.completion, tokens);
    }
    return usage;
}

/// What the source says; where it said no final count, no less than its events carry.
Usage ClientRequest::usage_so_far(const dialect::AnswerStream& stream) const {
    Usage usage = stream.usage().value_or(estimated(0));
    if (usage.estimated) {
        usage.completion = std::max(usage.completion, tokens_of(stream));
    }
    return usage;
}

std::int64_t ClientRequest::tokens_most() const noexcept {
    return scan_.max_tokens > 0 ? scan_.max_tokens * scan_.n - first_part_.completion
                                : std::numeric_limits<std::int64_t>::max();
}

bool ClientRequest::runs_short(const dialect::AnswerStream& stream) const {
    // What comes in one read may hold many tokens: more is set aside well before. Nothing beyond
    // the client's ceiling, unless the source does not keep to that.
    const bool may_grow = reserved_tokens_ < tokens_most() || stream.events() > tokens_most();
    return has_hold() && may_grow && tokens_of(stream) * 5 >= reserved_tokens_ * 4;
}

asio::awaitable<void> ClientRequest::keep_paid() {
    const routing::Catalogue& catalogue = *world_->catalogue;
    const bool is_api = record_.kind == SourceKind::api;
    const routing::ApiOffer* offer = is_api ? catalogue.api(record_.source) : nullptr;
    const config::TokenPrices* price = price_of(offer);
    const std::int64_t step = std::max(reserved_tokens_, top_up_tokens_min);
    const std::int64_t tokens =
        reserved_tokens_ < tokens_most() ? std::min(step, tokens_most() - reserved_tokens_) : step;
    const auto more = price == nullptr
                          ? std::nullopt
                          : routing::output_cost(
                                catalogue,
                                *price,
                                is_api ? offer->context : plan_.model->model->context,
                                {.tokens_in = scan_.prompt_tokens, .images = scan_.images},
                                tokens);
    if (!more || !ticket_.top_up(more->report)) {
        abort(Cause::spent);
        co_return;
    }
    if (is_api && !more->amount.is_zero()) {
        top_up_wait_ = std::make_shared<TopUpWait>(TopUpWait{.request = this, .result = {}});
        loop_.books().top_up(
            *record_.hold,
            more->amount,
            more->report,
            [wait = top_up_wait_, alive = loop_.alive()](Result<void> result) {
                alive->post([wait, result = std::move(result)] {
                    if (wait->request != nullptr) {
                        wait->result = result;
                        wait->request->wake();
                    }
                });
            });
        deadline_ = Steady::now() + loop_.options().ledger_limit;
        while (!top_up_wait_->result && cause_ == Cause::none) {
            co_await sleep(Steady::time_point::max());
        }
        deadline_ = Steady::time_point::max();
        const bool stored = top_up_wait_->result && *top_up_wait_->result;
        top_up_wait_->request = nullptr;
        if (!stored) {
            abort(Cause::spent);  // later causes stay
            co_return;
        }
    }
    reserved_tokens_ += tokens;
}

asio::awaitable<bool> ClientRequest::hold_ready() {
    deadline_ = Steady::now() + loop_.options().ledger_limit;
    while (!hold_wait_->result && cause_ == Cause::none) {
        co_await sleep(Steady::time_point::max());
    }
    deadline_ = Steady::time_point::max();
    if (cause_ != Cause::none || !*hold_wait_->result) {
        co_return false;
    }
    record_.hold = (*hold_wait_->result)->id();
    co_return true;
}

/// Nothing was sent, or nothing is owed: the money is free again.
void ClientRequest::drop_hold() {
    if (hold_wait_ == nullptr) {
        return;
    }
    hold_wait_->request = nullptr;
    hold_wait_->result.reset();
    hold_wait_ = nullptr;
    record_.hold.reset();
}

}  // namespace evenkeel::inference
