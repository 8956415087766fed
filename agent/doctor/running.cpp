#include "agent/doctor/running.hpp"

#include "agent/ledger/ledger.hpp"
#include "agent/report/json_fields.hpp"
#include "agent/report/text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/timex.h>

namespace evenkeel::doctor {

namespace fs = std::filesystem;
namespace json = boost::json;
namespace gpu = inference::gpu;
using report::money_field;
using report::number_field;
using report::text_field;

namespace {

constexpr std::uint64_t heat = gpu::throttle_hardware | gpu::throttle_thermal |
                               gpu::throttle_thermal_hard | gpu::throttle_power_brake;

AccountFacts account_of(const json::object& provider) {
    AccountFacts facts{
        .provider = text_field(provider, "name"), .known = provider.at("known").as_bool()};
    for (const json::value& trouble : provider.at("troubles").as_array()) {
        facts.troubles.push_back(json::value_to<std::string>(trouble));
    }
    if (!provider.at("balance").is_null()) {
        facts.balance = money_field(provider, "balance", text_field(provider, "currency"));
    }
    return facts;
}

}  // namespace

Finding agent_finding(const json::object& status) {
    const std::string state = text_field(status, "state");
    return {
        .level = state == "serving" ? Level::ok : Level::warn,
        .check = "agent",
        .text = fmt::format(
            "{}, process {}, up {}, policy #{}",
            state,
            number_field(status, "pid"),
            report::duration_text(std::chrono::seconds{number_field(status, "uptime_s")}),
            number_field(status.at("policy").as_object(), "revision"))};
}

Findings account_findings(const json::object& status, const json::object& prices) {
    Findings out;
    for (const json::value& value : status.at("providers").as_array()) {
        out.push_back(account_finding(account_of(value.as_object()), prices));
    }
    return out;
}

Findings warning_findings(const json::object& status, std::span<const Finding> told) {
    Findings out;
    for (const json::value& value : status.at("warnings").as_array()) {
        const std::string text = json::value_to<std::string>(value);
        const bool is_told = std::ranges::any_of(told, [&text](const Finding& finding) {
            const std::string name = finding.check.substr(0, finding.check.rfind(" key"));
            return finding.text == text ||
                   (finding.check.ends_with(" key") && text.starts_with(name + ": "));
        });
        const bool hazard = std::ranges::any_of(
            status.at("hazards").as_array(),
            [&value](const json::value& one) { return one == value; });
        if (!is_told && !hazard) {
            out.push_back({.level = Level::warn, .check = "agent", .text = text});
        }
    }
    return out;
}

Findings own_engine_findings(const json::object& status) {
    std::vector<EngineFacts> engines;
    for (const json::value& value : status.at("sources").as_array()) {
        const json::object& source = value.as_object();
        if (text_field(source, "kind") == "own") {
            const std::string state = text_field(source, "state");
            engines.push_back(
                {.provider = text_field(source, "name"),
                 .state = state,
                 .ready = state == "serving" || state.ends_with("another has its place")});
        }
    }
    return engine_findings(engines);
}

GpuFacts facts_of(const gpu::GpuReading& reading) {
    const gpu::GpuSample& sample = reading.sample;
    return {
        .index = reading.info.index,
        .sick = reading.verdict.sick ? reading.verdict.why : std::string{},
        .temperature_c = sample.temperature_c,
        .power_milliwatts = sample.power_milliwatts,
        .slowed = gpu::throttle_text(sample.throttle.value_or(0) & heat),
        .ecc_uncorrected = sample.ecc_uncorrected};
}

std::vector<int> configured_gpus(const config::Config& config) {
    std::vector<int> named;
    for (const config::Hardware& hardware : config.hardware) {
        named.insert(named.end(), hardware.gpus.begin(), hardware.gpus.end());
    }
    return named;
}

Result<ClockFacts> look_at_clock() {
    timex time{};
    const int state = ::adjtimex(&time);
    if (state < 0) {
        return fail(
            Errc::io_failed, fmt::format("the kernel does not say: {}", std::strerror(errno)));
    }
    const bool nanos = (time.status & STA_NANO) != 0;
    return ClockFacts{
        .synchronised = state != TIME_ERROR && (time.status & STA_UNSYNC) == 0,
        .offset = std::chrono::microseconds{nanos ? time.offset / 1'000 : time.offset}};
}

Result<DiskFacts> look_at_disk(const fs::path& state) {
    struct statvfs found{};
    if (::statvfs(state.c_str(), &found) != 0) {
        return fail(
            errno == ENOENT ? Errc::not_found : Errc::io_failed,
            fmt::format("{}: {}", state.string(), std::strerror(errno)));
    }
    std::error_code code;
    const auto bytes = fs::file_size(state / ledger::ledger_file, code);
    return DiskFacts{
        .path = state.string(),
        .free_bytes = static_cast<std::int64_t>(found.f_bavail * found.f_frsize),
        .ledger_bytes = code ? 0 : static_cast<std::int64_t>(bytes)};
}

Result<OpenFiles> look_at_open_files(std::int64_t pid) {
    if (pid == 0) {
        rlimit limit{};
        if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
            return fail(Errc::io_failed, std::strerror(errno));
        }
        // The agent raises its own to the hard one.
        return OpenFiles{.limit = static_cast<std::int64_t>(limit.rlim_max)};
    }
    const fs::path process = fmt::format("/proc/{}", pid);
    std::ifstream limits{process / "limits"};
    OpenFiles found;
    for (std::string line; std::getline(limits, line);) {
        constexpr std::string_view name = "Max open files";
        if (line.starts_with(name)) {
            found.limit = std::strtoll(line.c_str() + name.size(), nullptr, 10);
        }
    }
    if (found.limit == 0) {
        return fail(
            Errc::io_failed,
            fmt::format("{} cannot be read: run as root", (process / "limits").string()));
    }
    std::error_code code;
    std::int64_t open = 0;
    for (fs::directory_iterator entry{process / "fd", code}, end; !code && entry != end;
         entry.increment(code)) {
        ++open;
    }
    if (!code) {
        found.open = open;
    }
    return found;
}

std::optional<std::int64_t> look_at_memory_limit(std::int64_t pid) {
    std::ifstream groups{fmt::format("/proc/{}/cgroup", pid)};
    for (std::string line; std::getline(groups, line);) {
        constexpr std::string_view unified = "0::";
        if (line.starts_with(unified)) {
            std::ifstream file{"/sys/fs/cgroup" + line.substr(unified.size()) + "/memory.max"};
            std::int64_t bytes = 0;
            return file >> bytes ? std::optional{bytes} : std::nullopt;  // "max": none
        }
    }
    return std::nullopt;
}

}  // namespace evenkeel::doctor
