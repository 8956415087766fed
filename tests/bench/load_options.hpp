#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace evenkeel::bench {

struct LoadOptions {
    int port{0};
    std::string model{"mock"};
    std::string key{};
    std::string headers{};  ///< further lines of the head
    bool stream{false};
    int connections{1};
    std::int64_t requests{0};  ///< end after so many and measure all of them; 0: by time
    double seconds{2};         ///< measured
    double warmup{0.5};
    double rate{0};  ///< requests a second, open loop; 0: each connection asks again at once
    std::size_t body_bytes{1024};
    std::int64_t events{16};
    std::int64_t pace_us{0};
    std::vector<int> watch{};  ///< processes whose use of the cores is measured
};

/// Reads the command line; ends the program when it is wrong.
[[nodiscard]] LoadOptions parse_load_options(int count, char** arguments);

/// The request that all connections send again and again.
[[nodiscard]] std::string make_request(const LoadOptions& options);

}  // namespace evenkeel::bench
