#pragma once

#include "policies/capacity/learn.hpp"
#include "policies/config/config.hpp"
#include "policies/domain/id.hpp"
#include "policies/domain/time.hpp"
#include "policies/gate/gate.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace evenkeel::agent {

/// Name of the file in the state folder that keeps what was learnt over a restart.
inline constexpr const char* speeds_file = "speeds";

/// What workers were measured to do, by the offer they serve, from the gateway's counters. Machines
/// of one offer are taken as alike. Lives on the control thread.
class Speeds {
public:
    /// Reads what an earlier run learnt in `state`; a file that cannot be read is begun anew, with
    /// a warning in the log.
    explicit Speeds(const std::filesystem::path& state);

    /// A worker's counters, the gateway's or its engine's own.
    struct Counted {
        NameIx source{};
        int in_flight{0};
        std::int64_t finished{0};  ///< the gateway's only
        std::int64_t tokens_in{0};
        std::int64_t tokens_out{0};
    };
    /// Looks at one worker; call about once a second. `offer` and `model` are what it serves,
    /// `seed` what is thought of it until it was measured.
    void look(
        const config::Model& model,
        const config::Offer& offer,
        const capacity::Profile& seed,
        const Counted& counted,
        capacity::Counting counting,
        BootTime now);
    /// The engine says how many tokens its cache holds.
    void cache(
        const config::Model& model,
        const config::Offer& offer,
        const capacity::Profile& seed,
        std::int64_t kv_tokens);
    /// Forgets the windows of workers that were not looked at lately, and writes the file when
    /// something was learnt and it is time.
    void tick(BootTime now);
    /// Writes the file if anything was learnt since it was written.
    void save();

    /// What a worker of the offer can do: `seed` until enough was seen.
    [[nodiscard]] capacity::Profile profile(
        const config::Model& model,
        const config::Offer& offer,
        const capacity::Profile& seed) const;
    /// The same for the gate, by its clock, which runs `clock` times as fast as the world. Nothing
    /// known (no seed, not enough seen) is a default one: then only slots count.
    [[nodiscard]] gate::Speed speed(
        const config::Model& model,
        const config::Offer& offer,
        const std::optional<capacity::Profile>& seed,
        std::int64_t clock) const;
    /// Nothing until enough was seen.
    [[nodiscard]] const capacity::Learned* measured(
        const config::Model& model, const config::Offer& offer) const;

private:
    [[nodiscard]] capacity::Learned* kind(
        const config::Model& model, const config::Offer& offer, const capacity::Profile& seed);

    struct Worker {
        capacity::Watch watch{};
        capacity::Counting counting{capacity::Counting::at_end};
        BootTime seen{};
    };
    std::filesystem::path file_;
    std::map<std::string, capacity::Learned, std::less<>> kinds_{};
    std::map<NameIx, Worker> workers_{};
    bool changed_{false};
    BootTime written_{};
};

}  // namespace evenkeel::agent
