#include "tests/fakes/cloud/shop_client.hpp"

#include "inference/http/message.hpp"

#include <algorithm>
#include <charconv>

namespace evenkeel::fakes::cloud {

using providers::HttpRequest;
using providers::HttpResponse;

namespace {

class ShopClient final : public providers::HttpClient {
public:
    ShopClient(Shop& shop, Vendor vendor, std::string token, const Clock& clock)
        : shop_{shop}, vendor_{vendor}, token_{std::move(token)}, clock_{clock} {}

    Result<HttpResponse> send(const HttpRequest& request, std::stop_token stop) override {
        if (stop.stop_requested()) {
            return fail(Errc::cancelled, "stopped before sending");
        }
        const std::size_t split = std::min(request.target.find('?'), request.target.size());
        const Reply reply = shop_.answer(
            vendor_,
            {.method = request.method,
             .path = request.target.substr(0, split),
             .query = request.target.substr(std::min(split + 1, request.target.size())),
             .authorization = "Bearer " + token_,
             .user_agent = "evenkeel/test",
             .body = request.body},
            clock_.read().utc);
        const bool late = reply.delay >= Micros{exchange_limit};
        if (late || reply.delivery != Delivery::normal) {
            const bool broken = !late && reply.delivery != Delivery::lost;
            return fail(
                request.method != "GET" ? Errc::outcome_unknown
                : broken                ? Errc::invalid_response
                                        : Errc::unavailable,
                "no complete answer came");
        }
        HttpResponse response{.status = reply.status, .body = reply.body};
        providers::RateHeaders rate;
        for (const auto& [name, value] : reply.headers) {
            rate.add(name + ": " + value);
            std::int64_t seconds = 0;
            const char* const end = value.data() + value.size();
            if (inference::http::iequals(name, "retry-after") &&
                std::from_chars(value.data(), end, seconds).ptr == end) {
                response.retry_after = std::chrono::seconds{seconds};
            }
        }
        response.rate = rate.take();
        return response;
    }

private:
    Shop& shop_;
    Vendor vendor_;
    std::string token_;
    const Clock& clock_;
};

}  // namespace

std::unique_ptr<providers::HttpClient> make_shop_client(
    Shop& shop, Vendor vendor, std::string token, const Clock& clock) {
    return std::make_unique<ShopClient>(shop, vendor, std::move(token), clock);
}

}  // namespace evenkeel::fakes::cloud
