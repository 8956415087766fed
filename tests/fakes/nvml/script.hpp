#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace evenkeel::fake_nvml {

constexpr int gpus_max = 8;

/// One line of the script.
struct Line {
    std::int64_t at_ms{0};
    int gpu{-1};  ///< -1: of the whole driver
    std::string key{};
    std::string value{};
};

/// What the script says of a moment.
class Script {
public:
    void read(const std::string& path);
    [[nodiscard]] int gpus() const { return gpus_; }
    [[nodiscard]] const std::string& version() const { return version_; }
    /// The newest value at `now`, of lines after `since`.
    [[nodiscard]] std::optional<std::string> text(
        int gpu, const std::string& key, std::int64_t now, std::int64_t since = -1) const;
    [[nodiscard]] std::int64_t number(
        int gpu, const std::string& key, std::int64_t now, std::int64_t otherwise) const;
    [[nodiscard]] bool muted(int gpu, const std::string& function, std::int64_t now) const;
    /// All processes of `gpu`, each the text of its line.
    [[nodiscard]] std::vector<std::string> processes(int gpu, std::int64_t now) const;
    /// When the driver was loaded that works at `now`; nothing while it is unloaded.
    [[nodiscard]] std::optional<std::int64_t> loaded_at(std::int64_t now) const;
    /// Xid events of all GPUs after `from` until `to`, in order.
    [[nodiscard]] std::vector<Line> xids(std::int64_t from, std::int64_t to) const;
    /// The integral of power from `from` to `to`.
    [[nodiscard]] std::int64_t microjoules(int gpu, std::int64_t from, std::int64_t to) const;

private:
    std::map<std::pair<int, std::string>, std::vector<Line>> lines_{};  ///< each by time
    [[nodiscard]] const std::vector<Line>& of(int gpu, const std::string& key) const;
    int gpus_{1};
    std::string version_{"570.86.10"};
};

}  // namespace evenkeel::fake_nvml
