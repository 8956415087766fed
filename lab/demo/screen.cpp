#include "lab/demo/screen.hpp"

#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <sys/ioctl.h>
#include <unistd.h>

namespace evenkeel::lab::demo {
namespace {

void put(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}

bool is_set(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0';
}

}  // namespace

Screen::Screen(bool plain, bool no_color) {
    const char* term = std::getenv("TERM");
    const bool dumb = term == nullptr || std::string_view{term} == "dumb";
    color_ = !no_color && !is_set("NO_COLOR");
    live_ = !plain && color_ && !dumb && ::isatty(STDOUT_FILENO) == 1;
    winsize size{};
    if (live_ && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        width_ = size.ws_col;
        height_ = size.ws_row;
    }
    constexpr std::size_t least_width = 60;
    live_ = live_ && width_ >= least_width;
}

void Screen::say(const std::string& text) {
    lines_ = 0;
    put(text + "\n");
}

void Screen::show(
    const json::object& status, const Progress& progress, const player::PlayerReport& report) {
    if (live_) {
        const std::vector<std::string> frame = make_frame(status, progress, report, width_);
        if (frame.size() < height_) {  // a taller frame cannot be drawn over
            put(redraw(frame, lines_, color_));
            lines_ = frame.size();
            return;
        }
    }
    for (const std::string& line : changes_.update(status, progress, report)) {
        put(line + "\n");
    }
}

}  // namespace evenkeel::lab::demo
