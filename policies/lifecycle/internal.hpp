#pragma once

#include "policies/lifecycle/machine.hpp"

#include <utility>

/// Shared by the .cpp files of this folder only.
namespace evenkeel::lifecycle {

/// From when on an absence of the machine proves something.
[[nodiscard]] BootTime settled_at(const Machine& machine, const Limits& limits);

/// When its warm-up time began: with the create call, or when a person adopted it.
[[nodiscard]] inline Now warm_up_from(const Machine& machine) noexcept {
    return machine.billed_from && machine.billed_from->boot > machine.wanted_at.boot
               ? *machine.billed_from
               : machine.wanted_at;
}

[[nodiscard]] inline std::int64_t milliseconds_of(std::chrono::nanoseconds time) noexcept {
    return std::chrono::duration_cast<milliseconds>(time).count();
}

/// While booting with an address, every fifth call asks the provider instead of the engine.
[[nodiscard]] inline bool asks_provider_next(const Machine& machine) noexcept {
    return machine.probe_failures % 5 == 4;
}

/// One step in the making: the row, what changed, what follows.
class Stepper {
public:
    Stepper(const Machine& machine, const Limits& limits, Now now);

    [[nodiscard]] Machine& machine() noexcept { return out_.machine; }
    [[nodiscard]] Step& out() noexcept { return out_; }
    [[nodiscard]] Step done() { return std::move(out_); }

    /// A durable step into `state`; closes and opens phases. At most one of go, note and
    /// never_created per Stepper.
    void go(MachineState state, std::string_view event, const Reason& reason);
    /// A durable step that stays in its state.
    void note(std::string_view event, const Reason& reason);
    /// The end of an intent that never became a machine: nothing is billed.
    void never_created(std::string_view event, const Reason& reason);
    /// Towards its end: sets why, then deletes it.
    void destroy(std::string_view event, const Reason& reason, GateEffect gate);

    void apply(const Event& event);
    void deadlines();

private:
    void on(const Tick&) {}
    void on(const CreateAsked&);
    void on(const Created&);
    void on(const CreateFailed&);
    void on(const Listed&);
    void on(const Got&);
    void on(const GetMissing&);
    void on(const CallFailed&);
    void on(const EngineReachable&);
    void on(const EngineUnreachable&);
    void on(const Accepted&);
    void on(const Rejected&);
    void on(const Drain&);
    void on(const Drained&);
    void on(const Destroy&);
    void on(const DestroyAnswered&);
    void on(const Reaped&);
    void on(const Work&);

    void answered(bool failed, std::optional<milliseconds> retry_after = {});
    /// A question was answered. One from before the delete is no try to delete: it neither makes
    /// the next try wait nor a machine that was gone before our first one destroyed by us.
    void looked(bool failed, std::optional<milliseconds> retry_after = {});
    void end_wanted(const Reason& reason);
    void adopt(const Seen& seen, std::string_view event);
    void present(const Seen& seen, Now asked);
    void absent(bool by_get, Now asked);
    void conclude_absence();
    void read_back(const Seen& seen);
    /// How long it may live before its drain begins: as the policy says now, and never longer than
    /// the end that was written on it when it was made (the reaper and its own timer go by that).
    [[nodiscard]] std::chrono::nanoseconds life_granted() const;
    [[nodiscard]] std::optional<Reason> wrong(const Seen& seen) const;
    void close_phase(Now to, std::chrono::nanoseconds elapsed);
    void open_phase(Phase phase, Now from);
    void change_phase(std::optional<Phase> phase, Now at);
    void finish();
    [[nodiscard]] const Price& price() const;
    [[nodiscard]] std::chrono::nanoseconds elapsed_at(Now at) const;
    [[nodiscard]] bool is_live() const;

    Step out_{};
    const Limits& limits_;
    Now now_;
};

}  // namespace evenkeel::lifecycle
