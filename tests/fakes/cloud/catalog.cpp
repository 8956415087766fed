#include "tests/fakes/cloud/catalog.hpp"

#include <algorithm>
#include <array>

// What the vendors listed in the autumn of 2026, as far as it was public; the stock is invented.
// https://docs.digitalocean.com/products/droplets/details/pricing/ (regions: several readings),
// https://docs.runpod.io/pods/pricing, https://lambda.ai/pricing
namespace evenkeel::fakes::cloud {

namespace {

using std::string_view;

constexpr std::array<string_view, 3> ams3_nyc2_tor1{"ams3", "nyc2", "tor1"};
constexpr std::array<string_view, 2> nyc2_tor1{"nyc2", "tor1"};
constexpr std::array<string_view, 2> nyc2_atl1{"nyc2", "atl1"};
constexpr std::array<string_view, 1> ams3{"ams3"};
constexpr std::array<string_view, 1> tor1{"tor1"};
constexpr std::array<string_view, 1> ric1{"ric1"};
constexpr std::array<string_view, 1> mem1{"mem1"};
constexpr std::array<string_view, 1> mkc1{"mkc1"};
constexpr std::array<string_view, 5> everywhere{"ams3", "nyc1", "nyc2", "nyc3", "tor1"};
constexpr std::span<const string_view> nowhere{};

constexpr std::int64_t cent = 10'000'000;  // nano-dollars

constexpr Sku sku(
    Vendor vendor,
    string_view slug,
    string_view title,
    string_view gpu,
    int gpus,
    int vram,
    int vcpus,
    int memory,
    int disk,
    std::int64_t cents,
    std::span<const string_view> regions) {
    return {
        .vendor = vendor,
        .slug = slug,
        .title = title,
        .gpu = gpu,
        .gpus = gpus,
        .vram_gib = vram,
        .vcpus = vcpus,
        .memory_gib = memory,
        .disk_gib = disk,
        .nanos_per_hour = cents * cent,
        .regions = regions};
}

constexpr std::array droplets{
    sku(Vendor::digitalocean, "s-1vcpu-1gb", "Basic", "", 0, 0, 1, 1, 25, 1, everywhere),
    sku(Vendor::digitalocean, "s-2vcpu-4gb", "Basic", "", 0, 0, 2, 4, 80, 4, everywhere),
    sku(Vendor::digitalocean,
        "gpu-4000adax1-20gb",
        "RTX4000 ADA GPU - 1X",
        "nvidia_rtx4000_ada",
        1,
        20,
        8,
        32,
        500,
        76,
        nowhere),
    sku(Vendor::digitalocean,
        "gpu-l40sx1-48gb",
        "L40S GPU - 1X",
        "nvidia_l40s",
        1,
        48,
        8,
        64,
        500,
        157,
        nowhere),
    sku(Vendor::digitalocean,
        "gpu-6000adax1-48gb",
        "RTX6000 ADA GPU - 1X",
        "nvidia_rtx6000_ada",
        1,
        48,
        8,
        64,
        500,
        157,
        tor1),
    sku(Vendor::digitalocean,
        "gpu-mi300x1-192gb",
        "MI300X GPU - 1X",
        "amd_mi300x",
        1,
        192,
        20,
        240,
        720,
        259,
        ams3),
    sku(Vendor::digitalocean,
        "gpu-mi300x8-1536gb",
        "MI300X GPU - 8X",
        "amd_mi300x",
        8,
        192,
        160,
        1920,
        2046,
        2072,
        nowhere),
    sku(Vendor::digitalocean,
        "gpu-mi325x1-256gb",
        "MI325X GPU - 1X",
        "amd_mi325x",
        1,
        256,
        20,
        160,
        720,
        380,
        nyc2_tor1),
    sku(Vendor::digitalocean,
        "gpu-mi325x8-2048gb",
        "MI325X GPU - 8X",
        "amd_mi325x",
        8,
        256,
        160,
        1280,
        2046,
        3040,
        nyc2_tor1),
    sku(Vendor::digitalocean,
        "gpu-h100x1-80gb",
        "H100 GPU - 1X",
        "nvidia_h100",
        1,
        80,
        20,
        240,
        720,
        441,
        ams3_nyc2_tor1),
    sku(Vendor::digitalocean,
        "gpu-h100x8-640gb",
        "H100 GPU - 8X",
        "nvidia_h100",
        8,
        80,
        160,
        1920,
        2046,
        3528,
        tor1),
    sku(Vendor::digitalocean,
        "gpu-h200x1-141gb",
        "H200 GPU - 1X",
        "nvidia_h200",
        1,
        141,
        24,
        240,
        720,
        447,
        nyc2_atl1),
    sku(Vendor::digitalocean,
        "gpu-h200x8-1128gb",
        "H200 GPU - 8X",
        "nvidia_h200",
        8,
        141,
        192,
        1920,
        2046,
        3576,
        nowhere),
    sku(Vendor::digitalocean,
        "gpu-mi350x1-288gb-spot",
        "MI350X GPU - 1X",
        "amd_mi350x",
        1,
        288,
        24,
        256,
        720,
        246,
        ric1),
    sku(Vendor::digitalocean,
        "gpu-mi350x8-2304gb-spot",
        "MI350X GPU - 8X",
        "amd_mi350x",
        8,
        288,
        192,
        2048,
        2046,
        1968,
        ric1),
    sku(Vendor::digitalocean,
        "gpu-mi355x1-288gb-spot",
        "MI355X GPU - 1X",
        "amd_mi355x",
        1,
        288,
        24,
        256,
        720,
        297,
        mem1),
    sku(Vendor::digitalocean,
        "gpu-mi355x8-2304gb-spot",
        "MI355X GPU - 8X",
        "amd_mi355x",
        8,
        288,
        192,
        2048,
        2046,
        2376,
        mem1),
    sku(Vendor::digitalocean,
        "gpu-b300x1-288gb-lc-spot",
        "B300 GPU - 1X",
        "nvidia_b300",
        1,
        288,
        28,
        448,
        720,
        800,
        mkc1),
    sku(Vendor::digitalocean,
        "gpu-b300x1-288gb-spot",
        "B300 GPU - 1X",
        "nvidia_b300",
        1,
        288,
        28,
        448,
        720,
        800,
        nowhere),
    sku(Vendor::digitalocean,
        "gpu-b300x8-2304gb-lc-spot",
        "B300 GPU - 8X",
        "nvidia_b300",
        8,
        288,
        224,
        3584,
        2046,
        6400,
        mkc1),
    sku(Vendor::digitalocean,
        "gpu-b300x8-2304gb-spot",
        "B300 GPU - 8X",
        "nvidia_b300",
        8,
        288,
        224,
        3584,
        2046,
        6400,
        nowhere),
};

constexpr std::array<string_view, 3> three_centres{"US-KS-2", "US-CA-2", "EU-RO-1"};
constexpr std::array<string_view, 1> kansas{"US-KS-2"};
constexpr std::array<string_view, 1> romania{"EU-RO-1"};

constexpr Sku pod(
    string_view id,
    string_view title,
    int vram,
    int vcpus,
    int memory,
    std::int64_t secure_cents,
    std::int64_t community_cents,
    std::span<const string_view> centres) {
    return {
        .vendor = Vendor::runpod,
        .slug = id,
        .title = title,
        .gpu = id,
        .gpus = 8,
        .vram_gib = vram,
        .vcpus = vcpus,
        .memory_gib = memory,
        .disk_gib = 0,
        .nanos_per_hour = secure_cents * cent,
        .community_nanos_per_hour = community_cents * cent,
        .regions = centres};
}

constexpr std::array pods{
    pod("NVIDIA H100 80GB HBM3", "H100 SXM", 80, 20, 125, 399, 269, three_centres),
    pod("NVIDIA H100 PCIe", "H100 PCIe", 80, 16, 125, 289, 199, kansas),
    pod("NVIDIA H100 NVL", "H100 NVL", 94, 16, 125, 319, 259, kansas),
    pod("NVIDIA H200", "H200 SXM", 141, 24, 276, 459, 359, kansas),
    pod("NVIDIA B200", "B200", 180, 28, 283, 679, 598, nowhere),
    pod("NVIDIA B300 SXM6 AC", "B300", 288, 28, 283, 789, 694, nowhere),
    pod("NVIDIA A100-SXM4-80GB", "A100 SXM", 80, 16, 125, 179, 139, romania),
    pod("NVIDIA A100 80GB PCIe", "A100 PCIe", 80, 8, 117, 179, 119, romania),
    pod("NVIDIA L40S", "L40S", 48, 16, 94, 109, 79, romania),
    pod("NVIDIA GeForce RTX 4090", "RTX 4090", 24, 6, 41, 74, 34, romania),
};

constexpr std::array<string_view, 2> two_regions{"us-east-1", "us-south-1"};
constexpr std::array<string_view, 1> south{"us-south-1"};
constexpr std::array<string_view, 1> east{"us-east-1"};

constexpr std::array instances{
    sku(Vendor::lambda,
        "gpu_1x_h100_sxm5",
        "1x H100 (80 GB SXM5)",
        "H100 (80 GB SXM5)",
        1,
        80,
        26,
        225,
        2816,
        429,
        two_regions),
    sku(Vendor::lambda,
        "gpu_1x_h100_pcie",
        "1x H100 (80 GB PCIe)",
        "H100 (80 GB PCIe)",
        1,
        80,
        26,
        225,
        1024,
        329,
        nowhere),
    sku(Vendor::lambda,
        "gpu_8x_h100_sxm5",
        "8x H100 (80 GB SXM5)",
        "H100 (80 GB SXM5)",
        8,
        80,
        208,
        1800,
        22528,
        3192,
        south),
    sku(Vendor::lambda,
        "gpu_1x_gh200",
        "1x GH200 (96 GB)",
        "GH200 (96 GB)",
        1,
        96,
        64,
        432,
        4096,
        229,
        east),
};

constexpr std::array do_places{
    Place{"ams3", "Amsterdam 3"},
    Place{"atl1", "Atlanta 1"},
    Place{"mem1", "Memphis 1"},
    Place{"mkc1", "Kansas City 1"},
    Place{"nyc1", "New York 1"},
    Place{"nyc2", "New York 2"},
    Place{"nyc3", "New York 3"},
    Place{"ric1", "Richmond 1"},
    Place{"tor1", "Toronto 1"},
};
constexpr std::array runpod_places{
    Place{"EU-RO-1", "EU Romania 1"},
    Place{"US-CA-2", "US California 2"},
    Place{"US-KS-2", "US Kansas 2"},
};
constexpr std::array lambda_places{
    Place{"us-east-1", "Virginia, USA"},
    Place{"us-south-1", "Texas, USA"},
};

}  // namespace

std::span<const Sku> catalog(Vendor vendor) noexcept {
    switch (vendor) {
        case Vendor::digitalocean:
            return droplets;
        case Vendor::runpod:
            return pods;
        case Vendor::lambda:
            return instances;
    }
    return {};
}

const Sku* find_sku(Vendor vendor, string_view slug) noexcept {
    const auto all = catalog(vendor);
    const auto found = std::ranges::find(all, slug, &Sku::slug);
    return found == all.end() ? nullptr : &*found;
}

string_view other_gpu(Vendor vendor) noexcept {
    switch (vendor) {
        case Vendor::digitalocean:
            return "nvidia_l40s";
        case Vendor::runpod:
            return "NVIDIA L40S";
        case Vendor::lambda:
            return "A10 (24 GB PCIe)";
    }
    return "";
}

std::span<const Place> places(Vendor vendor) noexcept {
    switch (vendor) {
        case Vendor::digitalocean:
            return do_places;
        case Vendor::runpod:
            return runpod_places;
        case Vendor::lambda:
            return lambda_places;
    }
    return {};
}

}  // namespace evenkeel::fakes::cloud
