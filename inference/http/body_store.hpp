#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace evenkeel::inference::http {

/// Memory of large request bodies of one thread, kept for the next ones. The allocator gives the
/// end of a thread's heap back to the system again and again (mallopt(3), M_TRIM_THRESHOLD), and a
/// body of 100 KB in new pages takes half as much time again as its whole request. Newest first,
/// since caches have that.
class BodyStore {
public:
    using TimePoint = std::chrono::steady_clock::time_point;
    static constexpr std::size_t smallest = 16 * 1024;     ///< below that the allocator keeps it
    static constexpr std::size_t largest = 1024 * 1024;    ///< beyond it pages are the lesser part
    static constexpr std::size_t bytes_max = 4 * largest;  ///< of all
    static constexpr std::chrono::seconds kept_for{1};

    /// An empty string with room for `bytes`, and for no more than four times that.
    [[nodiscard]] std::string take(std::size_t bytes);
    void give(std::string body) noexcept;
    /// Call it several times a second while it is not empty: frees all when none was taken lately.
    void sweep(TimePoint now) noexcept;
    [[nodiscard]] bool empty() const noexcept { return kept_.empty(); }

private:
    std::vector<std::string> kept_{};
    std::size_t bytes_{0};
    bool used_{false};  ///< since the last sweep
    TimePoint used_at_{};
};

}  // namespace evenkeel::inference::http
