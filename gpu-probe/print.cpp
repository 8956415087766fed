#include "gpu-probe/print.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <cmath>

namespace evenkeel::gpu_probe {

namespace json = boost::json;

namespace {

constexpr double giga = 1e9;
constexpr double tera = 1e12;
constexpr std::int64_t gib = std::int64_t{1} << 30;

template <class T>
json::value or_null(const std::optional<T>& value) {
    return value ? json::value(*value) : json::value(nullptr);
}

/// A share in thousandths, so that the text is the same everywhere.
json::value share_json(const std::optional<double>& share) {
    return share ? json::value(std::llround(*share * 1'000)) : json::value(nullptr);
}

json::object to_json(const Figures& figures) {
    const Shares shares = shares_of(figures);
    json::object object{
        {"index", figures.index},
        {"uuid", figures.uuid},
        {"name", figures.name},
        {"memory_bytes", figures.memory_bytes},
        {"copy_bytes_s", std::llround(figures.copy_bytes_s)},
        {"bf16_flops_s", std::llround(figures.bf16_flops_s)},
        {"fp16_flops_s", std::llround(figures.fp16_flops_s)},
        {"to_device_bytes_s", std::llround(figures.to_device_bytes_s)},
        {"from_device_bytes_s", std::llround(figures.from_device_bytes_s)},
        {"pattern_bytes", figures.pattern_bytes},
        {"pattern_errors", figures.pattern_errors},
        {"product_entries", figures.product_entries},
        {"product_errors", figures.product_errors},
        {"throttled", figures.throttled},
        {"hardware_fault", figures.hardware_fault},
        {"milliseconds", std::llround(figures.seconds * 1'000)},
        {"verdict", to_text(verdict_of(figures))},
        {"reason", reason_of(figures)}};
    object["sm_clock_mhz"] = or_null(figures.sm_clock_mhz);
    object["temperature_c"] = or_null(figures.temperature_c);
    object["power_milliwatts"] = or_null(figures.power_milliwatts);
    object["datasheet_permille"] = json::object{
        {"copy", share_json(shares.copy)},
        {"bf16", share_json(shares.bf16)},
        {"fp16", share_json(shares.fp16)}};
    return object;
}

std::string rate(double value, double unit, const char* name, const std::optional<double>& share) {
    if (value <= 0) {
        return "not measured";
    }
    std::string text = fmt::format("{:.0f} {}", value / unit, name);
    return share ? text + fmt::format("   {:.0f} % of the data sheet", *share * 100) : text;
}

}  // namespace

std::string json_text(const std::vector<Figures>& all, const std::string& version) {
    json::array gpus;
    for (const Figures& figures : all) {
        gpus.emplace_back(to_json(figures));
    }
    return json::serialize(json::object{
        {"schema", "evenkeel.gpu-probe/1"}, {"version", version}, {"gpus", std::move(gpus)}});
}

std::string table_text(const std::vector<Figures>& all) {
    if (all.empty()) {
        return "No NVIDIA GPU can be used here.\n";
    }
    std::string out;
    for (const Figures& figures : all) {
        const Shares shares = shares_of(figures);
        const auto line = [&out](const char* name, const std::string& text) {
            out += fmt::format("  {:<16}{}\n", name, text);
        };
        out += fmt::format(
            "GPU {}  {}, {} GB: {}\n",
            figures.index,
            figures.name,
            (figures.memory_bytes + gib / 2) / gib,
            to_text(verdict_of(figures)));
        line("memory", rate(figures.copy_bytes_s, giga, "GB/s", shares.copy));
        line("bf16 matrix", rate(figures.bf16_flops_s, tera, "TFLOP/s", shares.bf16));
        line("fp16 matrix", rate(figures.fp16_flops_s, tera, "TFLOP/s", shares.fp16));
        line("host to GPU", rate(figures.to_device_bytes_s, giga, "GB/s", {}));
        line("GPU to host", rate(figures.from_device_bytes_s, giga, "GB/s", {}));
        line(
            "patterns",
            fmt::format(
                "{}.{} GiB, {} errors",
                figures.pattern_bytes / gib,
                figures.pattern_bytes % gib * 10 / gib,
                figures.pattern_errors));
        line(
            "products",
            figures.product_entries == 0 ? std::string{"not checked"}
                                         : fmt::format(
                                               "{} entries checked, {} rows wrong",
                                               figures.product_entries,
                                               figures.product_errors));
        std::string load;
        const auto add = [&load](const std::string& text) {
            load += (load.empty() ? "" : ", ") + text;
        };
        if (figures.sm_clock_mhz) {
            add(fmt::format("{} MHz", *figures.sm_clock_mhz));
        }
        if (figures.temperature_c) {
            add(fmt::format("{} C", *figures.temperature_c));
        }
        if (figures.power_milliwatts) {
            add(fmt::format("{} W", (*figures.power_milliwatts + 500) / 1'000));
        }
        if (!figures.throttled.empty()) {
            add("held back: " + figures.throttled);
        }
        line("under load", load.empty() ? "the driver does not say" : load);
        if (const std::string reason = reason_of(figures); !reason.empty()) {
            out += "  ! " + reason + "\n";
        }
    }
    return out;
}

}  // namespace evenkeel::gpu_probe
