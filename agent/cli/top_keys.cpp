// What the keys of `evenkeel top` do, and the traces of its figures.
#include "agent/cli/top_frame.hpp"
#include "agent/cli/top_rows.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::cli {

namespace {

constexpr std::size_t filter_max = 64;

void append_utf8(std::string& text, char32_t c) {
    if (c < 0x80) {
        text += static_cast<char>(c);
    } else if (c < 0x800) {
        text += static_cast<char>(0xC0 | (c >> 6));
        text += static_cast<char>(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        text += static_cast<char>(0xE0 | (c >> 12));
        text += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
        text += static_cast<char>(0x80 | (c & 0x3F));
    }
}

void drop_last(std::string& text) {
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80) {
        text.pop_back();
    }
    if (!text.empty()) {
        text.pop_back();
    }
}

void type_filter(TopState& state, char32_t pressed) {
    if (pressed == key::enter) {
        state.mode = TopState::Mode::watch;
    } else if (pressed == key::escape) {
        state.filter.clear();
        state.mode = TopState::Mode::watch;
    } else if (pressed == key::backspace || pressed == 0x08) {
        drop_last(state.filter);
    } else if (pressed >= 0x20 && pressed < key::up && state.filter.size() < filter_max) {
        append_utf8(state.filter, pressed);
    }
    state.chosen = 0;
}

TopAct ask_drain(TopState& state, const TopView& view) {
    const TopRows rows = top_rows(view, state);
    const TopSource* source =
        state.chosen < rows.sources.size() ? rows.sources[state.chosen] : nullptr;
    if (source == nullptr || source->kind != "rental") {
        state.message = "choose a rented machine first (up, down)";
    } else {
        state.mode = TopState::Mode::drain;
        state.asked = source->name;
    }
    return {};
}

TopAct answered(TopState& state, const TopView& view, char32_t pressed) {
    const bool yes = pressed == U'y' || pressed == U'Y';
    const TopState::Mode asked = state.mode;
    state.mode = TopState::Mode::watch;
    if (!yes) {
        state.message = "nothing was changed";
        return {};
    }
    if (asked == TopState::Mode::freeze) {
        return {.kind = view.frozen ? TopAct::Kind::thaw : TopAct::Kind::freeze};
    }
    const bool there = std::ranges::any_of(view.sources, [&state](const TopSource& source) {
        return source.name == state.asked && source.kind == "rental";
    });
    if (!there) {
        state.message = state.asked + " is gone";
        return {};
    }
    return {.kind = TopAct::Kind::drain, .name = state.asked};
}

}  // namespace

std::string_view to_text(TopSort sort) noexcept {
    constexpr std::array<std::string_view, top_sorts> names{
        "newest first", "longest wait", "most tokens", "dearest", "key"};
    return names[static_cast<std::size_t>(sort)];
}

void Trace::add(std::int64_t value) {
    samples_.push_back(std::max<std::int64_t>(value, 0));
    if (samples_.size() > samples_max) {
        samples_.pop_front();
    }
}

std::string Trace::text(bool unicode) const {
    const std::int64_t top =
        samples_.empty() ? 0 : *std::max_element(samples_.begin(), samples_.end());
    const auto level = [top](std::int64_t value, std::int64_t levels) {
        return top == 0 ? 0 : static_cast<std::size_t>((value * levels + top - 1) / top);
    };
    std::string out;
    if (!unicode) {
        constexpr std::string_view marks = " .:-=+*#";
        for (const std::int64_t value : samples_) {
            out += marks[level(value, 7)];
        }
        return out;
    }
    constexpr std::array<unsigned, 5> left{0x00, 0x40, 0x44, 0x46, 0x47};
    constexpr std::array<unsigned, 5> right{0x00, 0x80, 0xA0, 0xB0, 0xB8};
    const std::size_t first = samples_.size() % 2;  // a lone oldest sample has the right half
    for (std::size_t i = 0; i < samples_.size(); i += i == 0 && first == 1 ? 1 : 2) {
        const bool alone = i == 0 && first == 1;
        const std::size_t at_left = alone ? 0 : std::max<std::size_t>(level(samples_[i], 4), 1);
        const std::int64_t second = alone ? samples_[0] : samples_[i + 1];
        const std::size_t at_right = std::max<std::size_t>(level(second, 4), 1);
        append_utf8(out, static_cast<char32_t>(0x2800 + left[at_left] + right[at_right]));
    }
    return out;
}

void note(TopState& state, const TopView& view) {
    state.rate.add(view.cost_rate.nanos());
    state.tokens.add(view.tokens_per_s);
    state.queue.add(view.queued);
    if (view.milliwatts) {
        state.watts.add(*view.milliwatts);
    }
}

TopAct press(TopState& state, const TopView& view, char32_t pressed) {
    using Mode = TopState::Mode;
    state.message.clear();
    if (state.mode == Mode::filter) {
        type_filter(state, pressed);
        return {};
    }
    if (state.mode == Mode::drain || state.mode == Mode::freeze) {
        return answered(state, view, pressed);
    }
    const TopRows rows = top_rows(view, state);
    const std::size_t count = rows.sources.size() + rows.requests.size();
    state.chosen = std::min(state.chosen, count == 0 ? 0 : count - 1);
    switch (pressed) {
        case U'q':
        case U'Q':
            return {.kind = TopAct::Kind::quit};
        case key::up:
        case U'k':
            state.chosen -= state.chosen > 0 ? 1 : 0;
            return {};
        case key::down:
        case U'j':
            state.chosen += state.chosen + 1 < count ? 1 : 0;
            return {};
        case U's':
            state.sort =
                static_cast<TopSort>((static_cast<std::size_t>(state.sort) + 1) % top_sorts);
            return {};
        case U'/':
            state.mode = Mode::filter;
            state.filter.clear();
            return {};
        case U'e':
            state.mode = state.mode == Mode::explain ? Mode::watch : Mode::explain;
            return {};
        case U'?':
        case U'h':
            state.mode = state.mode == Mode::help ? Mode::watch : Mode::help;
            return {};
        case key::escape:
            state.mode = Mode::watch;
            return {};
        case U'd':
        case U'F':
            if (!state.control) {
                state.message = "read-only: start it as evenkeel top --control to change things";
                return {};
            }
            if (pressed == U'd') {
                return ask_drain(state, view);
            }
            state.mode = Mode::freeze;
            return {};
        default:
            return {};
    }
}

}  // namespace evenkeel::cli
