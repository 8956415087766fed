#pragma once

#include "lab/demo/view.hpp"

#include <cstddef>
#include <string>

namespace evenkeel::lab::demo {

/// Where the demo talks to its user: stdout, redrawn in place on a terminal, else plain lines.
class Screen {
public:
    /// Live only on a terminal that is big enough, without NO_COLOR and TERM=dumb.
    Screen(bool plain, bool no_color);

    [[nodiscard]] bool live() const noexcept { return live_; }
    /// One line of its own; a frame on the screen stays above it.
    void say(const std::string& text);
    /// Draws the frame again, or prints what changed.
    void show(
        const json::object& status, const Progress& progress, const player::PlayerReport& report);

private:
    bool live_{false};
    bool color_{false};
    std::size_t width_{100};
    std::size_t height_{40};
    std::size_t lines_{0};  ///< of the frame that stands at the end of the screen
    ChangeLog changes_{};
};

}  // namespace evenkeel::lab::demo
