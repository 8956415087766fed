#pragma once

#include "lab/demo/stage.hpp"
#include "policies/domain/error.hpp"

#include <boost/json/object.hpp>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

/// A running stage of real processes for one test: own engine, paid API stand-in, sandbox cloud and
/// daemon, in a temporary folder that goes with the test.
namespace evenkeel::integration {

namespace json = boost::json;
using namespace std::chrono_literals;

/// A folder of its own below the system's temporary one; removed at the end unless the test failed.
class Folder {
public:
    Folder();
    ~Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

private:
    std::filesystem::path path_;
};

/// A world small and quick enough for a test: a burst of seconds makes the rule rent.
[[nodiscard]] lab::demo::World quick_world(std::int64_t speed);

struct Answer {
    int status{0};
    std::string body{};
};

/// One HTTP exchange on loopback; status 0 when there was no answer.
[[nodiscard]] Answer fetch(
    std::uint16_t port,
    const std::string& method,
    const std::string& target,
    const std::string& bearer = {},
    const std::string& body = {});

/// Runs `evenkeel` with `arguments` to its end.
[[nodiscard]] lab::demo::ToolResult evenkeel(const std::vector<std::string>& arguments);

/// Puts `with` in place of the first `old` in a text file, which must be there.
void edit_file(const std::filesystem::path& file, const std::string& old, const std::string& with);

/// Asks until `holds` is true; false after `limit`.
[[nodiscard]] bool eventually(std::chrono::milliseconds limit, const std::function<bool()>& holds);

class Scene {
public:
    explicit Scene(lab::demo::World world);
    ~Scene();

    [[nodiscard]] lab::demo::Stage& stage() noexcept { return *stage_; }
    /// Starts the daemon and waits until it is ready; gives how long that took.
    [[nodiscard]] Result<std::chrono::milliseconds> start_daemon(std::chrono::milliseconds limit);
    [[nodiscard]] json::object status() const;
    [[nodiscard]] json::object nodes() const;
    [[nodiscard]] json::object cloud(const std::string& target) const;
    /// Machines the cloud has and the daemon has not proved gone.
    [[nodiscard]] bool machines_gone() const;
    /// Ledger and cloud agree to the last unit.
    [[nodiscard]] bool bills_agree() const;
    /// The daemon's rental money and the cloud's bill, for messages.
    [[nodiscard]] std::string bills_text() const;
    /// Sends `count` chats at once from threads of its own and does not care how they end; returns
    /// when all have.
    void burst(int count, int tokens_in, int tokens_out) const;
    [[nodiscard]] std::string logs() const;

private:
    Folder folder_;
    std::unique_ptr<lab::demo::Stage> stage_;
};

}  // namespace evenkeel::integration
