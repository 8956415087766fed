#include "policies/engines/share.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>
#include <string>
#include <vector>

namespace evenkeel::engines {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t gb = 1'000'000'000;
constexpr BootTime t0{10h};

Tenant running(std::int64_t memory) {
    return {
        .wish = Wish::run,
        .state = State::ready,
        .since = t0 - 1h,
        .memory_bytes = memory,
        .load = 30s,
        .least_stay = 60s};
}
Tenant waiting(std::int64_t memory, std::int64_t requests, std::chrono::seconds oldest) {
    return {
        .memory_bytes = memory,
        .waiting = requests,
        .oldest = t0 - oldest,
        .load = 30s,
        .least_stay = 60s};
}

std::string wishes(const std::vector<Tenant>& tenants, std::int64_t room = 32 * gb) {
    std::string out;
    for (const Wish wish : share(tenants, room, t0)) {
        out += wish == Wish::run ? 'R' : wish == Wish::end ? 'E' : '-';
    }
    return out;
}

TEST(Share, WhatFitsTogetherAllRuns) {
    EXPECT_EQ(wishes({waiting(20 * gb, 0, 0s), waiting(12 * gb, 0, 0s)}), "RR");
    EXPECT_EQ(wishes({waiting(20 * gb, 0, 0s), waiting(13 * gb, 0, 0s)}), "R-");
    EXPECT_EQ(wishes({waiting(20 * gb, 0, 0s), waiting(13 * gb, 1, 1s)}), "-R")
        << "what is asked for comes first";
}

TEST(Share, WhatDoesNotFitAloneNeverRuns) {
    EXPECT_EQ(wishes({waiting(33 * gb, 100, 600s), running(20 * gb)}), "-R");
    Tenant grown = running(33 * gb);
    EXPECT_EQ(wishes({grown, running(20 * gb)}), "-R") << "another configuration";
    EXPECT_EQ(wishes({running(20 * gb), running(20 * gb)}), "-R")
        << "of two that fit no more the one that is ready longest, then the first, goes";
}

TEST(Share, AnIdleModelGivesWayAtOnceAfterItsLeastStay) {
    Tenant idle = running(20 * gb);
    EXPECT_EQ(wishes({idle, waiting(20 * gb, 1, 0s)}), "-R");
    idle.since = t0 - 60s + 1ns;
    EXPECT_EQ(wishes({idle, waiting(20 * gb, 1, 0s)}), "R-");
    idle.since = t0 - 60s;
    EXPECT_EQ(wishes({idle, waiting(20 * gb, 1, 0s)}), "-R");
}

TEST(Share, ABusyModelGivesWayWhenTheDebtHasReachedTheCostOfTheSwap) {
    // Three requests under way would wait for two loads of 30 s: 180 request-seconds.
    Tenant busy = running(20 * gb);
    busy.in_flight = 3;
    EXPECT_EQ(wishes({busy, waiting(20 * gb, 1, 179s)}), "R-");
    EXPECT_EQ(wishes({busy, waiting(20 * gb, 1, 180s)}), "-R");
    EXPECT_EQ(wishes({busy, waiting(20 * gb, 5, 59s)}), "R-");
    EXPECT_EQ(wishes({busy, waiting(20 * gb, 5, 60s)}), "-R") << "five that came evenly";
    busy.waiting = 3;
    EXPECT_EQ(wishes({busy, waiting(20 * gb, 1, 180s)}), "R-") << "its queue would wait, too";
}

TEST(Share, NothingIsSwappedWhileSomethingMoves) {
    for (const State state : {State::starting, State::draining, State::stopping, State::waking}) {
        Tenant moving = running(10 * gb);
        moving.state = state;
        EXPECT_EQ(wishes({running(20 * gb), moving, waiting(20 * gb, 9, 600s)}), "RR-")
            << to_text(state);
    }
}

TEST(Share, OnlyAsMuchLeavesAsIsNeeded) {
    Tenant small = running(4 * gb);
    Tenant large = running(20 * gb);
    EXPECT_EQ(wishes({small, large, waiting(20 * gb, 1, 1s)}), "R-R") << "the small one may stay";
    Tenant busy = small;
    busy.in_flight = 9;
    EXPECT_EQ(wishes({busy, large, waiting(28 * gb, 1, 1s)}), "R-R");
    EXPECT_EQ(wishes({busy, large, waiting(30 * gb, 1, 1s)}), "RR-")
        << "both would have to leave, and one is busy";
}

TEST(Share, NobodyLeavesForOneThatCannotCome) {
    Tenant fresh = running(20 * gb);
    fresh.since = t0 - 1s;
    EXPECT_EQ(wishes({running(8 * gb), fresh, waiting(28 * gb, 9, 600s)}), "RR-");
}

TEST(Share, OneThatFailsAgainAndAgainTakesNobodysPlaceAndKeepsNone) {
    Tenant broken = waiting(20 * gb, 50, 600s);
    broken.failures = 3;
    broken.since = t0 - 10min + 1ns;
    EXPECT_EQ(wishes({running(20 * gb), broken}), "R-");
    broken.since = t0 - 10min;
    EXPECT_EQ(wishes({running(20 * gb), broken}), "-R") << "tried again";
    Tenant holds = running(20 * gb);
    holds.state = State::off;
    holds.since = t0 - 1s;
    holds.failures = 3;
    holds.waiting = 50;
    holds.oldest = t0 - 600s;
    EXPECT_EQ(wishes({holds, waiting(20 * gb, 1, 1s)}), "-R");
    holds.failures = 2;
    EXPECT_EQ(wishes({holds, waiting(20 * gb, 1, 1s)}), "R-");
}

TEST(Share, SleepersKeepALittleMemory) {
    Tenant sleeper = running(20 * gb);
    sleeper.sleeps = true;
    sleeper.asleep_bytes = 2 * gb;
    EXPECT_EQ(wishes({sleeper, waiting(30 * gb, 1, 1s)}), "-R");
    EXPECT_EQ(wishes({sleeper, waiting(31 * gb, 1, 1s)}), "ER") << "31 + 2 are more than 32";
    sleeper.state = State::draining;
    sleeper.wish = Wish::end;
    Tenant comes = waiting(31 * gb, 1, 1s);
    comes.wish = Wish::run;
    EXPECT_EQ(wishes({sleeper, comes}), "ER") << "and it stays so";
    sleeper.state = State::asleep;
    sleeper.wish = Wish::give_way;
    EXPECT_EQ(wishes({sleeper, waiting(31 * gb, 1, 1s)}), "ER");
    EXPECT_EQ(wishes({sleeper, waiting(30 * gb, 1, 1s)}), "-R");
    EXPECT_EQ(held_bytes(sleeper), 2 * gb);
    const std::vector<Tenant> both{sleeper, waiting(31 * gb, 1, 1s)};
    EXPECT_FALSE(has_room(both, 1, 32 * gb));
    EXPECT_TRUE(has_room(both, 1, 33 * gb));
}

TEST(Share, RoomCountsWhatIsHeldNotWhatIsWanted) {
    Tenant leaving = running(20 * gb);
    leaving.wish = Wish::give_way;
    for (const State state : {State::draining, State::falling_asleep, State::stopping}) {
        leaving.state = state;
        EXPECT_FALSE(has_room(std::vector{leaving, waiting(20 * gb, 1, 1s)}, 1, 32 * gb));
    }
    leaving.state = State::off;
    EXPECT_TRUE(has_room(std::vector{leaving, waiting(20 * gb, 1, 1s)}, 1, 32 * gb));
}

/// Several models on one GPU, hour after hour in virtual time: requests come, engines load, serve
/// four at once for ten seconds each, crash, and end.
class Desk {
public:
    struct Model {
        std::int64_t memory{0};
        std::chrono::seconds load{30};
        double per_hour{0};
        bool sleeps{false};
        Life life{};
        Wish wish{Wish::give_way};
        Sight sight{};
        BootTime step_done{};
        std::deque<BootTime> queue{};
        std::vector<BootTime> served_until{};
        std::chrono::nanoseconds longest{0};
        std::int64_t arrived{0};
        std::int64_t answered{0};
        int loads{0};
    };

