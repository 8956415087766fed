#include "policies/domain/error.hpp"

namespace evenkeel {

std::string_view to_text(Errc code) noexcept {
    switch (code) {
        case Errc::timed_out:
            return "timed_out";
        case Errc::outcome_unknown:
            return "outcome_unknown";
        case Errc::unavailable:
            return "unavailable";
        case Errc::rate_limited:
            return "rate_limited";
        case Errc::no_capacity:
            return "no_capacity";
        case Errc::rejected:
            return "rejected";
        case Errc::unauthorized:
            return "unauthorized";
        case Errc::not_found:
            return "not_found";
        case Errc::conflict:
            return "conflict";
        case Errc::refused:
            return "refused";
        case Errc::invalid_argument:
            return "invalid_argument";
        case Errc::invalid_response:
            return "invalid_response";
        case Errc::corrupt:
            return "corrupt";
        case Errc::io_failed:
            return "io_failed";
        case Errc::cancelled:
            return "cancelled";
    }
    return "unknown";
}

std::optional<Errc> errc_from_text(std::string_view text) noexcept {
    for (int i = 0; i <= static_cast<int>(Errc::cancelled); ++i) {
        if (to_text(static_cast<Errc>(i)) == text) {
            return static_cast<Errc>(i);
        }
    }
    return std::nullopt;
}

}  // namespace evenkeel
