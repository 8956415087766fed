// Makes a ledger with a year of traffic in it: year_ledger --state DIR [--requests N] [--seed N]
// [--machines N] [--days N]. Refuses a folder that holds a ledger already.
#include "tests/bench/year_ledger.hpp"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace {

bool read_number(std::string_view text, std::int64_t& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} && end == text.data() + text.size() && out >= 0;
}

}  // namespace

int main(int argc, char** argv) {
    using namespace evenkeel;
    bench::YearShape shape;
    std::filesystem::path state;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string_view flag = argv[i];
        std::int64_t number = 0;
        if (flag == "--state") {
            state = argv[i + 1];
        } else if (!read_number(argv[i + 1], number)) {
            fmt::print(stderr, "{} takes a number, not '{}'\n", flag, argv[i + 1]);
            return 2;
        } else if (flag == "--requests") {
            shape.requests = number;
        } else if (flag == "--seed") {
            shape.seed = static_cast<std::uint64_t>(number);
        } else if (flag == "--machines") {
            shape.machines = static_cast<int>(number);
        } else if (flag == "--days") {
            shape.days = static_cast<int>(number);
        } else {
            fmt::print(stderr, "there is no flag {}\n", flag);
            return 2;
        }
    }
    std::error_code ignored;
    if (state.empty() || std::filesystem::exists(state / "ledger.db", ignored)) {
        fmt::print(stderr, "--state must name a folder that holds no ledger yet\n");
        return 2;
    }
    const auto begun = std::chrono::steady_clock::now();
    const auto filled = bench::fill_year(state, shape, [&](std::int64_t requests) {
        if (requests % 1'000'000 < 100'000) {
            fmt::print(stderr, "{} requests\n", requests);
        }
    });
    if (!filled) {
        fmt::print(stderr, "{}\n", filled.error().message);
        return 1;
    }
    const auto took = std::chrono::steady_clock::now() - begun;
    fmt::print(
        "{} requests ({} paid) and {} machines in {:.1f} s: {:.2f} USD and {:.2f} AUD spent\n",
        filled->requests,
        filled->paid_requests,
        filled->machines,
        std::chrono::duration<double>(took).count(),
        static_cast<double>(filled->usd_nanos) / 1e9,
        static_cast<double>(filled->aud_nanos) / 1e9);
    return 0;
}
