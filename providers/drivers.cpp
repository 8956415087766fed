#include "providers/drivers.hpp"

#include <fmt/format.h>

#include <utility>

namespace evenkeel::providers {

Result<std::unique_ptr<Provider>> make_driver(
    std::string_view kind, DriverOptions options, const Clock& clock) {
#define EVENKEEL_RENTAL_CASE(word)                     \
    if (kind == #word) {                               \
        return make_##word(std::move(options), clock); \
    }
    EVENKEEL_RENTAL_KINDS(EVENKEEL_RENTAL_CASE)
#undef EVENKEEL_RENTAL_CASE
    return fail(
        Errc::invalid_argument,
        fmt::format("this version has no driver for '{}'; nothing is rented there", kind));
}

}  // namespace evenkeel::providers
