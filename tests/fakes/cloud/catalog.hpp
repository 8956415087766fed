#pragma once

#include "policies/domain/money.hpp"
#include "tests/fakes/cloud/personality.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace evenkeel::fakes::cloud {

/// A type of machine a vendor lists. Prices are for the whole machine (DigitalOcean, Lambda) or for
/// one GPU (RunPod), in nano-dollars an hour; a price of 0 means "not sold in that cloud".
struct Sku {
    Vendor vendor{};
    std::string_view slug{};   ///< size slug, GPU type id, or instance type name
    std::string_view title{};  ///< what people read
    std::string_view gpu{};    ///< GPU model in the vendor's words; empty: no GPU
    int gpus{1};               ///< of a machine; for RunPod the most one pod can have
    int vram_gib{0};           ///< of one GPU
    int vcpus{0};
    int memory_gib{0};
    int disk_gib{0};
    std::int64_t nanos_per_hour{0};
    std::int64_t community_nanos_per_hour{0};
    std::span<const std::string_view> regions{};
};

/// What `vendor` lists.
[[nodiscard]] std::span<const Sku> catalog(Vendor vendor) noexcept;
/// Nothing when it lists none of that name.
[[nodiscard]] const Sku* find_sku(Vendor vendor, std::string_view slug) noexcept;
/// What comes instead under wrong_gpu, in the vendor's words.
[[nodiscard]] std::string_view other_gpu(Vendor vendor) noexcept;

/// DigitalOcean's regions, and RunPod's data centres: slug and name.
struct Place {
    std::string_view slug{};
    std::string_view title{};
};
[[nodiscard]] std::span<const Place> places(Vendor vendor) noexcept;

}  // namespace evenkeel::fakes::cloud
