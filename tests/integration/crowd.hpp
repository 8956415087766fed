#pragma once

#include "lab/demo/children.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

/// Thousands of clients at once against one daemon, and what they cost it.
namespace evenkeel::integration {

/// The engine of tests/bench, with large events, so that few of them fill every buffer on the way.
class MockEngine {
public:
    static constexpr int event_bytes = 16 * 1024;

    /// `folder` gets its log.
    explicit MockEngine(const std::filesystem::path& folder);
    ~MockEngine();
    MockEngine(const MockEngine&) = delete;
    MockEngine& operator=(const MockEngine&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

private:
    lab::demo::Child child_{};
    std::uint16_t port_{0};
};

/// Clients of one gateway, each on a connection of its own, all in the caller's thread.
class Crowd {
public:
    Crowd(std::uint16_t port, std::string key) : port_{port}, key_{std::move(key)} {}
    ~Crowd() { leave(0); }
    Crowd(const Crowd&) = delete;
    Crowd& operator=(const Crowd&) = delete;

    /// One more, who asks for a streamed chat. `receive_buffer`: of its socket; 0: the system's.
    void join(const std::string& body, int receive_buffer = 0);
    /// Each takes up to `most` bytes of what has come.
    void read(std::size_t most);
    /// Who has seen an event.
    [[nodiscard]] int begun() const;
    /// Whose answer has ended with its end mark.
    [[nodiscard]] int served() const;
    /// Whom the gateway has closed.
    [[nodiscard]] int closed() const;
    /// All go away, `resets` of each hundred with a reset in place of a goodbye.
    void leave(int resets);

private:
    struct Client {
        int fd{-1};
        std::string tail{};  ///< the last bytes read
        bool begun{false};
        bool served{false};
        bool closed{false};
    };

    std::uint16_t port_;
    std::string key_;
    std::vector<Client> clients_{};
};

/// What a process holds now; zeros when it is gone.
struct Held {
    int descriptors{0};
    std::int64_t resident_bytes{0};
};
[[nodiscard]] Held held_by(pid_t process);

/// As many descriptors for this process as the system allows; gives how many.
[[nodiscard]] std::size_t raise_open_files();

}  // namespace evenkeel::integration
