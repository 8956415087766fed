#pragma once

#include "agent/control/fleet.hpp"
#include "agent/ledger/zone.hpp"
#include "inference/gateway/gateway.hpp"
#include "policies/routing/catalogue.hpp"

#include <map>
#include <optional>

namespace evenkeel::agent {

/// Keeps the gate's budgets aware of machine money as it accrues, and knows what the caps leave.
///
/// A machine counts with the larger of what was set aside for it and what it has cost so far, and
/// once it is gone with what was booked. Each tick the difference to what the gate already knows is
/// added, so a budget is passed neither by posting late nor by posting twice. Control thread only.
class Exposure {
public:
    Exposure(inference::Gateway& gateway, ledger::Zone zone)
        : gateway_{gateway}, zone_{std::move(zone)} {}

    void apply(std::shared_ptr<const routing::Catalogue> catalogue, Now now);
    /// What machines cost on the current day before this start, report nanos.
    void start_day(std::int64_t spent_report, Now now);
    /// A machine found in the ledger at the start: the gate's budgets hold this much of it already.
    void known(MachineId machine, std::int64_t report);

    void tick(const Fleet& fleet, Now now);
    /// When the present window of budget number `budget` ends.
    [[nodiscard]] UtcTime window_end(std::size_t budget) const;

    /// Machine money of the current local day, report nanos, what is set aside included.
    [[nodiscard]] std::int64_t day() const noexcept { return day_spent_; }
    /// Report nanos an hour of all machines that cost money now.
    [[nodiscard]] std::int64_t rate() const noexcept { return rate_; }
    /// Least headroom of the budgets that would count a rental of `model` from `provider`; nothing
    /// without such a budget. Counts `no_new_machines`, `local_only` and `refuse`.
    [[nodiscard]] std::optional<std::int64_t> headroom(
        const gate::Counters& counters,
        const std::string& provider,
        const std::string& model) const;

    /// What machines count that is not in the ledger yet, report nanos, of those that budget number
    /// `budget` counts: set aside or accrued, but not posted.
    [[nodiscard]] std::int64_t unposted(const Fleet& fleet, std::size_t budget) const;

private:
    static constexpr std::size_t all_budgets = ~std::size_t{0};
    /// The sum over the machines that `budget` counts of what was told and exceeds `spent(seat)`.
    template <class Spent>
    [[nodiscard]] std::int64_t beyond(
        const Fleet& fleet, std::size_t budget, const Spent& spent) const;
    [[nodiscard]] std::int64_t carried(const Fleet& fleet, Now now, std::size_t budget) const;
    void add(const Seat& seat, std::int64_t target);

    inference::Gateway& gateway_;
    ledger::Zone zone_;
    std::shared_ptr<const routing::Catalogue> catalogue_{};
    std::map<MachineId, std::int64_t> told_{};
    std::map<NameIx, UtcTime> windows_{};
    std::int64_t day_number_{0};
    std::int64_t day_spent_{0};
    std::int64_t rate_{0};
};

/// Bits of the budgets that count the electricity of own hardware: everything, own, and the local
/// provider that alone runs on it.
[[nodiscard]] std::uint64_t own_budgets(const config::Config& config, std::string_view hardware);

/// Bits of the budgets that count the money of a machine: everything, rentals, its provider, and
/// its model, unless that counts the internal price of the same work.
[[nodiscard]] std::uint64_t rental_budgets(
    const config::Config& config, std::string_view provider, std::string_view model);

}  // namespace evenkeel::agent
