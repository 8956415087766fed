#include "gpu-probe/figures.hpp"

#include "policies/capacity/roofline.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::gpu_probe {

std::string_view to_text(Verdict verdict) noexcept {
    switch (verdict) {
        case Verdict::good:
            return "good";
        case Verdict::slow:
            return "slow";
        case Verdict::failed:
            return "failed";
        case Verdict::lemon:
            return "lemon";
    }
    return "";
}

Shares shares_of(const Figures& figures) {
    const auto sheet = capacity::datasheet_speed(figures.name);
    const auto share = [&sheet](double value, double capacity::CardSpeed::* of) {
        return sheet && value > 0 && (*sheet).*of > 0 ? std::optional{value / (*sheet).*of}
                                                      : std::nullopt;
    };
    return {
        .copy = share(figures.copy_bytes_s, &capacity::CardSpeed::bytes_s),
        .bf16 = share(figures.bf16_flops_s, &capacity::CardSpeed::flops_s),
        .fp16 = share(figures.fp16_flops_s, &capacity::CardSpeed::flops_s)};
}

Verdict verdict_of(const Figures& figures) {
    if (figures.pattern_errors > 0 || figures.product_errors > 0 || figures.hardware_fault) {
        return Verdict::lemon;
    }
    if (!figures.trouble.empty() || figures.copy_bytes_s <= 0) {
        return Verdict::failed;
    }
    const Shares shares = shares_of(figures);
    const bool slow = shares.copy.value_or(1) < copy_share_least ||
                      shares.bf16.value_or(1) < matrix_share_least ||
                      shares.fp16.value_or(1) < matrix_share_least;
    return slow ? Verdict::slow : Verdict::good;
}

std::string reason_of(const Figures& figures) {
    switch (verdict_of(figures)) {
        case Verdict::good:
            return {};
        case Verdict::failed:
            return figures.trouble.empty() ? "its memory was not measured" : figures.trouble;
        case Verdict::lemon:
            return figures.pattern_errors > 0
                       ? fmt::format(
                             "{} of its memory words came back wrong: give it back, do not use it",
                             figures.pattern_errors)
                   : figures.product_errors > 0
                       ? fmt::format(
                             "{} rows of matrix products were wrong: give it back, do not use it",
                             figures.product_errors)
                       : "the driver reports errors of its hardware: give it back, do not use it";
        case Verdict::slow:
            break;
    }
    const Shares shares = shares_of(figures);
    const bool memory = shares.copy.value_or(1) < copy_share_least;
    return fmt::format(
        "its {} reaches less than {:.0f} % of the data sheet{}",
        memory ? "memory" : "matrix rate",
        100 * (memory ? copy_share_least : matrix_share_least),
        figures.throttled.empty() ? "" : "; it was held back: " + figures.throttled);
}

int exit_of(const std::vector<Figures>& all) {
    const auto any = [&all](Verdict verdict) {
        return std::ranges::any_of(
            all, [verdict](const Figures& one) { return verdict_of(one) == verdict; });
    };
    return any(Verdict::lemon)                   ? Exit::wrong_answers
           : all.empty() || any(Verdict::failed) ? Exit::not_measured
           : any(Verdict::slow)                  ? Exit::below_floor
                                                 : Exit::done;
}

}  // namespace evenkeel::gpu_probe
