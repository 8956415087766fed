#pragma once

#include "policies/config/keys.hpp"
#include "policies/config/load.hpp"
#include "policies/config/tree.hpp"

#include <array>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Checks between keys and between files: names that must exist, prices that must fit, money that
/// must have a rate. Internal to policies/config.
namespace evenkeel::config {

/// The four documents in the order of `File`; a missing one is null. Trees have been walked.
using Documents = std::array<Document*, 4>;

/// A name with its place, for lookups and messages.
struct ProviderRef {
    const Entry* entry{nullptr};
    std::string_view kind{};  ///< empty when it was wrong
};
struct OfferRef {
    std::string name{};
    const Node* node{nullptr};
    const Entry* model{nullptr};
    const ProviderRef* provider{nullptr};  ///< null when unknown
};

/// What the files define, by name. Where a file could not be read, its flag is false, and nobody
/// complains about names that it might have defined.
struct Index {
    std::map<std::string_view, ProviderRef> providers{};
    std::map<std::string_view, const Entry*> models{};  ///< by name and alias
    std::vector<std::string_view> model_names{};        ///< without aliases
    std::vector<OfferRef> offers{};
    std::map<std::string, std::size_t, std::less<>> offer_places{};  ///< first offer of each name
    std::map<std::string_view, const Node*> hardware{};
    std::map<std::string_view, const Node*> routes{};
    std::string report_currency{"USD"};
    std::map<std::string_view, const Node*> rates{};
    bool has_daemon{false};  ///< evenkeel.yaml could be read, or is missing and so all defaults
    bool has_providers{false};
    bool has_models{false};
    bool has_routes{false};

    [[nodiscard]] const OfferRef* offer(std::string_view name) const noexcept;
    /// What an entry of scaling.offers means: the offer of that name, or the only offer of the
    /// provider of that name for `model`.
    [[nodiscard]] const OfferRef* resolve(
        std::string_view entry, const Entry* model) const noexcept;
};

[[nodiscard]] Index make_index(const Documents& documents);

/// "own", "rental", "api", or "" for an unknown kind.
[[nodiscard]] std::string_view source_kind(std::string_view provider_kind) noexcept;

/// Shared by the two halves below.
class Checker {
public:
    Checker(const Documents& documents, const Index& index, Date today, Findings& findings)
        : documents_{documents}, index_{index}, today_{today}, findings_{findings} {}

    void check_daemon();
    void check_providers();
    void check_models();
    void check_policy();

private:
    Diagnostic& report(
        File file, const Spot& spot, std::string_view code, std::string message, std::string path);
    [[nodiscard]] const Node* root(File file) const noexcept;
    void need_rate(File file, const Node* node, const std::string& path);
    void need_past(File file, const Node* node, const std::string& path);

    void check_rates();
    void check_tariff();
    void check_hardware();
    void check_listen();
    void check_limits();
    void check_provider(const Entry& provider);
    void check_start(const Entry& provider);
    void check_start_ports();
    void check_aliases();
    void check_offer(const OfferRef& offer, const std::string& path);
    void check_price(const OfferRef& offer, std::string_view kind, const std::string& path);
    void check_tiers(const Node* price, const std::string& path);
    void check_internal_price(const Entry& model);
    void check_retirement(const OfferRef& offer, const std::string& path);
    void unknown_provider(File file, const Node& name, const std::string& path);
    void check_offer_names();
    void check_memory(const OfferRef& offer, const std::string& path);
    void check_routes();
    void check_route_models(const Node& route, const std::string& path);
    void check_budgets();
    void check_budget(const Node& budget, const std::string& path);
    /// The least that renting an offer costs, in the report currency.
    struct SmallestBill {
        const OfferRef* offer{nullptr};
        std::int64_t nanos{0};
    };
    [[nodiscard]] std::vector<SmallestBill> smallest_bills() const;
    void check_smallest_bill(
        const Node& budget, std::span<const SmallestBill> bills, const std::string& path);
    void check_scaling();
    void check_scaling_entry(const Node& entry, const std::string& path);
    void check_scaling_offers(const Node& entry, const std::string& path);
    void check_unused_rentals();
    void check_breakeven();
    void check_model_name(
        File file, const Node* node, std::string_view what, const std::string& path);
    void unique_names(File file, const Node* list, std::string_view key, const std::string& path);
    void not_above(
        File file,
        const Node* low,
        const Node* high,
        std::string_view code,
        std::string message,
        const std::string& path);
    [[nodiscard]] std::optional<std::int64_t> in_report(const Value& amount) const;

    const Documents& documents_;
    const Index& index_;
    Date today_;
    Findings& findings_;
};

}  // namespace evenkeel::config
