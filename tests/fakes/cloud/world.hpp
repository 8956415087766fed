#pragma once

#include "policies/domain/price.hpp"
#include "policies/domain/time.hpp"
#include "tests/fakes/cloud/catalog.hpp"
#include "tests/fakes/cloud/node_data.hpp"
#include "tests/fakes/cloud/personality.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace evenkeel::fakes::cloud {

using Micros = std::chrono::microseconds;
using Milliseconds = std::chrono::milliseconds;

/// Durations of the real world, divided by `speed` when they are used; prices are multiplied by it,
/// so that an hour played in 1/speed of an hour costs what a real one would.
struct WorldOptions {
    std::int64_t speed{1};
    Milliseconds placing{20'000};   ///< accepted create to a host; locked meanwhile
    Milliseconds boot{60'000};      ///< accepted create to "active" or RUNNING
    Milliseconds loading{300'000};  ///< from there to a listening front and its engine
    Milliseconds deleting{2'000};   ///< accepted delete to the end of machine and bill
    int stock{8};                   ///< machines of a type in a region at once
    int machine_limit{25};          ///< of an account at once
    std::uint8_t address_group{1};  ///< second number of the machines' addresses in 127.0.0.0/8
    std::uint64_t seed{1};          ///< of flapping
};

/// Where a machine is in its life, as the vendor sees it.
enum class Phase : std::uint8_t { placing, starting, running, off };
[[nodiscard]] std::string_view to_text(Phase phase) noexcept;

/// Who wanted a machine.
enum class Creator : std::uint8_t {
    client,     ///< a create call
    duplicate,  ///< the vendor itself, beside a client's (create_twice)
    orphan,     ///< nobody; it carries the client's mark
    foreign,    ///< a stranger with the same account
};
[[nodiscard]] std::string_view to_text(Creator creator) noexcept;

/// A machine that is or was. Never forgotten.
struct Machine {
    Vendor vendor{};
    Creator creator{Creator::client};
    std::string id{};
    std::string name{};
    std::string sku{};
    std::string region{};
    std::string gpu{};  ///< as it really is, in the vendor's words
    int gpu_count{1};
    bool community{false};  ///< RunPod's cheaper cloud
    Money hourly{};         ///< of the whole machine
    std::string image{};
    std::vector<std::string> tags{};
    std::string echo{};  ///< what the dialect wants to give back later, as JSON members

    UtcTime created{};
    UtcTime placed_at{};
    UtcTime running_at{};
    UtcTime front_at{};
    std::optional<UtcTime> vanishes_at{};  ///< never placed
    std::optional<UtcTime> stops_at{};
    std::optional<UtcTime> human_at{};  ///< deleted in the console then
    bool off{false};
    std::optional<UtcTime> delete_accepted{};
    std::optional<UtcTime> gone_at{};  ///< in the future while a delete is being carried out
    bool gone{false};
    std::string gone_how{};  ///< "deleted", "console", "never_placed", "balance", "closed"
    int delete_calls{0};

    std::optional<NodeData> node{};
    std::vector<Trouble> node_troubles{};
    std::int64_t die_after_tokens{-1};
    std::string address{};
    int port{0};  ///< of its front on `address`; 0 while nothing listens
    bool front_asked{false};

    [[nodiscard]] Phase phase(UtcTime now) const noexcept;
    [[nodiscard]] bool has(Trouble trouble) const noexcept;
};

/// What a create call asks for, once it was found to be well-formed.
struct Order {
    Vendor vendor{};
    Creator creator{Creator::client};
    std::string name{};
    const Sku* sku{nullptr};
    std::string region{};
    int gpu_count{1};
    bool community{false};
    std::string image{};
    std::vector<std::string> tags{};
    std::string echo{};
    std::string start_text{};  ///< user data or container arguments
    int port{0};               ///< the engine's port inside, when the order names it
    bool doomed{false};        ///< accepted, but can never be placed
};

/// Something for the process around the books to do.
struct Effect {
    enum class Kind : std::uint8_t {
        start_front,  ///< start engine and front; answer with `fronted`
        end_front,    ///< end both
    };
    Kind kind{Kind::start_front};
    std::string id{};
};

/// How a vendor computes what a machine costs.
struct BillingRule {
    Micros minimum{0};
    Micros step{1};            ///< begun steps count whole
    bool from_running{false};  ///< else from the accepted create
};

/// The vendors' machines and their books: no clock, no I/O. Every call's `now` must not be before
/// the last one's. References to machines stay valid for ever.
class World {
public:
    /// Machines the books may hold.
    static constexpr std::size_t machines_max = 100'000;

    explicit World(WorldOptions options);

    [[nodiscard]] const WorldOptions& options() const noexcept { return options_; }
    [[nodiscard]] Personality& personality(Vendor vendor) noexcept {
        return personalities_[static_cast<std::size_t>(vendor)];
    }
    [[nodiscard]] const Personality& personality(Vendor vendor) const noexcept {
        return personalities_[static_cast<std::size_t>(vendor)];
    }
    /// Puts a trouble on; those that befall machines (stopped, human_deletes, orphan, foreign) also
    /// take those there are.
    void put_on(Vendor vendor, Trouble trouble, int times, std::int64_t value, UtcTime now);

    /// Makes the machine, with whatever the personality does to it.
    Machine& create(const Order& order, UtcTime now);
    /// Accepts a delete. Does nothing to a machine that is gone.
    void remove(Machine& machine, std::string_view how, UtcTime now);
    void switch_off(Machine& machine, UtcTime now);
    /// The front of `machine` listens on `port`.
    static void fronted(Machine& machine, int port) noexcept { machine.port = port; }
    /// Everything that is due. Effects collect until they are taken.
    void tick(UtcTime now);
    [[nodiscard]] std::optional<UtcTime> next_due() const;
    [[nodiscard]] std::vector<Effect> take_effects();
    /// The world ends: every machine goes now.
    void close(UtcTime now);

    /// A machine that is not gone; nothing when there is none. Lags are not regarded.
    [[nodiscard]] Machine* find(Vendor vendor, std::string_view id);
    /// Any machine there ever was.
    [[nodiscard]] Machine* any(std::string_view id);
    /// Those not gone, in the order they were made. Lags are not regarded.
    [[nodiscard]] std::vector<Machine*> live(Vendor vendor);
    [[nodiscard]] const std::deque<Machine>& machines() const noexcept { return machines_; }

    [[nodiscard]] int stock_left(const Sku& sku, std::string_view region) const;
    void set_stock(int stock) noexcept { options_.stock = stock; }
    /// The listed price of one machine of `gpus` GPUs, times speed.
    [[nodiscard]] Money listed(const Sku& sku, int gpus, bool community) const;

    [[nodiscard]] BillingRule billing_rule(Vendor vendor) const noexcept;
    /// The time a machine is charged for until `until`, without minimum and steps.
    [[nodiscard]] Micros elapsed(const Machine& machine, UtcTime until) const;
    /// What it truly costs until `until`, or until its end if that came first.
    [[nodiscard]] Money cost(const Machine& machine, UtcTime until) const;
    /// What the vendor's bill says.
    [[nodiscard]] Money billed(const Machine& machine, UtcTime until) const;
    /// Of all machines of `vendor`, by the bill.
    [[nodiscard]] Money billed_total(Vendor vendor, UtcTime now) const;
    /// Prepaid credit left; for vendors billed afterwards, the negative of what is owed.
    [[nodiscard]] Money balance(Vendor vendor, UtcTime now) const;
    void set_balance(Vendor vendor, Money left, UtcTime now);

    [[nodiscard]] Micros scaled(Milliseconds real) const noexcept {
        return Micros{real} / options_.speed;
    }

private:
    Machine& make(const Order& order, UtcTime now);
    void befall(Machine& machine, UtcTime now);
    void conjure(Vendor vendor, UtcTime now);
    void end(Machine& machine, std::string_view how, UtcTime at);

    WorldOptions options_;
    std::array<Personality, vendors.size()> personalities_{};
    std::array<Money, vendors.size()> credit_{};
    std::deque<Machine> machines_{};
    std::vector<Effect> effects_{};
    std::array<std::optional<Order>, vendors.size()> last_order_{};
};

}  // namespace evenkeel::fakes::cloud
