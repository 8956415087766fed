#pragma once

#include "providers/drivers.hpp"
#include "providers/http/lines.hpp"
#include "tests/unit/provider_http/scripted_client.hpp"

#include <functional>
#include <string>
#include <vector>

namespace evenkeel::providers::testing {

inline constexpr std::string_view kit_mark = "ek-1a2b3c4d";
inline constexpr std::string_view kit_name = "ek-1a2b3c4d-01jd9z";

/// What the contract of providers::Provider needs to know of one provider's dialect to script it.
struct Kit {
    std::string kind{};
    std::function<std::unique_ptr<Provider>(DriverOptions, ClientPair, const Clock&, Pause)> make{};
    std::string id{};
    std::string other_id{};
    std::string running{};  ///< the provider's word for it
    Price price{};          ///< of the machine that `machine` writes
    /// One machine as JSON. `price` is the member with its price, or empty to leave it out.
    std::function<std::string(std::string_view id, std::string_view name, std::string_view status)>
        machine{};
    std::function<std::string(std::string text)> without_price{};
    std::function<HttpResponse(std::string_view machine)> created{};
    std::function<HttpResponse(std::string_view machine)> got{};
    std::function<void(ScriptedClient&, const std::vector<std::string>& machines)> list{};
    std::function<HttpResponse(std::string_view id)> destroyed{};
    /// A create refused with `text` as the provider's own sentence.
    std::function<HttpResponse(std::string_view text)> complaint{};
    bool answers_with_name{true};  ///< a created machine's answer names it
};

/// One for each word of rental_kinds.hpp.
[[nodiscard]] const std::vector<Kit>& kits();
[[nodiscard]] const Kit& kit_of(std::string_view kind);

/// A spec that every driver accepts; its secrets are marked.
[[nodiscard]] MachineSpec kit_spec(const Kit& kit);
/// Everything that must stand in no message.
[[nodiscard]] const std::vector<std::string>& kit_secrets();
[[nodiscard]] DriverOptions kit_options(const Kit& kit);

}  // namespace evenkeel::providers::testing
