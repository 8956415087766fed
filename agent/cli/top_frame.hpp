#pragma once

#include "agent/cli/top_view.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The screen of `evenkeel top` as a function of what is shown and of what was typed. Pure.
namespace evenkeel::cli {

struct Size {
    int columns{80};
    int rows{24};
};

/// One line of the screen; how it is emphasised is the terminal's business.
struct Line {
    enum class Look : std::uint8_t { plain, bold, chosen, alarm };
    std::string text{};
    Look look{Look::plain};
};

/// The newest values of one figure, oldest first.
class Trace {
public:
    static constexpr std::size_t samples_max = 20;
    void add(std::int64_t value);
    /// Two samples a character, in Braille dots, else one character of " .:-=+*#" a sample.
    [[nodiscard]] std::string text(bool unicode) const;

private:
    std::deque<std::int64_t> samples_{};
};

enum class TopSort : std::uint8_t { newest, wait, out, cost, key };
inline constexpr std::size_t top_sorts = 5;
[[nodiscard]] std::string_view to_text(TopSort sort) noexcept;

/// What was typed, and what came by so far.
struct TopState {
    enum class Mode : std::uint8_t { watch, filter, explain, help, drain, freeze };
    Mode mode{Mode::watch};
    bool control{false};
    bool unicode{true};
    bool off_terminal{false};  ///< one frame: no keys, every row
    TopSort sort{TopSort::newest};
    std::string filter{};
    std::size_t chosen{0};  ///< row: sources first, then requests
    std::string asked{};    ///< the source that the question is about; rows move meanwhile
    std::string message{};  ///< shown until the next key
    Trace rate{};
    Trace tokens{};
    Trace queue{};
    Trace watts{};
};
/// Takes the figures of a new look.
void note(TopState& state, const TopView& view);

/// A key: a character, or one of these.
namespace key {
inline constexpr char32_t up = 0x110000;
inline constexpr char32_t down = 0x110001;
inline constexpr char32_t escape = 0x1B;
inline constexpr char32_t enter = 0x0D;
inline constexpr char32_t backspace = 0x7F;
}  // namespace key

/// What a key asks for beyond the screen.
struct TopAct {
    enum class Kind : std::uint8_t { none, quit, drain, freeze, thaw };
    Kind kind{Kind::none};
    std::string name{};  ///< drain: the source
};
[[nodiscard]] TopAct press(TopState& state, const TopView& view, char32_t pressed);

/// The whole screen: at most `size.rows` lines of at most `size.columns` characters.
[[nodiscard]] std::vector<Line> frame(const TopView& view, const TopState& state, Size size);

}  // namespace evenkeel::cli
