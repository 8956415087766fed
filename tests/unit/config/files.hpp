#pragma once

#include "policies/config/keys.hpp"
#include "tests/unit/config/support.hpp"

#include <string>
#include <string_view>

/// The four files of a configuration in few words, for tests of checks between them.
namespace evenkeel::config::test {

inline constexpr File ek = File::evenkeel;
inline constexpr File pr = File::providers;
inline constexpr File mo = File::models;
inline constexpr File po = File::policy;

inline std::string daemon(std::string_view lines) {
    return "version: 1\n" + std::string{lines} + "\n";
}
inline std::string providers(std::string_view lines) {
    return base_texts[1] + std::string{lines} + "\n";
}
inline std::string models(std::string_view lines) {
    return base_texts[2] + std::string{lines} + "\n";
}
inline std::string policy(std::string_view lines) {
    return base_texts[3] + std::string{lines} + "\n";
}
inline std::string routes(std::string_view rest) {
    return "version: 1\nscaling: [{name: burst, model: m, offers: [cloud], max_price: 5 USD/h, "
           "max_life: 6h}]\nroutes: [" +
           std::string{rest} + "]\n";
}
inline std::string scaling(std::string_view rest) {
    return "version: 1\nroutes: [{name: all, use: [m]}]\nscaling: [" + std::string{rest} + "]\n";
}

}  // namespace evenkeel::config::test
