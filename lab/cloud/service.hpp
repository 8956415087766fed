#pragma once

#include "inference/http/server.hpp"
#include "lab/cloud/api.hpp"
#include "lab/cloud/children.hpp"
#include "lab/cloud/cloud.hpp"
#include "lab/cloud/journal.hpp"
#include "providers/http/secret.hpp"

#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace evenkeel::lab::cloud {

/// The wall clock at the start, then the boot-time clock: no step of the wall clock lengthens a
/// bill, and no reading is before `not_before` or an earlier one.
class CloudClock {
public:
    explicit CloudClock(UtcTime not_before);
    [[nodiscard]] UtcTime now();

private:
    UtcTime start_;
    std::chrono::nanoseconds boot_start_;
    UtcTime latest_;
};

/// The running cloud: HTTP in front of the world, its journal and its children. One thread.
class Service {
public:
    /// `context`, `world` and `journal` must outlive it; `world` must hold the replayed journal.
    Service(
        boost::asio::io_context& context,
        World& world,
        Journal& journal,
        const CloudOptions& options,
        providers::Secret token);

    /// Ends what an earlier cloud left, and begins to keep time. Errors: io_failed.
    [[nodiscard]] Result<void> begin(std::string_view mark);
    /// Answers one request.
    [[nodiscard]] boost::asio::awaitable<void> handle(inference::http::Exchange& exchange);
    /// Ends every machine; `done` runs when the last one has ended.
    void close(std::function<void()> done);
    /// Set when the books could not be written any more; the context is stopped then.
    [[nodiscard]] const std::optional<Error>& failure() const noexcept { return failure_; }

private:
    /// Writes the records, performs the effects and sets the timer. False after a failure.
    bool commit(const Step& step);
    void perform(const Effect& effect);
    void start_machine(const std::string& id);
    void on_exit(const std::string& id);
    void keep_time();
    void prove_life();
    void after(const Record& record);
    [[nodiscard]] bool store_key(const std::string& id, std::string_view key) const;
    [[nodiscard]] std::string key_path(std::string_view id) const;

    boost::asio::io_context& context_;
    World& world_;
    Journal& journal_;
    const CloudOptions& options_;
    providers::Secret token_;
    CloudClock clock_;
    boost::asio::steady_timer due_;
    boost::asio::steady_timer proof_;
    std::unique_ptr<Children> children_;
    std::function<void()> closed_{};
    std::optional<Error> failure_{};
};

}  // namespace evenkeel::lab::cloud
