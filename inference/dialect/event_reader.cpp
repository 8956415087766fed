#include "inference/dialect/event_reader.hpp"

namespace evenkeel::inference::dialect {

namespace {

/// Streams live long and are many: more room than this is given back after a large event.
constexpr std::size_t idle_bytes_max = 1024;

void clear(std::string& buffer) {
    buffer.clear();
    if (buffer.capacity() > idle_bytes_max) {
        buffer.shrink_to_fit();
    }
}

}  // namespace

bool EventReader::next_line(std::string_view& bytes) {
    const std::size_t lf = bytes.find('\n');
    if (lf == std::string_view::npos) {
        return false;
    }
    if (kept_.size() + lf > event_bytes_max) {
        return too_much();
    }
    if (kept_.empty()) {
        line_ = bytes.substr(0, lf);
    } else {
        clear(whole_);
        whole_.append(kept_).append(bytes.substr(0, lf));
        clear(kept_);
        line_ = whole_;
    }
    bytes.remove_prefix(lf + 1);
    if (line_.ends_with('\r')) {
        line_.remove_suffix(1);
    }
    if (first_ && line_.starts_with("\xEF\xBB\xBF")) {
        line_.remove_prefix(3);
    }
    first_ = false;
    return true;
}

bool EventReader::too_much() noexcept {
    too_large_ = true;
    ended_ = true;
    return false;
}

void EventReader::take_data() {
    if (!line_.starts_with("data:")) {
        return;
    }
    line_.remove_prefix(line_.starts_with("data: ") ? 6 : 5);
    if (data_.size() + line_.size() > event_bytes_max) {
        too_much();
        return;
    }
    data_.append(has_data_ ? "\n" : "").append(line_);
    has_data_ = true;
}

void EventReader::forget() {
    clear(data_);
    has_data_ = false;
}

bool EventReader::keep(std::string_view bytes) {
    if (kept_.size() + bytes.size() > event_bytes_max) {
        return too_much();
    }
    kept_.append(bytes);
    return true;
}

std::string_view leading_type(std::string_view data) noexcept {
    for (const std::string_view begin : {R"({"type":")", R"({"type": ")"}) {
        if (data.starts_with(begin)) {
            const std::string_view rest = data.substr(begin.size());
            return rest.substr(0, rest.find('"'));
        }
    }
    return {};
}

}  // namespace evenkeel::inference::dialect