    Desk(std::int64_t room, std::vector<Model> models, unsigned seed)
        : room_{room}, models_{std::move(models)}, random_{seed} {}

    void run(std::chrono::seconds time, int crashes_per_hour) {
        for (const BootTime end = now_ + time; now_ < end; now_ += 1s) {
            second(crashes_per_hour);
        }
    }
    /// No more requests: what waits must be answered.
    void finish() {
        for (Model& model : models_) {
            model.per_hour = 0;
        }
        run(2h, 0);
    }
    [[nodiscard]] const std::vector<Model>& models() const { return models_; }
    [[nodiscard]] std::int64_t most_held() const { return most_held_; }

private:
    [[nodiscard]] bool chance(double probability) {
        return std::bernoulli_distribution{probability}(random_);
    }
    [[nodiscard]] std::vector<Tenant> tenants() const {
        std::vector<Tenant> out;
        for (const Model& model : models_) {
            out.push_back(
                {.wish = model.wish,
                 .state = model.life.state,
                 .unloaded = model.life.unloaded,
                 .since = model.life.since,
                 .failures = model.life.failures,
                 .memory_bytes = model.memory,
                 .asleep_bytes = model.sleeps ? gb : 0,
                 .sleeps = model.sleeps,
                 .in_flight = static_cast<int>(model.served_until.size()),
                 .waiting = std::ssize(model.queue),
                 .oldest = model.queue.empty() ? now_ : model.queue.front(),
                 .load = model.life.state == State::asleep ? milliseconds{1s}
                                                           : milliseconds{model.load},
                 .least_stay = 60s});
        }
        return out;
    }

