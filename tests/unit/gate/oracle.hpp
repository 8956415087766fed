#pragma once

#include "policies/gate/gate.hpp"

#include <map>
#include <ostream>
#include <set>
#include <string>
#include <vector>

/// A slow, plain model of admission that checks a gate's effects one by one.
namespace evenkeel::gate::oracle {

struct Command {
    int what{0};  ///< 0 .. 99, weighted
    int a{0};
    int b{0};
    int c{0};
};

/// How RapidCheck prints a counterexample: a line to paste into a test.
inline std::ostream& operator<<(std::ostream& out, const Command& command) {
    return out << '{' << command.what << ", " << command.a << ", " << command.b << ", " << command.c
               << '}';
}

/// Feeds commands to a gate and to itself; every answer of the gate must be one that the rules of
/// gate.hpp allow, and after every call nobody may wait for something that is free.
class Oracle {
public:
    Oracle();
    /// Carries out one command; what was wrong, or empty.
    std::string step(const Command& command);
    /// Ends everything that is open; what was wrong, or empty. All must come back.
    std::string wind_down();

private:
    enum class Life { waiting, granted, ended };
    struct Request {
        Arrival arrival{};
        Handle handle{};
        Life life{Life::waiting};
        bool due{false};
        bool announced{false};                    ///< got `queued` since it last began to wait
        std::vector<std::set<NameIx>> budgets{};  ///< names, per choice
        std::set<NameIx> internal{};              ///< names, of a worker's work
        std::set<NameIx> tried{};
        NameIx source{};
        int choice{-1};
        std::int64_t hold{0};
        std::int64_t worth{0};
    };
    struct Source {
        Worker worker{};
        int in_flight{0};
        std::int64_t granted{0};
        std::int64_t finished{0};
        std::int64_t failed{0};
        std::int64_t cancelled{0};
    };
    struct Tally {
        std::int64_t arrived{0};
        std::int64_t left{0};
        std::int64_t refused{0};
        std::int64_t served_own{0};
        std::int64_t served_rental{0};
        std::int64_t overflowed{0};
        std::int64_t overflow_cost{0};
        std::int64_t rental_worth{0};
        std::int64_t bought{0};
    };

    void arrive(const Command& command);
    void change_worker(const Command& command);
    void end_one(const Command& command, bool finishes);
    void retry_one(const Command& command);
    void go_on_one(const Command& command);
    void leave_source(Request& request);
    void take_again(Handle handle, const Effects& effects);
    void cancel_one(const Command& command);
    void poke_dead(const Command& command);
    void apply(const Command& command);
    void book(const Command& command);
    void run_due(std::chrono::nanoseconds by);

    void end_grant(Request& request, std::int64_t paid, bool count_back);
    void tally(const Request& request, std::int64_t sign);
    void take(const Effects& effects);
    void take_grant(Request& request, const Effect& effect);
    void take_refusal(Request& request, const Effect& effect);
    void check_still();
    void check_counters();
    void wrong(const std::string& problem);

    [[nodiscard]] bool worker_fits(const Request& request, const Source& source) const;
    [[nodiscard]] bool worker_left(const Request& request) const;
    [[nodiscard]] bool api_left(const Request& request) const;
    [[nodiscard]] bool api_fits(const Request& request, int choice) const;
    [[nodiscard]] bool money_fits(const Request& request, int choice) const;
    [[nodiscard]] bool may_be_charged(const Request& request) const;
    /// Even if all holds came back.
    [[nodiscard]] bool workers_closed(const Request& request) const;
    [[nodiscard]] static const std::set<NameIx>& counted(const Request& request);
    [[nodiscard]] int room(NameIx source) const;
    [[nodiscard]] int waiting() const;
    Request* pick(int number, Life life);

    Policy policy_{};
    std::map<std::int64_t, std::vector<NameIx>> numberings_{};
    Gate gate_;
    Now now_{};
    std::vector<Request> requests_{};
    std::map<NameIx, Source> sources_{};
    std::map<NameIx, BudgetLimit> budgets_{};  ///< with what is settled and held now
    std::map<NameIx, Tally> tallies_{};
    bool retrying_{false};
    bool unswept_{false};  ///< money was booked and `due` has not run since
    std::string problem_{};
};

}  // namespace evenkeel::gate::oracle
