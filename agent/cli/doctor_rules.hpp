#pragma once

#include "agent/doctor/rules.hpp"

/// The rules are below this folder: the page goes by them too.
namespace evenkeel::cli {

using evenkeel::doctor::account_finding;
using evenkeel::doctor::AccountFacts;
using evenkeel::doctor::clock_finding;
using evenkeel::doctor::clock_off_max;
using evenkeel::doctor::ClockFacts;
using evenkeel::doctor::configuration_findings;
using evenkeel::doctor::descriptor_finding;
using evenkeel::doctor::disk_finding;
using evenkeel::doctor::disk_least_bytes;
using evenkeel::doctor::disk_low_bytes;
using evenkeel::doctor::DiskFacts;
using evenkeel::doctor::doctor_json;
using evenkeel::doctor::doctor_text;
using evenkeel::doctor::engine_findings;
using evenkeel::doctor::engine_memory_finding;
using evenkeel::doctor::engine_memory_least;
using evenkeel::doctor::EngineFacts;
using evenkeel::doctor::Finding;
using evenkeel::doctor::Findings;
using evenkeel::doctor::gpu_findings;
using evenkeel::doctor::GpuFacts;
using evenkeel::doctor::ledger_findings;
using evenkeel::doctor::LedgerFacts;
using evenkeel::doctor::Level;
using evenkeel::doctor::machine_findings;
using evenkeel::doctor::node_findings;
using evenkeel::doctor::price_findings;
using evenkeel::doctor::secret_findings;
using evenkeel::doctor::SecretFacts;
using evenkeel::doctor::Tally;
using evenkeel::doctor::tally;
using evenkeel::doctor::to_text;

}  // namespace evenkeel::cli
