#pragma once

#include "lab/demo/checks.hpp"
#include "lab/demo/screen.hpp"
#include "lab/demo/stage.hpp"
#include "lab/player/player.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <optional>
#include <string>
#include <vector>

namespace evenkeel::lab::demo {

namespace asio = boost::asio;

/// What the story left to be judged and told.
struct Books {
    json::object status{};
    json::object nodes{};
    json::object spend{};
    json::object bill{};
    json::object cloud_list{};
    json::object verification{};
    int verify_status{-1};
};

/// Plays the trace against the running stage and waits until the rented machine is gone and the
/// books agree. One coroutine on one io_context; cancelling it ends it with an exception.
class Story {
public:
    Story(
        asio::io_context& context,
        Stage& stage,
        Screen& screen,
        std::vector<replay::TraceRow> rows,
        Progress progress,
        std::uint64_t seed);

    /// Errors: what could not even be played (the daemon does not come up, or died). A book that
    /// cannot be read stays empty, so that its check fails and says so.
    [[nodiscard]] asio::awaitable<Result<void>> play();
    /// What the cloud lists now; an empty document when it cannot be read.
    [[nodiscard]] asio::awaitable<json::object> list_machines();

    [[nodiscard]] const player::PlayerReport& report() const noexcept { return player_.report(); }
    [[nodiscard]] const Books& books() const noexcept { return books_; }

private:
    [[nodiscard]] asio::awaitable<Result<json::object>> get(
        std::string address, std::string target, std::string token);
    [[nodiscard]] asio::awaitable<Result<void>> wait_until_ready();
    [[nodiscard]] asio::awaitable<void> look();
    [[nodiscard]] asio::awaitable<Result<void>> run_trace();
    [[nodiscard]] asio::awaitable<Result<void>> wait_until_quiet();
    [[nodiscard]] asio::awaitable<void> settle();
    void read_ledger();

    Stage& stage_;
    Screen& screen_;
    player::Player player_;
    Progress progress_;
    Books books_{};
    std::chrono::steady_clock::time_point began_{std::chrono::steady_clock::now()};
};

/// Every check of the demo, in the order in which they are told.
[[nodiscard]] std::vector<Check> judge(const player::PlayerReport& report, const Books& books);

/// The last lines: trace, requests, cost by source, ledger, `machines left: N`.
[[nodiscard]] std::vector<std::string> summary(
    const Progress& progress,
    const player::PlayerReport& report,
    const Books& books,
    const std::vector<Check>& checks);

/// What the same traffic would have cost otherwise, beside what it did cost.
[[nodiscard]] std::vector<std::string> comparison_lines(
    const Comparison& comparison, const Price& machine_price, const Result<Money>& played);

/// How to look at a demo that was kept, and how to end it.
[[nodiscard]] std::vector<std::string> keep_lines(const Stage& stage, const std::string& program);

}  // namespace evenkeel::lab::demo
