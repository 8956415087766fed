#pragma once

#include "policies/replay/replay.hpp"

/// A cost that no policy can go below, whatever it knows.
namespace evenkeel::replay {

/// A lower bound of `Totals::j` over all ways to serve these rows in this world; `options.policy`
/// counts for nothing, `options.scaling.max` and the prices do.
///
/// The relaxed problem has slots of D = min(120 s, boot / 2). A request is answered in its slots,
/// from arrival to the latest end that is in time, by own engines, rented ones or the API, also in
/// parts; each costs at least its share of engine time at a full batch. A rental of so many slots
/// costs them and boot - 2 D more. Minimum bills, drains, cache room, first tokens and the one
/// engine that a request really needs are left out, and a late request costs as much as the API.
/// Every choice of prices for the capacity of the slots gives a valid bound (weak duality): a
/// subgradient method looks for good ones, and the best value seen is returned. Zero at least.
/// Memory follows the number of rows. Errors: those of the rows; invalid_argument without a machine
/// price.
[[nodiscard]] Result<Money> lower_bound(const OpenRows& rows, const Options& options);

}  // namespace evenkeel::replay
