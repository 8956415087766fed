#include "tests/unit/ledger/ledger_fixture.hpp"

#include <fmt/format.h>

#include <random>
#include <set>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace evenkeel::ledger {
namespace {

using namespace std::chrono_literals;

/// What the child tells its parent as soon as the ledger has acknowledged it.
struct Told {
    std::int64_t request{0};
    std::int64_t machine_step{-1};
};

/// Works as hard as it can until it is killed: holds, settlements, machine steps, own rows.
[[noreturn]] void work_until_killed(const Options& options, int pipe, std::int64_t first) {
    auto opened = Ledger::open(options);
    if (!opened) {
        ::_exit(3);
    }
    Ledger& ledger = **opened;
    store_names(ledger);
    const auto tell = [pipe](Told told) {
        // Smaller than PIPE_BUF: whole or not at all.
        if (::write(pipe, &told, sizeof told) != sizeof told) {
            ::_exit(4);
        }
    };
    MachineStep step = intent(first, options.clock->read());
    Answer<void> ordered;
    ledger.machine_step(step, ordered.done());
    if (!ordered.get()) {
        ::_exit(5);
    }
    tell({.request = -first, .machine_step = 0});
    for (std::int64_t id = first;; ++id) {
        ledger.hold(hold_for(id, 1'000), [&ledger, tell, id](Result<HoldId> held) {
            if (held) {
                tell({.request = id});
                static_cast<void>(ledger.record(api_request(id, 900, *held)));
            }
        });
        static_cast<void>(ledger.record(own_request(id + 500'000'000)));
        if (id % 16 == 0) {
            step = next_step(step, MachineState::serving, options.clock->read());
            step.phases = {
                {.no = 1,
                 .phase = Phase::serve,
                 .from = test_start,
                 .amount = dollars(7),
                 .budgets = shares_of(7)}};
            Answer<void> answer;
            ledger.machine_step(step, answer.done());
            if (answer.get()) {
                tell({.request = -first, .machine_step = step.machine.step});
            }
        }
    }
}

class LedgerCrash : public LedgerTest {
protected:
    void kill_and_check(int rounds, std::uint64_t seed) {
        std::mt19937_64 random{seed};
        std::set<std::int64_t> acknowledged;
        std::map<std::int64_t, std::int64_t> steps;
        std::chrono::microseconds slowest{0};
        for (int round = 0; round < rounds; ++round) {
            SCOPED_TRACE(fmt::format("seed {} round {}", seed, round));
            int ends[2]{};
            ASSERT_EQ(::pipe(ends), 0);
            const std::int64_t first = 1 + round * 1'000'000LL;
            const pid_t child = ::fork();
            if (child == 0) {
                ::close(ends[0]);
                work_until_killed(options(), ends[1], first);
            }
            ::close(ends[1]);
            Told told;
            ASSERT_EQ(::read(ends[0], &told, sizeof told), static_cast<ssize_t>(sizeof told));
            std::this_thread::sleep_for(std::chrono::milliseconds{1 + random() % 40});
            ::kill(child, SIGKILL);
            do {
                if (told.machine_step >= 0) {
                    steps[-told.request] = told.machine_step;
                } else {
                    acknowledged.insert(told.request);
                }
            } while (::read(ends[0], &told, sizeof told) == static_cast<ssize_t>(sizeof told));
            ::close(ends[0]);
            int status = 0;
            ::waitpid(child, &status, 0);
            ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);

            const auto before = std::chrono::steady_clock::now();
            open();
            slowest = std::max(
                slowest,
                std::chrono::duration_cast<std::chrono::microseconds>(
                    std::chrono::steady_clock::now() - before));
            for (const auto& [machine, step] : steps) {
                bool found = false;
                for (const auto& row : ledger_->recovered().machines) {
                    found = found || (row.row.id.value() == machine && row.row.step >= step);
                }
                EXPECT_TRUE(found) << "machine " << machine << " lost its step " << step;
            }
            expect_sound();
            close();
            std::set<std::int64_t> missing = acknowledged;
            Database database{file(), Database::Mode::read_only};
            Statement row{database, "SELECT id FROM request"};
            while (row.next()) {
                missing.erase(row.integer(0));
            }
            EXPECT_TRUE(missing.empty())
                << missing.size() << " acknowledged holds are neither settled nor lapsed";
            EXPECT_EQ(count("SELECT count(*) FROM hold WHERE state = 'open'"), 0);
            EXPECT_EQ(count("SELECT sum(held) FROM budget_window"), 0);
        }
        EXPECT_GT(acknowledged.size(), 0u);
        EXPECT_LT(slowest, 2s) << "start to ready after kill -9";
        RecordProperty("slowest_start_us", std::to_string(slowest.count()));
        fmt::print(
            "{} kills, {} acknowledged holds, slowest start {} us\n",
            rounds,
            acknowledged.size(),
            slowest.count());
    }
};

TEST_F(LedgerCrash, F77KilledUnderLoadKeepsWhatWasAcknowledged) {
    kill_and_check(4, 20'261'123);
}

TEST_F(LedgerCrash, NightlyF77KilledOftenUnderLoad) {
    kill_and_check(60, 4'711);
}

TEST_F(LedgerCrash, F95OpenHoldsLapseIntoSpending) {
    int ends[2]{};
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        auto opened = Ledger::open(options());
        store_names(**opened);
        Answer<HoldId> answer;
        (*opened)->hold(hold_for(42, 3'000), answer.done());
        const auto held = answer.get();
        Answer<void> more;
        (*opened)->top_up(held.value_or(HoldId{}), dollars(2'000), 2'000, more.done());
        const char ok = more.get() ? 'y' : 'n';
        static_cast<void>(!::write(ends[1], &ok, 1));
        ::pause();
        ::_exit(0);
    }
    char ok = 'n';
    ASSERT_EQ(::read(ends[0], &ok, 1), 1);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ::close(ends[0]);
    ::close(ends[1]);
    ASSERT_EQ(ok, 'y');

    open();
    const std::string lapsed = "SELECT count(*) FROM hold WHERE state = 'lapsed'";
    EXPECT_EQ(count(lapsed + " AND request = 42 AND amount = 5000"), 1);
    EXPECT_EQ(count(lapsed), 1);
    EXPECT_EQ(count("SELECT paid FROM request WHERE id = 42"), 5'000);
    EXPECT_EQ(count("SELECT flags FROM request WHERE id = 42"), flag_lapsed);
    EXPECT_EQ(count("SELECT settled FROM budget_window LIMIT 1"), 5'000);
    EXPECT_EQ(count("SELECT held FROM budget_window LIMIT 1"), 0);
    EXPECT_EQ(count("SELECT count(*) FROM tx WHERE kind = 'lapse'"), 1);
    EXPECT_TRUE(ledger_->record(api_request(42, 100))) << "too late: booked once";
    expect_sound();
    EXPECT_EQ(count("SELECT sum(paid) FROM request"), 5'000);
    reopen();
    EXPECT_EQ(count("SELECT count(*) FROM tx WHERE kind = 'lapse'"), 1) << "only once";
    EXPECT_EQ(count("SELECT sum(paid) FROM request"), 5'000);
    expect_sound();
}

}  // namespace
}  // namespace evenkeel::ledger
