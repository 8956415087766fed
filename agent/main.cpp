#include "agent/cli/commands.hpp"

#include <exception>
#include <iostream>

int main(int argc, char** argv) {
    try {
        return evenkeel::cli::run(argc, argv);
    } catch (const std::exception& error) {
        std::cerr << "evenkeel: " << error.what() << '\n';
        return 1;
    }
}
