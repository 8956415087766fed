#pragma once

#include "policies/domain/id.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace evenkeel::inference {

/// Answers kept for requests that come again with the same `Idempotency-Key` (F61): one call to a
/// source, the same answer for both. In memory only, bounded, and gone after `kept_for` or with the
/// process. Only whole answers are kept; after anything else the next request is a first one.
/// Thread-safe.
class Replays {
public:
    using TimePoint = std::chrono::steady_clock::time_point;
    static constexpr std::chrono::hours kept_for{24};
    static constexpr std::size_t bytes_max = 64 * 1024 * 1024;  ///< of all answers
    static constexpr std::size_t answer_bytes_max = 1024 * 1024;
    static constexpr std::size_t name_bytes_max = 255;
    static constexpr std::size_t waiting_max = 64;  ///< for one answer

    struct Answer {
        std::string content_type{};
        std::string source{};
        std::string body{};
    };
    /// Whose answer: of a client key, by the text it chose.
    struct Name {
        NameIx key{};
        std::string text{};
        friend bool operator==(const Name&, const Name&) = default;
    };
    enum class State : std::uint8_t {
        first,       ///< go on, and say `keep` or `forget` at the end
        running,     ///< `wake` is called once when the first one has ended; look again then
        kept,        ///< here is its answer
        other_body,  ///< the same name was used for something else
        crowded,     ///< too many wait for the first one already
    };
    struct Look {
        State state{State::first};
        std::shared_ptr<const Answer> answer{};
    };
    /// `digest`: of path and body. `wake` may be called from any thread.
    [[nodiscard]] Look look(
        const Name& name, std::uint64_t digest, TimePoint now, std::function<void()> wake);
    /// Room for bytes of an answer that is not whole yet; false: there is none.
    [[nodiscard]] bool take(std::size_t bytes) noexcept;
    void give_back(std::size_t bytes) noexcept { growing_ -= bytes; }
    void keep(const Name& name, Answer answer, TimePoint now);
    void forget(const Name& name);

private:
    struct Entry {
        Name name{};
        std::uint64_t digest{0};
        std::shared_ptr<const Answer> answer{};  ///< none: it runs
        TimePoint until{TimePoint::max()};
        std::vector<std::function<void()>> waiting{};
    };
    struct Hash {
        std::size_t operator()(const Name& name) const noexcept {
            return std::hash<std::string>{}(name.text) ^
                   (std::hash<NameIx>{}(name.key) * 0x9E3779B97F4A7C15U);
        }
    };
    using Entries = std::list<Entry>;
    void erase(Entries::iterator entry);
    void make_room(TimePoint now);

    std::mutex mutex_{};
    Entries entries_{};  ///< in the order of their coming
    std::unordered_map<Name, Entries::iterator, Hash> index_{};
    std::size_t bytes_{0};
    std::atomic<std::size_t> growing_{0};  ///< bytes of answers that are not whole yet
};

}  // namespace evenkeel::inference
