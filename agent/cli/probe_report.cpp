#include "agent/cli/probe_report.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <fstream>
#include <sstream>

namespace evenkeel::cli {

namespace json = boost::json;

namespace {

constexpr std::size_t report_bytes_max = std::size_t{1} << 20;

Result<capacity::CardSpeed> sum_of(const json::object& root) {
    if (root.at("schema").as_string() != "evenkeel.gpu-probe/1" ||
        root.at("gpus").as_array().empty()) {
        return fail(Errc::invalid_response, "it is no report of evenkeel-gpu-probe with a GPU");
    }
    capacity::CardSpeed sum{.measured = true};
    bool all_computed = true;
    for (const json::value& value : root.at("gpus").as_array()) {
        const json::object& gpu = value.as_object();
        const auto index = gpu.at("index").to_number<std::int64_t>();
        if (gpu.at("verdict").as_string() == "lemon") {
            return fail(
                Errc::refused,
                fmt::format("GPU {} gave wrong answers there: replace it, do not use it", index));
        }
        const auto bytes_s = gpu.at("copy_bytes_s").to_number<double>();
        if (!(bytes_s > 0)) {
            return fail(
                Errc::invalid_response,
                fmt::format("GPU {}: its memory bandwidth was not measured", index));
        }
        const auto flops_s = gpu.at("bf16_flops_s").to_number<double>();
        sum.bytes_s += bytes_s;
        sum.flops_s += flops_s;
        all_computed = all_computed && flops_s > 0;
    }
    sum.flops_s = all_computed ? sum.flops_s : 0;
    return sum;
}

}  // namespace

Result<capacity::CardSpeed> parse_probe_report(std::string_view document) {
    try {
        return sum_of(json::parse({document.data(), document.size()}).as_object());
    } catch (const std::exception&) {
        return fail(Errc::invalid_response, "it is no report of evenkeel-gpu-probe");
    }
}

Result<capacity::CardSpeed> read_probe_report(const std::filesystem::path& file) {
    std::error_code code;
    const auto bytes = std::filesystem::file_size(file, code);
    if (code) {
        return fail(
            code == std::errc::no_such_file_or_directory ? Errc::not_found : Errc::io_failed,
            fmt::format("{}: {}", file.string(), code.message()));
    }
    std::ostringstream text;
    text << std::ifstream{file}.rdbuf();
    if (bytes > report_bytes_max || text.str().empty()) {
        return fail(Errc::io_failed, fmt::format("{} cannot be read", file.string()));
    }
    auto speed = parse_probe_report(text.str());
    if (!speed) {
        speed.error().message = fmt::format("{}: {}", file.string(), speed.error().message);
    }
    return speed;
}

}  // namespace evenkeel::cli
