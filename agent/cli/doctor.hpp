#pragma once

#include "agent/cli/globals.hpp"

namespace evenkeel::cli {

struct DoctorArguments {
    bool fix{false};  ///< mend what is safe to mend
};

/// Everything that could cost money or break, in one list: with the agent running what it says of
/// itself, without it what the ledger, the files and the providers say. 6 when money may be lost
/// unseen, else 78 for a broken configuration, else 1 for another failure.
int doctor(const Globals& globals, const DoctorArguments& arguments);

}  // namespace evenkeel::cli
