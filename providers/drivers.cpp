#include "providers/drivers.hpp"

#include <fmt/format.h>

#include <utility>

namespace evenkeel::providers {

Result<std::unique_ptr<Provider>> make_driver(
    std::string_view kind, DriverOptions options, const Clock& clock) {
    if (kind == "sandbox") {
        return make_sandbox(std::move(options), clock);
    }
    return fail(
        Errc::invalid_argument,
        fmt::format("this version has no driver for '{}'; nothing is rented there", kind));
}

}  // namespace evenkeel::providers
