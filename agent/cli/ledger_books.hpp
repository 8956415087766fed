#pragma once

#include "agent/cli/globals.hpp"

#include <cstdint>
#include <string>

/// `evenkeel ledger show|export|reconcile`: they read the ledger alone, with the agent up or down.
namespace evenkeel::cli {

struct LedgerArguments {
    std::string account{};
    std::string kind{};
    std::string ref{};
    std::int64_t limit{0};  ///< 0: all; as text, the newest 50
    std::string format{"focus"};
    std::string month{};
    std::string provider{};
    std::string invoice{};
    std::string currency{};  ///< of amounts in the invoice that name none
};

int ledger_show(const Globals& globals, const LedgerArguments& arguments);
int ledger_export(const Globals& globals, const LedgerArguments& arguments);
int ledger_reconcile(const Globals& globals, const LedgerArguments& arguments);

}  // namespace evenkeel::cli
