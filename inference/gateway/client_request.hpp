#pragma once

#include "inference/dialect/answer_stream.hpp"
#include "inference/dialect/continuation.hpp"
#include "inference/dialect/openai.hpp"
#include "inference/dialect/scan.hpp"
#include "inference/gateway/held_money.hpp"
#include "inference/gateway/speech.hpp"
#include "inference/gateway/ticket.hpp"
#include "inference/relay/answer_body.hpp"
#include "inference/relay/upstream.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace evenkeel::inference {

/// One request to a model from its head to its row in the ledger. Lives on the coroutine of its
/// connection; every wait in it is ended by abort(), which the client's disappearance, the loop's
/// sweep and the control loop call.
///
/// The steps, each in its own file: repeat (equal requests), admit (body, route, gate, queue), hold
/// (money), send (connection, the source's head), relay (plain and streamed answers), continue (a
/// stream whose worker died), write (to the client), end (money and the record).
class ClientRequest {
public:
    /// Why a wait was ended from outside; a later one of the list overrides.
    enum class Cause : std::uint8_t {
        none,
        recalled,     ///< the gate: it will be late, and another source would not
        late,         ///< the deadline of the current step has passed
        spent,        ///< the answer grows beyond the money set aside, and a budget has no more
        source_gone,  ///< cancel_streams or source_gone
        stopping,     ///< the drain time is over
        client_gone,
    };
    using Steady = Loop::Steady;

    ClientRequest(Loop& loop, http::Exchange& exchange, dialect::Endpoint endpoint, ClientKey key);
    ClientRequest(const ClientRequest&) = delete;
    ClientRequest& operator=(const ClientRequest&) = delete;
    ~ClientRequest();

    [[nodiscard]] asio::awaitable<void> run();

    // For the loop.
    void on_effect(const gate::Effect& effect);
    void abort(Cause cause) noexcept;
    void sweep(Steady::time_point now) {
        if (watchable_) {
            watch_client();
        }
        if (deadline_ <= now) {
            abort(Cause::late);
        }
    }
    /// What can be seen of it now.
    [[nodiscard]] LiveRequest live() const;
    [[nodiscard]] bool runs_on(NameIx source) const noexcept {
        return source_ != nullptr && source_->info.source == source;
    }

private:
    enum class Next : std::uint8_t { over, retry, leave, go_on };

    /// A hold on its way to disk; outlives a request that gave up waiting.
    struct HoldWait {
        ClientRequest* request{nullptr};  ///< none: nobody waits any more
        std::optional<Result<HeldMoney>> result{};
    };

    /// More of it on its way to disk.
    struct TopUpWait {
        ClientRequest* request{nullptr};  ///< none: nobody waits any more
        std::optional<Result<void>> result{};
    };

    /// The wait for an equal request that came before.
    struct RepeatWait {
        ClientRequest* request{nullptr};  ///< none: nobody waits any more
        bool over{false};
    };

    /// What the source answered, without its body.
    struct Answer {
        int status{0};
        bool events{false};  ///< text/event-stream
        std::string content_type{};
        std::string processing_ms{};
        std::optional<std::chrono::seconds> retry_after{};
        relay::AnswerBody body{};
        std::string first{};  ///< content that came together with the head
    };

    // admit
    [[nodiscard]] asio::awaitable<void> serve();
    void give_back_after_failure() noexcept;
    /// False when the request has ended already.
    [[nodiscard]] asio::awaitable<bool> read();
    [[nodiscard]] asio::awaitable<bool> admit();
    [[nodiscard]] std::int64_t reserve(const config::Config& config, Loop::TokensOut guess) const;
    [[nodiscard]] asio::awaitable<void> await_verdict();
    [[nodiscard]] asio::awaitable<void> comment();
    /// Until a machine that may serve this request is likely to be ready, if one boots.
    [[nodiscard]] std::optional<std::chrono::seconds> eta() const;
    [[nodiscard]] asio::awaitable<void> refused(const Reason& reason);
    [[nodiscard]] asio::awaitable<void> sleep(Steady::time_point until);
    /// Sees the client disappear. Left to the sweep: most plain answers are over before, and do
    /// without.
    void watch_client();
    [[nodiscard]] asio::awaitable<void> unwatch_client();
    void wake() noexcept { waker_.cancel(); }

    // repeat
    /// False when the request was answered with what an earlier one got, or refused.
    [[nodiscard]] asio::awaitable<bool> is_first(std::string_view text);
    [[nodiscard]] asio::awaitable<void> answer_again(const Replays::Answer& answer);
    /// Remembers bytes of the answer, if somebody may ask for them again.
    void remember(std::string_view content);
    void give_up_kept();
    void end_repeat();

