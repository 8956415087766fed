#pragma once

#include "agent/cli/globals.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

/// What the commands do; each returns the exit status of the process.
namespace evenkeel::cli {

/// What reports are asked beside the global flags.
struct ReportArguments {
    std::string by{"source"};
    std::string currency{};  ///< "AUD"; empty: the ledger's
    bool days{false};
    bool hours{false};
};
/// Reads the ledger alone, so it works with the agent down.
int report_spend(const Globals& globals, const ReportArguments& arguments);
/// Alternatives not taken; paid time without work; what the month will have cost.
int report_savings(const Globals& globals, const ReportArguments& arguments);
int report_idle(const Globals& globals, const ReportArguments& arguments);
int report_forecast(const Globals& globals, const ReportArguments& arguments);

struct RequestsArguments {
    std::string key{};
    std::string tag{};
    std::int64_t limit{0};  ///< 0: all; as text, the newest 50
};
/// Single requests, as text or for export, each in the currency that was paid.
int report_requests(
    const Globals& globals, const ReportArguments& report, const RequestsArguments& arguments);
int ledger_verify(const Globals& globals);
int ledger_backup(const Globals& globals, const std::filesystem::path& target);
/// The paragraph about a configuration code such as EK-C012; 2 when there is none, and then `hint`
/// ends the message.
int explain_code(const std::string& code, const std::string& hint);

}  // namespace evenkeel::cli
