#pragma once

#include "policies/domain/error.hpp"
#include "policies/domain/money.hpp"
#include "policies/domain/price.hpp"
#include "providers/http/client.hpp"
#include "providers/http/exact_json.hpp"
#include "providers/provider.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Small readers and writers that every provider's wire format needs.
namespace evenkeel::providers {

/// `text` with everything but unreserved characters percent-encoded (RFC 3986).
[[nodiscard]] std::string url_encode(std::string_view text);

/// An id that can stand in a path: letters, digits, '-', '_', '.', at most 128, not only dots.
[[nodiscard]] bool is_path_id(std::string_view id) noexcept;

/// "ek-" and eight hexadecimal digits: the mark of an agent (DESIGN section 5).
[[nodiscard]] bool is_owner_mark(std::string_view text) noexcept;

/// The mark in a machine's name "ek-<agent id>-<intent>"; empty when the name has another form. For
/// providers without tags.
[[nodiscard]] std::string owner_mark_of_name(std::string_view name);

/// A short printable word of `object`; empty when it is missing, not a string, longer than 256
/// bytes, or holds control characters.
[[nodiscard]] std::string word(const exact_json::Value& object, std::string_view key);
/// A whole number within [low, high]; `low` when missing, clamped when outside.
[[nodiscard]] int whole_within(
    const exact_json::Value& object, std::string_view key, int low, int high);

/// An amount of `currency` from a JSON number or string, in whole nano-units. Exponents are read,
/// and decimals beyond the ninth are rounded half-even: vendors print binary floats. Never goes
/// through a double. Nothing when it is missing, no number, or out of range.
[[nodiscard]] std::optional<Money> amount_of(
    const exact_json::Value* value, Currency currency) noexcept;
/// The same for an hourly price; nothing also for zero and below: a price of nothing is unknown.
[[nodiscard]] std::optional<Price> hourly_price_of(
    const exact_json::Value* value, Currency currency) noexcept;

/// What a provider wrote about a failure, made fit for our messages: printable ASCII, at most 160
/// bytes, long words (keys, encoded text) and everything in `secrets` replaced by "***".
[[nodiscard]] std::string public_detail(
    std::string_view text, std::span<const std::string> secrets = {});

/// What of one machine's secrets a provider could repeat in an error, the long words of its start
/// text and arguments included: for `public_detail`.
[[nodiscard]] std::vector<std::string> secrets_of(const MachineSpec& spec);

/// Nothing wrong with what every provider wants of a create: a name of lower-case letters, digits
/// and dashes that begins and ends without a dash (at most 63), an owner mark that begins it, and a
/// `user_data` of printable ASCII of at most `user_data_max` bytes. Errors: rejected, nothing was
/// sent.
[[nodiscard]] Result<void> check_spec(const MachineSpec& spec, std::size_t user_data_max);

/// Errors that mean the same for every call and provider. `who` begins the sentence ("RunPod"),
/// `detail` (may be empty; made with `public_detail`) ends it. `lost` is what a 5xx, a 408 and an
/// unreadable answer mean: outcome_unknown for calls with an effect, unavailable for reads.
/// 401, 403 -> unauthorized; 404 -> invalid_response (a 404 in the provider's own words is the
/// caller's to recognise first); 409, 423 -> conflict; 429 -> rate_limited; other 4xx and 3xx ->
/// rejected.
[[nodiscard]] Error general_error(
    std::string_view who, const HttpResponse& response, std::string_view detail, Errc lost);

/// `invalid_response`: "RunPod's list is unreadable: <why>".
[[nodiscard]] std::unexpected<Error> unreadable(
    std::string_view who, std::string_view what, std::string_view why);
/// `outcome_unknown`: "RunPod accepted the create, but <why>".
[[nodiscard]] std::unexpected<Error> unclear_create(std::string_view who, std::string_view why);

}  // namespace evenkeel::providers
