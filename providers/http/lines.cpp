#include "providers/http/lines.hpp"

#include <condition_variable>
#include <cstring>

namespace evenkeel::providers {

Pause sleeping_pause() {
    return [](std::chrono::milliseconds pause, const std::stop_token& stop) {
        std::mutex mutex;
        std::condition_variable_any woken;
        std::unique_lock lock{mutex};
        woken.wait_for(lock, stop, pause, [] { return false; });
        return !stop.stop_requested();
    };
}

Line::Line(Lane lane, std::unique_ptr<HttpClient> client, LineShared shared)
    : lane_{lane}, client_{std::move(client)}, shared_{std::move(shared)} {}

Result<HttpResponse> Line::send(
    const HttpRequest& request, const std::stop_token& stop, CallClass what) {
    const std::scoped_lock lock{mutex_};
    const auto pause = shared_.budget->take(lane_, what, shared_.clock.read());
    if (!pause) {
        return std::unexpected{pause.error()};
    }
    if (*pause > std::chrono::milliseconds{0} && !shared_.pause(*pause, stop)) {
        return fail(Errc::cancelled, "stopped before sending");
    }
    auto response = client_->send(request, stop);
    if (response) {
        const auto wait = shared_.budget->answered(
            lane_, response->status, response->retry_after, response->rate, shared_.clock.read());
        if (wait) {
            response->retry_after = wait;
        }
    }
    return response;
}

Result<ClientPair> make_client_pair(const DriverOptions& options, std::string_view vendor_url) {
    const HttpOptions http{
        .base_url = options.base_url.empty() ? std::string{vendor_url} : options.base_url,
        .bearer = options.credential,
        .connect_limit = options.connect_limit,
        .total_limit = options.total_limit,
        .ca_file = options.ca_file};
    auto spend = make_curl_client(http);
    if (!spend) {
        return std::unexpected{spend.error()};
    }
    auto safety = make_curl_client(http);
    if (!safety) {
        return std::unexpected{safety.error()};
    }
    return ClientPair{*std::move(spend), *std::move(safety)};
}

Result<std::vector<MarketOffer>> with_speed(
    Result<std::vector<MarketOffer>> offers, std::int64_t speed) {
    if (offers) {
        for (MarketOffer& offer : *offers) {
            offer.min_bill /= speed;
        }
    }
    return offers;
}

Result<HttpResponse> send_launch(Line& line, HttpRequest request, const std::stop_token& stop) {
    auto response = line.send(request, stop, CallClass::launch);
    explicit_bzero(request.body.data(), request.body.size());
    return response;
}

}  // namespace evenkeel::providers
