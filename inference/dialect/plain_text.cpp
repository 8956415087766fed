#include "inference/dialect/plain_text.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#ifdef __x86_64__
#include <immintrin.h>
#endif

namespace evenkeel::inference::dialect {

namespace {

constexpr auto short_escapes = [] {
    std::array<bool, 256> table{};
    for (const char c : std::string_view{R"("\/bfnrt)"}) {
        table[static_cast<unsigned char>(c)] = true;
    }
    return table;
}();

// --- eight bytes as one number, for any processor ---

constexpr std::uint64_t ones = 0x0101010101010101ULL;
constexpr std::uint64_t highs = 0x8080808080808080ULL;
static_assert(std::endian::native == std::endian::little, "the first byte is the lowest");

constexpr std::uint64_t has_zero(std::uint64_t word) noexcept {
    return (word - ones) & ~word & highs;
}

/// Non-zero when one of eight bytes is a quote, a backslash, a control character or not ASCII.
constexpr std::uint64_t special(std::uint64_t word) noexcept {
    return has_zero(word ^ (ones * '"')) | has_zero(word ^ (ones * '\\')) |
           ((word - ones * 0x20) & ~word & highs) | (word & highs);
}

std::size_t plain_by_words(
    std::string_view text, std::size_t at, std::size_t& /*escapes*/) noexcept {
    for (; at + 8 <= text.size(); at += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, text.data() + at, 8);
        if (const std::uint64_t mask = special(word); mask != 0) {
            // Exact up to the first one: a borrow marks only bytes above a true one.
            return at + static_cast<std::size_t>(std::countr_zero(mask)) / 8;
        }
    }
    return at;
}

#ifdef __x86_64__

// --- sixteen bytes at a time: every x86-64 ---

std::size_t plain_by_16(std::string_view text, std::size_t at, std::size_t& escapes) noexcept {
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i space = _mm_set1_epi8(' ');
    constexpr std::size_t block = sizeof(__m128i);
    while (at + block < text.size()) {  // one more: it may follow a backslash
        const char* const here = text.data() + at;
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(here));
        // As signed numbers, bytes that are not ASCII are below the space too.
        const __m128i found = _mm_or_si128(
            _mm_cmplt_epi8(bytes, space),
            _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)));
        auto mask = static_cast<unsigned>(_mm_movemask_epi8(found));
        std::size_t next = block;
        while (mask != 0) {
            const auto i = static_cast<std::size_t>(std::countr_zero(mask));
            if (here[i] != '\\' || !short_escapes[static_cast<unsigned char>(here[i + 1])]) {
                return at + i;
            }
            ++escapes;
            mask &= ~(3U << i);
            next = std::max(block, i + 2);
        }
        at += next;
    }
    return at;
}

// --- sixty-four at a time, with no branch for escapes: AVX2 ---
//
// Lines of a prompt end in `\n` wherever they like; a branch for each is guessed wrong half the
// time, which cost more than all else. What is done with 64-bit masks instead follows G. Langdale
// and D. Lemire, "Parsing Gigabytes of JSON per Second", VLDB Journal 28 (2019), sections 3.1.1 and
// 3.1.2.

/// Bytes of a block that a backslash before them escapes: each second one of a run.
struct Escapes {
    std::uint64_t escaped{0};
    std::uint64_t next{0};  ///< 1 when the first byte of the next block is escaped
};
constexpr Escapes find_escapes(std::uint64_t backslashes, std::uint64_t first) noexcept {
    constexpr std::uint64_t odd = 0xAAAAAAAAAAAAAAAAULL;
    const std::uint64_t may_begin = backslashes & ~first;
    const std::uint64_t codes = (((may_begin << 1) | odd) - may_begin) ^ odd;
    return {.escaped = codes ^ (backslashes | first), .next = (codes & backslashes) >> 63};
}
static_assert(find_escapes(0b0110'1110'1111, 0).escaped == 0b0101'0100'1010);
static_assert(find_escapes(0b0000'0000'0011, 1).escaped == 0b0000'0000'0101);
static_assert(find_escapes(1ULL << 63, 0).next == 1);

struct Masks {
    std::uint64_t backslashes{0};
    std::uint64_t ends{0};    ///< quotes, control characters, what is not ASCII
    std::uint64_t shorts{0};  ///< what may follow a backslash, but for `u`
};

__attribute__((target("avx2"))) inline Masks masks_of_32(const char* text) noexcept {
    // A byte is a short escape when the sets named by its two halves have one in common: 1 is 2x
    // (quote, slash), 2 is 5x (backslash), 4 is 6x (b, f, n), 8 is 7x (r, t).
    const __m256i by_low = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 0, 1 | 4 | 8, 0, 8, 0, 4, 0, 0, 0, 0, 0, 2, 0, 4, 1));
    const __m256i by_high =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 0, 1, 0, 0, 2, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0));
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text));
    const __m256i high = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(0x0F));
    const __m256i sets =
        _mm256_and_si256(_mm256_shuffle_epi8(by_low, bytes), _mm256_shuffle_epi8(by_high, high));
    // As signed numbers, bytes that are not ASCII are below the space too.
    const __m256i ends = _mm256_or_si256(
        _mm256_cmpgt_epi8(_mm256_set1_epi8(' '), bytes),
        _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('"')));
    const auto mask = [](__m256i where) __attribute__((target("avx2"))) {
        return static_cast<std::uint64_t>(static_cast<std::uint32_t>(_mm256_movemask_epi8(where)));
    };
    return {
        .backslashes = mask(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\\'))),
        .ends = mask(ends),
        .shorts = mask(_mm256_cmpgt_epi8(sets, _mm256_setzero_si256()))};
}

__attribute__((target("avx2,bmi,popcnt"))) std::size_t plain_by_64(
    std::string_view text, std::size_t at, std::size_t& escapes) noexcept {
    std::uint64_t first = 0;  // 1 when a backslash before the block escapes its first byte
    for (; at + 64 <= text.size(); at += 64) {
        const Masks low = masks_of_32(text.data() + at);
        const Masks high = masks_of_32(text.data() + at + 32);
        const auto [escaped, next] = find_escapes(low.backslashes | high.backslashes << 32, first);
        const std::uint64_t wrong = escaped & ~(low.shorts | high.shorts << 32);
        const std::uint64_t ends = ((low.ends | high.ends << 32) & ~escaped) | wrong;
        if (ends != 0) {
            const int end = std::countr_zero(ends);
            escapes += static_cast<std::size_t>(std::popcount(escaped & ((1ULL << end) - 1)));
            return at + static_cast<std::size_t>(end) - (wrong >> end & 1);  // at its backslash
        }
        escapes += static_cast<std::size_t>(std::popcount(escaped));
        first = next;
    }
    return plain_by_16(text, at - first, escapes);
}

#endif

}  // namespace

bool is_short_escape(char c) noexcept {
    return short_escapes[static_cast<unsigned char>(c)];
}

std::span<const PlainUntil> plain_untils() noexcept {
#ifdef __x86_64__
    static constexpr std::array<PlainUntil, 3> all{plain_by_64, plain_by_16, plain_by_words};
    static const bool wide = __builtin_cpu_supports("avx2") != 0 &&
                             __builtin_cpu_supports("bmi") != 0 &&
                             __builtin_cpu_supports("popcnt") != 0;
    return std::span{all}.subspan(wide ? 0 : 1);
#else
    static constexpr std::array<PlainUntil, 1> all{plain_by_words};
    return all;
#endif
}

}  // namespace evenkeel::inference::dialect
