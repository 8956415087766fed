#pragma once

#include "policies/config/load.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

/// A configuration with one own machine, two places to rent from and one API; prices in USD are
/// worth 1.5 AUD.
namespace evenkeel::plan::test {

inline constexpr config::Date today{
    std::chrono::year{2026}, std::chrono::month{11}, std::chrono::day{25}};

inline constexpr std::string_view route = "routes: [{name: all, use: [m]}]\n";
inline constexpr std::string_view burst =
    "scaling: [{name: burst, model: m, offers: [pod], max_price: 4 USD/h, max_life: 6h}]\n";

inline std::vector<config::SourceFile> world(std::string_view policy) {
    return {
        {.path = "evenkeel.yaml",
         .text = "version: 1\ncurrency: {report: AUD, rates: {USD: {rate: 1.5, as_of: "
                 "2026-11-24}}}\n"},
        {.path = "providers.yaml",
         .text = "version: 1\nproviders:\n"
                 "  desk: {kind: local, url: \"http://127.0.0.1:8091\"}\n"
                 "  pod: {kind: runpod, credential: pod.key, max_machines: 3}\n"
                 "  do: {kind: digitalocean, credential: do.key, max_machines: 1}\n"
                 "  shop: {kind: openai-compatible, url: \"https://shop.example/v1\"}\n"},
        {.path = "models.yaml",
         .text = "version: 1\nmodels:\n  m:\n    offers:\n      - {on: desk}\n"
                 "      - {on: pod, gpu: H100, price: 3 USD/h, seen: 2026-11-01}\n"
                 "      - {on: do, gpu: H100, price: 4 USD/h, seen: 2026-11-01}\n"
                 "      - {on: shop, price: {in: 1 USD/Mtok, out: 2 USD/Mtok}, seen: 2026-11-01}\n"
                 "  n: {offers: [{on: pod, name: pod-n, gpu: H100, price: 3 USD/h, seen: "
                 "2026-11-01}]}\n"},
        {.path = "policy.yaml", .text = "version: 1\n" + std::string{policy}}};
}

inline config::Loaded loaded(std::string_view policy) {
    auto out = config::load(world(policy), today);
    if (!out) {
        ADD_FAILURE() << config::render_all(out.error());
        return {};
    }
    return std::move(*out);
}

}  // namespace evenkeel::plan::test
