#pragma once

#include "policies/config/config.hpp"
#include "policies/domain/id.hpp"
#include "policies/gate/gate.hpp"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace evenkeel::routing {

enum class NameKind : std::uint8_t { model, route, key, source, provider, offer, budget, tag };

/// Text <-> dense number, one counter for all kinds, append-only: a number is never reused, so rows
/// and counters stay readable across reloads. Seeded from the ledger's `name` table; `fresh` is
/// told about every new one so that it can be stored. Not thread-safe (the control thread owns it).
class NameTable {
public:
    struct Entry {
        NameKind kind{};
        std::string text{};
    };
    /// The number of `text`, making one if needed.
    NameIx intern(NameKind kind, std::string_view text);
    /// Restores a stored row. Precondition: numbers come in ascending order without holes from 1.
    void restore(NameIx ix, NameKind kind, std::string_view text);
    [[nodiscard]] const Entry& entry(NameIx ix) const;  ///< precondition: given out by us
    [[nodiscard]] std::string_view text(NameIx ix) const { return entry(ix).text; }
    [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

private:
    std::vector<Entry> entries_{};
    std::map<std::pair<NameKind, std::string>, NameIx, std::less<>> index_{};
};

/// An API offer ready to be priced.
struct ApiOffer {
    NameIx source{};
    NameIx provider{};
    NameIx model{};
    std::string seller_model{};  ///< what the API calls it
    config::TokenPrices price{};
    int max_in_flight{64};
};

/// One immutable, compiled policy: what a request is admitted under. Requests keep it alive.
struct Catalogue {
    std::int64_t revision{0};
    config::Config config{};
    struct ModelEntry {
        NameIx ix{};
        const config::Model* model{nullptr};
        bool has_workers{false};  ///< own or rental offers exist
        std::vector<ApiOffer> apis{};
    };
    std::vector<ModelEntry> models{};  ///< same order as config.models
    std::vector<NameIx> routes{};      ///< same order as config.routes
    std::vector<NameIx> budgets{};     ///< same order as config.budgets; bit i of Arrival::budgets

    [[nodiscard]] const ModelEntry* model(std::string_view name_or_alias) const noexcept;
    [[nodiscard]] const ApiOffer* api(NameIx source) const noexcept;
};

/// Compiles `config`; every name gets its number from `names`.
[[nodiscard]] std::shared_ptr<const Catalogue> compile(
    config::Config config, std::int64_t revision, NameTable& names);

struct Ask {
    std::string_view model{};  ///< as the client wrote it
    std::string_view key_name{};
    NameIx key{};
    /// Looks up a request header by lower-case name; empty view when absent.
    std::string_view (*header)(const void* context, std::string_view name){nullptr};
    const void* header_context{nullptr};
    std::int64_t tokens_in{0};           ///< estimate
    std::int64_t max_tokens{0};          ///< the client's ceiling; 0 = not stated
    std::int64_t tokens_out_guess{256};  ///< learned mean of the model
    BootTime now{};
};

/// How one request may be served; feeds straight into Gate::arrive.
struct RoutePlan {
    const config::Route* route{nullptr};
    const Catalogue::ModelEntry* model{nullptr};  ///< first model of `use` that applies
    gate::Arrival arrival{};
};

/// First matching route wins. Errors: not_found (no such model, message names near ones), refused
/// (no route, or `max_cost` allows no source and no own worker exists), invalid_argument.
[[nodiscard]] Result<RoutePlan> plan(const Catalogue& catalogue, const Ask& ask);

/// Amount in the report currency, rounded up; fails when the currency has no rate.
[[nodiscard]] Result<std::int64_t> to_report(
    const config::CurrencyRules& rules, Money amount, Rounding rounding);

/// The budgets' limits as the gate needs them, in report nanos, with nothing settled yet.
[[nodiscard]] gate::Policy gate_policy(const Catalogue& catalogue);

}  // namespace evenkeel::routing
