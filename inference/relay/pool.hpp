#pragma once

#include "inference/relay/answer_body.hpp"
#include "inference/relay/upstream.hpp"
#include "policies/domain/id.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <unordered_map>
#include <vector>

namespace evenkeel::inference::relay {

/// Idle connections of one loop, per source, newest first. One that the source closes, or that says
/// something unasked, is dropped: at once from the first sweep on, which sets a watch on it (most
/// are taken again before), and until then when it is to be taken. Older than `idle_max` they are
/// dropped too, since common engines close after 5 s and a request must not race with that.
class Pool {
public:
    using TimePoint = std::chrono::steady_clock::time_point;
    static constexpr std::chrono::milliseconds idle_max{4'000};
    /// How long an answer that is complete for the client may take to end its framing.
    static constexpr std::chrono::milliseconds ending_max{1'000};
    /// As many as may be in flight at once: a burst that ends would otherwise close most of its
    /// connections, and the next one pay for as many new ones.
    static constexpr std::size_t per_source_max = 512;

    /// The newest idle connection to `source`; none when there is none.
    [[nodiscard]] std::shared_ptr<Upstream> take(NameIx source);
    /// Keeps a connection whose last answer has ended.
    void put(NameIx source, std::shared_ptr<Upstream> connection, TimePoint now);
    /// The same for one whose answer still has framing to come: first reads that.
    void put_ending(
        NameIx source, std::shared_ptr<Upstream> connection, AnswerBody body, TimePoint now);
    /// Drops what is too old, and watches what is new. Call it a few times a second while `size` is
    /// not 0.
    void sweep(TimePoint now);
    void drop(NameIx source);
    void clear();
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
    struct Parked {
        std::shared_ptr<Upstream> connection{};
        TimePoint until{};
        AnswerBody body{};
        bool ending{false};
        bool watched{false};
    };
    void park(NameIx source, Parked parked);
    void watch(NameIx source, Parked& parked);
    void readable(NameIx source, std::uint64_t parking);
    void remove(std::vector<Parked>& list, std::size_t at);

    std::unordered_map<NameIx, std::vector<Parked>> idle_{};
    std::size_t size_{0};
    std::uint64_t parkings_{0};
};

}  // namespace evenkeel::inference::relay
