#pragma once

#include "providers/http/lines.hpp"

/// GPU Droplets of DigitalOcean, API v2 (https://docs.digitalocean.com/reference/api/).
/// `make_digitalocean` of drivers.hpp makes the driver.
///
/// - A machine carries three tags: the owner mark "ek-<agent id>", the tag of the configuration
///   (for people), and "ek-expires-<minutes since 1970>" for a reaper; "ek-port-<n>" too when its
///   front does not listen on `default_port`. Tags outlive their machines; they cost
///   nothing.
/// - No cloud firewall is made: the agent cannot know the address it is seen under, and a wrong one
///   would lock it out of machines that bill. Each machine carries the owner mark as a tag from its
///   first second, so a firewall that the owner puts on that tag covers all of them.
/// - Lists are complete or an error: GPU Droplets by type, joined with what carries our tag and a
///   name of ours.
/// - Nothing is ever switched off: a Droplet that is off bills in full.
namespace evenkeel::providers {

/// Requests allowed: 5,000 an hour and 250 a minute for each token.
[[nodiscard]] RateRules digitalocean_rate_rules();

/// The same driver over clients of the caller's making. Errors as `make_digitalocean`.
[[nodiscard]] Result<std::unique_ptr<Provider>> make_digitalocean(
    DriverOptions options, ClientPair clients, const Clock& clock, Pause pause = sleeping_pause());

}  // namespace evenkeel::providers
