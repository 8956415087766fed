#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace CLI {
class App;
}

/// `evenkeel engine --synthetic`: an inference engine without a GPU. It speaks the OpenAI dialect,
/// vLLM's `/health` and `/metrics`, takes as long as the service-time model says a real one would,
/// and answers with text that calls itself synthetic. Nothing of a prompt is kept.
namespace evenkeel::lab::engine {

using Milliseconds = std::chrono::milliseconds;

/// What goes wrong on purpose, for tests. Nothing does by default.
struct Failures {
    std::int64_t die_after_tokens{-1};  ///< the process kills itself (SIGKILL); -1 = never
    /// Each stream stops sending after so many tokens, its connection stays open; -1 = never.
    std::int64_t stall_after_tokens{-1};
    int error_permille{0};    ///< requests answered 500, of 1,000
    int garbage_permille{0};  ///< streams that carry a line that is no JSON and end without [DONE]
};

struct EngineOptions {
    bool synthetic{false};  ///< must be set: there is no other kind of engine in here
    std::string listen{"127.0.0.1:0"};
    std::string profile{"5090-32b-awq"};  ///< a service-model profile, or "api-standin"
    std::string model{"qwq-32b"};         ///< the one model it serves
    std::string key_file{};               ///< its content is the key clients must present
    std::string port_file{};              ///< gets the port once it listens (written by rename)
    std::int64_t speed{1};                ///< divides every duration; 1 to 1,000
    Milliseconds loading{0};              ///< before it listens; divided by `speed`
    Milliseconds tick{20};                ///< real time between two pieces of one stream
    std::int64_t context{32'768};         ///< tokens of prompt and answer together
    std::int64_t default_tokens{128};     ///< answer length when the client states none
    std::uint64_t seed{1};                ///< picks which requests fail
    Failures failures{};
};

/// Declares the flags of `evenkeel engine` on `command`; they are written to `options`, which must
/// live as long as the parse.
void add_flags(CLI::App& command, EngineOptions& options);

/// Runs until SIGTERM or SIGINT, which stop it at once. Returns the exit status: 0 stopped, 1 could
/// not start (one line on stderr says why), 2 wrong options.
[[nodiscard]] int run(const EngineOptions& options);

}  // namespace evenkeel::lab::engine
