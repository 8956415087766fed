#pragma once

#include "policies/gate/budget_book.hpp"
#include "policies/gate/deadlines.hpp"
#include "policies/gate/fair_queue.hpp"
#include "policies/gate/gate.hpp"
#include "policies/gate/limits.hpp"
#include "policies/gate/prefix_memory.hpp"
#include "policies/gate/request.hpp"

#include <cstdint>
#include <memory_resource>
#include <optional>
#include <vector>

namespace evenkeel::gate {

/// What the gate knows. The operations below keep these true between any two calls of the gate:
/// - a worker with a free slot has no waiting request that may go to it and would not be late on
///   it, as far as was known when a slot, a prompt or a request last came or went (FairQueue looks
///   at few of one kind);
/// - an API with a free slot has no due request waiting for it whose budgets allow it (but see
///   `sweep_at`: money freed without an Effects to write to is used by the next `due`, for work of
///   workers that is charged as well);
/// - in_flight of a source = granted requests that name it; a budget's own holds = sum of theirs.
/// Internal to gate/.
struct Gate::State {
    struct Model {
        ModelCounters counters{};
        FairQueue queue;
        PrefixMemory prefixes;
        std::vector<std::uint32_t> workers{};  ///< slots in `sources`
    };
    struct Source {
        SourceCounters counters{};
        std::int64_t rank{0};
        bool known{false};         ///< false: only named by requests so far, or removed
        std::uint32_t model{nil};  ///< slot in `models`, of workers
        List waiters{};            ///< due requests, as API nodes
        Speed speed{};
        std::uint32_t life{0};   ///< what it had in its cache in an earlier one is gone
        std::int64_t filled{0};  ///< tokens that it has put into its cache in this one
        List prompts{};  ///< of workers of known speed: granted, first token not seen, oldest first
        std::int64_t prompt_tokens{0};  ///< of those, without what it had in its cache
        std::int64_t room_used{0};      ///< cache that the granted fill
        int waiting{0};                 ///< of `prompts`, the last: without room as it says itself
        double pressure{0};             ///< see prompt_pressure; as of `pressure_at`
        BootTime pressure_at{};
        BootTime head_since{};  ///< when the worker began with the first of `prompts`

        [[nodiscard]] bool open() const noexcept { return known && counters.takes_work; }
        [[nodiscard]] bool is_api() const noexcept { return counters.kind == SourceKind::api; }
        [[nodiscard]] int room() const noexcept {
            return open() ? counters.slots - counters.in_flight : 0;
        }
    };

    State(const Policy& policy, std::pmr::memory_resource* memory_resource);

    // ---- names ----
    std::uint32_t model_slot(NameIx name);
    std::uint32_t source_slot(NameIx name);
    void detach(std::uint32_t source);  ///< from the workers of its model

    // ---- what a worker of known speed will be able to do (outlook.cpp) ----
    /// Prompt tokens a second while others decode, or none does.
    [[nodiscard]] static double prompt_rate(const Source& source, bool shared) noexcept;
    /// Share of its time that it reads prompts, averaged; above 1: more than it can.
    [[nodiscard]] static double prompt_pressure(const Source& source, Now now);
    /// Prompt tokens it has still to read.
    [[nodiscard]] double backlog(const Source& source, Now now) const;
    /// It is overdue with its first prompt: it waits for room in its cache, or is slower than said.
    [[nodiscard]] bool stalls(const Source& source, Now now) const;
    /// When a granted request of it gets its first token.
    [[nodiscard]] BootTime first_token_at(std::uint32_t index, Now now) const;
    /// How long a request granted now would wait there for its first token.
    [[nodiscard]] std::chrono::nanoseconds first_token_in(
        const Request& request, std::uint32_t source, Now now) const;
    /// By estimate its cache has no room beside those that run.
    [[nodiscard]] bool cache_full(const Request& request, const Source& source) const noexcept;
    /// Whether the request would be in time there. Precondition: the speed is known.
    [[nodiscard]] bool in_time(const Request& request, std::uint32_t source, Now now) const;
    enum class Aim : std::uint8_t {
        any,      ///< rather late than never
        in_time,  ///< as far as the speed is known, and only if it has a choice
        sure,     ///< a known speed says so
    };
    /// May go there, has a slot, and would be in time as `aim` asks.
    [[nodiscard]] bool fits(const Request& request, std::uint32_t source, Aim aim, Now now) const;
    /// Others wait that a worker may have passed by: a new request must not overtake them.
    [[nodiscard]] bool goes_behind(const Request& request) const;
    /// Output tokens to keep cache room for.
    [[nodiscard]] std::int64_t output_of(const Request& request) const noexcept;
    void prompt_begins(std::uint32_t index, Now now);
    /// Its prompt is done, or it leaves. False when it was done before.
    bool prompt_ends(std::uint32_t index, BootTime at);
    /// The time of a granted request has come: its prompt is done by estimate, or it is rescued.
    void watch(std::uint32_t index, Now now, Effects& effects);
    [[nodiscard]] bool somebody_else(const Request& request, Now now) const;

