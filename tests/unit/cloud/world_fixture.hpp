#pragma once

#include "lab/cloud/world.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace evenkeel::lab::cloud::testing {

/// 2026-03-04T05:06:07.000008Z
inline constexpr UtcTime t0 = from_us(1'772'600'767'000'008);

inline Shelf test_shelf() {
    return {
        .sku = "sandbox-h100",
        .region = "local",
        .gpu = "H100 80GB (synthetic)",
        .hourly = Money{4'410'000'000, usd},
        .boot = Micros{420'000'000},
        .min_bill = Micros{60'000'000},
        .stock = 3,
        .speed = 1};
}

inline CreateRequest test_request(std::string name) {
    return {
        .name = std::move(name),
        .sku = "sandbox-h100",
        .region = "local",
        .image = "vllm/vllm-openai:v0.11.0",
        .model = "qwq-32b",
        .owner_mark = "ek-1a2b3c4d",
        .expires = t0 + std::chrono::hours{12}};
}

/// A world with its journal beside it, in time that a test moves.
class WorldHarness {
public:
    explicit WorldHarness(Shelf shelf = test_shelf(), Switches switches = {})
        : world{std::move(shelf), switches} {
        keep(world.begin(now, "7f3a9c"));
    }
    /// Appends the step's records to the journal and returns its effects.
    std::vector<Effect> keep(const Step& step) {
        journal.insert(journal.end(), step.records.begin(), step.records.end());
        return step.effects;
    }
    /// Creates a machine and returns its id; fails the test when it was refused.
    std::string create(const std::string& name) {
        const Outcome outcome = world.create(test_request(name), now);
        EXPECT_FALSE(outcome.refusal) << outcome.refusal->message;
        keep(outcome.step);
        return outcome.id;
    }
    /// Creates a machine, lets it boot and starts its process.
    std::string run(const std::string& name, int port = 40'123) {
        const std::string id = create(name);
        now = world.find(id, now)->boots_at;
        keep(world.tick(now));
        keep(world.started(id, port, now));
        return id;
    }
    [[nodiscard]] BillEntry line(std::string_view id) const {
        for (BillEntry& entry : world.bill("", now)) {
            if (entry.id == id) {
                return entry;
            }
        }
        ADD_FAILURE() << "not in the bill: " << id;
        return {};
    }
    [[nodiscard]] const Machine* find(std::string_view id) const { return world.find(id, now); }

    UtcTime now{t0};
    World world;
    std::vector<Record> journal{};
};

}  // namespace evenkeel::lab::cloud::testing
