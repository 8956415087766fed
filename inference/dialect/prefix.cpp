#include "inference/dialect/prefix.hpp"

#include <algorithm>
#include <cstring>

namespace evenkeel::inference::dialect {

namespace {

using Wide = unsigned __int128;

constexpr std::uint64_t odd_a = 0xA0761D6478BD642FULL;
constexpr std::uint64_t odd_b = 0xE7037ED1A0B428DBULL;
constexpr std::uint64_t odd_c = 0x8EBC6AF09C88C6E3ULL;
constexpr std::size_t block_bytes = 32;
/// Of what comes behind these bytes one block in sixteen is looked at: two conversations that
/// differ only between would be taken for one, and one of them would read its prompt anew.
constexpr std::size_t dense_bytes = 4096;
constexpr std::size_t sparse_step = 16 * block_bytes;

/// Both halves of the product, as in wyhash.
constexpr std::uint64_t fold(std::uint64_t a, std::uint64_t b) noexcept {
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t word_at(const char* at) noexcept {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    return word;
}

/// A hash of a text that can be told at any of its ends on the way.
class Digest {
public:
    Digest(std::string_view text, std::uint64_t seed) noexcept
        : text_{text}, a_{seed ^ odd_a}, b_{seed ^ odd_b} {}

    /// Of the first `length` bytes. Lengths do not fall from call to call.
    [[nodiscard]] std::uint64_t of(std::size_t length) noexcept {
        for (; at_ + block_bytes <= length; at_ += at_ < dense_bytes ? block_bytes : sparse_step) {
            a_ = step(a_, at_);
            b_ = step(b_, at_ + block_bytes / 2);
        }
        // The end always counts whole.
        const std::size_t end_bytes = std::min(length, block_bytes);
        char rest[block_bytes]{};
        std::memcpy(rest, text_.data() + length - end_bytes, end_bytes);
        const std::uint64_t low = fold(word_at(rest) ^ odd_a, word_at(rest + 8) ^ a_);
        const std::uint64_t high = fold(word_at(rest + 16) ^ odd_b, word_at(rest + 24) ^ b_);
        return fold(low ^ odd_c ^ length, high ^ odd_b);
    }

private:
    [[nodiscard]] std::uint64_t step(std::uint64_t lane, std::size_t at) const noexcept {
        return fold(word_at(text_.data() + at) ^ odd_b, word_at(text_.data() + at + 8) ^ lane);
    }

    std::string_view text_;
    std::uint64_t a_;
    std::uint64_t b_;
    std::size_t at_{0};
};

std::uint64_t hash(std::string_view text, std::uint64_t seed) noexcept {
    return text.empty() ? fold(seed ^ odd_a, odd_c) : Digest{text, seed}.of(text.size());
}

}  // namespace

PrefixMarks prefix_marks(
    std::string_view body, const RequestScan& scan, std::uint64_t seed) noexcept {
    const TurnCuts& turns = scan.turns;
    PrefixMarks marks{};
    if (!scan.writes || turns.whole.end == 0) {
        return marks;
    }
    const auto text = [body](Span span) { return body.substr(span.begin, span.end - span.begin); };
    // What stands before the messages in the engine's prompt, wherever it stands in the body.
    std::uint64_t state = hash(scan.model, seed);
    state = hash(text(scan.tools_value), state);
    for (const Span& span : scan.texts) {
        const bool holds_turns = span.begin <= turns.begin && turns.begin < span.end;
        state = holds_turns ? state : hash(text(span), state);
    }
    const std::int64_t beside = scan.text_bytes - turns.whole.text_bytes;
    const Cut head = beside > 0 && !turns.system_first ? Cut{.end = turns.begin} : turns.head;
    Digest digest{body.substr(turns.begin, turns.whole.end - turns.begin), state};
    std::size_t count = 0;
    std::size_t last = 0;
    for (const Cut& cut : {head, turns.asked_before, turns.asked, turns.whole}) {
        const std::int64_t tokens = (beside + cut.text_bytes) / bytes_per_token;
        if (cut.end <= last || tokens < mark_tokens_min) {
            continue;
        }
        last = cut.end;
        const std::uint64_t value = digest.of(cut.end - turns.begin);
        marks[count++] = {.hash = std::max<std::uint64_t>(value, 1), .tokens = tokens};
    }
    std::reverse(marks.begin(), marks.begin() + static_cast<std::ptrdiff_t>(count));
    return marks;
}

}  // namespace evenkeel::inference::dialect
