#pragma once

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

namespace evenkeel::providers::testing {

/// The text of tests/data/providers/`name`.
inline std::string provider_data(const std::string& name) {
    std::ifstream file{std::string{EVENKEEL_SOURCE_DIR} + "/tests/data/providers/" + name};
    std::ostringstream text;
    text << file.rdbuf();
    if (!file || text.str().empty()) {
        throw std::runtime_error{"no test data " + name};
    }
    return text.str();
}

}  // namespace evenkeel::providers::testing
