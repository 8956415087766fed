#pragma once

#include "inference/http/server.hpp"
#include "lab/player/answer.hpp"
#include "lab/player/trace_file.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

/// Plays a request trace against a real server over real connections. Open loop: a request leaves
/// when the trace says so, whether or not earlier ones were answered.
namespace evenkeel::lab::player {

namespace asio = boost::asio;

struct PlayerOptions {
    std::string address{};  ///< "host:port" of the API
    std::string key{};      ///< client key, sent as Bearer
    std::string model{"qwq-32b"};
    std::int64_t speed{1};     ///< trace seconds played in one real second
    int in_flight_max{2'000};  ///< beyond it a request is counted as `shed`, a failed check
    int plain_permille{100};   ///< share of requests without `stream`, of 1,000
    std::uint64_t seed{1};     ///< picks which ones
    std::chrono::milliseconds limit{120'000};  ///< real time one exchange may take
};

/// Sums for one value of `x-evenkeel-source`.
struct SourceTotals {
    std::int64_t answered{0};
    std::int64_t prompt_tokens{0};
    std::int64_t completion_tokens{0};
};

/// What the clients saw. Every request of the trace is counted in exactly one of answered, errors,
/// malformed, shed.
struct PlayerReport {
    std::int64_t planned{0};
    std::int64_t sent{0};
    std::int64_t answered{0};
    std::int64_t errors{0};
    std::int64_t malformed{0};
    std::int64_t shed{0};
    int in_flight{0};
    int in_flight_peak{0};
    std::map<std::string, SourceTotals> sources{};
    std::map<std::string, std::int64_t> error_types{};
    std::vector<std::string> malformed_why{};     ///< the first `why_max` of them
    std::vector<std::uint32_t> first_token_ms{};  ///< real milliseconds, of answered streams
    static constexpr std::size_t why_max = 10;

    [[nodiscard]] std::int64_t ended() const noexcept {
        return answered + errors + malformed + shed;
    }
};

/// Percentile `percent` (0 to 100) of `values`, nearest rank; 0 when there are none.
[[nodiscard]] std::uint32_t percentile(std::vector<std::uint32_t> values, int percent);

/// One run of one trace window. Lives on the io_context's thread.
class Player {
public:
    /// `rows` ascending; a row at 0 leaves at once.
    Player(asio::io_context& context, PlayerOptions options, std::vector<replay::TraceRow> rows);
    ~Player();
    Player(const Player&) = delete;
    Player& operator=(const Player&) = delete;

    /// Starts sending; `done` runs on the io_context when the last request has ended.
    void start(std::function<void()> done);
    /// Sends nothing more and cuts what is in flight; `done` still runs.
    void stop();
    [[nodiscard]] const PlayerReport& report() const noexcept;
    /// Trace time played so far.
    [[nodiscard]] std::chrono::milliseconds position() const noexcept;

private:
    struct State;
    std::shared_ptr<State> state_;
};

/// The body of one request: a prompt of `tokens_in` x 4 bytes of filler and `max_tokens`.
[[nodiscard]] std::string make_body(
    std::string_view model, std::int64_t tokens_in, std::int64_t tokens_out, bool stream);

}  // namespace evenkeel::lab::player
