#pragma once

#include "inference/http/server.hpp"
#include "lab/engine/engine.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace evenkeel::lab::engine {

struct Desk;

/// The synthetic engine as a server within one io_context (one thread). `run` is this plus
/// signals, the loading phase and files.
class Service {
public:
    /// Listens at once. `key` is what clients must present; empty = open. Errors: conflict (address
    /// in use), invalid_argument (as `check`).
    [[nodiscard]] static Result<std::unique_ptr<Service>> start(
        inference::http::asio::io_context& context, EngineOptions options, std::string key);
    ~Service();
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept;
    [[nodiscard]] int running() const noexcept;  ///< sequences admitted
    [[nodiscard]] int waiting() const noexcept;  ///< sequences not admitted yet
    /// Cuts every answer; `done` runs when the last connection is closed.
    void stop(std::function<void()> done);

private:
    Service(std::shared_ptr<Desk> desk, std::unique_ptr<inference::http::Server> server);

    std::shared_ptr<Desk> desk_;
    std::unique_ptr<inference::http::Server> server_;
};

/// invalid_argument with one sentence for a person when `options` cannot be run.
[[nodiscard]] Result<void> check(const EngineOptions& options);

}  // namespace evenkeel::lab::engine
