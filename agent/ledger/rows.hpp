#pragma once

#include "policies/domain/id.hpp"
#include "policies/domain/machine.hpp"
#include "policies/domain/money.hpp"
#include "policies/domain/price.hpp"
#include "policies/domain/reason.hpp"
#include "policies/domain/source.hpp"
#include "policies/domain/time.hpp"
#include "policies/routing/catalogue.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What goes into the ledger and comes out again: plain data, no SQL. No struct here may carry a
/// secret, a prompt or an answer.
namespace evenkeel::ledger {

/// Part of an amount that counts against one budget window, in report-currency nanos.
struct BudgetShare {
    NameIx budget{};
    UtcTime window{};  ///< its start (window_start in zone.hpp)
    std::int64_t amount_report{0};
};

/// One budget window's running sums, report-currency nanos.
struct BudgetWindow {
    NameIx budget{};
    UtcTime window{};
    std::int64_t settled{0};
    std::int64_t held{0};
};

/// Money to set aside before it is spent. Exactly one of `request` and `machine` is set.
struct Hold {
    RequestId request{};
    MachineId machine{};
    NameIx source{};
    Money amount{};                      ///< billed currency, rounded up, > 0
    std::vector<BudgetShare> budgets{};  ///< the same amount in every budget that counts it
};

struct OpenHold {
    HoldId id{};
    UtcTime at{};
    Hold hold{};
};

/// The end of one request: its row, its settlement, its roll-ups.
struct Request {
    RequestId id{};
    UtcTime at{};
    std::int64_t policy{0};
    NameIx key{};
    NameIx route{};
    NameIx model{};
    NameIx source{};
    SourceKind kind{SourceKind::own};
    NameIx provider{};
    MachineId machine{};
    std::string tags{};  ///< "team=search,job=7": no comma within one; empty: none
    std::int64_t wait_ms{0};
    std::int64_t ttft_ms{0};
    std::int64_t total_ms{0};
    Usage usage{};
    Money paid{};  ///< external money; more than zero makes a transaction
    /// What keys and budgets see: `paid`, or the internal price of own and rented work, if any.
    Money charged{};
    std::int64_t charged_report{0};
    std::optional<HoldId> hold{};
    std::vector<BudgetShare> budgets{};  ///< used only when there is no hold: windows of `charged`
    Outcome outcome{Outcome::answered};
    Reason reason{};
    bool continued{false};  ///< a second worker wrote the end of the answer
};

/// Bits of request.flags.
inline constexpr std::int64_t flag_estimated = 1;  ///< tokens counted by us
inline constexpr std::int64_t flag_lapsed = 2;     ///< hold booked in full after a crash (F95)
inline constexpr std::int64_t flag_continued = 4;  ///< by a second worker, after the first died

/// One paid phase of a machine; `to` empty: still open.
struct PhaseRow {
    std::int64_t no{0};
    Phase phase{Phase::boot};
    UtcTime from{};
    std::optional<UtcTime> to{};
    Money billed{};  ///< posted so far
};

/// A rented machine as the ledger knows it.
struct MachineRow {
    // What reports read of `detail`.
    static constexpr std::string_view region_key{"region"};  ///< "" for any
    static constexpr std::string_view gpus_ordered_key{"gpu_count_wanted"};
    static constexpr std::string_view gpus_seen_key{"gpu_count"};  ///< 0: not stated

