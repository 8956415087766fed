#pragma once

#include "agent/ledger/reader.hpp"
#include "agent/reap/reaper.hpp"
#include "policies/config/diagnostic.hpp"
#include "policies/domain/error.hpp"
#include "policies/domain/money.hpp"
#include "policies/domain/time.hpp"
#include "providers/provider.hpp"

#include <boost/json/fwd.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// What `evenkeel doctor` and the page make of what was looked at. Pure: no file, no socket, no
/// clock.
namespace evenkeel::doctor {

enum class Level : std::uint8_t { ok, warn, fail };
/// "ok", "warn" or "FAIL".
[[nodiscard]] std::string_view to_text(Level level) noexcept;

/// One line of the list.
struct Finding {
    Level level{Level::ok};
    std::string check{};  ///< "price age"
    std::string text{};
    std::vector<std::string> run{};  ///< commands that mend it; any of them
    bool hazard{false};              ///< money may be lost unseen: exit status 6
};
using Findings = std::vector<Finding>;

struct LedgerFacts {
    std::string path{};
    int schema_newest{0};
    Result<ledger::Summary> summary{fail(Errc::not_found, "not looked at")};
    Result<ledger::Verification> verified{fail(Errc::not_found, "not looked at")};
    bool agent_runs{false};
    bool is_walked{true};  ///< false: `verified` was left out, and nothing is wrong with that
};
[[nodiscard]] Findings ledger_findings(const LedgerFacts& facts, UtcTime now);

struct ClockFacts {
    bool synchronised{false};
    std::chrono::microseconds offset{0};  ///< from the time that it is synchronised with
};
/// Further off than this, tariffs, windows and leases go by the wrong time.
inline constexpr std::chrono::seconds clock_off_max{2};
[[nodiscard]] Finding clock_finding(const Result<ClockFacts>& facts);

/// The exchange rates and everything else that checking the files has found.
[[nodiscard]] Findings configuration_findings(
    std::size_t files, std::span<const config::Diagnostic> found);

/// Of an `evenkeel.prices/1` document.
[[nodiscard]] Findings price_findings(const boost::json::object& prices);

/// The account at a provider, or why it cannot be asked.
struct AccountFacts {
    std::string provider{};
    std::string credential{};  ///< its file's name
    std::vector<std::string> troubles{};
    bool known{false};  ///< the provider has answered with this key
    std::optional<Money> balance{};
};
/// With how long the balance pays its dearest configured machine, from `prices`.
[[nodiscard]] Finding account_finding(const AccountFacts& facts, const boost::json::object& prices);

/// Of an `evenkeel.nodes/1` document: hazards, unknown machines.
[[nodiscard]] Findings node_findings(const boost::json::object& nodes);
/// Of a look at the providers without the agent: nobody else deals with what is found.
[[nodiscard]] Findings machine_findings(std::span<const reap::Findings> all);

struct DiskFacts {
    std::string path{};
    std::int64_t free_bytes{0};
    std::int64_t ledger_bytes{0};
};
inline constexpr std::int64_t disk_low_bytes = std::int64_t{1} << 30;
/// Below it the ledger may soon refuse to hold money: paid work ends.
inline constexpr std::int64_t disk_least_bytes = std::int64_t{64} << 20;
[[nodiscard]] Finding disk_finding(const DiskFacts& facts);

/// `limit`: open files that the agent may have. Every request holds two sockets.
[[nodiscard]] Finding descriptor_finding(
    std::int64_t limit, std::optional<std::int64_t> open, int connections, bool of_agent);

/// Less than this for the agent together with the engines it starts is told. The packaged unit
/// gives 1 GB, which is for the agent alone.
inline constexpr std::int64_t engine_memory_least = std::int64_t{4} << 30;
[[nodiscard]] Finding engine_memory_finding(std::optional<std::int64_t> limit_bytes);

/// A credential file or folder.
struct SecretFacts {
    std::string path{};
    std::string needed_by{};  ///< provider; empty: the folder
    std::optional<Error> error{};
    unsigned mode{0};
    unsigned mode_max{0600};  ///< no bit beyond these
};
[[nodiscard]] Findings secret_findings(std::span<const SecretFacts> secrets);

struct EngineFacts {
    std::string provider{};
    std::string url{};
    std::string state{};  ///< "ready", "loading", or why not
    bool ready{false};
};
[[nodiscard]] Findings engine_findings(std::span<const EngineFacts> engines);

/// One GPU of this host.
struct GpuFacts {
    int index{0};
    std::string sick{};  ///< why it is not to be trusted, and what to do; empty: it is
    std::optional<int> temperature_c{};
    std::optional<std::int64_t> power_milliwatts{};
    std::string slowed{};  ///< by heat or the power supply: "thermal"; empty: not
    std::optional<std::int64_t> ecc_uncorrected{};
};
/// `without` says why there is no telemetry. `configured`: indices that hardware entries name.
[[nodiscard]] Findings gpu_findings(
    std::span<const GpuFacts> gpus, const std::string& without, std::span<const int> configured);

struct Tally {
    int failures{0};
    int warnings{0};
    bool hazard{false};
};
[[nodiscard]] Tally tally(const Findings& findings) noexcept;
/// The list as people read it, with `evenkeel.doctor/1` as its other form.
[[nodiscard]] std::string doctor_text(const Findings& findings, bool quiet);
[[nodiscard]] std::string doctor_json(
    const Findings& findings, std::span<const std::string> mended, bool without_agent);

}  // namespace evenkeel::doctor
