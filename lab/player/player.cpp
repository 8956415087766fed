#include "lab/player/player.hpp"

#include "inference/http/client.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <list>
#include <random>
#include <utility>

namespace evenkeel::lab::player {
namespace {

namespace http = evenkeel::inference::http;
using SteadyClock = std::chrono::steady_clock;

constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);
constexpr std::string_view filler =
    "This is filler text of a played trace. It has the size of a real prompt and no meaning. ";
constexpr std::int64_t bytes_per_token = 4;  ///< what gateway and synthetic engine count with

}  // namespace

std::uint32_t percentile(std::vector<std::uint32_t> values, int percent) {
    if (values.empty()) {
        return 0;
    }
    const auto count = static_cast<std::int64_t>(values.size());
    const std::int64_t rank = std::clamp<std::int64_t>((count * percent + 99) / 100, 1, count);
    const auto nth = values.begin() + (rank - 1);
    std::ranges::nth_element(values, nth);
    return *nth;
}

std::string make_body(
    std::string_view model, std::int64_t tokens_in, std::int64_t tokens_out, bool stream) {
    const auto bytes = static_cast<std::size_t>(tokens_in * bytes_per_token);
    std::string body;
    body.reserve(bytes + model.size() + 192);
    body += R"({"model":")";
    body += model;
    body += R"(","messages":[{"role":"user","content":")";
    for (std::size_t left = bytes; left > 0;) {
        const std::string_view piece = filler.substr(0, left);
        body += piece;
        left -= piece.size();
    }
    body += fmt::format(R"("}}],"max_tokens":{})", tokens_out);
    body += stream ? R"(,"stream":true,"stream_options":{"include_usage":true}})" : "}";
    return body;
}

struct Player::State : std::enable_shared_from_this<Player::State> {
    State(asio::io_context& io, PlayerOptions chosen, std::vector<replay::TraceRow> trace)
        : context{io},
          options{std::move(chosen)},
          rows{std::move(trace)},
          pace{io},
          random{options.seed} {
        report.planned = static_cast<std::int64_t>(rows.size());
    }

    asio::io_context& context;
    PlayerOptions options;
    std::vector<replay::TraceRow> rows;
    PlayerReport report{};
    asio::steady_timer pace;
    std::mt19937_64 random;
    SteadyClock::time_point began{};
    std::chrono::milliseconds played{0};
    std::function<void()> done{};
    std::list<asio::cancellation_signal> running{};
    bool pacing{false};
    bool stopping{false};

    asio::awaitable<void> send_all();
    asio::awaitable<void> exchange(replay::TraceRow row, bool stream);
    void launch(const replay::TraceRow& row);
    void count(const Verdict& verdict, const std::string& source, std::int64_t first_token_ms);
    void maybe_done();
};

void Player::State::count(
    const Verdict& verdict, const std::string& source, std::int64_t first_token_ms) {
    switch (verdict.ending) {
        case Ending::answered: {
            ++report.answered;
            SourceTotals& totals = report.sources[source.empty() ? "(unnamed)" : source];
            ++totals.answered;
            totals.prompt_tokens += verdict.prompt_tokens;
            totals.completion_tokens += verdict.completion_tokens;
            if (first_token_ms >= 0) {
                report.first_token_ms.push_back(static_cast<std::uint32_t>(first_token_ms));
            }
            break;
        }
        case Ending::error:
            ++report.errors;
            ++report.error_types[verdict.why];
            break;
        case Ending::malformed:
            ++report.malformed;
            if (report.malformed_why.size() < PlayerReport::why_max) {
                report.malformed_why.push_back(verdict.why);
            }
            break;
    }
}

asio::awaitable<void> Player::State::exchange(replay::TraceRow row, bool stream) {
    AnswerReader reader{stream};
    std::string source;
    std::int64_t first_token_ms = -1;
    const SteadyClock::time_point asked = SteadyClock::now();
    http::ClientRequest request{
        .method = "POST",
        .target = "/v1/chat/completions",
        .headers =
            {{"content-type", "application/json"},
             {"authorization", "Bearer " + options.key},
             {"x-evenkeel-tag", "client=trace-player"}},
        .body = make_body(options.model, row.tokens_in, row.tokens_out, stream)};
    std::function<void(const http::ClientResponse&)> on_head =
        [&](const http::ClientResponse& response) {
            reader.head(response.status, response.header("content-type"));
            source = response.header("x-evenkeel-source");
        };
    std::function<void(std::string_view)> on_data = [&](std::string_view bytes) {
        reader.feed(bytes);
        if (stream && first_token_ms < 0 && reader.token_seen()) {
            first_token_ms =
                std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now() - asked)
                    .count();
        }
    };
    const Result<http::ClientResponse> response = co_await http::fetch_stream(
        options.address, std::move(request), options.limit, std::move(on_head), std::move(on_data));
    Verdict verdict = reader.finish(response.has_value());
    if (!response && verdict.ending == Ending::malformed) {
        verdict.why += ": " + response.error().message;
    }
    count(verdict, source.empty() ? verdict.source : source, first_token_ms);
}

void Player::State::launch(const replay::TraceRow& row) {
    if (report.in_flight >= options.in_flight_max) {
        ++report.shed;
        return;
    }
    const bool stream = static_cast<int>(random() % 1'000) >= options.plain_permille;
    ++report.sent;
    ++report.in_flight;
    report.in_flight_peak = std::max(report.in_flight_peak, report.in_flight);
    const auto signal = running.emplace(running.end());
    asio::co_spawn(
        context,
        exchange(row, stream),
        asio::bind_cancellation_slot(
            signal->slot(), [self = shared_from_this(), signal](std::exception_ptr thrown) {
                self->running.erase(signal);
                --self->report.in_flight;
                if (thrown) {
                    ++self->report.malformed;
                    self->report.malformed_why.emplace_back("the player itself failed");
                }
                self->maybe_done();
            }));
}

asio::awaitable<void> Player::State::send_all() {
    for (const replay::TraceRow& row : rows) {
        const SteadyClock::time_point due = began + row.at / options.speed;
        if (due > SteadyClock::now() && !stopping) {
            pace.expires_at(due);
            co_await pace.async_wait(use_tuple);
        }
        if (stopping) {
            co_return;
        }
        played = std::chrono::duration_cast<std::chrono::milliseconds>(row.at);
        launch(row);
    }
}

void Player::State::maybe_done() {
    if (!pacing && running.empty() && done) {
        asio::post(context, std::exchange(done, {}));
    }
}

Player::Player(asio::io_context& context, PlayerOptions options, std::vector<replay::TraceRow> rows)
    : state_{std::make_shared<State>(context, std::move(options), std::move(rows))} {}

Player::~Player() {
    stop();
}

void Player::start(std::function<void()> done) {
    state_->done = std::move(done);
    state_->began = SteadyClock::now();
    state_->pacing = true;
    asio::co_spawn(state_->context, state_->send_all(), [self = state_](std::exception_ptr thrown) {
        self->pacing = false;
        if (thrown) {
            self->report.malformed_why.emplace_back("the player's clock failed");
        }
        self->maybe_done();
    });
}

void Player::stop() {
    state_->stopping = true;
    state_->pace.cancel();
    for (auto next = state_->running.begin(); next != state_->running.end();) {
        const auto current = next++;  // an exchange that ends removes itself from the list
        current->emit(asio::cancellation_type::all);
    }
}

const PlayerReport& Player::report() const noexcept {
    return state_->report;
}

std::chrono::milliseconds Player::position() const noexcept {
    return state_->played;
}

}  // namespace evenkeel::lab::player
