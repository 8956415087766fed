#include "tests/fakes/cloud/digitalocean.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::fakes::cloud {

namespace digitalocean {

using json::quote;

namespace {

constexpr std::size_t page_standard = 20;
constexpr std::size_t page_max = 200;

std::string link(const Call& call, std::size_t page, std::size_t size) {
    std::string kept;
    for (std::string_view rest = call.query; !rest.empty();) {
        const std::string_view pair = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
        if (!pair.starts_with("page=") && !pair.starts_with("per_page=")) {
            kept += '&' + std::string{pair};
        }
    }
    return quote(fmt::format(
        "https://api.digitalocean.com{}?page={}&per_page={}{}", call.path, page, size, kept));
}

}  // namespace

Reply error(int status, std::string_view id, std::string_view message) {
    return {
        .status = status, .body = json::object({{"id", quote(id)}, {"message", quote(message)}})};
}

Reply not_found() {
    return error(404, "not_found", "The resource you requested could not be found.");
}

Reply unprocessable(std::string_view message) {
    return error(422, "unprocessable_entity", message);
}

Reply refuse(Fault fault, std::chrono::seconds /*retry_after*/) {
    switch (fault) {
        case Fault::unauthorized:
            return error(401, "unauthorized", "Unable to authenticate you.");
        case Fault::rate_limited:
            return error(429, "too_many_requests", "API Rate limit exceeded.");
        case Fault::server_error:
            return error(500, "server_error", "Unexpected server-side error");
        case Fault::not_found:
            return not_found();
        case Fault::no_stock:
            return unprocessable("Size is not available in this region.");
        case Fault::quota:
            return unprocessable("creating this/these droplet(s) will exceed your droplet limit");
        case Fault::no_credit:
            return error(403, "forbidden", "You do not have access for the attempted action.");
        case Fault::name_taken:
            return unprocessable("Name is already in use by another Droplet.");
        case Fault::locked:
            return unprocessable("Droplet already has a pending event.");
    }
    return not_found();
}

Reply paged(
    std::string_view name,
    const std::vector<std::string>& items,
    const Call& call,
    const Query& query,
    std::size_t unseen) {
    if (query.bad("page") || query.bad("per_page")) {
        return unprocessable("page and per_page must be whole numbers of at least 1.");
    }
    const auto number = [&](std::string_view key, std::size_t standard) {
        const auto value = query.number(key);
        return value ? static_cast<std::size_t>(*value) : standard;
    };
    const std::size_t size = std::min(number("per_page", page_standard), page_max);
    const std::size_t page = number("page", 1);
    const std::size_t total = items.size() + unseen;
    const std::size_t last = std::max((total + size - 1) / size, std::size_t{1});
    std::vector<std::string> shown;
    for (std::size_t i = (page - 1) * size; i < std::min(page * size, items.size()); ++i) {
        shown.push_back(items[i]);
    }
    json::Members pages;
    if (page > 1) {
        pages.emplace_back("first", link(call, 1, size));
        pages.emplace_back("prev", link(call, page - 1, size));
    }
    if (page < last) {
        pages.emplace_back("next", link(call, page + 1, size));
        pages.emplace_back("last", link(call, last, size));
    }
    const std::string links = pages.empty() ? "{}" : json::object({{"pages", json::object(pages)}});
    return {
        .body = json::object(
            {{name, json::array(shown)},
             {"links", links},
             {"meta", fmt::format(R"({{"total":{}}})", total)}})};
}

}  // namespace digitalocean

namespace {

using namespace digitalocean;

class DigitalOceanDialect final : public Dialect {
public:
    Operation operation(const Call& call) const override {
        const std::string_view id = rest_of(call.path, "/v2/droplets");
        if (call.path.starts_with("/v2/sizes") || call.path.starts_with("/v2/regions")) {
            return Operation::offers;
        }
        if (!call.path.starts_with("/v2/droplets") || id.contains('/')) {
            return Operation::other;
        }
        if (call.method == "POST") {
            return id.empty() ? Operation::create : Operation::other;
        }
        if (call.method == "DELETE") {
            return Operation::destroy;
        }
        return id.empty() ? Operation::list : Operation::get;
    }

    Reply answer(Shop& shop, const Call& call, UtcTime now) const override {
        const std::string_view path = call.path;
        if (path.starts_with("/v2/droplets")) {
            return droplets(shop, call, now);
        }
        if (path.starts_with("/v2/actions/") && call.method == "GET") {
            return get_action(shop, rest_of(path, "/v2/actions"), now);
        }
        for (const std::string_view shelf :
             {"/v2/sizes", "/v2/regions", "/v2/images", "/v2/volumes", "/v2/snapshots"}) {
            if (path.starts_with(shelf)) {
                return catalogue(shop, call, now);
            }
        }
        return account(shop, call, now);
    }

    Reply refuse(Fault fault, std::chrono::seconds retry_after) const override {
        Reply reply = digitalocean::refuse(fault, retry_after);
        if (fault == Fault::rate_limited) {
            reply.headers.emplace_back("retry-after", std::to_string(retry_after.count()));
        }
        return reply;
    }

    std::vector<Window> windows() const override {
        return {
            {.name = "hour", .quota = 5'000, .length = std::chrono::hours{1}},
            {.name = "minute", .quota = 250, .length = std::chrono::minutes{1}}};
    }

    void add_rate_headers(
        Reply& reply, const std::vector<RateLimiter::Standing>& all, bool burst) const override {
        // Without a burst, a refusal tells only when the hour's oldest call leaves.
        if (reply.status == 429 && !burst) {
            std::erase_if(reply.headers, [](const auto& h) { return h.first == "retry-after"; });
        }
        const RateLimiter::Standing& hour = all.front();
        const auto reset =
            std::chrono::ceil<std::chrono::seconds>(hour.oldest_expires.time_since_epoch());
        reply.headers.emplace_back("ratelimit-limit", std::to_string(hour.quota));
        reply.headers.emplace_back("ratelimit-remaining", std::to_string(hour.left));
        reply.headers.emplace_back("ratelimit-reset", std::to_string(reset.count()));
    }

    std::string wanted_name(const Call& call) const override {
        const auto body = wire::read_object(call.body);
        return body ? wire::text(*body, "name") : std::string{};
    }

private:
    static Reply droplets(Shop& shop, const Call& call, UtcTime now) {
        const std::string_view rest = rest_of(call.path, "/v2/droplets");
        const std::string_view id = rest.substr(0, rest.find('/'));
        const std::string_view more = id.size() < rest.size() ? rest.substr(id.size() + 1) : "";
        if (rest.empty()) {
            return call.method == "POST"  ? create_droplet(shop, call, now)
                   : call.method == "GET" ? list_droplets(shop, call, now)
                   : call.method == "DELETE"
                       ? delete_by_tag(shop, Query{call.query}, now)
                       : error(405, "method_not_allowed", "The method is not allowed.");
        }
        if (more.empty() && call.method == "GET") {
            return get_droplet(shop, id, now);
        }
        if (more.empty() && call.method == "DELETE") {
            return delete_droplet(shop, id, now);
        }
        if (more == "actions" && call.method == "POST") {
            return act_on_droplet(shop, call, id, now);
        }
        return digitalocean::not_found();
    }
};

}  // namespace

const Dialect& digitalocean_dialect() {
    static const DigitalOceanDialect instance;
    return instance;
}

}  // namespace evenkeel::fakes::cloud
