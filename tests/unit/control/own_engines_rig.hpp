#pragma once

#include "agent/control/own_engines.hpp"
#include "agent/control/sources.hpp"
#include "tests/unit/control/rig.hpp"

#include <csignal>

/// Processes and engines of the test's own.
namespace evenkeel::agent::control_rig {

using inference::engine::Launch;

/// What runs, by mark.
struct Host {
    std::map<std::string, int> running{};  ///< how many processes carry the mark
    std::vector<std::string> events{};
    std::vector<Launch> launches{};
    bool obeys{true};  ///< SIGTERM
    std::string refuses{};
};

class FakeProcess final : public inference::engine::Process {
public:
    FakeProcess(Host& host, std::string mark) : host_{host}, mark_{std::move(mark)} {
        ++host_.running[mark_];
    }
    ~FakeProcess() override { host_.running.erase(mark_); }
    bool alive() override { return host_.running.contains(mark_); }
    void signal(int number) override {
        host_.events.push_back((number == SIGTERM ? "term " : "kill ") + mark_);
        if (number == SIGKILL || host_.obeys) {
            host_.running.erase(mark_);
        }
    }
    std::string ending() const override {
        return host_.running.contains(mark_) ? "" : "exited with status 1";
    }
    pid_t pid() const noexcept override { return 4'711; }

private:
    Host& host_;
    std::string mark_;
};

class FakeOrphans final : public inference::engine::Orphans {
public:
    explicit FakeOrphans(Host& host) : host_{host} {}
    std::set<std::string> marks(const std::string& prefix) override {
        std::set<std::string> found;
        for (const auto& [mark, count] : host_.running) {
            if (mark.starts_with(prefix)) {
                found.insert(mark);
            }
        }
        return found;
    }
    bool alive(const std::string& mark) override { return host_.running.contains(mark); }
    void signal(const std::string& mark, int number) override {
        host_.events.push_back((number == SIGTERM ? "term orphan " : "kill orphan ") + mark);
        host_.running.erase(mark);
    }

private:
    Host& host_;
};

/// Engines answer once they have had `load` to load.
struct LoadProber final : Prober {
    explicit LoadProber(const Clock& host_clock) : clock{host_clock} {}
    const Clock& clock;
    std::map<std::uint16_t, BootTime> loaded{};  ///< by port
    std::vector<std::string> posts{};
    std::map<std::uint16_t, bool> sick{};

    [[nodiscard]] bool answers(std::uint16_t port) const {
        return loaded.contains(port) && clock.read().boot >= loaded.at(port);
    }
    void health(
        EngineAt at,
        std::chrono::milliseconds,
        std::function<void(Result<inference::engine::Health>)> done) override {
        done(sick[at.port] ? inference::engine::Health::sick : inference::engine::Health::ready);
    }
    void accept(
        EngineAt at,
        inference::engine::Expected expected,
        std::chrono::milliseconds,
        std::function<void(Result<inference::engine::Acceptance>)> done) override {
        asked.push_back(expected.model);
        if (answers(at.port)) {
            done(inference::engine::Acceptance{.ttft = 5ms, .completion_tokens = 1});
        } else {
            done(fail(Errc::unavailable, "the engine is loading"));
        }
    }
    void metrics(
        EngineAt,
        std::chrono::milliseconds,
        std::function<void(Result<inference::engine::Metrics>)>) override {}
    void post(
        EngineAt at,
        std::string path,
        std::chrono::milliseconds,
        std::function<void(Result<bool>)> done) override {
        posts.push_back(std::to_string(at.port) + " " + path);
        done(true);
    }
    std::vector<std::string> asked{};
};

}  // namespace evenkeel::agent::control_rig
