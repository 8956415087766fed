#pragma once

namespace evenkeel::cli {

/// Reads the command line, runs the command, returns the exit status of the process.
int run(int argc, char** argv);

}  // namespace evenkeel::cli
