#pragma once

#include "lab/cloud/world.hpp"

#include <string>
#include <string_view>

/// The sandbox cloud's API between HTTP and the books: text in, text out, no I/O.
namespace evenkeel::lab::cloud {

/// One request, after the server has framed it.
struct Call {
    std::string_view method{};
    std::string_view path{};
    std::string_view query{};
    std::string_view authorization{};
    std::string_view body{};
};

/// The answer, and what must happen before it goes out: the records are written, a key is put
/// where the machine's engine will read it, the effects are performed.
struct Reply {
    int status{200};
    std::string body{};
    Delivery delivery{Delivery::normal};
    Step step{};
    std::string created{};     ///< id of the machine that was made
    std::string engine_key{};  ///< its key: never in the books, never on a command line
};

/// Answers `call`. Every call but the switchboard's is refused while `api_down` is set. `token` is
/// what `Authorization: Bearer` must carry.
[[nodiscard]] Reply answer(World& world, std::string_view token, const Call& call, UtcTime now);

/// {"error":{"code":..,"message":..}}
[[nodiscard]] std::string error_body(std::string_view code, std::string_view message);

}  // namespace evenkeel::lab::cloud
