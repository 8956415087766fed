#include "agent/config/saved_plan.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <system_error>
#include <tuple>

namespace evenkeel::agent {

namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t plan_bytes_max = 16 * 1024 * 1024;

}  // namespace

fs::path plans_folder(const fs::path& state) {
    return state / "plans";
}

Result<SavedPlan> read_plan(const fs::path& file) {
    std::ifstream input{file, std::ios::binary};
    std::error_code code;
    if (!input || !fs::is_regular_file(file, code)) {
        return fail(
            Errc::not_found,
            fmt::format("there is no plan {}; make one: evenkeel policy plan", file.string()));
    }
    if (fs::file_size(file, code) > plan_bytes_max) {
        return fail(Errc::corrupt, fmt::format("{} is too large for a plan", file.string()));
    }
    std::ostringstream text;
    text << input.rdbuf();
    try {
        json::value root = json::parse(text.str());
        if (json::value_to<std::string>(root.at("schema")) == plan_schema) {
            SavedPlan plan{
                .name = file.filename().string(),
                .base_revision = root.at("base").at("revision").to_number<std::int64_t>(),
                .base_sha256 = json::value_to<std::string>(root.at("base").at("sha256")),
                .draft_sha256 = json::value_to<std::string>(root.at("draft").at("sha256"))};
            for (const json::value& each : root.at("confirm").as_array()) {
                plan.confirm.push_back(json::value_to<std::string>(each.at("name")));
            }
            plan.document = std::move(root.as_object());
            return plan;
        }
    } catch (const std::exception&) {  // falls to the one sentence below
    }
    return fail(Errc::corrupt, fmt::format("{} is no plan of this version", file.string()));
}

Result<std::optional<SavedPlan>> last_plan(const fs::path& state) {
    std::tuple<fs::file_time_type, fs::path> newest{fs::file_time_type::min(), {}};
    std::error_code code;
    for (fs::directory_iterator at{plans_folder(state), code}, end; !code && at != end;
         at.increment(code)) {
        const std::string name = at->path().filename().string();
        std::error_code gone;
        const auto written = at->last_write_time(gone);
        if (!gone && name.starts_with("plan-") && name.ends_with(".json")) {
            newest = std::max(newest, {written, at->path()});
        }
    }
    if (std::get<1>(newest).empty()) {
        return std::nullopt;
    }
    auto plan = read_plan(std::get<1>(newest));
    if (!plan) {
        return std::unexpected{plan.error()};
    }
    return std::move(*plan);
}

std::vector<std::string> unconfirmed(
    const SavedPlan& plan, std::span<const std::string> confirmed) {
    std::vector<std::string> out;
    std::ranges::copy_if(plan.confirm, std::back_inserter(out), [&](const std::string& name) {
        return std::ranges::find(confirmed, name) == confirmed.end();
    });
    return out;
}

}  // namespace evenkeel::agent
