#include "renting_config.hpp"

#include <fmt/format.h>

namespace evenkeel::integration {

namespace {

namespace demo = lab::demo;

/// What is rented from each vendor, in its words.
struct Listed {
    const char* gpu;
    const char* ssh_key;
    std::int64_t cents;
};
Listed listed(Vendor vendor) {
    switch (vendor) {
        case Vendor::digitalocean:
            return {"gpu-h100x1-80gb", "512190", 441};
        case Vendor::runpod:
            return {"NVIDIA H100 80GB HBM3", "", 399};
        case Vendor::lambda:
            break;
    }
    return {"gpu_1x_h100_sxm5", "owner", 429};
}

std::string ms_text(std::chrono::milliseconds real, std::int64_t speed) {
    return demo::scaled_text(real, speed);
}

}  // namespace

std::vector<lab::demo::TextFile> renting_config(
    const RentingWorld& world, const RentingPlaces& places) {
    const Listed rented = listed(world.vendor);
    const std::string vendor{fakes::cloud::to_text(world.vendor)};
    const std::int64_t speed = world.speed;
    const Price price = Price::per_hour(Money{rented.cents * 10'000'000, usd});
    const Price most = Price::per_hour(Money{rented.cents * 10'500'000, usd});
    const std::string ssh =
        *rented.ssh_key == '\0' ? "" : fmt::format("    ssh_keys: [\"{}\"]\n", rented.ssh_key);
    const std::string trust =
        places.ca_file.empty() ? "" : fmt::format("    ca_file: \"{}\"\n", places.ca_file);
    const auto today = std::chrono::year_month_day{
        std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now())};
    return {
        {.name = "credentials/rented.key",
         .text = fmt::format("{}\n", FakeCloudProcess::token),
         .secret = true},
        {.name = "evenkeel.yaml",
         .text = fmt::format(
             "version: 1\nspeed: {}\n"
             "listen: {{api: \"127.0.0.1:{}\", admin: \"127.0.0.1:{}\"}}\n"
             "currency: {{report: USD}}\nreport_zone: UTC\n",
             speed,
             places.api,
             places.admin)},
        {.name = "providers.yaml",
         .text = fmt::format(
             "version: 1\nproviders:\n"
             "  desk: {{kind: local, engine: synthetic, url: \"http://127.0.0.1:{}\", "
             "synthetic: true}}\n"
             "  {}:\n    kind: {}\n    credential: rented.key\n    base_url: \"{}\"\n{}{}"
             "    max_machines: {}\n    synthetic: true\n",
             places.engine,
             vendor,
             vendor,
             places.base_url,
             trust,
             ssh,
             world.max)},
        {.name = "models.yaml",
         .text = fmt::format(
             "version: 1\nmodels:\n  qwq-32b:\n    context: 32k\n    offers:\n"
             "      - {{on: desk, slots: 1}}\n"
             "      - {{on: {}, gpu: \"{}\", engine: vllm, weights: Qwen/QwQ-32B, "
             "image: \"vllm/vllm-openai:v0.11.0\", slots: 16, price: {}, "
             "seen: {:04}-{:02}-{:02}}}\n",
             vendor,
             rented.gpu,
             demo::scaled_text(price, speed),
             static_cast<int>(today.year()),
             static_cast<unsigned>(today.month()),
             static_cast<unsigned>(today.day()))},
        {.name = "policy.yaml",
         .text = fmt::format(
             "version: 1\n"
             "routes:\n"
             "  - {{name: default, match: {{}}, use: [qwq-32b], max_wait: 30s}}\n"
             "slo: {{first_token: 250ms, first_token_per_1k: 100ms, per_output_token: 10ms}}\n"
             "scaling:\n"
             "  - name: burst\n    model: qwq-32b\n    offers: [{vendor}]\n"
             "    min: {min}\n    max: {max}\n    max_order: 1\n    boot: {boot}\n"
             "    min_bill: {minimum}\n    idle_stop: 300ms\n    max_price: {most}\n"
             "    max_life: {life}\n    drain: {drain}\n    warm_up: {warm_up}\n{tuning}"
             "safety:\n  max_machines: {max}\n  max_creates_per_hour: 1000\n"
             "  leak_scan: {scan}\n  proof_gap: {gap}\n  orphan_grace: {gap}\n"
             "  unknown_machine: destroy\n  on_stop: destroy\n",
             fmt::arg("vendor", vendor),
             fmt::arg("min", world.min),
             fmt::arg("max", world.max),
             fmt::arg("boot", ms_text(world.boot + world.loading, speed)),
             fmt::arg("minimum", ms_text(60s, speed)),
             fmt::arg("most", demo::scaled_text(most, speed)),
             fmt::arg("life", ms_text(6h, speed)),
             fmt::arg("drain", ms_text(3min, speed)),
             fmt::arg("warm_up", ms_text(world.warm_up, speed)),
             fmt::arg("tuning", world.tuning),
             fmt::arg("scan", ms_text(2min, speed)),
             fmt::arg("gap", ms_text(60s, speed)))}};
}

}  // namespace evenkeel::integration
