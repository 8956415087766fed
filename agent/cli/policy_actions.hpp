#pragma once

#include "agent/cli/globals.hpp"

#include <cstdint>
#include <string>
#include <vector>

/// `evenkeel policy ...`; each returns the exit status of the process.
namespace evenkeel::cli {

/// Checks the configuration files; needs no agent.
int policy_check(const Globals& globals);

/// Plays the cases of policy.test.yaml; 1 when one fails. Needs no agent.
int policy_test(const Globals& globals);

/// The JSON Schema of all files, or of the one that is named: "policy.yaml", "policy".
int policy_schema(const std::string& file);
/// What a key means: value, range, default, what without it.
int policy_explain(const Globals& globals, const std::string& key);

struct ShowArguments {
    std::int64_t revision{0};  ///< 0: the newest
    bool list{false};
};
/// A policy as the ledger keeps it, or the list of them.
int policy_show(const Globals& globals, const ShowArguments& arguments);

/// The difference in meaning between the policy in force and the files; 10 with `exit_code` when
/// there is one.
int policy_diff(const Globals& globals, bool exit_code);
/// The same with what it would do; saved under <state>/plans.
int policy_plan(const Globals& globals, bool exit_code);

struct ApplyArguments {
    std::string plan{};  ///< a name below <state>/plans, or a path
    bool yes{false};
    std::vector<std::string> confirm{};
};
/// Puts the files in force through the agent. 4 when the plan is of another policy or other files,
/// or something has to be confirmed.
int policy_apply(const Globals& globals, const ApplyArguments& arguments);

}  // namespace evenkeel::cli
