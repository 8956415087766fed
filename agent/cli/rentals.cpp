#include "agent/cli/rentals.hpp"

#include "agent/config/credentials.hpp"
#include "agent/config/reading.hpp"
#include "agent/control/drivers.hpp"

#include <utility>

namespace evenkeel::cli {

Result<config::Config> read_checked(const Globals& globals, const Clock& clock) {
    auto reading = agent::read_configuration(globals.config, clock.read().utc);
    if (!reading) {
        return std::unexpected{reading.error()};
    }
    if (!reading->loaded) {
        return fail(Errc::invalid_argument, config::render_all(reading->loaded.error()));
    }
    return std::move(reading->loaded->config);
}

std::vector<Rental> make_rentals(
    const Globals& globals,
    const config::Config& config,
    const std::string& owner_mark,
    const Clock& clock,
    const std::string& one) {
    const agent::Credentials credentials{globals.config};
    std::vector<Rental> rentals;
    for (const config::Provider& entry : config.providers) {
        const bool wanted = one.empty() || entry.name == one;
        if (entry.kind != config::ProviderKind::rental || !wanted) {
            continue;
        }
        auto credential = credentials.read(entry.credential);
        Rental rental{.name = entry.name};
        rental.driver =
            credential
                ? agent::driver_of(entry, std::move(*credential), owner_mark, config.speed, clock)
                : Result<std::unique_ptr<providers::Provider>>{std::unexpected{credential.error()}};
        rentals.push_back(std::move(rental));
    }
    return rentals;
}

}  // namespace evenkeel::cli
