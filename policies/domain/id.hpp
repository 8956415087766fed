#pragma once

#include "policies/domain/time.hpp"

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace evenkeel {

/// An integer identifier that cannot be mixed up with another kind. Explicit in, explicit out.
template <class Tag, class Rep = std::int64_t>
class StrongId {
public:
    constexpr StrongId() = default;
    constexpr explicit StrongId(Rep value) noexcept : value_{value} {}
    [[nodiscard]] constexpr Rep value() const noexcept { return value_; }
    friend constexpr auto operator<=>(StrongId, StrongId) = default;

private:
    Rep value_{};
};

using RequestId = StrongId<struct RequestIdTag>;
using MachineId = StrongId<struct MachineIdTag>;
using HoldId = StrongId<struct HoldIdTag>;
using TxId = StrongId<struct TxIdTag>;

/// Dense number of a name (model, route, key, source, ...), given once and never reused; row of the
/// ledger's `name` table. 0 is "none".
using NameIx = StrongId<struct NameIxTag, std::int32_t>;

/// Makes 63-bit ids: 41 bits of milliseconds since 2025-01-01 UTC, 8 bits gateway, 14 bits counter.
/// Never repeats and never goes backwards within one generator, whatever the wall clock does; seed
/// it with the largest id already stored. Not thread-safe: each owner has its own lock.
class IdGenerator {
public:
    explicit IdGenerator(std::uint8_t gateway, std::int64_t last = 0) noexcept
        : gateway_{gateway}, last_{last} {}
    [[nodiscard]] std::int64_t next(UtcTime now) noexcept;

private:
    std::uint8_t gateway_;
    std::int64_t last_;
};

/// 13 characters of Crockford base 32, as shown to people: "01JD8Z4T0000A".
[[nodiscard]] std::string id_to_text(std::int64_t id);
[[nodiscard]] std::optional<std::int64_t> id_from_text(std::string_view text) noexcept;
inline constexpr std::string_view request_id_prefix = "req_";
/// "req_01JD8Z4T0000A": a request's id in its answer, in logs and in reports.
[[nodiscard]] std::string request_id_text(RequestId id);
/// The request of such an id; its last part alone will do, and so does the id of a translated
/// answer
/// ("msg_01JD8Z4T0000A", "chatcmpl-01JD8Z4T0000A").
[[nodiscard]] std::optional<RequestId> request_id_from(std::string_view text) noexcept;
/// When `id` was made, to the millisecond, by the clock of who made it.
[[nodiscard]] UtcTime id_time(std::int64_t id) noexcept;
/// No id made at `time` or later is smaller; for ranges over ids instead of times.
[[nodiscard]] std::int64_t least_id_at(UtcTime time) noexcept;

}  // namespace evenkeel

template <class Tag, class Rep>
struct std::hash<evenkeel::StrongId<Tag, Rep>> {
    std::size_t operator()(evenkeel::StrongId<Tag, Rep> id) const noexcept {
        return std::hash<Rep>{}(id.value());
    }
};
