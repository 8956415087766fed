#pragma once

#include "policies/scaling/rent.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

/// Shared by the .cpp files that write and read RentState.
namespace evenkeel::scaling {

inline constexpr std::size_t entries_max = 100'000;  ///< of one map; more means a corrupt length

inline void put(std::string& out, std::uint64_t value) {
    for (int i = 0; i < 8; ++i) {
        out.push_back(static_cast<char>(value & 0xFF));
        value >>= 8;
    }
}
inline void put(std::string& out, std::int64_t value) {
    put(out, static_cast<std::uint64_t>(value));
}
inline void put(std::string& out, double value) {
    put(out, std::bit_cast<std::uint64_t>(value));
}

/// Reads what `put` wrote; `ok` turns false at the first thing that cannot be.
struct Reader {
    std::string_view rest{};
    bool ok{true};

    std::uint64_t word() {
        if (rest.size() < 8) {
            ok = false;
            return 0;
        }
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < 8; ++i) {
            value |= static_cast<std::uint64_t>(static_cast<unsigned char>(rest[i])) << (8 * i);
        }
        rest.remove_prefix(8);
        return value;
    }
    std::int64_t number() { return static_cast<std::int64_t>(word()); }
    int count() {
        const std::int64_t value = number();
        ok = ok && value >= 0 && value <= static_cast<std::int64_t>(entries_max);
        return ok ? static_cast<int>(value) : 0;
    }
    double real() { return std::bit_cast<double>(word()); }
    std::size_t length(std::size_t most = entries_max) {
        const std::uint64_t value = word();
        ok = ok && value <= most;
        return ok ? value : 0;
    }
};

void put_signals(std::string& out, const RentState& state);
void put_memory(std::string& out, const LevelMemory& memory);
/// What version 3 added. Turns `reader.ok` false for what cannot be.
void read_signals(Reader& reader, RentState& state);
/// `version`: of the bytes.
void read_memory(Reader& reader, LevelMemory& memory, int version);

}  // namespace evenkeel::scaling