    void second(int crashes_per_hour) {
        for (Model& model : models_) {
            if (chance(model.per_hour / 3'600)) {
                model.queue.push_back(now_);
                ++model.arrived;
            }
            std::erase_if(model.served_until, [&](BootTime until) {
                model.answered += until <= now_ ? 1 : 0;
                return until <= now_;
            });
            while (model.life.state == State::ready && !model.queue.empty() &&
                   model.served_until.size() < 4) {
                model.longest = std::max(model.longest, now_ - model.queue.front());
                model.queue.pop_front();
                model.served_until.push_back(now_ + 10s);
            }
            if (model.sight.alive && chance(crashes_per_hour / 3'600.0)) {
                model.sight.alive = false;
                for (std::size_t i = 0; i < model.served_until.size(); ++i) {
                    model.queue.push_front(now_);  // asked again
                }
                model.served_until.clear();
            }
        }
        const auto wanted = share(tenants(), room_, now_);
        for (std::size_t i = 0; i < models_.size(); ++i) {
            models_[i].wish = wanted[i];
            look(i);
        }
        std::int64_t held = 0;
        for (const Tenant& tenant : tenants()) {
            held += held_bytes(tenant);
        }
        most_held_ = std::max(most_held_, held);
    }

    void look(std::size_t i) {
        Model& model = models_[i];
        const bool loading = model.life.state == State::starting;
        model.sight.accepted = loading && now_ >= model.step_done;
        model.sight.in_flight = static_cast<int>(model.served_until.size());
        model.sight.room = has_room(tenants(), i, room_);
        const Step next = step(model.life, model.sight, model.wish, now_, {.sleeps = model.sleeps});
        if (next.life.state != model.life.state) {
            model.sight.call.reset();
        }
        model.life = next.life;
        switch (next.what) {
            case Do::start:
                model.sight.alive = true;
                model.step_done = now_ + model.load;
                ++model.loads;
                break;
            case Do::wake:
                model.step_done = now_ + 1s;
                ++model.loads;
                model.sight.call = true;
                break;
            case Do::put_to_sleep:
                model.sight.call = true;
                break;
            case Do::terminate:
            case Do::kill:
                model.sight.alive = false;
                break;
            default:
                break;
        }
    }

    std::int64_t room_;
    std::vector<Model> models_;
    std::mt19937 random_;
    BootTime now_{t0};
    std::int64_t most_held_{0};
};

TEST(Share, HalfADayOfSwappingServesEverybodyAndNeverLoadsTwoThatDoNotFit) {
    for (unsigned seed = 1; seed <= 3; ++seed) {
        Desk desk{
            32 * gb,
            {{.memory = 20 * gb, .load = 30s, .per_hour = 120},
             {.memory = 24 * gb, .load = 60s, .per_hour = 12, .sleeps = true},
             {.memory = 6 * gb, .load = 10s, .per_hour = 60},
             {.memory = 31 * gb + gb / 2, .load = 90s, .per_hour = 2}},
            seed};
        desk.run(12h, 1);
        int loads = 0;
        for (const Desk::Model& model : desk.models()) {
            loads += model.loads;
        }
        desk.finish();
        EXPECT_LE(desk.most_held(), 32 * gb) << "seed " << seed;
        EXPECT_LT(loads, 12 * 40) << "seed " << seed << ": no more than the least stay allows";
        for (const Desk::Model& model : desk.models()) {
            EXPECT_EQ(model.answered, model.arrived) << "seed " << seed;
            EXPECT_LT(model.longest, 20min) << "seed " << seed << ": nobody starves";
        }
    }
}

TEST(Share, TwoBusyModelsTakeTurnsInsteadOfThrashing) {
    Desk desk{
        32 * gb,
        {{.memory = 20 * gb, .load = 30s, .per_hour = 360},
         {.memory = 20 * gb, .load = 30s, .per_hour = 360}},
        7};
    desk.run(4h, 0);
    const int loads = desk.models()[0].loads + desk.models()[1].loads;
    EXPECT_GT(loads, 4);
    EXPECT_LE(loads, 4 * 60 * 60 / 90) << "each stays a minute at least, and loads half of one";
    desk.finish();
    EXPECT_EQ(desk.models()[0].answered, desk.models()[0].arrived);
    EXPECT_EQ(desk.models()[1].answered, desk.models()[1].arrived);
}

}  // namespace
}  // namespace evenkeel::engines
