#pragma once

#include "agent/admin/admin_parts.hpp"
#include "agent/web/web.hpp"
#include "agent/web/workers.hpp"
#include "policies/domain/error.hpp"

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace evenkeel::agent {

class Fields;

/// What may be changed while the agent runs: what POSTs to the control socket ask for, and the page
/// after a login. Used on the admin thread, which it never holds up.
class Actions {
public:
    /// All of them outlive it. `address` gives that of the page.
    Actions(
        const AdminOptions& options,
        AdminParts& parts,
        web::Web& web,
        std::function<std::string()> address)
        : options_{options}, parts_{parts}, web_{web}, address_{std::move(address)} {}

    /// Does what a POST to `path` asks; the answer is its body. `user` is who asked. Errors:
    /// not_found (no such action), timed_out, and those of what is done.
    [[nodiscard]] boost::asio::awaitable<Result<std::string>> act(
        std::string path, std::string body, std::string user);
    /// New ones are refused, and what runs is waited for. Before the context of the listener goes.
    void finish() { workers_.finish(); }

private:
    using Answer = boost::asio::awaitable<Result<std::string>>;
    struct Order {
        std::string_view path{};
        const Fields& fields;
        const std::string& user;
    };
    struct Entry {
        std::string_view path{};
        Answer (Actions::*run)(Order);
    };
    static const Entry entries[];

    [[nodiscard]] Answer command_node(Order order);
    [[nodiscard]] Answer refresh_prices(Order order);
    [[nodiscard]] Answer freeze(Order order);
    [[nodiscard]] Answer create_key(Order order);
    [[nodiscard]] Answer limit_key(Order order);
    [[nodiscard]] Answer revoke_key(Order order);
    [[nodiscard]] Answer reload(Order order);
    [[nodiscard]] Answer apply(Order order);
    [[nodiscard]] Answer log_in(Order order);
    [[nodiscard]] Answer back_up(Order order);

    const AdminOptions& options_;
    AdminParts& parts_;
    web::Web& web_;
    std::function<std::string()> address_;
    web::Workers workers_{1, 16};  ///< what waits for the disk
};

}  // namespace evenkeel::agent
