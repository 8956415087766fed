#include "policies/domain/id.hpp"

#include <algorithm>

namespace evenkeel {

namespace {

constexpr std::string_view crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr int counter_bits = 14;
constexpr int gateway_bits = 8;
constexpr std::int64_t counter_mask = (1 << counter_bits) - 1;
constexpr UtcTime epoch = std::chrono::sys_days{std::chrono::January / 1 / 2025};

}  // namespace

std::int64_t IdGenerator::next(UtcTime now) noexcept {
    const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(now - epoch).count();
    std::int64_t ms = std::max<std::int64_t>(since, 0);
    const std::int64_t last_ms = last_ >> (counter_bits + gateway_bits);
    std::int64_t counter = 0;
    if (ms <= last_ms) {
        ms = last_ms;
        counter = (last_ & counter_mask) + 1;
        if (counter > counter_mask) {
            counter = 0;
            ++ms;
        }
    }
    last_ = (ms << (counter_bits + gateway_bits)) |
            (static_cast<std::int64_t>(gateway_) << counter_bits) | counter;
    return last_;
}

std::string id_to_text(std::int64_t id) {
    std::string text(13, '0');
    auto rest = static_cast<std::uint64_t>(id);
    for (auto it = text.rbegin(); it != text.rend(); ++it) {
        *it = crockford[rest & 31];
        rest >>= 5;
    }
    return text;
}

std::optional<std::int64_t> id_from_text(std::string_view text) noexcept {
    if (text.size() != 13 || text.front() > '7' || text.front() < '0') {
        return std::nullopt;
    }
    std::uint64_t value = 0;
    for (const char c : text) {
        const char upper = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        const auto digit = crockford.find(upper);
        if (digit == std::string_view::npos) {
            return std::nullopt;
        }
        value = value << 5 | digit;
    }
    return static_cast<std::int64_t>(value);
}

std::string request_id_text(RequestId id) {
    return std::string{request_id_prefix} + id_to_text(id.value());
}

std::optional<RequestId> request_id_from(std::string_view text) noexcept {
    for (const std::string_view prefix :
         {request_id_prefix, std::string_view{"msg_"}, std::string_view{"chatcmpl-"}}) {
        if (text.starts_with(prefix)) {
            text.remove_prefix(prefix.size());
            break;
        }
    }
    const auto id = id_from_text(text);
    return id ? std::optional{RequestId{*id}} : std::nullopt;
}

std::int64_t least_id_at(UtcTime time) noexcept {
    const auto ms = std::chrono::floor<std::chrono::milliseconds>(time - epoch).count();
    return ms <= 0 ? 0 : ms << (counter_bits + gateway_bits);
}

UtcTime id_time(std::int64_t id) noexcept {
    return epoch + std::chrono::milliseconds{id >> (counter_bits + gateway_bits)};
}

}  // namespace evenkeel
