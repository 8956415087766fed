#include "tests/fakes/nvml/script.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>

namespace evenkeel::fake_nvml {

void Script::read(const std::string& path) {
    *this = Script{};
    std::ifstream input{path};
    std::string row;
    while (std::getline(input, row)) {
        std::istringstream words{row.substr(0, row.find('#'))};
        Line line;
        std::string word;
        if (!(words >> word)) {
            continue;
        }
        if (word == "at") {
            double seconds = 0;
            words >> seconds >> word;
            line.at_ms = std::llround(seconds * 1000);
        }
        if (word == "gpus") {
            words >> gpus_;
            gpus_ = std::clamp(gpus_, 0, gpus_max);
            continue;
        }
        if (word == "version") {
            words >> version_;
            continue;
        }
        if (word == "gpu") {
            words >> line.gpu >> line.key;
        } else {
            line.key = word;
        }
        std::getline(words >> std::ws, line.value);
        while (line.value.ends_with(' ')) {
            line.value.pop_back();
        }
        std::vector<Line>& same = lines_[{line.gpu, line.key}];
        same.insert(std::ranges::upper_bound(same, line.at_ms, {}, &Line::at_ms), line);
    }
}

const std::vector<Line>& Script::of(int gpu, const std::string& key) const {
    static const std::vector<Line> none;
    const auto found = lines_.find({gpu, key});
    return found == lines_.end() ? none : found->second;
}

std::optional<std::string> Script::text(
    int gpu, const std::string& key, std::int64_t now, std::int64_t since) const {
    const std::vector<Line>& lines = of(gpu, key);
    const auto later = std::ranges::upper_bound(lines, now, {}, &Line::at_ms);
    if (later == lines.begin() || std::prev(later)->at_ms < since) {
        return std::nullopt;
    }
    return std::prev(later)->value;
}

std::int64_t Script::number(
    int gpu, const std::string& key, std::int64_t now, std::int64_t otherwise) const {
    const auto found = text(gpu, key, now);
    return found ? std::stoll(*found, nullptr, 0) : otherwise;
}

bool Script::muted(int gpu, const std::string& function, std::int64_t now) const {
    return std::ranges::any_of(of(gpu, "mute"), [&](const Line& line) {
        return line.value == function && line.at_ms <= now;
    });
}

std::vector<std::string> Script::processes(int gpu, std::int64_t now) const {
    std::vector<std::string> found;
    for (const Line& line : of(gpu, "process")) {
        if (line.at_ms <= now) {
            found.push_back(line.value);
        }
    }
    return found;
}

std::optional<std::int64_t> Script::loaded_at(std::int64_t now) const {
    std::optional<std::int64_t> at = 0;
    for (const Line& line : of(-1, "driver")) {
        if (line.at_ms <= now) {
            at = line.value == "load" ? std::optional{line.at_ms} : std::nullopt;
        }
    }
    return at;
}

std::vector<Line> Script::xids(std::int64_t from, std::int64_t to) const {
    std::vector<Line> found;
    for (int gpu = 0; gpu < gpus_; ++gpu) {
        std::ranges::copy_if(of(gpu, "xid"), std::back_inserter(found), [&](const Line& line) {
            return line.at_ms > from && line.at_ms <= to;
        });
    }
    return found;
}

std::int64_t Script::microjoules(int gpu, std::int64_t from, std::int64_t to) const {
    std::int64_t sum = 0;
    std::int64_t milliwatts = number(gpu, "power", from, 20'000);
    std::int64_t since = from;
    for (const Line& line : of(gpu, "power")) {
        if (line.at_ms > from && line.at_ms <= to) {
            sum += milliwatts * (line.at_ms - since);
            milliwatts = std::stoll(line.value);
            since = line.at_ms;
        }
    }
    return sum + milliwatts * (to - since);
}

}  // namespace evenkeel::fake_nvml
