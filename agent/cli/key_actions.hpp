#pragma once

#include "agent/cli/globals.hpp"
#include "agent/control/key_terms.hpp"

#include <string>

/// What a person does to client keys. Through the agent when it runs, else straight into its
/// ledger; each gives the exit status of the process.
namespace evenkeel::cli {

struct KeyArguments {
    std::string name{};
    agent::KeyChange change{};
};

int keys_create(const Globals& globals, const KeyArguments& arguments);
int keys_limit(const Globals& globals, const KeyArguments& arguments);
int keys_revoke(const Globals& globals, const std::string& name);
/// Reads the ledger alone.
int keys_list(const Globals& globals);

}  // namespace evenkeel::cli