    // ---- who has the beginning of a conversation in its cache (affinity.cpp) ----
    /// Looks up the home of a request.
    void find_home(std::uint32_t index);
    /// That home while it still has what it had; nil else.
    [[nodiscard]] std::uint32_t home_of(const Request& request) const noexcept;
    /// Tokens of its prompt that the worker would have to read.
    [[nodiscard]] std::int64_t to_read(const Request& request, std::uint32_t source) const noexcept;
    /// That the worker to which it is granted has now its marks.
    void remember(const Request& request);
    /// Its home, if that is worth being preferred to `best`.
    [[nodiscard]] std::uint32_t home_or(
        std::uint32_t best, const Request& request, Aim aim, Now now) const;
    /// Another request would leave it within `load_bound`.
    [[nodiscard]] bool bears_one_more(const Source& source) const;
    /// It has lost its cache.
    static void forget(Source& source) noexcept;

    // ---- placing one request: true when it was granted ----
    bool try_worker(std::uint32_t index, Aim aim, Now now, Effects& effects);
    bool try_apis(
        std::uint32_t index, std::size_t first, std::size_t last, Now now, Effects& effects);
    /// Both, in the order the request asks for; APIs only as far as it is due, and a worker that
    /// would be late only if it is and no API takes it.
    bool place(std::uint32_t index, Now now, Effects& effects);
    /// For one that could not be placed: the queue, or the reason why not even that.
    void wait_or_refuse(std::uint32_t index, bool again, Now now, Effects& effects);
    /// After a grant whose source failed (`freed_money`: see end_grant): elsewhere, or wait, or the
    /// end; the slot that it had goes to who waits for it.
    void try_another(std::uint32_t index, bool freed_money, Now now, Effects& effects);
    /// After an end of a grant that was not the request's own: elsewhere, or wait, or the end.
    void place_again(std::uint32_t index, Now now, Effects& effects);
    void grant(std::uint32_t index, std::uint32_t source, Now now, Effects& effects);
    void refuse(std::uint32_t index, Reason reason, Now now, Effects& effects);
    /// Counts what was used of a grant that has ended: at its source, and for the allowances.
    void count_tokens(std::uint32_t index, const Finish& part);
    /// The end of a request: what count_tokens was told is what it was in truth.
    void release(std::uint32_t index, Now now);

    // ---- waiting ----
    void enqueue(std::uint32_t index, bool again);
    void wait_for_apis(std::uint32_t index, std::size_t first, std::size_t last);
    void leave_queue(std::uint32_t index);
    void set_deadline(std::uint32_t index);
    /// The deadline of a waiting request has come: overflow or refuse it.
    void wake(std::uint32_t index, Now now, Effects& effects);

    // ---- passing freed room on ----
    /// Gives the free slots of a source to those who wait for it.
    void serve(std::uint32_t source, Now now, Effects& effects);
    void serve_worker(std::uint32_t source, Now now, Effects& effects);
    void serve_workers(std::uint32_t model, Now now, Effects& effects);
    /// After money was freed: to whoever waits for that, at APIs and at workers that are charged.
    /// Looks at all of them, so only for a budget that said no to one.
    void serve_freed(Now now, Effects& effects);
    /// After a grant has ended: its slot, and the money it freed.
    void pass_on(std::uint32_t source, bool freed_money, Now now, Effects& effects);
    /// Takes a grant back: slot, hold (`charged` is settled instead) and, with `uncount`, its
    /// counts.
    /// True when a budget that somebody waits for has more room than before.
    bool end_grant(std::uint32_t index, std::int64_t charged, bool uncount, Now now);

    // ---- reasons ----
    [[nodiscard]] Reason grant_reason(const Request& request, const Source& source, Now now) const;
    [[nodiscard]] Reason give_up_reason(const Request& request, Now now) const;
    [[nodiscard]] bool worker_left(const Request& request) const;
    [[nodiscard]] bool api_left(const Request& request) const;
    /// What a worker would be charged for it fits every budget that counts that, now; else it
    /// waits for one of them.
    [[nodiscard]] bool may_be_charged(const Request& request) {
        return !request.has_internal_price() ||
               budgets.allows_or_waits(request.counts_internally(), request.arrival.internal_hold);
    }
    /// Likewise what its API choice `i` may cost.
    [[nodiscard]] bool can_pay(const Request& request, std::size_t i) {
        return budgets.allows_or_waits(request.counts_in(i), request.arrival.apis[i].hold_report);
    }
    /// The budget that closes all workers to it; `for_good`: even if all holds came back.
    [[nodiscard]] std::optional<BudgetBook::Blocker> no_money_for_workers(
        const Request& request, bool for_good) const;
    /// The budget that closes every API it could use, or everybody.
    [[nodiscard]] std::optional<BudgetBook::Blocker> money_gone(
        const Request& request, bool for_good) const;
    void count(const Request& request, std::int64_t sign);

    [[nodiscard]] Effect effect(EffectKind kind, std::uint32_t index) const;

    std::pmr::memory_resource* memory;
    int queue_limit{0};
    Routing routing{};
    bool stopping{false};
    BootTime sweep_at{BootTime::max()};  ///< when `due` must look for freed money
    std::int64_t queued{0};              ///< waiting requests of all models and of none
    std::int64_t queued_charged{0};      ///< of those, with an internal price
    BudgetBook budgets;
    LimitBook limits;
    Slab slab;
    Deadlines deadlines;
    std::pmr::vector<std::uint32_t> model_slots;   ///< by NameIx
    std::pmr::vector<std::uint32_t> source_slots;  ///< by NameIx
    std::pmr::vector<Model> models;
    std::pmr::vector<Source> sources;
};

}  // namespace evenkeel::gate