    MachineId id{};
    NameIx provider{};
    std::string name{};       ///< unique: "ek-<agent id>-<intent>"
    std::string remote_id{};  ///< empty until known
    NameIx offer{};
    NameIx model{};
    NameIx source{};    ///< under which its requests and its seconds are reported
    std::string gpu{};  ///< for people: "H100 80GB"
    Price price{};      ///< per hour
    MachineState state{MachineState::wanted};
    std::int64_t step{0};
    UtcTime created{};
    UtcTime expires{};
    std::optional<UtcTime> gone{};
    std::optional<GoneHow> gone_how{};
    Reason reason{};  ///< of its order, later of its end
    bool synthetic{false};
    /// A JSON object that the ledger does not read: what the lifecycle needs to continue (address,
    /// counters, deadlines). Never the machine's engine key: that is derived or kept in a file, not
    /// booked.
    std::string detail{};
};

/// The newest event of a machine, for comparing clocks after a restart.
struct MachineEvent {
    std::int64_t step{0};
    UtcTime at{};
    std::string boot_id{};
    std::int64_t boot_ns{0};
    std::string event{};
    MachineState from{MachineState::wanted};
    MachineState to{MachineState::wanted};
};

/// A phase opened, billed further, or closed. `amount` is posted now: the telescoped part that was
/// not posted before (DESIGN section 6); zero posts nothing.
struct PhaseChange {
    std::int64_t no{0};  ///< 1, 2, ... within the machine
    Phase phase{Phase::boot};
    UtcTime from{};
    std::optional<UtcTime> to{};  ///< set when it closes
    Money amount{};
    std::chrono::nanoseconds paid_for{0};  ///< the time `amount` pays, for the posting's quantity
    std::vector<BudgetShare> budgets{};    ///< of `amount`
};

/// What the agent decided, with its reason.
struct Decision {
    std::int64_t policy{0};
    std::string kind{};  ///< "rent", "release", "hold", "drain", ...
    NameIx model{};
    MachineId machine{};
    Reason reason{};
};

struct DecisionRow {
    std::int64_t id{0};
    UtcTime at{};
    Decision decision{};
};

/// A configuration that was in force.
struct PolicyRow {
    std::int64_t no{0};
    UtcTime at{};          ///< from when on
    std::string author{};  ///< "start", "reload", or the user who applied it
    std::string sha256{};  ///< of the text, 32 bytes
    std::string text{};    ///< all files; agent::split_policy takes them apart
};

/// One step of one machine: everything it changes, committed together or not at all.
struct MachineStep {
    MachineRow machine{};  ///< the row after the step; `step` = expected_step + 1 (intent: 0)
    /// Step of the row this was decided on; -1 inserts the intent. When the stored row is at
    /// another step the whole operation fails with Errc::conflict and changes nothing.
    std::int64_t expected_step{-1};
    std::string event{};
    MachineState from{MachineState::wanted};
    Now now{};
    std::string boot_id{};  ///< of the host's boot that `now.boot` counts from
    std::vector<PhaseChange> phases{};
    std::optional<Decision> decision{};
};

struct NameRow {
    NameIx ix{};
    routing::NameKind kind{};
    std::string text{};
};

/// What a source is, for reports: kept beside its name, replaced when the configuration changes.
struct SourceInfo {
    NameIx ix{};
    SourceKind kind{SourceKind::own};
    NameIx provider{};
    std::string label{};  ///< "desk", "H100 PCIe", "claude"; the name's text when empty
    bool synthetic{false};
};

/// What one rule of renting would have made of the replayed requests.
struct RuleOutcome {
    std::string rule{};  ///< as the configuration writes it
    Money own{};
    Money rental{};
    Money api{};
    Money total{};
    Money j{};  ///< total and what lateness costs
    std::int64_t requests{0};
    std::int64_t within_limit{0};
    int machine_starts{0};
};

/// A nightly replay of one scaling entry.
struct RuleReplay {
    UtcTime at{};
    std::string scaling{};  ///< the entry's name
    std::int64_t policy{0};
    UtcTime since{};
    UtcTime until{};
    std::int64_t requests{0};
    Currency currency{};
    std::string rule{};         ///< in force at that time
    std::string recommended{};  ///< empty: none
    std::string follows{};      ///< what `rule: auto` follows from then on; empty: nothing yet
    std::string note{};         ///< why none is recommended: one sentence
    std::vector<RuleOutcome> outcomes{};
};

struct RentStateRow {
    NameIx model{};
    std::int64_t version{0};
    std::string bytes{};
};

/// Money that one client key may spend in each window.
struct KeyMoney {
    Money amount{};
    config::BudgetPer per{config::BudgetPer::month};
    friend bool operator==(const KeyMoney&, const KeyMoney&) = default;
};

/// What a client key may do.
struct KeyTerms {
    std::optional<KeyMoney> money{};
    config::RequestLimit rate{};
    std::vector<std::string> routes{};  ///< the only ones it may use; empty: all
    std::string team{};
    std::optional<UtcTime> expires{};  ///< from then on it opens nothing
    friend bool operator==(const KeyTerms&, const KeyTerms&) = default;
};

/// A client key as stored: never the key itself.
struct KeyRow {
    NameIx ix{};
    std::string name{};
    std::string sha256{};  ///< 32 raw bytes
    std::string prefix{};  ///< "ek-a1f", shown to people
    UtcTime created{};
    std::optional<UtcTime> revoked{};
    KeyTerms terms{};
};

/// A price somebody asked: one row per change, and per hour of being seen unchanged.
struct PriceSeen {
    NameIx offer{};
    std::string meter{};  ///< "hour", "in", "out", "cached", "cache_write", "power"
    Price price{};
    UtcTime seen{};
    UtcTime from{};
};

/// quote currency for one unit of base, exactly num/den.
struct FxRate {
    Currency base{};
    Currency quote{};
    std::int64_t num{0};
    std::int64_t den{1};
    UtcTime as_of{};
};

/// Electricity and wear of own hardware from one moment on; posted once per (hardware, moment).
struct PowerPost {
    std::string hardware{};
    NameIx source{};
    UtcTime hour{};  ///< when it began
    std::int64_t microjoules{0};
    std::optional<Price> price{};  ///< per microjoule ("AUD/kWh"); without one power is not paid
    std::vector<BudgetShare> budgets{};
    std::int64_t work_microjoules{0};  ///< above rest, while requests were in flight
    std::int64_t host_microjoules{0};  ///< the host's stated overhead; the remainder is idle
    std::int64_t estimated_microjoules{0};
    std::chrono::nanoseconds on{0};
    std::chrono::nanoseconds worked{0};  ///< of `on`, with requests in flight
    Money wear{};                        ///< lost worth: nobody is paid, no budget counts it
    Money wear_worked{};                 ///< the part of it in `worked`
};

/// Energy and wear of one hardware, summed over its posts in one currency.
struct EnergyRow {
    std::string hardware{};
    NameIx source{};
    std::int64_t idle_microjoules{0};
    std::int64_t work_microjoules{0};
    std::int64_t host_microjoules{0};
    std::int64_t estimated_microjoules{0};
    std::chrono::nanoseconds on{0};
    std::chrono::nanoseconds worked{0};
    Money idle{};
    Money work{};
    Money host{};
    Money wear{};
    Money wear_worked{};
};

/// What one GPU did in a minute, or in an hour: sums over samples, a second apart.
struct GpuRollup {
    std::string gpu{};  ///< UUID
    UtcTime at{};       ///< its start
    std::int64_t samples{0};
    std::int64_t power_milliwatts{0};    ///< sum
    std::int64_t energy_millijoules{0};  ///< what its counter moved; 0 without one
    std::int64_t utilisation{0};         ///< sum of percents
    std::int64_t temperature_c{0};       ///< highest
    std::int64_t memory_bytes{0};        ///< highest
    std::int64_t throttle{0};            ///< all reasons seen
    std::int64_t xids{0};
    std::int64_t sick{0};  ///< samples
};

/// The provider's bill minus what was booked, posted as a correction.
struct Adjustment {
    MachineId machine{};
    Money amount{};  ///< may be negative; zero posts nothing
    /// What the caller knows to be booked. When that and `amount` are booked already, nothing
    /// changes; when something else is, nothing is booked (conflict).
    Money paid_before{};
    std::string reason{};  ///< short, for the ledger's reader: "bill of 2026-11-23"
    std::vector<BudgetShare> budgets{};
};

}  // namespace evenkeel::ledger
