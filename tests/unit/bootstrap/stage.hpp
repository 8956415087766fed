#pragma once

#include "tests/unit/bootstrap/node_rig.hpp"

#include <string>

/// A node's scripts, really run, with stand-ins for the programs they call. Time is a file that the
/// stand-in of `sleep` moves on.
namespace evenkeel::inference::bootstrap::testing_tools {

inline constexpr const char* pod_key = "rpa_MARKED_POD_KEY";

[[nodiscard]] std::size_t count(const std::string& text, const std::string& part);

/// A folder with stand-ins that write down how they were called.
class Stage {
public:
    Stage();
    void add(const std::string& name, const std::string& body) const {
        folder.write("bin/" + name, "#!/bin/bash\n" + body, true);
    }
    void gpus(const std::string& lines) const { add("nvidia-smi", "printf '" + lines + "'\n"); }
    void sleeps(int most) const { folder.write("sleeps", std::to_string(most)); }
    [[nodiscard]] std::string calls() const { return folder.read("calls"); }
    [[nodiscard]] long uptime() const { return std::stol(folder.read("uptime")); }

    TempDir folder{};
    Environment environment{};
};

}  // namespace evenkeel::inference::bootstrap::testing_tools
