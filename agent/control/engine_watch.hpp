#pragma once

#include "agent/control/prober.hpp"
#include "agent/control/speeds.hpp"
#include "inference/gateway/gateway.hpp"
#include "policies/routing/catalogue.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string_view>

namespace evenkeel::agent {

/// Asks engines that count what they do (`/metrics`) once a second: their load is told to the
/// gate, their work to `Speeds`, for they know both better than the gateway, which only sees its
/// own requests begin and end. Lives on the control thread.
class EngineWatch {
public:
    struct Parts {
        const Clock& clock;
        Prober& prober;
        inference::Gateway& gateway;
        Speeds& speeds;
    };
    /// A worker and what it serves; the pointers are into the catalogue it is looked at with.
    struct Worker {
        NameIx source{};
        const config::Model* model{nullptr};
        const config::Offer* offer{nullptr};
        capacity::Profile seed{};
        int slots{1};
    };
    explicit EngineWatch(Parts parts) : parts_{parts} {}

    /// Whether engines of this kind have metrics ("vllm", "llama.cpp", ...).
    [[nodiscard]] static bool can_ask(std::string_view engine) noexcept;

    /// Asks the worker if it is time. `at` is called only then.
    void look(
        const Worker& worker,
        const std::shared_ptr<const routing::Catalogue>& catalogue,
        const std::function<EngineAt()>& at);
    /// Whether the engine's own counters are being learnt from, so that the gateway's are not
    /// needed.
    [[nodiscard]] bool counts(NameIx source) const;
    /// Forgets workers that were not looked at lately.
    void tick();

private:
    struct Watched {
        BootTime next{};
        BootTime seen{};
        bool asking{false};
        bool counts{false};
        std::optional<std::int64_t> told{};  ///< tokens in its cache, told to the gate last
    };
    void answered(
        const Worker& worker,
        std::int64_t speed,
        const Result<inference::engine::Metrics>& metrics);

    Parts parts_;
    std::map<NameIx, Watched> watched_{};
};

}  // namespace evenkeel::agent
