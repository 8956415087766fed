#pragma once

#include "agent/control/inbox.hpp"
#include "agent/control/prober.hpp"
#include "agent/control/sources.hpp"
#include "inference/engine/process.hpp"
#include "inference/gateway/gateway.hpp"
#include "policies/engines/life.hpp"
#include "policies/engines/share.hpp"
#include "policies/routing/catalogue.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace evenkeel::agent {

/// Starts, watches, swaps and ends the engines that the configuration says how to start. What
/// happens next is decided in policies/engines; here it is done. Lives on the control thread, which
/// is also the one whose end the engines do not outlive.
class OwnEngines {
public:
    using Starter = std::function<Result<std::unique_ptr<inference::engine::Process>>(
        inference::engine::Launch)>;
    struct Parts {
        Inbox inbox;
        const Clock& clock;
        inference::Gateway& gateway;
        Prober& prober;
        Sources& sources;
        routing::NameTable& names;
        std::string mark{};  ///< "ek-1a2b3c4d": of this daemon's state
        Starter start{inference::engine::start_process};
        std::unique_ptr<inference::engine::Orphans> orphans{inference::engine::make_orphans()};
    };
    explicit OwnEngines(Parts parts) : parts_{std::move(parts)} {}

    /// Starts those that are new, ends those that are no longer named, and restarts those whose
    /// command has changed. Call it after Sources::apply.
    void apply(std::shared_ptr<const routing::Catalogue> catalogue);
    /// Looks at all of them and does what is next.
    void tick(const gate::Counters& counters);
    /// Ends all of them: after their last request, or `at_once`.
    void stop(bool at_once);
    /// No process is left.
    [[nodiscard]] bool gone() const noexcept;
    /// Something has happened: tick soon.
    [[nodiscard]] bool wants_look() const noexcept { return wants_look_; }
    /// When a model that is being loaded, or soon will be, is likely to take requests.
    [[nodiscard]] std::map<NameIx, BootTime> coming() const;

private:
    struct Engine {
        config::Provider provider{};
        std::int64_t memory_bytes{0};  ///< 0: not known
        std::int64_t asleep_bytes{0};
        NameIx source{};
        NameIx model{};
        std::string model_name{};  ///< as the engine calls it
        std::int64_t context{0};
        EngineAt at{};
        bool named{true};                        ///< by the configuration in force
        std::optional<config::Provider> next{};  ///< what it becomes as soon as it is off
        engines::Life life{};
        engines::Wish wish{engines::Wish::give_way};  ///< run or give_way, by `share`
        std::unique_ptr<inference::engine::Process> process{};
        bool orphan{false};  ///< one of an earlier daemon may be there
        bool accepted{false};
        bool asking{false};
        int run{0};  ///< answers to questions about an earlier start do not count
        BootTime next_question{};
        std::optional<bool> call{};
        std::string trouble{};
        BootTime load_began{};
        bool load_is_wake{false};
        std::optional<engines::milliseconds> load_took{};  ///< from start to ready, the last time
        std::optional<engines::milliseconds> wake_took{};
    };

    [[nodiscard]] std::string mark_of(const Engine& engine) const;
    /// Takes over what the configuration says of its model and memory.
    void fill(Engine& engine);
    /// Memory that engines on `hardware` can share; 1 where nobody knows it, as each of them then
    /// takes 1: only one runs at a time.
    [[nodiscard]] std::int64_t room_of(const std::string& hardware) const;
    void decide_wishes(const gate::Counters& counters, BootTime now);
    [[nodiscard]] engines::Tenant tenant(
        const Engine& engine, const gate::Counters& counters) const;
    [[nodiscard]] engines::Sight sight(Engine& engine, const gate::Counters& counters);
    [[nodiscard]] bool has_room(const Engine& engine, const gate::Counters& counters) const;
    [[nodiscard]] engines::Limits limits(const Engine& engine) const;
    /// From its next start, or from waking where it sleeps meanwhile, to ready; as it took last.
    [[nodiscard]] engines::milliseconds load_time(const Engine& engine) const;
    /// Steps until nothing more is to be done now.
    void advance(Engine& engine, const gate::Counters& counters, BootTime now);
    void perform(Engine& engine, engines::Do what, BootTime now);
    void start(Engine& engine, BootTime now);
    void signal(Engine& engine, int number);
    void ask(Engine& engine, BootTime now);
    void call(Engine& engine, std::string_view target);
    void show(Engine& engine, BootTime now);
    [[nodiscard]] std::string detail(const Engine& engine, BootTime now) const;

    Parts parts_;
    std::shared_ptr<const routing::Catalogue> catalogue_{};
    std::map<std::string, Engine> engines_{};  ///< by provider
    bool stopping_{false};
    bool looked_for_orphans_{false};
    bool at_once_{false};
    bool wants_look_{false};
};

}  // namespace evenkeel::agent
