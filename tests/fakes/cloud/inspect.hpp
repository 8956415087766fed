#pragma once

#include "tests/fakes/cloud/shop.hpp"

/// What tests read and turn, over HTTP without a key:
///
/// - GET /summary: counts a test checks at its end (live machines, double creates, calls on
///   strangers' machines, money by vendor)
/// - GET /machines: every machine there ever was, with its bill
/// - GET /calls?after=N: every call with a higher number
/// - GET /personalities: all troubles with their sentences, and which are on
/// - POST /personalities {"vendor","on":[{"name","times"?,"value"?}],"off":["name" or "*"]}
/// - POST /machines {"vendor","name","tags":[..],"creator":"orphan"|"foreign"}: makes one
/// - POST /machines/ID/vanish and POST /machines/ID/stop: in the console, now
/// - POST /stock {"stock":N} and POST /balance {"vendor","left":"12.50"}
namespace evenkeel::fakes::cloud {

[[nodiscard]] Reply inspect(Shop& shop, const Call& call, UtcTime now);

/// Applies one change of personalities, as POST /personalities takes it. Errors:
/// invalid_argument, naming what is wrong.
[[nodiscard]] Result<void> change_personality(Shop& shop, std::string_view json, UtcTime now);

}  // namespace evenkeel::fakes::cloud
