#pragma once

#include "tests/bench/bench_text.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace evenkeel::bench {

/// What some processes have used so far.
struct Usage {
    std::map<std::string, std::int64_t> run_ns{};  ///< time on a core, by the name of the thread
    std::int64_t rss_kb{0};

    [[nodiscard]] std::int64_t total_ns() const {
        std::int64_t sum = 0;
        for (const auto& [name, ns] : run_ns) {
            sum += ns;
        }
        return sum;
    }
};

/// Reads /proc; a process that is gone counts as nothing.
inline Usage usage_of(const std::vector<int>& processes) {
    namespace fs = std::filesystem;
    Usage out;
    for (const int process : processes) {
        const fs::path folder = "/proc/" + std::to_string(process);
        std::error_code code;
        for (const auto& task : fs::directory_iterator{folder / "task", code}) {
            std::int64_t run = 0;
            std::string name = "?";
            std::ifstream{task.path() / "schedstat"} >> run;
            std::ifstream in{task.path() / "comm"};
            std::getline(in, name);
            out.run_ns[name] += run;
        }
        std::ifstream status{folder / "status"};
        for (std::string line; std::getline(status, line);) {
            if (line.starts_with("VmRSS:")) {
                out.rss_kb += std::strtoll(line.c_str() + 6, nullptr, 10);
            }
        }
    }
    return out;
}

/// Failed requests by what went wrong.
struct Errors {
    std::int64_t connect{0};
    std::int64_t io{0};
    std::int64_t status{0};
    std::int64_t short_stream{0};

    [[nodiscard]] std::int64_t sum() const { return connect + io + status + short_stream; }
};

/// Times of one kind, in nanoseconds; prints its percentiles in microseconds.
class Times {
public:
    void add(std::int64_t ns) {
        values_.push_back(static_cast<float>(std::max<std::int64_t>(ns, 0)));
    }

    [[nodiscard]] std::string json() {
        if (values_.empty()) {
            return "null";
        }
        std::sort(values_.begin(), values_.end());
        std::array<char, 160> text{};
        std::snprintf(
            text.data(),
            text.size(),
            R"({"p50":%.1f,"p90":%.1f,"p99":%.1f,"p999":%.1f,"max":%.1f})",
            at(500),
            at(900),
            at(990),
            at(999),
            at(1000));
        return text.data();
    }

private:
    [[nodiscard]] double at(std::size_t permille) const {
        const std::size_t place = (values_.size() * permille + 999) / 1000;
        return static_cast<double>(values_[std::max<std::size_t>(place, 1) - 1]) / 1000;
    }

    std::vector<float> values_{};
};

}  // namespace evenkeel::bench
