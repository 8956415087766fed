#include "inference/gateway/client_request.hpp"

#include <algorithm>

/// A streamed chat whose worker died in mid-answer, on a route with `continue_on_failure`: another
/// worker is asked for the rest, once, and the client's stream goes on.
namespace evenkeel::inference {

std::unique_ptr<dialect::AnswerStream> ClientRequest::follow() {
    if (continued_) {
        return std::make_unique<dialect::ContinuedStream>(
            *begun_chat_, first_part_, scan_.include_usage);
    }
    const bool keeps = plan_.route->continue_on_failure && scan_.stream && scan_.n == 1 &&
                       speech_.endpoint == dialect::Endpoint::chat && !speech_.translates() &&
                       record_.kind != SourceKind::api && dialect::divides(body_);
    if (!keeps) {
        begun_chat_ = nullptr;
        return follow_stream(speech_, scan_);
    }
    begun_chat_ = std::make_unique<dialect::BegunChat>();
    return std::make_unique<dialect::KeptStream>(!scan_.include_usage, *begun_chat_);
}

bool ClientRequest::may_write_rest(const SourceInfo& source) const noexcept {
    return source.kind != SourceKind::api && source.dialect == dialect::Dialect::openai &&
           dialect::can_write_rest(source.goes_on, *begun_chat_);
}

bool ClientRequest::can_go_on(const dialect::AnswerStream& stream) const {
    const bool source_did =
        cause_ == Cause::none || cause_ == Cause::late || cause_ == Cause::source_gone;
    if (!may_go_on() || !begun_chat_->can_go_on || !source_did || stream.error_seen() ||
        stream.torn() || hub_.stopping() || tokens_of(stream) >= tokens_most()) {
        return false;
    }
    const auto world = hub_.world();
    return std::ranges::any_of(world->sources, [this](const auto& each) {
        const SourceInfo& other = each.second->info;
        const bool is_asked = other.model == plan_.arrival.model &&
                              other.source != record_.source &&
                              !(plan_.arrival.own_only && other.kind == SourceKind::rental);
        return is_asked && may_write_rest(other);
    });
}

void ClientRequest::go_on(const dialect::AnswerStream& stream) {
    first_part_ = usage_so_far(stream);
    settle(first_part_);
    continued_ = record_.continued = true;
    if (cause_ != Cause::source_gone) {
        const bool late = cause_ == Cause::late;
        hub_.source_failed(
            source_->info.source,
            {.code = late ? Errc::timed_out : Errc::unavailable,
             .message = late ? "stalled in mid-answer" : "broke off in mid-answer",
             .retry_after = {}});
    }
    upstream_ = nullptr;
    cause_ = Cause::none;
    comment_at_ = Steady::now() + loop_.options().hold_grace;
}

/// The route's patience again, from now on.
BootTime ClientRequest::go_on_until() const {
    return hub_.clock().read().boot + (plan_.arrival.give_up_at - arrived_.boot);
}

asio::awaitable<bool> ClientRequest::compose_rest() {
    speech_.asked = speech_.endpoint;
    speech_.is_engine = true;
    auto body = dialect::rest_of_chat(
        body_,
        *begun_chat_,
        {.quoted_model = source_->quoted_model,
         .how = source_->info.goes_on,
         .tokens_done = first_part_.completion});
    if (body) {
        outgoing_ = {.body = std::move(*body), .dropped = {}};
        co_return true;
    }
    ticket_.cancel();
    co_await answer_error(dialect::source_cut());
    end(Outcome::cut);
    co_return false;
}

}  // namespace evenkeel::inference
