#include "tests/fakes/cloud/base64.hpp"

namespace evenkeel::fakes::cloud {

int base64_digit(char c) noexcept {
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

std::string base64_decode(std::string_view word) {
    std::string bytes;
    unsigned bits = 0;
    int count = 0;
    for (const char c : word) {
        const int digit = base64_digit(c);
        if (digit < 0) {
            break;
        }
        bits = bits << 6 | static_cast<unsigned>(digit);
        count += 6;
        if (count >= 8) {
            count -= 8;
            bytes += static_cast<char>(bits >> count & 0xffU);
        }
    }
    return bytes;
}

}  // namespace evenkeel::fakes::cloud
