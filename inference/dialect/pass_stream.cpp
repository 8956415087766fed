#include "inference/dialect/pass_stream.hpp"

#include <algorithm>

namespace evenkeel::inference::dialect {

namespace {

constexpr std::size_t npos = std::string_view::npos;
/// So many bytes before a read can belong to a blank line that it ends: LF CR.
constexpr std::size_t seam_bytes = 3;

/// True when the LF at `at` of before+bytes ends an empty line. `before`: the event so far, or at
/// least its last seam_bytes.
bool ends_blank_line(std::string_view before, std::string_view bytes, std::size_t at) noexcept {
    const auto back = [&](std::size_t steps) -> char {
        if (at >= steps) {
            return bytes[at - steps];
        }
        const std::size_t over = steps - at;
        // Before the first byte of an event stands the end of the one before.
        return over <= before.size() ? before[before.size() - over] : '\n';
    };
    return back(1) == '\n' || (back(1) == '\r' && back(2) == '\n');
}

/// Position behind the last blank line that ends within `bytes`; 0 when there is none.
std::size_t last_event_end(std::string_view before, std::string_view bytes) noexcept {
    for (std::size_t at = bytes.rfind('\n'); at != npos; at = bytes.rfind('\n', at - 1)) {
        if (ends_blank_line(before, bytes, at)) {
            return at + 1;
        }
        if (at == 0) {
            break;
        }
    }
    return 0;
}

std::size_t first_event_end(std::string_view before, std::string_view bytes) noexcept {
    for (std::size_t at = bytes.find('\n'); at != npos; at = bytes.find('\n', at + 1)) {
        if (ends_blank_line(before, bytes, at)) {
            return at + 1;
        }
    }
    return bytes.size();
}

}  // namespace

void PassStream::unfinished(std::string_view bytes) {
    if (torn_) {
        pass(bytes);
        held_.append(bytes.substr(bytes.size() - std::min(bytes.size(), seam_bytes)));
        held_.erase(0, held_.size() - std::min(held_.size(), seam_bytes));
        return;
    }
    held_.append(bytes);
    if (held_.size() > held_max_) {
        passing_.swap(held_);
        pass(passing_);
        held_.assign(passing_, passing_.size() - seam_bytes, seam_bytes);
        torn_ = true;
        tears();
    }
}

const PassStream::Pass& PassStream::feed(std::string_view bytes) {
    pass_.pieces.clear();
    pass_.done = {};
    if (done_ || bytes.empty()) {
        return pass_;
    }
    const std::size_t end = last_event_end(held_, bytes);
    if (end == 0) {
        unfinished(bytes);
        return pass_;
    }
    std::string_view region = bytes.substr(0, end);
    if (torn_) {
        const std::size_t rest = first_event_end(held_, region);
        pass(region.substr(0, rest));
        region.remove_prefix(rest);
        torn_ = false;
        first_line_ = false;
        held_.clear();
    } else if (!held_.empty()) {
        passing_.assign(held_).append(region);
        region = passing_;
        held_.clear();
    }
    walk(region);
    if (!done_) {
        held_.assign(bytes.substr(end));
    }
    return pass_;
}

void PassStream::walk(std::string_view region) {
    std::size_t passed = 0;  // everything before this is dealt with
    std::size_t event = 0;   // where the current event began
    Line meaning = Line::plain;
    std::string_view name;  // of the current event
    for (std::size_t begin = 0; begin < region.size();) {
        const std::size_t lf = region.find('\n', begin);
        const std::size_t next = lf == npos ? region.size() : lf + 1;
        std::string_view line = region.substr(begin, (lf == npos ? next : lf) - begin);
        begin = next;
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        if (first_line_) {
            first_line_ = false;
            if (line.starts_with("\xEF\xBB\xBF")) {
                line.remove_prefix(3);
            }
        }
        const bool ends_event = line.empty();
        if (line.starts_with("data:")) {
            line.remove_prefix(line.starts_with("data: ") ? 6 : 5);
            const Line found = data_line(name, line);
            meaning = found == Line::plain ? meaning : found;
        } else if (line.starts_with("event:")) {
            line.remove_prefix(line.starts_with("event: ") ? 7 : 6);
            name = line;
        }
        if (!ends_event) {
            continue;
        }
        if (meaning == Line::drop) {
            pass(region.substr(passed, event - passed));
            passed = next;
        } else if (meaning == Line::done) {
            pass(region.substr(passed, event - passed));
            pass_.done = region.substr(event, next - event);
            done_ = true;
            return;
        }
        event = next;
        meaning = Line::plain;
        name = {};
    }
    pass(region.substr(passed));
}

}  // namespace evenkeel::inference::dialect
