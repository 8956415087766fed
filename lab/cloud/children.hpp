#pragma once

#include "policies/domain/error.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace evenkeel::lab::cloud {

/// This very program, also after its file was replaced.
inline constexpr std::string_view own_program = "/proc/self/exe";

/// The processes behind the machines. They die with this process, however it ends (PDEATHSIG), run
/// in process groups of their own, and inherit no descriptor but the standard three. One thread.
class Children {
public:
    virtual ~Children() = default;
    /// Starts `program` with `arguments`; "{port}" in an argument becomes a port on 127.0.0.1 that
    /// stays reserved for this child until it ends (connections to it are refused until the child
    /// listens). Returns the port. Errors: io_failed.
    [[nodiscard]] virtual Result<int> start(
        const std::string& id, const std::string& program, std::vector<std::string> arguments) = 0;
    /// SIGTERM now, SIGKILL after the grace.
    virtual void stop(const std::string& id) = 0;
    virtual void kill(const std::string& id) = 0;
    [[nodiscard]] virtual std::size_t running() const noexcept = 0;
};

/// `on_exit` runs on `context` when a child has ended and was reaped, never from within a call.
/// Destroying the object kills what still runs.
[[nodiscard]] std::unique_ptr<Children> make_children(
    boost::asio::io_context& context,
    std::chrono::milliseconds grace,
    std::function<void(const std::string& id)> on_exit);

}  // namespace evenkeel::lab::cloud
