#pragma once

#include "agent/config/credentials.hpp"
#include "agent/control/inbox.hpp"
#include "agent/control/prober.hpp"
#include "agent/ledger/ledger.hpp"
#include "inference/gateway/gateway.hpp"
#include "policies/routing/catalogue.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace evenkeel::agent {

/// A source that the configuration names: an own engine or an API.
struct ConfiguredSource {
    inference::SourceInfo info{};
    std::string what{};  ///< "desk (own)"
    std::string engine{};
    std::string hardware{};
    bool started{false};   ///< by us: it takes requests only while `admitted`
    bool admitted{false};  ///< see Sources::admit
    bool up{false};        ///< the gateway gives it work
    bool probing{false};
    int failures{0};  ///< probes in a row
    BootTime next_probe{};
    BootTime since{};       ///< in this state
    std::string trouble{};  ///< why it is down; empty when up
    std::string phase{};    ///< of one that we start, while it is not up: "starting"
};

/// "http://127.0.0.1:8091/v1" taken apart.
struct Endpoint {
    bool tls{false};
    std::string host{};
    std::uint16_t port{0};
    std::string prefix{};  ///< "/v1"; empty when there is none
};
/// Errors: invalid_argument.
[[nodiscard]] Result<Endpoint> parse_endpoint(std::string_view url);

/// Keeps the gateway's own and API sources as the policy names them, and own engines under
/// observation: one that does not answer gets no work until it does. Lives on the control thread.
class Sources {
public:
    struct Parts {
        Inbox inbox;
        const Clock& clock;
        ledger::Ledger& ledger;
        inference::Gateway& gateway;
        Prober& prober;
        routing::NameTable& names;
        const Credentials& credentials;
    };
    explicit Sources(Parts parts) : parts_{parts} {}

    /// Adds new sources, changes known ones, drains those the policy no longer names. What cannot
    /// be used (missing credential, no driver) is left out and told by `warnings`; a source that
    /// works already goes on as it was then.
    void apply(const routing::Catalogue& catalogue);
    /// Starts the probes that are due, and lets drained sources go; call each tick with the
    /// gateway's counters.
    void tick(const gate::Counters& counters);
    /// The gateway had trouble with a source: looks at it at once.
    void suspect(NameIx source);
    /// Own engines on these pieces of hardware take no work while they are named here, with why;
    /// what runs there may end.
    void distrust(std::map<std::string, std::string> sick);
    /// This hardware is among those of the last `distrust`.
    [[nodiscard]] bool distrusts(const std::string& hardware) const {
        return sick_.contains(hardware);
    }

    /// An engine that we start answers as wanted: it takes requests while its probes succeed.
    void admit(NameIx source);
    /// It takes none, whatever its probes say; `phase` and `trouble` are shown.
    void withdraw(NameIx source, std::string phase, std::string trouble);

    [[nodiscard]] const std::map<NameIx, ConfiguredSource>& all() const noexcept {
        return sources_;
    }
    [[nodiscard]] const std::vector<std::string>& warnings() const noexcept { return warnings_; }
    /// Every own engine that runs without us has been looked at once.
    [[nodiscard]] bool looked() const noexcept;

private:
    [[nodiscard]] Result<ConfiguredSource> make(
        const config::Model& model, const config::Offer& offer, const config::Provider& provider);
    void probed(NameIx source, const Result<inference::engine::Health>& health);
    /// Asks an engine that is healthy for one completion; it is up when that comes.
    void try_out(ConfiguredSource& source);
    void set_up(ConfiguredSource& source, bool up, std::string trouble);
    void probe_due();

    Parts parts_;
    std::map<NameIx, ConfiguredSource> sources_{};
    std::set<NameIx> leaving_{};  ///< no longer named; gone when their last request has ended
    std::map<std::string, std::string> sick_{};  ///< hardware, and why
    std::vector<std::string> warnings_{};
    std::chrono::nanoseconds probe_every_{std::chrono::seconds{5}};
};

}  // namespace evenkeel::agent
