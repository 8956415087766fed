#pragma once

#include "policies/domain/error.hpp"
#include "policies/domain/time.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace evenkeel::web {

/// Who may act through the page. A token comes from the control socket, opens one session, once;
/// a session is a cookie. Both are kept in memory only, as hashes, and end with the agent. One
/// thread.
class Sessions {
public:
    static constexpr std::chrono::minutes token_life{10};
    static constexpr std::chrono::hours session_life{12};
    static constexpr std::size_t tokens_max = 8;     ///< the oldest goes
    static constexpr std::size_t sessions_max = 32;  ///< the oldest goes
    static constexpr std::size_t wrong_max = 5;      ///< within `wrong_window`
    static constexpr std::chrono::seconds wrong_window{60};

    /// `random(n)` gives n random bytes, or nothing when there are none.
    explicit Sessions(std::function<std::string(std::size_t)> random)
        : random_{std::move(random)} {}

    /// A token for `user`, shown once. Errors: io_failed (no random bytes).
    [[nodiscard]] Result<std::string> make_token(std::string user, BootTime now);
    struct Opened {
        std::string cookie{};
        std::string user{};
    };
    /// Uses `token` up. Errors: unauthorized (unknown, used, or too old), rate_limited (too many
    /// wrong ones; even a right one is not looked at then), io_failed.
    [[nodiscard]] Result<Opened> open(std::string_view token, BootTime now);
    /// Whose session that is; nothing when there is none, or no more.
    [[nodiscard]] std::optional<std::string> user_of(std::string_view cookie, BootTime now);
    void close(std::string_view cookie);
    /// Ends all of them, and all tokens, unless actions have been allowed since the same policy
    /// revision as at the last call; 0: they are not allowed.
    void follow(std::int64_t allowed_since);

private:
    struct Entry {
        std::string sha256{};
        std::string user{};
        BootTime until{};
    };
    static void prune(std::vector<Entry>& entries, BootTime now);

    std::function<std::string(std::size_t)> random_;
    std::vector<Entry> tokens_{};
    std::vector<Entry> sessions_{};
    std::deque<BootTime> wrong_{};
    std::int64_t allowed_since_{0};
};

}  // namespace evenkeel::web
