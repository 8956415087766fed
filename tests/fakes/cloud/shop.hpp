#pragma once

#include "tests/fakes/cloud/limits.hpp"
#include "tests/fakes/cloud/world.hpp"

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The vendors' APIs as functions over the books: text in, text out, time as an argument. The
/// process around it (service.hpp) adds sockets; a simulator can call it directly.
namespace evenkeel::fakes::cloud {

/// One request, after the server has framed it.
struct Call {
    std::string method{};
    std::string path{};
    std::string query{};
    std::string authorization{};
    std::string user_agent{};
    std::string body{};
    bool tls{false};
};

/// How an answer goes out.
enum class Delivery : std::uint8_t {
    normal,
    lost,     ///< the connection is closed without an answer
    huge,     ///< 200 MB
    bomb,     ///< inflates to 200 MB
    endless,  ///< chunks without an end
};

struct Reply {
    int status{200};
    std::string body{};
    std::string content_type{"application/json"};
    std::vector<std::pair<std::string, std::string>> headers{};
    Delivery delivery{Delivery::normal};
    Micros delay{0};        ///< between the effect and the answer
    std::string machine{};  ///< id of the machine made, looked at or deleted
};

/// What a call is about, as far as the troubles care.
enum class Operation : std::uint8_t { create, destroy, list, get, offers, other };

/// What every vendor refuses in words of its own.
enum class Fault : std::uint8_t {
    unauthorized,
    rate_limited,
    server_error,
    not_found,
    no_stock,
    quota,
    no_credit,
    name_taken,
    locked,
};

/// One call as it was, for tests to read. Never holds bodies or keys.
struct CallRecord {
    std::uint64_t number{0};
    UtcTime at{};  ///< arrival
    std::string vendor{};
    std::string method{};
    std::string path{};
    std::string query{};
    std::string name{};     ///< of the machine a create asked for
    std::string machine{};  ///< id of the machine made, looked at or deleted
    std::string user_agent{};
    int status{0};  ///< 0: closed unanswered
    bool tls{false};
    bool with_key{false};  ///< an Authorization header came
    Operation operation{Operation::other};
};

class Shop;

/// One vendor's wire format.
class Dialect {
public:
    virtual ~Dialect() = default;
    [[nodiscard]] virtual Operation operation(const Call& call) const = 0;
    /// Answers a call that was admitted.
    [[nodiscard]] virtual Reply answer(Shop& shop, const Call& call, UtcTime now) const = 0;
    [[nodiscard]] virtual Reply refuse(Fault fault, std::chrono::seconds retry_after) const = 0;
    /// Every 403 of the edge looks like this.
    [[nodiscard]] virtual Reply edge_block() const;
    [[nodiscard]] virtual bool authorized(std::string_view header, std::string_view token) const;
    /// True when the edge lets `call` through to the API.
    [[nodiscard]] virtual bool passes_edge(const Call&) const { return true; }
    [[nodiscard]] virtual std::vector<Window> windows() const = 0;
    /// What each create must keep to besides.
    [[nodiscard]] virtual std::vector<Window> create_windows() const { return {}; }
    virtual void add_rate_headers(
        Reply& reply, const std::vector<RateLimiter::Standing>& standings, bool burst) const = 0;
    /// The name a create call asks for, so that tests can count creates for it.
    [[nodiscard]] virtual std::string wanted_name(const Call& call) const = 0;
};

[[nodiscard]] const Dialect& dialect(Vendor vendor) noexcept;

struct ShopOptions {
    WorldOptions world{};
    std::string token{"fake-token"};
    bool rate_limits{true};
    std::string trap{"http://127.0.0.1:1"};  ///< where redirects lead
};

/// All vendors: who may call, what goes wrong, what was called.
class Shop {
public:
    static constexpr std::size_t calls_max = 1'000'000;

    explicit Shop(ShopOptions options);

    /// Answers one call that arrived at `now`.
    [[nodiscard]] Reply answer(Vendor vendor, const Call& call, UtcTime now);

    /// For dialects: the machine, or the refusal that the shop has for this order.
    struct Placement {
        Machine* machine{nullptr};
        Fault fault{Fault::no_stock};
    };
    [[nodiscard]] Placement place(Order order, UtcTime now);
    /// For dialects: a machine a get may show.
    [[nodiscard]] Machine* look(Vendor vendor, std::string_view id, UtcTime now);
    /// For dialects: what a list may show. `cut` says that the last one must be left out although
    /// the total counts it.
    struct Listing {
        std::vector<Machine*> machines{};
        bool cut{false};
    };
    [[nodiscard]] Listing list(Vendor vendor, UtcTime now);
    /// For dialects: accepts the delete; or the refusal. Nothing: accepted.
    [[nodiscard]] std::optional<Fault> destroy(Vendor vendor, std::string_view id, UtcTime now);

    [[nodiscard]] World& world() noexcept { return world_; }
    [[nodiscard]] const World& world() const noexcept { return world_; }
    [[nodiscard]] const std::vector<CallRecord>& calls() const noexcept { return calls_; }
    /// A call that a redirect led here.
    void trapped(const Call& call, UtcTime now);
    void set_trap(std::string trap) { options_.trap = std::move(trap); }
    [[nodiscard]] const ShopOptions& options() const noexcept { return options_; }

    /// Small things clients register, by vendor and kind: name or id to JSON text.
    using Drawer = std::map<std::string, std::string, std::less<>>;
    [[nodiscard]] Drawer& drawer(Vendor vendor, std::string_view kind);
    /// A number no other thing of this shop has.
    [[nodiscard]] std::int64_t next_number() noexcept { return ++number_; }

private:
    [[nodiscard]] Reply decide(Vendor vendor, const Call& call, Operation operation, UtcTime now);
    [[nodiscard]] Reply serve(Vendor vendor, const Call& call, Operation operation, UtcTime now);
    [[nodiscard]] std::optional<Reply> edge_trouble(Vendor vendor);
    [[nodiscard]] bool percent(std::int64_t chance);

    ShopOptions options_;
    World world_;
    std::vector<RateLimiter> limiters_{};
    std::vector<RateLimiter> create_limiters_{};
    std::vector<CallRecord> calls_{};
    std::map<std::string, Drawer, std::less<>> drawers_{};
    std::mt19937_64 random_;
    std::int64_t number_{0};
};

}  // namespace evenkeel::fakes::cloud
