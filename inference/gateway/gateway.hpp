#pragma once

#include "inference/dialect/continuation.hpp"
#include "inference/dialect/endpoint.hpp"
#include "inference/ports.hpp"
#include "policies/config/config.hpp"
#include "policies/gate/gate.hpp"
#include "policies/routing/catalogue.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace evenkeel::inference {

/// A text that must never be printed: there is no formatter and no stream operator for it.
class Secret {
public:
    Secret() = default;
    explicit Secret(std::string text) : text_{std::move(text)} {}
    [[nodiscard]] bool empty() const noexcept { return text_.empty(); }
    /// The text itself, for the one place that sends it.
    [[nodiscard]] const std::string& reveal() const noexcept { return text_; }

private:
    std::string text_{};
};

/// One place a request can be sent to: an own or rented worker, or an API.
struct SourceInfo {
    NameIx source{};
    std::string name{};  ///< as in `x-evenkeel-source`
    SourceKind kind{SourceKind::own};
    NameIx model{};  ///< the model whose queue it takes from
    NameIx provider{};
    MachineId machine{};  ///< rental only
    std::string host{};   ///< numeric address or name; a name is resolved at each connect
    std::uint16_t port{0};
    bool tls{false};  ///< https, certificate checked against `host` and the system's roots
    /// A rented node: TLS to exactly this public key (relay::TlsContext::pinned), instead of `tls`.
    std::string pin{};
    std::string ca_file{};    ///< instead of the system's roots (PEM); empty = those
    std::string base{"/v1"};  ///< the path under which its endpoints are; may be empty
    dialect::Dialect dialect{dialect::Dialect::openai};  ///< it speaks
    dialect::GoesOn goes_on{dialect::GoesOn::no};        ///< with an answer that another has begun
    Secret key{};                ///< sent as Bearer, to Anthropic's as x-api-key; empty = none
    std::string seller_model{};  ///< what the source calls the model
    int slots{1};                ///< requests at once
    std::int64_t rank{0};        ///< lower is preferred among workers of one kind
    bool synthetic{false};       ///< not a real GPU or API: answers say so
};

