#pragma once

#include "lab/demo/setup.hpp"
#include "renting_scene.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace evenkeel::integration {

/// Where the pieces of a renting scene are.
struct RentingPlaces {
    std::string base_url{};  ///< of the vendor
    std::string ca_file{};   ///< to trust there; empty: the system's authorities
    std::uint16_t api{0};
    std::uint16_t admin{0};
    std::uint16_t engine{0};  ///< of the own one
};

/// The daemon's files: one own engine, one vendor, one rule that rents from it. Every duration of
/// the policy is divided by the world's speed, every hourly price multiplied.
[[nodiscard]] std::vector<lab::demo::TextFile> renting_config(
    const RentingWorld& world, const RentingPlaces& places);

}  // namespace evenkeel::integration
