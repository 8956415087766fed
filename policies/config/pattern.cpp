#include "policies/config/pattern.hpp"

#include "policies/config/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <re2/re2.h>
#include <utility>

namespace evenkeel::config {

Result<std::shared_ptr<const Pattern>> Pattern::compile(std::string_view text) {
    if (text.empty() || text.size() > pattern_bytes_max) {
        return fail(
            Errc::invalid_argument,
            fmt::format(
                "a pattern has 1 to {} bytes, this one {}", pattern_bytes_max, text.size()));
    }
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_never_capture(true);
    options.set_max_mem(pattern_memory_max);
    auto compiled =
        std::make_unique<const re2::RE2>(re2::StringPiece{text.data(), text.size()}, options);
    const bool too_large = compiled->ok()
                               ? compiled->ProgramSize() > pattern_steps_max
                               : compiled->error_code() == re2::RE2::ErrorPatternTooLarge;
    if (too_large) {
        return fail(
            Errc::invalid_argument,
            fmt::format(
                "the pattern {} is too large: more than {} steps", quote(text), pattern_steps_max));
    }
    if (!compiled->ok()) {
        std::string_view why = compiled->error();  // "missing ): a(b": the last is what it is about
        if (compiled->error_arg() == text && why.ends_with(text)) {
            why.remove_suffix(std::min(text.size() + 2, why.size()));
        }
        return fail(
            Errc::invalid_argument,
            fmt::format("{} is not a pattern: {}", quote(text), printable(why)));
    }
    return std::make_shared<const Pattern>(std::move(compiled));
}

Pattern::Pattern(std::unique_ptr<const re2::RE2> compiled) noexcept
    : compiled_{std::move(compiled)} {}

Pattern::~Pattern() = default;

bool Pattern::occurs_in(std::string_view text) const {
    return re2::RE2::PartialMatch(re2::StringPiece{text.data(), text.size()}, *compiled_);
}

std::string_view text_end(std::string_view text, std::size_t bytes_max) noexcept {
    if (text.size() <= bytes_max) {
        return text;
    }
    text.remove_prefix(text.size() - bytes_max);
    while (!text.empty() && (static_cast<unsigned char>(text.front()) & 0xC0U) == 0x80U) {
        text.remove_prefix(1);
    }
    return text;
}

}  // namespace evenkeel::config
