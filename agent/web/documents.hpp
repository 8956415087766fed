#pragma once

#include "agent/control/view.hpp"
#include "agent/ledger/reader.hpp"
#include "agent/ledger/zone.hpp"
#include "agent/web/query.hpp"
#include "policies/domain/error.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The documents of the page: /ui/api/NAME. Each is made on a worker thread from the ledger and one
/// picture of the running agent.
namespace evenkeel::web {

class MeasuredUses;
class Verifier;

/// What documents are made from. One for each answer.
struct Desk {
    std::filesystem::path state{};
    std::filesystem::path config{};
    ledger::Zone zone{};  ///< of booking days
    std::shared_ptr<const agent::View> view{};
    UtcTime now{};
    Verifier* verifier{nullptr};  ///< this and the next are never null where they are used
    MeasuredUses* uses{nullptr};
    /// Asked now and then by what reads for long: true ends the work.
    std::function<bool()> give_up{};

    /// A reader of its own for each document; it gives up when the desk does. Errors: as
    /// Reader::open.
    [[nodiscard]] Result<ledger::Reader> reader() const;
};

struct Document {
    std::string_view path{};  ///< behind /ui/api/
    std::vector<std::string_view> parameters{};
    Result<std::string> (*make)(const Desk&, const Query&){nullptr};
};

/// All of them.
[[nodiscard]] std::span<const Document> documents() noexcept;

/// What documents hold at most, and how far back they look.
inline constexpr std::size_t machines_max = 500;
inline constexpr std::chrono::hours waits_back_max{7 * 24};
inline constexpr std::int64_t waits_rows_max = 2'000'000;
inline constexpr std::chrono::hours gpu_minutes_back_max{24};
inline constexpr int policies_max = 200;
inline constexpr int energy_days_max = 31;

/// evenkeel.machines/1: every machine that is not gone, and those gone since; the newest first.
[[nodiscard]] Result<std::string> machines_document(const Desk& desk, const Query& query);
/// evenkeel.routing/1: requests and money by route and source, and how long requests waited.
[[nodiscard]] Result<std::string> routing_document(const Desk& desk, const Query& query);
/// evenkeel.gpus/1: own GPUs now and before.
[[nodiscard]] Result<std::string> gpus_document(const Desk& desk, const Query& query);
/// As `evenkeel keys list --json`.
[[nodiscard]] Result<std::string> keys_document(const Desk& desk, const Query& query);
/// evenkeel.policy-history/1: what was in force, with the files of one version and the one before.
[[nodiscard]] Result<std::string> policy_document(const Desk& desk, const Query& query);
/// evenkeel.policy-draft/1: the files as they lie on disk beside what is in force: findings, cases
/// of policy.test.yaml, the plan saved last.
[[nodiscard]] Result<std::string> policy_draft_document(const Desk& desk, const Query& query);
/// evenkeel.health/1: what `evenkeel doctor` finds of an agent that runs, without what it asks over
/// the network.
[[nodiscard]] Result<std::string> health_document(const Desk& desk, const Query& query);
/// As `evenkeel ledger verify --json`; kept for a minute or longer.
[[nodiscard]] Result<std::string> verify_document(const Desk& desk, const Query& query);
/// As `evenkeel breakeven --json`, with the options of the command.
[[nodiscard]] Result<std::string> breakeven_document(const Desk& desk, const Query& query);

/// As `evenkeel report spend --json`, with `--days` and with `--hours`.
[[nodiscard]] Result<std::string> spend_document(const Desk& desk, const Query& query);
[[nodiscard]] Result<std::string> spend_days_document(const Desk& desk, const Query& query);
[[nodiscard]] Result<std::string> hours_document(const Desk& desk, const Query& query);
/// As `evenkeel report savings|idle|forecast --json`.
[[nodiscard]] Result<std::string> savings_document(const Desk& desk, const Query& query);
[[nodiscard]] Result<std::string> idle_document(const Desk& desk, const Query& query);
[[nodiscard]] Result<std::string> forecast_document(const Desk& desk, const Query& query);
/// As `evenkeel ledger show --json` and `ledger reconcile --json`.
[[nodiscard]] Result<std::string> ledger_document(const Desk& desk, const Query& query);
[[nodiscard]] Result<std::string> reconcile_document(const Desk& desk, const Query& query);

/// What the control socket is told to bring a saved plan into force. Errors: invalid_argument (no
/// name of a plan), not_found, corrupt, refused (something that must be meant was not confirmed).
[[nodiscard]] Result<std::string> apply_order(
    const std::filesystem::path& state,
    const std::string& name,
    const std::vector<std::string>& confirmed);

}  // namespace evenkeel::web