struct GatewayOptions {
    std::string listen{"127.0.0.1:8080"};  ///< "host:port", numeric; port 0 picks one
    int threads{1};                        ///< data-path loops, 1..64
    config::Limits limits{};               ///< of the listener; `stall_time` also for sources
    std::uint8_t gateway{0};               ///< the gateway part of request ids
    std::int64_t last_request_id{0};       ///< highest id in the ledger; ours are larger
    /// A stream that still waits after `hold_grace` gets status 200 and then an SSE comment every
    /// `keepalive`. A refusal after that is an SSE error event.
    std::chrono::milliseconds hold_grace{5'000};
    std::chrono::milliseconds keepalive{10'000};
    std::chrono::milliseconds connect_limit{5'000};        ///< to a source, handshake included
    std::chrono::milliseconds ledger_limit{10'000};        ///< for the acknowledgement of a hold
    std::chrono::milliseconds first_byte_stream{180'000};  ///< from request sent to first byte
    std::chrono::milliseconds first_byte_plain{900'000};   ///< the same for plain answers
    /// How long a source that failed three times in a row gets no requests.
    std::chrono::milliseconds breaker_time{2'000};
    std::size_t plain_buffer_bytes{8 * 1024 * 1024};  ///< longer plain answers are streamed through
    std::size_t records_waiting{100'000};  ///< finished requests the ledger would not take yet
};

/// What happened since the start; all cumulative except the last three.
struct GatewayTotals {
    std::int64_t total{
        0};  ///< authenticated requests to models; the six outcomes and in_flight sum to it
    std::int64_t answered{0};
    std::int64_t client_gone{0};
    std::int64_t refused{0};
    std::int64_t invalid{0};
    std::int64_t failed{0};
    std::int64_t cut{0};
    std::int64_t own{0};  ///< answered or cut, by who served
    std::int64_t rental{0};
    std::int64_t api{0};
    std::int64_t unauthorized{0};    ///< requests without a valid key (not in total)
    std::int64_t upstream_tries{0};  ///< requests sent or meant to be sent to sources
    std::int64_t in_flight{0};
    std::int64_t connections{0};
    std::int64_t records_waiting{0};
};

struct GatewayCounters {
    gate::Counters gate{};
    GatewayTotals totals{};
};

/// A request that has not ended.
struct LiveRequest {
    RequestId id{};
    NameIx key{};
    NameIx model{};   ///< none: its body is still coming
    NameIx source{};  ///< none: it waits
    SourceKind kind{SourceKind::own};
    std::int64_t wait_ms{0};     ///< arrival to the source, or until now
    std::int64_t age_ms{0};      ///< since its arrival
    std::int64_t tokens_out{0};  ///< of a streamed answer so far, estimated
    Money cost{};                ///< of those and its prompt, report currency; none: no price
};

/// The data path: listener, admission, relay, in OpenAI's and Anthropic's dialects. N loops, each
/// an io_context with its thread, its SO_REUSEPORT listener and its pool of upstream connections;
/// they share one gate under one mutex and nothing else.
///
/// Every authenticated request to a model ends in exactly one Books::record and at most one open
/// hold. All public methods are thread-safe; callbacks come from data-path threads and must not
/// block or call back into the gateway.
class Gateway {
public:
    /// Told which source failed before its first byte or broke off in mid-answer.
    using Trouble = std::function<void(NameIx source, const Error& error)>;

    /// Listens and starts the threads; until the first `apply` every request gets 503. The
    /// collaborators outlive the gateway. Errors: conflict (address in use), io_failed,
    /// invalid_argument (threads, address).
    [[nodiscard]] static Result<std::unique_ptr<Gateway>> start(
        GatewayOptions options, Books& books, const KeyRing& keys, const Clock& clock);

    /// Stops at once when `stop` has not finished: running requests end as cut.
    virtual ~Gateway() = default;

    /// Where it listens, with the real port.
    [[nodiscard]] virtual std::string address() const = 0;
    [[nodiscard]] virtual std::uint16_t port() const noexcept = 0;

    /// A new policy. Running and queued requests keep the one they were admitted under for price
    /// and route; limits and headroom are the newest. `limits` is routing::gate_policy() with what
    /// the ledger has settled and held filled in.
    virtual void apply(
        std::shared_ptr<const routing::Catalogue> catalogue, gate::Policy limits) = 0;
    /// See gate::Gate: what is settled in a budget now (start, window rollover), and when its next
    /// window begins; {} = as before.
    virtual void budget_booked(NameIx budget, std::int64_t settled_report, UtcTime resets) = 0;
    /// Adds money that others spent in a budget (machine time; negative corrects).
    virtual void budget_added(NameIx budget, std::int64_t report) = 0;

    /// What a client key may do from now on (gate::Gate::key_changed).
    virtual void key_changed(const gate::KeyLimits& limits) = 0;
    /// What it had spent before a limit that is new (gate::Gate::key_spent).
    virtual void key_spent(NameIx key, std::int64_t report) = 0;
    /// A request of an earlier run counts in the allowances of its key and route
    /// (gate::Gate::recall).
    virtual void recall(NameIx key, NameIx route, std::int64_t tokens, BootTime at) = 0;

    /// Adds or changes a source; free slots take queued requests at once. What was known of its
    /// speed stays. Errors: invalid_argument
    /// (no port, bad CA file or pin, a name or key with control characters).
    [[nodiscard]] virtual Result<void> source_up(SourceInfo source) = 0;
    /// What is known by now of how fast a worker is; ignored for a source that is not known.
    virtual void source_speed(NameIx source, const gate::Speed& speed) = 0;
    /// What the engine of a worker says of its cache now (gate::Gate::worker_load); ignored for a
    /// source that is not known.
    virtual void source_load(NameIx source, std::int64_t cache_tokens, int waiting) = 0;
    /// When a machine that boots for `model` is likely to take requests; nothing: none boots.
    /// Clients that wait for it are told.
    virtual void ready_at(NameIx model, std::optional<BootTime> at) = 0;
    /// No new requests; running ones go on.
    virtual void source_draining(NameIx source) = 0;
    /// Drains, ends what still runs on it as cut, and forgets it when that is done.
    virtual void source_gone(NameIx source) = 0;
    /// Ends every request running on `source`: before the first byte they try another source,
    /// after it they are cut with an error event.
    virtual void cancel_streams(NameIx source) = 0;

    [[nodiscard]] virtual GatewayCounters counters() const = 0;
    /// Requests in flight at `source`; 0 when it is not known.
    [[nodiscard]] virtual int in_flight(NameIx source) const = 0;

    /// Hands the requests in flight to `done`, once: of each data-path thread at most `most`, in no
    /// order. Costs nothing when nobody asks. `done` may come from any thread.
    virtual void live(std::size_t /*most*/, std::function<void(std::vector<LiveRequest>)> done) {
        done({});
    }

    /// Called when a request had to queue, overflowed or was refused: the control loop looks at
    /// once instead of at its next tick. May be called often. After this returns, the callback of
    /// before is not running and will not run again; the same holds for `on_source_trouble`.
    virtual void on_queue_event(std::function<void()> callback) = 0;
    virtual void on_source_trouble(Trouble callback) = 0;

    /// Phase one now: stops accepting, refuses what is queued. Phase two after `drain`: cuts what
    /// still runs. `done` is called once, when every request has ended and the ledger has taken
    /// every record. Calling it again with a shorter drain hurries; only the first `done` counts.
    virtual void stop(std::chrono::milliseconds drain, std::function<void()> done) = 0;
};

}  // namespace evenkeel::inference
