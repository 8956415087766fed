#pragma once

#include "lab/cloud/switches.hpp"
#include "policies/domain/price.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace CLI {
class App;
}

/// `evenkeel cloud`: a seller of GPU machines on this host, without GPUs and without an account.
/// A process of its own with its own journal and books; its machines are its child processes, so
/// the end of the daemon neither ends them nor edits the bill. Everything in it is synthetic and
/// says so.
namespace evenkeel::lab::cloud {

using Milliseconds = std::chrono::milliseconds;

/// What `evenkeel cloud` was asked for. Durations and the price are those of the real world: with
/// `speed` S the cloud divides the first and multiplies the second by S, so that an hour played in
/// 1/S of an hour costs what a real one would.
struct CloudOptions {
    std::string listen{"127.0.0.1:0"};  ///< a loopback address; port 0 picks one
    std::string state{};                ///< folder of the journal; made when missing
    std::string token_file{};           ///< its content is the key clients must present
    std::string port_file{};            ///< gets the port once it listens (written by rename)
    std::int64_t speed{1};              ///< 1 to 1,000
    Milliseconds boot{420'000};         ///< accepted create to started machine
    Milliseconds loading{60'000};       ///< started machine to serving engine
    Milliseconds min_bill{60'000};
    Price price{Price::per_hour(Money{4'410'000'000, usd})};
    int stock{3};                         ///< machines at once
    std::string profile{"h100-32b-fp8"};  ///< service-model profile of the machines' engines
    std::string sku{"sandbox-h100"};
    std::string gpu{"H100 80GB (synthetic)"};
    std::string region{"local"};
    Switches switches{};           ///< what goes wrong on purpose
    std::string engine_program{};  ///< what machines run; empty: this very program
    Milliseconds kill_grace{500};  ///< real time between SIGTERM and SIGKILL of a deleted machine
};

/// Declares the flags of `evenkeel cloud` on `command`; they are written to `options`, which must
/// live as long as the parse.
void add_flags(CLI::App& command, CloudOptions& options);

/// Runs until SIGTERM or SIGINT, which end its machines (their bill ends with them) and then it.
/// Returns the exit status: 0 stopped, 1 could not start or its books could not be written (one
/// line on stderr says why), 2 wrong options.
[[nodiscard]] int run(const CloudOptions& options);

}  // namespace evenkeel::lab::cloud
