#include "inference/engine/log_lines.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace evenkeel::inference::engine {

namespace {

/// More of one line is not kept: the words below stand near the beginning of what they announce.
constexpr std::size_t line_bytes_kept = 16 * 1024;

/// In lines with one of these stands, or may stand, what a client said, what was answered, or a
/// key.
constexpr std::array<std::string_view, 20> telltales{
    "prompt:",
    "prompt=",
    "\"prompt\"",
    "'prompt'",
    "prompt_token_ids",
    "\"messages\"",
    "'messages'",
    "\"content\"",
    "'content'",
    "\"input\"",
    "\"text\"",
    "\"system\"",
    "\"instructions\"",
    "[inst]",
    "old: ...",  // llama-server, where a prompt in its cache ends to be that of the next client
    "new: ...",
    "<|im_start|>",
    "api_key",
    "api-key",
    "bearer "};

constexpr std::array<std::string_view, 13> beginnings{
    "INFO",
    "WARN",
    "ERROR",
    "DEBUG",
    "CRITICAL",
    "[20",  // SGLang: a date
    "time=",
    "level=",
    "srv ",
    "slot ",
    "main: ",
    "llama_",
    "ggml_"};

std::string lower(std::string_view text) {
    std::string out{text};
    std::ranges::transform(out, out.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return out;
}

/// "slot update_slots: id  0 | task 4 |    306    29": llama-server's tokens of a prompt, which
/// stand for its words.
bool lists_tokens(std::string_view line) {
    const std::size_t bar = line.rfind('|');
    const std::string_view rest =
        bar == std::string_view::npos ? std::string_view{} : line.substr(bar + 1);
    return rest.find_first_of("0123456789") != std::string_view::npos &&
           rest.find_first_not_of("0123456789 -,") == std::string_view::npos;
}

/// Colours and cursor movements (ESC [ ... letter) go, and other control characters become spaces.
std::string plain(std::string_view line) {
    std::string out;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const auto c = static_cast<unsigned char>(line[i]);
        if (c == 0x1B && i + 1 < line.size() && line[i + 1] == '[') {
            i += 2;
            while (i < line.size() && !(line[i] >= '@' && line[i] <= '~')) {
                ++i;
            }
            continue;
        }
        out += c < 0x20 || c == 0x7F ? ' ' : line[i];
    }
    while (out.ends_with(' ')) {
        out.pop_back();
    }
    return out;
}

}  // namespace

std::optional<std::string> presentable(std::string_view line) {
    std::string text = plain(line);
    const std::string words = lower(text);
    const bool tells =
        std::ranges::any_of(telltales, [&](std::string_view word) { return words.contains(word); });
    if (text.empty() || tells || lists_tokens(text)) {
        return std::nullopt;
    }
    if (text.size() > log_line_bytes_max) {
        std::size_t end = log_line_bytes_max;
        while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) {
            --end;  // not within a character
        }
        text.resize(end);
        text += " ...";
    }
    return text;
}

bool begins_message(std::string_view line) noexcept {
    // "2026-11-26 ..." and the "0.01.234.567 I ..." of llama-server.
    const bool dated = line.size() > 4 && line[0] >= '0' && line[0] <= '9' &&
                       line.substr(0, 8).find_first_of(".-:") != std::string_view::npos;
    // vLLM's "(EngineCore pid=7) INFO ...". Brackets alone may as well begin a client's line.
    const bool process = line.starts_with('(') && line.substr(0, 40).contains(" pid=");
    return dated || process || std::ranges::any_of(
                        beginnings, [&](std::string_view text) { return line.starts_with(text); });
}

void LogLines::take(std::string_view part) {
    const std::size_t room = line_bytes_kept - std::min(line_.size(), line_bytes_kept);
    line_.append(part.substr(0, room));
}

bool LogLines::may_give(Steady::time_point now) {
    if (filled_ != Steady::time_point{}) {
        const std::chrono::duration<double> passed = now - filled_;
        tokens_ = std::min<double>(log_burst, tokens_ + passed.count() * log_per_second);
    }
    filled_ = now;
    if (tokens_ < 1) {
        return false;
    }
    tokens_ -= 1;
    return true;
}

std::string LogLines::left_out() {
    std::string note;
    if (withheld_ > 0) {
        note = fmt::format("({} lines that may hold a request or a key left out)", withheld_);
    }
    if (skipped_ > 0) {
        note += fmt::format("{}({} lines too many left out)", note.empty() ? "" : " ", skipped_);
    }
    withheld_ = 0;
    skipped_ = 0;
    return note;
}

}  // namespace evenkeel::inference::engine
