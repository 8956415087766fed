#include "agent/cli/globals.hpp"

#include <cstdlib>
#include <string_view>
#include <system_error>
#include <unistd.h>

namespace evenkeel::cli {

std::filesystem::path Globals::control_socket() const {
    if (!socket.empty()) {
        return socket;
    }
    std::error_code code;
    const std::filesystem::path beside = state / "control.sock";
    const bool installed = state == default_state;
    return std::filesystem::exists(beside, code) || !installed
               ? beside
               : std::filesystem::path{"/run/evenkeel/control.sock"};
}

bool colour(const Globals& globals) {
    const char* none = std::getenv("NO_COLOR");
    const char* term = std::getenv("TERM");
    const bool forbidden = globals.no_color || (none != nullptr && *none != '\0') ||
                           term == nullptr || std::string_view{term} == "dumb";
    return !forbidden && ::isatty(STDOUT_FILENO) == 1;
}

}  // namespace evenkeel::cli