    // send
    [[nodiscard]] asio::awaitable<Next> attempt(gate::Effect grant);
    void start_hold(const gate::Effect& grant);
    /// True when the hold is on disk (or none is needed).
    [[nodiscard]] asio::awaitable<bool> hold_ready();
    void drop_hold();
    /// Money is set aside for the present grant: on disk for an API, else in the gate alone.
    [[nodiscard]] bool has_hold() const noexcept {
        return record_.hold ||
               (record_.kind != SourceKind::api && plan_.arrival.internal_hold >= 0);
    }
    /// Says the request in the source's dialect; false when it cannot be said there, and is over.
    [[nodiscard]] asio::awaitable<bool> compose();
    void drop_unsigned_thinking();
    [[nodiscard]] std::string version_fields() const;
    [[nodiscard]] asio::awaitable<bool> connect();
    [[nodiscard]] asio::awaitable<std::optional<Answer>> ask();
    [[nodiscard]] asio::awaitable<std::optional<Answer>> read_head();
    [[nodiscard]] asio::awaitable<Next> gave_up();
    [[nodiscard]] asio::awaitable<Next> source_refused(Answer& answer);
    /// The source failed before its first byte: another one, or the end.
    [[nodiscard]] asio::awaitable<Next> failed(dialect::ApiError error, bool may_retry);
    enum class Came : std::uint8_t { content, nothing, end };
    /// What is there of the answer, without waiting; `end` too on failure, or when aborted.
    [[nodiscard]] Came take_some(relay::AnswerBody& body, std::string_view& content) noexcept;
    [[nodiscard]] bool reads_on(const relay::AnswerBody& body) const noexcept {
        return cause_ == Cause::none && body.state() == relay::AnswerBody::State::more;
    }
    /// Reads once; false at the end, on failure, or when aborted. `content` is what came.
    [[nodiscard]] asio::awaitable<bool> read_some(
        relay::AnswerBody& body, std::string_view& content);

    // relay
    [[nodiscard]] asio::awaitable<Next> relay_plain(Answer& answer);
    [[nodiscard]] asio::awaitable<Next> pass_through(Answer& answer, std::string buffered);
    [[nodiscard]] asio::awaitable<Next> relay_stream(Answer& answer);
    /// Output tokens of a streamed answer so far, as the source probably counts them.
    [[nodiscard]] std::int64_t tokens_of(const dialect::AnswerStream& stream) const;
    /// Of an answer that was left before its first event or its end.
    [[nodiscard]] Usage usage_left() const;
    [[nodiscard]] Usage usage_so_far(const dialect::AnswerStream& stream) const;
    /// The client's own ceiling of output tokens, less what a first part had.
    [[nodiscard]] std::int64_t tokens_most() const noexcept;
    /// True when the answer has nearly used up the money set aside for it.
    [[nodiscard]] bool runs_short(const dialect::AnswerStream& stream) const;
    /// Sets more aside. May end the request with Cause::spent.
    [[nodiscard]] asio::awaitable<void> keep_paid();
    void forget_request() noexcept;
    [[nodiscard]] asio::awaitable<bool> stream_begins(
        const Answer& answer, std::string_view before);
    [[nodiscard]] asio::awaitable<void> stream_done(
        const dialect::AnswerStream& stream, const dialect::AnswerStream::Pass& pass);
    [[nodiscard]] asio::awaitable<void> stream_cut(const dialect::AnswerStream& stream);
    void give_back_connection(const relay::AnswerBody& body);
    [[nodiscard]] dialect::ApiError cut_error() const;

    // continue
    /// Follows the answer as it is to be passed on.
    [[nodiscard]] std::unique_ptr<dialect::AnswerStream> follow();
    /// Another worker may yet have to write the rest of the answer.
    [[nodiscard]] bool may_go_on() const noexcept { return begun_chat_ != nullptr && !continued_; }
    /// It can write the rest of what has begun.
    [[nodiscard]] bool may_write_rest(const SourceInfo& source) const noexcept;
    /// The rest of this answer can be asked for, and somebody is there who could write it.
    [[nodiscard]] bool can_go_on(const dialect::AnswerStream& stream) const;
    void go_on(const dialect::AnswerStream& stream);
    [[nodiscard]] BootTime go_on_until() const;
    /// As compose(), for the rest of an answer.
    [[nodiscard]] asio::awaitable<bool> compose_rest();

