#pragma once

#include "lab/demo/document.hpp"
#include "lab/demo/setup.hpp"
#include "lab/player/player.hpp"
#include "policies/domain/money.hpp"
#include "policies/replay/trace.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What must hold at the end of the demo, as pure functions over the documents that the daemon, its
/// command line and the sandbox cloud print.
namespace evenkeel::lab::demo {

struct Check {
    std::string name{};
    bool ok{false};
    std::string detail{};  ///< one sentence: what was compared, or what is wrong
};

/// Every request of the trace was sent, had exactly one well-formed end at its client, and the
/// daemon (`status`, evenkeel.status/1) counted the same numbers.
[[nodiscard]] Check check_requests(const player::PlayerReport& report, const json::object& status);

/// `evenkeel ledger verify --json` ended with 0 and says that the books are sound.
[[nodiscard]] Check check_ledger(int exit_status, const json::object& verification);

/// The ledger's rental money (`spend`, evenkeel.spend/1) equals the cloud's own bill to the last
/// unit, and nothing will be added to that bill.
[[nodiscard]] Check check_bill(const json::object& spend, const json::object& bill);

/// The ledger counted as many requests as were played.
[[nodiscard]] Check check_ledger_requests(
    const player::PlayerReport& report, const json::object& spend);

/// Neither the cloud (`GET /v1/machines`) nor the daemon (evenkeel.nodes/1) knows a machine that is
/// not gone.
[[nodiscard]] Check check_machines(const json::object& cloud_list, const json::object& nodes);

/// Machines the cloud still has; nothing when the document does not say.
[[nodiscard]] std::optional<std::int64_t> machines_left(const json::object& cloud_list);

/// True when no request waits and every machine the daemon knows is gone.
[[nodiscard]] bool is_quiet(const json::object& status);

/// Costs of one kind of source, summed over the lines of a spend report.
struct KindCost {
    std::int64_t requests{0};
    Money cost{};
};
/// `kind` as in the report: "own", "rental", "api". Errors: invalid_response.
[[nodiscard]] Result<KindCost> cost_of_kind(const json::object& spend, std::string_view kind);
[[nodiscard]] Result<Money> total_of(const json::object& spend);

/// What the played rows would have cost otherwise.
struct Comparison {
    Money api_only{};   ///< exact: every token at the API's price
    Money always_on{};  ///< simulated: own GPU and one machine from start to end, API as overflow
    Money own_api{};    ///< simulated: own GPU, the API as the only overflow
};
[[nodiscard]] Result<Comparison> compare(
    const std::vector<replay::TraceRow>& rows, const World& world);

}  // namespace evenkeel::lab::demo
