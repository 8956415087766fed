#pragma once

#include "agent/ledger/ledger.hpp"

#include <chrono>
#include <string>
#include <variant>

/// What callers queue for the writer.
namespace evenkeel::ledger {

struct HoldOp {
    Hold hold{};
    Done<HoldId> done{};
    HoldId id{};  ///< given at the first attempt, so that a second one recognises its own row
};
/// More money for an open hold.
struct TopUpOp {
    HoldId hold{};
    Money more{};
    std::int64_t more_report{0};
    Money target{};  ///< of the hold, once it was tried: a commit that failed may be on disk
    Done<void> done{};
};
struct ReleaseOp {
    HoldId hold{};
};
struct RecordOp {
    Request request{};
};
struct MachineOp {
    MachineStep step{};
    Done<void> done{};
};
struct AdjustOp {
    Adjustment adjustment{};
    Done<void> done{};
};
struct DecisionOp {
    Decision decision{};
    std::int64_t id{0};
};
struct RentOp {
    RentStateRow state{};
};
struct RuleReplayOp {
    RuleReplay replay{};
};
struct PowerOp {
    PowerPost post{};
};
struct GpuMinuteOp {
    GpuRollup minute{};
};
struct BillOp {
    BillSeen bill{};
};
struct NameOp {
    NameRow name{};
};
struct SourceOp {
    SourceInfo source{};
};
struct PriceOp {
    PriceSeen seen{};
};
struct FxOp {
    FxRate rate{};
};
struct PolicyOp {
    std::string text{};
    std::string author{};
    Done<std::int64_t> done{};
};
struct AddKeyOp {
    KeyRow key{};
    Done<void> done{};
};
struct KeyTermsOp {
    std::string name{};
    KeyTerms terms{};
    Done<void> done{};
};
struct RevokeKeyOp {
    std::string name{};
    Done<void> done{};
};
/// Starts a backup of what is committed, this commit included.
struct BackupOp {
    std::filesystem::path path{};
    Done<std::int64_t> done{};
};
/// Answers when everything before it is committed.
struct BarrierOp {
    Done<void> done{};
};

using AnyOp = std::variant<
    HoldOp,
    TopUpOp,
    ReleaseOp,
    RecordOp,
    MachineOp,
    AdjustOp,
    DecisionOp,
    RentOp,
    RuleReplayOp,
    PowerOp,
    GpuMinuteOp,
    BillOp,
    NameOp,
    SourceOp,
    PriceOp,
    FxOp,
    PolicyOp,
    AddKeyOp,
    KeyTermsOp,
    RevokeKeyOp,
    BackupOp,
    BarrierOp>;

struct Op {
    AnyOp what{};
    UtcTime at{};  ///< when it was asked, by the agent's clock
    std::chrono::steady_clock::time_point queued{};
    /// An attempt ended in a disk error: it may be in the file after all.
    bool uncertain{false};
};

/// Somebody waits for it.
[[nodiscard]] inline bool is_awaited(const AnyOp& op) noexcept {
    return std::holds_alternative<HoldOp>(op) || std::holds_alternative<TopUpOp>(op) ||
           std::holds_alternative<MachineOp>(op) || std::holds_alternative<AdjustOp>(op) ||
           std::holds_alternative<PolicyOp>(op) || std::holds_alternative<AddKeyOp>(op) ||
           std::holds_alternative<KeyTermsOp>(op) || std::holds_alternative<RevokeKeyOp>(op) ||
           std::holds_alternative<BackupOp>(op) || std::holds_alternative<BarrierOp>(op);
}

}  // namespace evenkeel::ledger
