#pragma once

#include "lab/cloud/machine.hpp"
#include "lab/cloud/switches.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace evenkeel::lab::cloud {

/// What is for sale, in the cloud's own time and money (already divided and multiplied by `speed`).
struct Shelf {
    std::string sku{};
    std::string region{};
    std::string gpu{};
    Money hourly{};
    Micros boot{0};
    Micros min_bill{0};
    int stock{0};           ///< machines at once
    std::int64_t speed{1};  ///< divides the switchboard's durations
};

/// A create call, but for the engine's key, which the books never see.
struct CreateRequest {
    std::string name{};
    std::string sku{};
    std::string region{};
    std::string image{};
    std::string model{};
    std::string owner_mark{};
    UtcTime expires{};
};

/// Something to do to a machine's process, after the records of the same step are on disk.
struct Effect {
    enum class Kind : std::uint8_t {
        start,  ///< start its process; answer with `started` or `start_failed`
        stop,   ///< end it, with grace; answer with `exited`
        kill,   ///< end it at once; answer with `exited`
    };
    Kind kind{Kind::start};
    std::string id{};
    friend bool operator==(const Effect&, const Effect&) = default;
};

/// What one event did: records to write first, then effects to perform.
struct Step {
    std::vector<Record> records{};
    std::vector<Effect> effects{};
};

/// How an answer goes out.
enum class Delivery : std::uint8_t {
    normal,
    lost,    ///< the connection is closed without an answer
    broken,  ///< 503 instead of the true answer
};

/// A refusal in the API's terms.
struct Refusal {
    int status{0};
    std::string code{};
    std::string message{};
};

/// The outcome of a call with an effect.
struct Outcome {
    Step step{};
    Delivery delivery{Delivery::normal};
    std::string id{};                  ///< of the machine made
    std::optional<Refusal> refusal{};  ///< instead of an effect
};

struct MachinePage {
    std::vector<const Machine*> machines{};  ///< valid until the next event
    std::string next{};
    std::size_t total{0};
};

struct BillEntry {
    std::string id{};
    std::string name{};
    Money amount{};
    Micros elapsed{0};
    bool final{false};
};

/// The sandbox cloud's books as a state machine: no clock, no I/O. Every change of a machine is a
/// record; the state is what the records make of it, so a journal replayed gives the same state.
/// Every call's `now` must not be before the last one's.
class World {
public:
    /// Machines the books may hold, ended ones included.
    static constexpr std::size_t machines_ever_max = 100'000;

    World(Shelf shelf, Switches switches) : shelf_{std::move(shelf)}, switches_{switches} {}

    /// Applies one record of the journal. Errors: corrupt when it does not fit the state.
    [[nodiscard]] Result<void> replay(const Record& record);
    /// After the replay: opens a new journal under `mark` (only if it was empty), and ends the
    /// machines that died with an earlier cloud at its last proof of life.
    [[nodiscard]] Step begin(UtcTime now, std::string_view mark);

    [[nodiscard]] Outcome create(const CreateRequest& request, UtcTime now);
    [[nodiscard]] Outcome remove(std::string_view id, UtcTime now);
    /// Machines in the order of their ids, after `after`.
    [[nodiscard]] MachinePage list(std::string_view after, std::size_t limit, UtcTime now);
    /// Nothing when there is no such machine.
    [[nodiscard]] const Machine* find(std::string_view id, UtcTime now) const;
    /// Any machine there ever was, hidden and gone ones included; nothing when there was none.
    [[nodiscard]] const Machine* machine(std::string_view id) const;
    /// Every machine there ever was of `owner_mark` (of all owners when empty).
    [[nodiscard]] std::vector<BillEntry> bill(std::string_view owner_mark, UtcTime now) const;
    /// Machines that could be created now.
    [[nodiscard]] int stock_left() const;

    [[nodiscard]] Step started(std::string_view id, int port, UtcTime now);
    [[nodiscard]] Step start_failed(std::string_view id, UtcTime now);
    /// The machine's process has ended, asked to or not.
    [[nodiscard]] Step exited(std::string_view id, UtcTime now);
    /// Boots and disappearances that are due.
    [[nodiscard]] Step tick(UtcTime now);
    /// When `tick` has something to do next; nothing when it has not.
    [[nodiscard]] std::optional<UtcTime> next_due() const;
    /// A proof of life, while machines are billed; no record otherwise.
    [[nodiscard]] Step proof_of_life(UtcTime now);
    /// The cloud stops: ends every machine. Done when `live()` is 0.
    [[nodiscard]] Step close(UtcTime now);

    /// Machines that are not gone.
    [[nodiscard]] std::size_t live() const noexcept { return live_; }
    /// Time of the latest record.
    [[nodiscard]] UtcTime last_time() const noexcept { return last_time_; }
    [[nodiscard]] const Shelf& shelf() const noexcept { return shelf_; }
    [[nodiscard]] Switches& switches() noexcept { return switches_; }
    [[nodiscard]] const std::string& mark() const noexcept { return mark_; }

private:
    using Machines = std::map<std::string, Machine, std::less<>>;

    void record(Step& step, Record record);
    [[nodiscard]] Machine* live_machine(std::string_view id);
    [[nodiscard]] Micros scaled(std::chrono::milliseconds real) const;
    [[nodiscard]] std::optional<Refusal> check(const CreateRequest& request) const;
    [[nodiscard]] Machine make_machine(const CreateRequest& request, UtcTime now);
    void end_process_or_machine(Step& step, Machine& machine, Effect::Kind how, UtcTime now);

    Shelf shelf_;
    Switches switches_;
    std::string mark_{};
    Machines machines_{};
    std::size_t live_{0};
    UtcTime last_time_{};
    bool closing_{false};
};

}  // namespace evenkeel::lab::cloud
