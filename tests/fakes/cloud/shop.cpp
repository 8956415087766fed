#include "tests/fakes/cloud/shop.hpp"

#include <algorithm>

namespace evenkeel::fakes::cloud {

Reply Dialect::edge_block() const {
    return {.status = 403, .body = "error code: 1010", .content_type = "text/plain"};
}

bool Dialect::authorized(std::string_view header, std::string_view token) const {
    constexpr std::string_view scheme = "Bearer ";
    return header.starts_with(scheme) && header.substr(scheme.size()) == token;
}

Shop::Shop(ShopOptions options)
    : options_{std::move(options)}, world_{options_.world}, random_{options_.world.seed} {
    for (const Vendor vendor : vendors) {
        limiters_.emplace_back(dialect(vendor).windows(), options_.world.speed);
        create_limiters_.emplace_back(dialect(vendor).create_windows(), options_.world.speed);
    }
}

bool Shop::percent(std::int64_t chance) {
    return std::uniform_int_distribution<std::int64_t>{0, 99}(random_) < chance;
}

Shop::Drawer& Shop::drawer(Vendor vendor, std::string_view kind) {
    return drawers_[std::string{to_text(vendor)} + '/' + std::string{kind}];
}

void Shop::trapped(const Call& call, UtcTime now) {
    calls_.push_back(
        {.number = calls_.size() + 1,
         .at = now,
         .vendor = "trap",
         .method = call.method,
         .path = call.path,
         .query = call.query,
         .user_agent = call.user_agent,
         .status = 200,
         .tls = call.tls,
         .with_key = !call.authorization.empty()});
}

Reply Shop::answer(Vendor vendor, const Call& call, UtcTime now) {
    world_.tick(now);
    const Dialect& speaker = dialect(vendor);
    const Operation operation = speaker.operation(call);
    Reply reply = decide(vendor, call, operation, now);
    if (const auto late = world_.personality(vendor).strike(Trouble::slow)) {
        reply.delay = Milliseconds{*late};
    }
    if (calls_.size() < calls_max) {
        calls_.push_back(
            {.number = calls_.size() + 1,
             .at = now,
             .vendor = std::string{to_text(vendor)},
             .method = call.method,
             .path = call.path,
             .query = call.query,
             .name = operation == Operation::create ? speaker.wanted_name(call) : std::string{},
             .machine = reply.machine,
             .user_agent = call.user_agent,
             .status = reply.delivery == Delivery::lost ? 0 : reply.status,
             .tls = call.tls,
             .with_key = !call.authorization.empty(),
             .operation = operation});
    }
    return reply;
}

/// Answers that never reach the API proper.
std::optional<Reply> Shop::edge_trouble(Vendor vendor) {
    Personality& troubles = world_.personality(vendor);
    if (troubles.strike(Trouble::html_403)) {
        return Reply{
            .status = 403,
            .body = "<!DOCTYPE html><html><body><h1>Access denied</h1></body></html>",
            .content_type = "text/html"};
    }
    if (troubles.strike(Trouble::redirect)) {
        return Reply{
            .status = 307, .body = "{}", .headers = {{"Location", options_.trap + "/trap"}}};
    }
    for (const auto& [trouble, delivery] :
         {std::pair{Trouble::huge_body, Delivery::huge},
          std::pair{Trouble::gzip_bomb, Delivery::bomb},
          std::pair{Trouble::endless_body, Delivery::endless}}) {
        if (troubles.strike(trouble)) {
            return Reply{.delivery = delivery};
        }
    }
    return std::nullopt;
}

Reply Shop::decide(Vendor vendor, const Call& call, Operation operation, UtcTime now) {
    const Dialect& speaker = dialect(vendor);
    Personality& troubles = world_.personality(vendor);
    const std::size_t index = static_cast<std::size_t>(vendor);
    constexpr std::chrono::seconds none{0};
    if (troubles.strike(Trouble::outage)) {
        return {.delivery = Delivery::lost};
    }
    if (auto reply = edge_trouble(vendor)) {
        return *reply;
    }
    if (!speaker.passes_edge(call)) {
        return speaker.edge_block();
    }
    if (troubles.strike(Trouble::auth_revoked) ||
        !speaker.authorized(call.authorization, options_.token)) {
        return speaker.refuse(Fault::unauthorized, none);
    }
    if (const auto pause = troubles.strike(Trouble::storm_429)) {
        Reply reply = speaker.refuse(Fault::rate_limited, std::chrono::seconds{*pause});
        speaker.add_rate_headers(reply, limiters_[index].standings(now), true);
        return reply;
    }
    Reply reply;
    auto denial = options_.rate_limits ? limiters_[index].admit(now) : std::nullopt;
    if (!denial && options_.rate_limits && operation == Operation::create) {
        denial = create_limiters_[index].admit(now);
    }
    if (denial) {
        reply = speaker.refuse(Fault::rate_limited, denial->retry_after);
    } else if (const auto chance = troubles.value(Trouble::flapping); chance && percent(*chance)) {
        static_cast<void>(troubles.strike(Trouble::flapping));
        if (percent(50)) {
            reply = serve(vendor, call, operation, now);
        }
        const std::string machine = reply.machine;
        reply = speaker.refuse(Fault::server_error, none);
        reply.machine = machine;
    } else {
        reply = serve(vendor, call, operation, now);
    }
    speaker.add_rate_headers(
        reply, limiters_[index].standings(now), denial && denial->window != "hour");
    return reply;
}

Reply Shop::serve(Vendor vendor, const Call& call, Operation operation, UtcTime now) {
    const Dialect& speaker = dialect(vendor);
    Personality& troubles = world_.personality(vendor);
    constexpr std::chrono::seconds none{0};
    const auto instead = [&](Reply& reply) {
        Reply other = speaker.refuse(Fault::server_error, none);
        other.machine = reply.machine;
        reply = std::move(other);
    };
    if (operation == Operation::create && troubles.strike(Trouble::create_500_before)) {
        return speaker.refuse(Fault::server_error, none);
    }
    Reply reply = speaker.answer(*this, call, now);
    const bool done = reply.status < 300 && !reply.machine.empty();
    if (done && operation == Operation::create) {
        if (troubles.strike(Trouble::create_500_after)) {
            instead(reply);
        } else if (troubles.strike(Trouble::create_lost)) {
            reply.delivery = Delivery::lost;
        } else if (const auto which = troubles.strike(Trouble::create_broken_json)) {
            reply.body = *which == 1 ? std::string{} : reply.body.substr(0, reply.body.size() / 2);
        }
    }
    if (done && operation == Operation::destroy) {
        if (troubles.strike(Trouble::delete_500_done)) {
            instead(reply);
        } else if (troubles.strike(Trouble::delete_lost)) {
            reply.delivery = Delivery::lost;
        }
    }
    return reply;
}

Shop::Placement Shop::place(Order order, UtcTime now) {
    Personality& troubles = world_.personality(order.vendor);
    const std::vector<Machine*> live = world_.live(order.vendor);
    if (const auto which = troubles.strike(Trouble::name_taken)) {
        // At RunPod the name is the only mark: a stranger's machine cannot carry it.
        if (*which == 0 && order.vendor != Vendor::runpod) {
            order.creator = Creator::foreign;
            order.tags.clear();
            order.start_text.clear();
        }
        world_.create(order, now);
        return {.fault = Fault::name_taken};
    }
    if (troubles.strike(Trouble::no_stock) || world_.stock_left(*order.sku, order.region) == 0 ||
        world_.machines().size() >= World::machines_max) {
        return {.fault = Fault::no_stock};
    }
    if (std::cmp_greater_equal(live.size(), options_.world.machine_limit)) {
        return {.fault = Fault::quota};
    }
    const Money hour = world_.listed(*order.sku, order.gpu_count, order.community);
    if (order.vendor == Vendor::runpod && world_.balance(order.vendor, now) < hour) {
        return {.fault = Fault::no_credit};
    }
    return {.machine = &world_.create(order, now)};
}

Machine* Shop::look(Vendor vendor, std::string_view id, UtcTime now) {
    Machine* const machine = world_.find(vendor, id);
    const auto lag = world_.personality(vendor).value(Trouble::get_lag);
    const bool hidden =
        machine != nullptr && lag && now - machine->created < world_.scaled(Milliseconds{*lag});
    return hidden ? nullptr : machine;
}

Shop::Listing Shop::list(Vendor vendor, UtcTime now) {
    Personality& troubles = world_.personality(vendor);
    const auto lag = troubles.value(Trouble::list_lag);
    Listing listing{.machines = world_.live(vendor)};
    std::erase_if(listing.machines, [&](const Machine* machine) {
        return lag && now - machine->created < world_.scaled(Milliseconds{*lag});
    });
    if (!listing.machines.empty() && troubles.strike(Trouble::empty_list_once)) {
        listing.machines.clear();
    }
    listing.cut = !listing.machines.empty() && troubles.strike(Trouble::partial_page).has_value();
    return listing;
}

std::optional<Fault> Shop::destroy(Vendor vendor, std::string_view id, UtcTime now) {
    Personality& troubles = world_.personality(vendor);
    if (Machine* const known = world_.any(id)) {
        ++known->delete_calls;
    }
    Machine* const machine = look(vendor, id, now);
    if (machine == nullptr || troubles.strike(Trouble::delete_404_existing)) {
        return Fault::not_found;
    }
    if (troubles.strike(Trouble::delete_locked)) {
        return Fault::locked;
    }
    if (troubles.strike(Trouble::delete_204_noop)) {
        return std::nullopt;
    }
    world_.remove(*machine, "deleted", now);
    return std::nullopt;
}

}  // namespace evenkeel::fakes::cloud
