#pragma once

#include "policies/config/config.hpp"
#include "policies/domain/error.hpp"
#include "policies/domain/id.hpp"
#include "policies/domain/machine.hpp"
#include "policies/domain/price.hpp"
#include "policies/domain/reason.hpp"
#include "policies/domain/time.hpp"
#include "policies/lifecycle/bill.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// The life of one rented machine as a sans-I/O state machine (DESIGN section 5).
///
/// The shell (agent/control) owns the rows. Each round it asks `wanted_call` which call should be
/// outstanding for a machine, starts it unless that kind is in flight already, and turns every
/// answer into an `Event`. `step` says what follows: the new row, whether it must be committed
/// (before any effect of it runs), phases closed and opened, and what the gate is to be told.
/// Nothing here remembers what was sent: after a crash, `after_restart` plus `wanted_call` derive
/// it again.
namespace evenkeel::lifecycle {

using std::chrono::milliseconds;

/// A machine as its provider describes it; what policies/ needs of providers::RemoteMachine.
struct Seen {
    std::string remote_id{};
    std::string name{};
    std::string owner_mark{};  ///< empty: not marked
    bool running{false};       ///< the provider says it runs; false also while it is being made
    bool stopped{false};       ///< the provider says it was stopped: it bills and serves nothing
    std::string gpu{};         ///< empty: not stated
    int gpu_count{0};          ///< 0: not stated
    std::optional<Price> price{};  ///< per hour, as billed; nothing: not stated
    std::string host{};            ///< empty until it has an address
    int port{0};
    UtcTime created{};
};

/// Every time limit of a machine's life. `make_limits` derives them from the policy.
struct Limits {
    milliseconds create_give_up{std::chrono::minutes{5}};  ///< definite create failures retried
    milliseconds warm_up{std::chrono::minutes{15}};  ///< create call -> serving, at the latest
    /// Younger than this (from the create call), an absence proves nothing: lists lag.
    milliseconds settle{std::chrono::minutes{10}};
    milliseconds proof_gap{std::chrono::seconds{60}};  ///< between the two lists that prove absence
    milliseconds drain{std::chrono::minutes{3}};       ///< then the streams left are cancelled
    milliseconds max_life{std::chrono::hours{6}};      ///< create call -> drain begins
    milliseconds idle_after{std::chrono::seconds{5}};  ///< without work: the phase turns to idle
    milliseconds poll{std::chrono::seconds{5}};        ///< between GETs while booting
    milliseconds probe{std::chrono::seconds{2}};       ///< between engine probes
    int probe_failures{2};                             ///< in a row: takes no more requests
    milliseconds engine_lost{std::chrono::minutes{2}};  ///< serving, but silent so long: destroyed
    milliseconds redelete{std::chrono::seconds{30}};  ///< still there after a delete: delete again
    milliseconds retry_first{std::chrono::seconds{1}};  ///< pause after the first failed call
    milliseconds retry_most{std::chrono::seconds{60}};  ///< longest pause; tried for ever
    milliseconds alarm{std::chrono::minutes{5}};        ///< delete not proved for so long: alarm
    /// Delete not proved for so long: nothing new is ordered from its provider.
    milliseconds undeleted{std::chrono::minutes{15}};
};

/// `warm_up`, `drain`, `max_life` and `proof_gap` come from the policy; the others have no key and
/// are divided by `speed` (1 = real time), because a demo scales its whole world.
[[nodiscard]] Limits make_limits(
    const config::Scaling& scaling, const config::Safety& safety, std::int64_t speed);

/// The row of one machine. Plain data; everything needed to go on after a restart. The fields
/// marked "soft" may lag in the stored row (they are saved with the next durable step); losing
/// them costs time, never truth.
struct Machine {
    MachineId id{};
    std::string name{};        ///< ek-<agent id>-<intent>, unique for ever
    std::string owner_mark{};  ///< ek-<agent id>
    std::string provider{};
    std::string offer{};
    std::string sku{};
    std::string region{};
    std::string model{};
    std::string gpu_wanted{};  ///< empty: any
    int gpu_count_wanted{1};

    MachineState state{MachineState::wanted};
    std::int64_t step{0};   ///< durable steps made; the row is written WHERE step = old one
    std::string boot_id{};  ///< the host's boot that every BootTime here belongs to

    Price intent_price{};               ///< per hour; dearer than this is destroyed
    std::optional<Price> real_price{};  ///< as read back
    milliseconds min_bill{0};
    std::string remote_id{};
    std::string host{};
    int port{0};
    std::string gpu{};
    int gpu_count{0};