    // client
    /// Starts a streamed answer; its bytes go out with the first `to_client`.
    [[nodiscard]] asio::awaitable<void> begin_stream(const Answer* answer);
    [[nodiscard]] std::string head_text(const Answer* answer, std::optional<std::size_t> length);
    /// One chunk of a streamed answer, framed as the client needs it. False: the client is gone.
    [[nodiscard]] asio::awaitable<bool> chunk(std::span<const std::string_view> pieces, bool last);
    enum class Sent : std::uint8_t { all, rest, gone };
    /// What of it the client's socket takes at once; the rest is copied to `rest_`.
    [[nodiscard]] Sent send_chunk(std::span<const std::string_view> pieces, bool last);
    [[nodiscard]] Sent send(std::span<const std::string_view> pieces);
    /// Waits until the client has taken `rest_`; ends the answer if it was the last.
    [[nodiscard]] asio::awaitable<bool> send_rest(bool last);
    [[nodiscard]] asio::awaitable<void> answer_error(const dialect::ApiError& error);
    [[nodiscard]] dialect::Dialect client_dialect() const noexcept {
        return dialect::dialect_of(speech_.endpoint);
    }

    // end
    /// What the present source's work is charged at: an API's `offer`, else the model's internal
    /// price. Null: at nothing.
    [[nodiscard]] const config::TokenPrices* price_of(
        const routing::ApiOffer* offer) const noexcept;
    void settle(const Usage& told);
    [[nodiscard]] Usage estimated(std::int64_t completion) const noexcept;
    [[nodiscard]] std::string cost_text() const;
    [[nodiscard]] std::string estimate_text() const;
    [[nodiscard]] std::string trailer() const;
    /// What was settled of the request so far, both parts of an answer together.
    [[nodiscard]] gate::Finish used(bool answered) const noexcept;
    /// Gives the slot back; `answered` false counts against the source.
    void finish_ticket(bool answered) { ticket_.finish(used(answered)); }
    void end(Outcome outcome);
    [[nodiscard]] std::int64_t elapsed_ms() const;

    Loop& loop_;
    Hub& hub_;
    http::Exchange& exchange_;
    ClientKey key_;
    Speech speech_{};
    RequestId id_{};
    std::string id_text_{};
    Now arrived_{};
    std::uint64_t cookie_{0};

    std::string body_{};
    dialect::RequestScan scan_{};
    Outgoing outgoing_{};  ///< when the source speaks another dialect than the client
    std::shared_ptr<const World> world_{};
    routing::RoutePlan plan_{};
    Ticket ticket_{};
    std::optional<gate::Effect> verdict_{};

    asio::steady_timer waker_;
    asio::cancellation_signal watch_signal_{};
    bool watchable_{false};  ///< the body is read, and nobody watches the client yet
    bool watching_{false};
    bool unwatching_{false};
    Cause cause_{Cause::none};
    Steady::time_point deadline_{Steady::time_point::max()};
    Steady::time_point comment_at_{};
    Steady::time_point asked_at_{};  ///< the present source

    std::shared_ptr<const Source> source_{};
    std::shared_ptr<relay::Upstream> upstream_{};
    std::shared_ptr<HoldWait> hold_wait_{};
    std::shared_ptr<TopUpWait> top_up_wait_{};
    std::optional<Usage> told_{};      ///< what the present source has said of usage
    bool settled_{false};              ///< what the present source did
    std::int64_t reserved_tokens_{0};  ///< output tokens of it that the money set aside pays for
    std::optional<dialect::ApiError> source_error_{};
    int tries_{0};
    bool reused_{false};  ///< the connection has served before
    bool sent_{false};    ///< the source may have seen the request
    bool first_byte_{false};
    const dialect::AnswerStream* stream_{nullptr};  ///< while it is passed on
    bool first_token_{false};      ///< of a streamed answer, from the present source
    std::int64_t seen_tokens_{0};  ///< of an answer that did not become whole, estimated

    std::unique_ptr<dialect::BegunChat> begun_chat_{};  ///< kept where the route may go on with it
    Usage first_part_{};                                ///< of the worker that died
    bool continued_{false};

    bool begun_{false};    ///< a streamed answer has begun
    bool held_{false};     ///< it began before a source was known
    bool chunked_{false};  ///< the client reads chunks
    bool writing_{false};
    bool reusable_{true};
    std::string pending_head_{};
    std::string rest_{};  ///< what the client's socket did not take

    /// Set when the client named this request and it is the first of that name.
    std::optional<Replays::Name> name_{};
    std::optional<Replays::Answer> kept_{};  ///< none: too long
    bool whole_{false};                      ///< the answer is all there
    RequestRecord record_{};
    bool ended_{false};
};

}  // namespace evenkeel::inference
