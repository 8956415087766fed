#pragma once

#include "agent/ledger/reader.hpp"
#include "agent/ledger/zone.hpp"
#include "policies/config/config.hpp"
#include "policies/replay/rows.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>

/// The requests of this installation, from its ledger, as rows of a replay.
namespace evenkeel::agent {

/// From `since` on and before `until`.
struct Span {
    UtcTime since{};
    UtcTime until{};
    friend bool operator==(const Span&, const Span&) = default;
};

/// What was asked of one model. Refused requests and those whose client went away are part of it.
struct ModelDemand {
    std::int64_t requests{0};
    std::int64_t sized{0};  ///< of them, those whose tokens are known
    std::int64_t tokens_in{0};
    std::int64_t tokens_cached{0};  ///< of tokens_in
    std::int64_t tokens_out{0};
    UtcTime first{};
    UtcTime last{};

    /// Tokens of a request whose own are not known: the mean of the others. 0 without any.
    [[nodiscard]] std::int64_t mean_in() const noexcept;
    [[nodiscard]] std::int64_t mean_out() const noexcept;
    /// Of a replay: those without a size go in at the mean, unless there is none.
    [[nodiscard]] std::int64_t replayed() const noexcept { return sized == 0 ? 0 : requests; }
    /// From the first to the last request.
    [[nodiscard]] std::chrono::microseconds length() const noexcept { return last - first; }
};

/// What was asked for in a span, by the model whose workers it was meant for.
struct Demand {
    Span span{};
    std::map<std::string, ModelDemand> models{};
    std::int64_t nameless{0};  ///< a crash or the client cut them off before their model was stored

    /// Of one model; nothing asked for when it is not there.
    [[nodiscard]] ModelDemand of(const std::string& model) const;
    /// Of all models.
    [[nodiscard]] ModelDemand all() const;
};

/// Tells whose demand a request was. The ledger keeps the model that answered: for one that an API
/// took because no worker had room, this is the API's, and the demand was that of the first model
/// with workers among those of its route.
class Attribution {
public:
    Attribution(const config::Config& config, const std::vector<ledger::NameRow>& names);
    [[nodiscard]] NameIx model(
        NameIx answered, NameIx route, SourceKind kind, ReasonCode reason) const;
    /// Empty for a number without a name.
    [[nodiscard]] std::string text(NameIx model) const;

private:
    std::map<NameIx, std::string> texts_{};
    std::map<NameIx, bool> has_workers_{};  ///< by model
    std::map<NameIx, NameIx> queue_of_{};   ///< by route
};

/// Reads the sums of a span. `config` says which models have workers and what routes use. Errors:
/// those of Reader.
[[nodiscard]] Result<Demand> read_demand(
    ledger::Reader& reader, const config::Config& config, Span span);

/// The requests for one model, with times from `demand.span.since` on, read page by page; none
/// when no request has a size. The reader outlives every source opened. A source ends with
/// Errc::cancelled when `stop` says so.
[[nodiscard]] Result<replay::OpenRows> requests_for(
    ledger::Reader& reader,
    const config::Config& config,
    const Demand& demand,
    const std::string& model,
    const std::stop_token& stop = {});

/// "2026-11-01" (midnight in `zone`; for the end of a span the midnight after it), or how long ago:
/// "30d", "24h". Errors: invalid_argument.
enum class Edge { since, until };
[[nodiscard]] Result<UtcTime> time_from(
    const std::string& text, Edge edge, const ledger::Zone& zone, UtcTime now);

}  // namespace evenkeel::agent