    Now wanted_at{};
    std::optional<Now> billed_from{};   ///< the create call; money counts from here
    Now state_at{};                     ///< when it got into `state`
    std::optional<Now> serving_at{};    ///< first time
    UtcTime expires{};                  ///< written on the machine at the provider, for the reaper
    std::optional<Now> end_asked{};     ///< since when it is to end; set in any state
    Reason end_reason{};                ///< why it ends or ended
    std::optional<Now> delete_asked{};  ///< first delete wanted
    std::optional<Now> delete_answered{};  ///< newest delete answered (done or missing)
    std::optional<Now> gone_at{};
    GoneHow gone_how{GoneHow::destroyed};

    std::optional<Phase> phase{};  ///< open phase; nothing before the create call and after gone
    std::int64_t phase_no{0};
    Now phase_at{};
    Money posted{};  ///< sum of all closed phases, in the currency billed

    bool confirmed{false};  ///< something but the create call's own answer has shown it
    Now alive_at{};         ///< soft: newest proof of life (asked time of an answer that shows it)
    std::optional<Now> missing_get{};    ///< soft: asked time of a GET that said missing
    std::optional<Now> omitted_first{};  ///< soft: first complete list without it
    std::optional<Now> omitted_last{};   ///< soft: newest complete list without it
    std::optional<Now> engine_down{};    ///< soft: serving, first failed probe since a good one
    int probe_failures{0};               ///< soft: in a row
    bool asked_provider{false};  ///< soft: engine down, the provider was asked since the last probe
    std::optional<Now> idle_since{};  ///< soft: nothing in flight since
    int attempts{0};       ///< soft: calls failed in a row in this state; grows the pause
    BootTime called_at{};  ///< soft: newest answer of a call of this state
    BootTime hold_off{};   ///< soft: Retry-After of the provider
    bool alarmed{false};   ///< soft: the alarm of this machine was raised
};

/// A new intent in state `wanted`. Commit it before anything else.
struct Intent {
    MachineId id{};
    std::string name{};
    std::string owner_mark{};
    std::string provider{};
    std::string offer{};
    std::string sku{};
    std::string region{};
    std::string model{};
    std::string gpu_wanted{};
    int gpu_count_wanted{1};
    Price price{};
    milliseconds min_bill{0};
    std::string boot_id{};
};
[[nodiscard]] Machine make_machine(const Intent& intent, const Limits& limits, Now now);

/// "ek-<agent id>-<id>": lower-case letters, digits and dashes, within every provider's pattern.
/// `owner_mark` is "ek-<agent id>".
[[nodiscard]] std::string machine_name(std::string_view owner_mark, MachineId id);

/// The row in the boot times of this boot of the host, `boot_id`: those of an earlier boot are
/// moved by UTC, and an elapsed time is at least the host's uptime.
[[nodiscard]] Machine rebased(Machine machine, std::string_view boot_id, Now now);

/// The row as a restarted agent must see it: `wanted` becomes gone (nothing was asked), `creating`
/// becomes `unknown` (the call may have been made), soft waiting times start anew, and a machine
/// that lived counts as alive until now: newer proofs of its life may be lost. Its times are
/// `rebased`. Commit the returned step when it is durable.
[[nodiscard]] struct Step after_restart(
    const Machine& machine, std::string_view boot_id, const Limits& limits, Now now);

// ---- calls --------------------------------------------------------------------------------

enum class CallKind : std::uint8_t {
    none,
    create,   ///< first step CreateAsked, commit, then send one POST
    look_up,  ///< a complete list, searched for the name
    get,      ///< GET by remote id
    probe,    ///< engine health
    accept,   ///< acceptance test of the engine
    destroy,  ///< delete by remote id
    prove,    ///< a complete list that is to omit it
};
[[nodiscard]] std::string_view to_text(CallKind kind) noexcept;

/// The call that should be outstanding, and the earliest time for it. Level-triggered: ask again
/// after every step. One list answers look_up and prove of every machine of a provider: give its
/// result to all of them as Listed, whether they asked or not.
struct Call {
    CallKind kind{CallKind::none};
    BootTime not_before{};
};
[[nodiscard]] Call wanted_call(const Machine& machine, const Limits& limits, Now now);

/// When Tick could change something next (a deadline), or BootTime::max().
[[nodiscard]] BootTime next_deadline(const Machine& machine, const Limits& limits);

/// Whether the gate should give it requests; derive it after a restart too.
[[nodiscard]] bool takes_work(const Machine& machine, const Limits& limits) noexcept;
/// Whether it counts as ours to pay for: every state but `gone` after the create call.
[[nodiscard]] bool costs_money(const Machine& machine) noexcept;
/// What it has cost so far: posted plus the open phase up to `now`, rounded up, or the minimum.
[[nodiscard]] Money accrued(const Machine& machine, Now now);

// ---- events -------------------------------------------------------------------------------

/// The create call is about to be sent. Only in `wanted`.
struct CreateAsked {};
struct Created {
    Seen seen{};
};
/// outcome_unknown, invalid_response and conflict (the name exists) lead to `unknown`; unavailable,
/// timed_out, rate_limited and cancelled are definite: the same intent may be sent again; every
/// other code ends the intent.
struct CreateFailed {
    Errc code{Errc::outcome_unknown};
    std::optional<milliseconds> retry_after{};
};
/// A list of the provider's machines was answered. Make it with `listed_for`.
struct Listed {
    Now asked{};          ///< before the request was sent; it says nothing about later
    bool complete{true};  ///< an incomplete list proves no absence
    std::optional<Seen> entry{};
    std::vector<std::string> duplicates{};  ///< remote ids of ours with the same name
};
struct Got {
    Now asked{};
    Seen seen{};
};
struct GetMissing {
    Now asked{};
};
/// look_up, get or prove failed: proves nothing, lengthens the pause.
struct CallFailed {
    CallKind kind{CallKind::get};
    std::optional<milliseconds> retry_after{};
};
struct EngineReachable {
    Now asked{};
};
struct EngineUnreachable {};
struct Accepted {};
struct Rejected {};
/// Let it finish its requests, then destroy it. In any state; before it serves it ends at once.
struct Drain {
    Reason reason{};
};
/// Draining, and nothing is in flight.
struct Drained {};
/// Destroy it now, whatever it does.
struct Destroy {
    Reason reason{};
};
enum class DestroyAnswer : std::uint8_t { done, missing, failed };
struct DestroyAnswered {
    DestroyAnswer answer{DestroyAnswer::done};
    std::optional<milliseconds> retry_after{};
};
/// `evenkeel reap` deleted it without us: the provider answered its delete at `answered`. It is
/// paid until then, and proved gone like every other.
struct Reaped {
    Now answered{};
    std::string remote_id{};  ///< for a row that does not know it yet
};
/// How many requests it works on now; moves the paid time between serve and idle.
struct Work {
    int in_flight{0};
};
/// Nothing happened; deadlines are looked at.
struct Tick {};

using Event = std::variant<
    Tick,
    CreateAsked,
    Created,
    CreateFailed,
    Listed,
    Got,
    GetMissing,
    CallFailed,
    EngineReachable,
    EngineUnreachable,
    Accepted,
    Rejected,
    Drain,
    Drained,
    Destroy,
    DestroyAnswered,
    Reaped,
    Work>;

/// Finds `machine` in a provider's list: by remote id, or, while that is unknown, the oldest one
/// that carries its name and its owner mark. Others with name and mark are duplicates.
[[nodiscard]] Listed listed_for(
    const Machine& machine, std::span<const Seen> list, bool complete, Now asked);

// ---- steps --------------------------------------------------------------------------------

enum class GateEffect : std::uint8_t {
    none,
    start,   ///< give it requests
    stop,    ///< no new requests
    cancel,  ///< no new requests, and end those that run
};

struct PhaseClosed {
    std::int64_t no{0};
    Phase phase{};
    Now from{};
    Now to{};
    Money amount{};  ///< to be posted; negative only as a correction of earlier ones
};
struct PhaseOpened {
    std::int64_t no{0};
    Phase phase{};
    Now from{};
};

/// What an event led to.
struct Step {
    Machine machine{};
    /// The row must be committed (event row included) before any effect below. Otherwise only soft
    /// fields changed.
    bool durable{false};
    std::string_view event{};  ///< of the machine_event row: "created", "boot_late", ...
    MachineState from{};
    MachineState to{};
    Reason reason{};
    std::vector<PhaseClosed> closed{};
    std::optional<PhaseOpened> opened{};
    GateEffect gate{GateEffect::none};
    bool alarm{false};  ///< raised now: its deletion is not proved since limits.alarm
    std::vector<std::string>
        destroy_duplicates{};  ///< remote ids to delete and to adopt as orphans
};

/// Applies one event; when that changed nothing durably, the first deadline that has passed. So one
/// step is at most one machine_event row; call again with Tick until it is not durable. Unexpected
/// events are ignored: answers may be late, doubled or out of order.
[[nodiscard]] Step step(const Machine& machine, const Event& event, const Limits& limits, Now now);

}  // namespace evenkeel::lifecycle
