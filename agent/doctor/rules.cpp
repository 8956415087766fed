#include "agent/doctor/rules.hpp"

#include "agent/report/json_fields.hpp"
#include "agent/report/text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace evenkeel::doctor {

namespace json = boost::json;
using report::count_text;
using report::duration_text;
using report::money_field;
using report::money_text;
using report::seconds_field;
using report::text_field;
using report::time_text;

namespace {

constexpr std::string_view rate_age_code = "EK-W030";

std::string bytes_text(std::int64_t bytes) {
    constexpr std::int64_t mib = std::int64_t{1} << 20;
    constexpr std::int64_t gib = std::int64_t{1} << 30;
    return bytes >= gib ? fmt::format("{}.{} GiB", bytes / gib, bytes % gib * 10 / gib)
                        : fmt::format("{} MiB", bytes / mib);
}

}  // namespace

Findings ledger_findings(const LedgerFacts& facts, UtcTime now) {
    Findings out;
    if (!facts.summary) {
        const bool none = facts.summary.error().code == Errc::not_found && !facts.agent_runs;
        out.push_back(
            {.level = none ? Level::ok : Level::fail,
             .check = "ledger",
             .text = none ? facts.path + " does not exist yet; the first start makes it"
                          : facts.summary.error().message});
        return out;
    }
    const ledger::Summary& summary = *facts.summary;
    if (!facts.is_walked) {
        out.push_back(
            {.check = "ledger",
             .text = fmt::format(
                 "{}, schema {}; its hash chain was not walked now: evenkeel ledger verify",
                 facts.path,
                 summary.schema)});
    } else if (!facts.verified) {
        out.push_back(
            {.level = Level::fail, .check = "ledger", .text = facts.verified.error().message});
    } else if (facts.verified->ok()) {
        out.push_back(
            {.check = "ledger",
             .text = fmt::format(
                 "{}, schema {}, hash chain intact ({} transactions, {} requests)",
                 facts.path,
                 summary.schema,
                 count_text(facts.verified->transactions),
                 count_text(facts.verified->requests))});
    }
    if (facts.is_walked && facts.verified) {
        for (const std::string& problem : facts.verified->problems) {
            out.push_back(
                {.level = Level::fail,
                 .check = "ledger",
                 .text = problem,
                 .run = {"evenkeel ledger verify"}});
        }
    }
    if (summary.schema < facts.schema_newest) {
        out.push_back(
            {.level = Level::warn,
             .check = "schema",
             .text = fmt::format(
                 "{} in the file, {} in this program: the agent that runs is older, or the next "
                 "start migrates it (after a backup)",
                 summary.schema,
                 facts.schema_newest),
             .run = {"systemctl restart evenkeel"}});
    }
    constexpr std::chrono::minutes ahead_max{61};  // it is the end of an hour
    if (summary.last && *summary.last > now + ahead_max) {
        out.push_back(
            {.level = Level::fail,
             .check = "clock",
             .text = fmt::format(
                 "the ledger's newest hour ends at {}: this clock was set back",
                 time_text(*summary.last, true))});
    }
    const bool stuck = summary.open_holds > 0 && !facts.agent_runs;
    out.push_back(
        {.level = stuck ? Level::warn : Level::ok,
         .check = "holds",
         .text = stuck ? fmt::format(
                             "{} open: money set aside for requests that a stopped agent had; its "
                             "next start settles them",
                             summary.open_holds)
                       : fmt::format("{} open", summary.open_holds),
         .run = stuck ? std::vector<std::string>{"systemctl start evenkeel"}
                      : std::vector<std::string>{}});
    return out;
}

Finding clock_finding(const Result<ClockFacts>& facts) {
    if (!facts) {
        return {.level = Level::warn, .check = "clock", .text = facts.error().message};
    }
    if (!facts->synchronised) {
        return {
            .level = Level::warn,
            .check = "clock",
            .text = "not synchronised: tariffs, budget windows and leases go by it",
            .run = {"timedatectl set-ntp true"}};
    }
    const auto off = std::chrono::abs(facts->offset);
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(off).count();
    const std::string text = fmt::format("{}.{:03} s from NTP", ms / 1'000, ms % 1'000);
    return off > clock_off_max ? Finding{
                                     .level = Level::fail,
                                     .check = "clock",
                                     .text = text + ": leases and windows end at the wrong time",
                                     .run = {"timedatectl timesync-status"}}
                               : Finding{.check = "clock", .text = text};
}

Findings configuration_findings(std::size_t files, std::span<const config::Diagnostic> found) {
    Findings out;
    const auto errors =
        std::ranges::count(found, config::Severity::error, &config::Diagnostic::severity);
    out.push_back(
        {.level = errors > 0 ? Level::fail : Level::ok,
         .check = "policy",
         .text = config::summary(files, found) +
                 (errors > 0 ? ": the next start or reload refuses them" : ""),
         .run = errors > 0 ? std::vector<std::string>{"evenkeel policy check"}
                           : std::vector<std::string>{}});
    for (const config::Diagnostic& one : found) {
        const bool rate = one.code == rate_age_code;
        std::string text = fmt::format("{}:{}: {}", one.file, one.line, one.message);
        for (const std::string& note : one.notes) {
            text += "; " + note;
        }
        out.push_back(
            {.level = one.severity == config::Severity::error ? Level::fail : Level::warn,
             .check = rate ? "fx age" : "policy",
             .text = std::move(text),
             .run = {"evenkeel help " + one.code}});
    }
    if (errors == 0 && std::ranges::none_of(found, [](const config::Diagnostic& one) {
            return one.code == rate_age_code;
        })) {
        out.push_back({.check = "fx age", .text = "no exchange rate is older than it may be"});
    }
    return out;
}

Findings price_findings(const json::object& prices) {
    Findings out;
    std::size_t fresh = 0;
    for (const json::value& value : prices.at("prices").as_array()) {
        const json::object& row = value.as_object();
        if (!row.at("stale").as_bool()) {
            ++fresh;
            continue;
        }
        const bool seen = !row.at("seen").is_null();
        const std::string provider = text_field(row, "provider");
        out.push_back(
            {.level = Level::warn,
             .check = "price age",
             .text = fmt::format(
                 "{}: {} seen {}, limit {} -> no new {} machines at it",
                 text_field(row, "offer"),
                 text_field(row, "what"),
                 seen ? duration_text(seconds_field(row, "age_s")) + " ago" : "never",
                 duration_text(seconds_field(row, "age_max_s")),
                 provider),
             .run = {"evenkeel prices refresh " + provider}});
    }
    if (out.empty()) {
        out.push_back(
            {.check = "price age", .text = fmt::format("{} prices, none too old to rent", fresh)});
    }
    return out;
}

Finding account_finding(const AccountFacts& facts, const json::object& prices) {
    Finding out{.check = facts.provider + " key"};
    for (const std::string& trouble : facts.troubles) {
        out.text += (out.text.empty() ? "" : "; ") + trouble;
    }
    if (!facts.known) {
        out.level = facts.troubles.empty() ? Level::warn : Level::fail;
        out.text = out.text.empty() ? "the provider was not asked yet" : out.text;
        if (!facts.credential.empty()) {
            out.run = {"install -m600 KEYFILE /etc/evenkeel/credentials/" + facts.credential};
        }
        return out;
    }
    std::string text = "valid";
    if (facts.balance) {
        text += ", balance " + money_text(*facts.balance);
        const json::object* dearest = nullptr;
        Money rate{0, facts.balance->currency()};
        for (const json::value& value : prices.at("prices").as_array()) {
            const json::object& row = value.as_object();
            for (const json::value& item : row.at("prices").as_array()) {
                const json::object& price = item.as_object();
                const Money hour = money_field(price, "amount", text_field(price, "currency"));
                if (text_field(row, "provider") == facts.provider &&
                    text_field(price, "meter") == "hour" &&
                    hour.currency() == facts.balance->currency() && hour > rate) {
                    rate = hour;
                    dearest = &row;
                }
            }
        }
        const auto tenths = dearest == nullptr
                                ? std::optional<std::int64_t>{}
                                : mul_div(
                                      std::max<std::int64_t>(facts.balance->nanos(), 0),
                                      10,
                                      rate.nanos(),
                                      Rounding::down);
        if (tenths) {
            text += fmt::format(
                ", can pay {}.{} h of one {}",
                *tenths / 10,
                *tenths % 10,
                text_field(*dearest, "what"));
        }
    }
    out.level = facts.troubles.empty() ? Level::ok : Level::warn;
    out.text = facts.troubles.empty() ? text : text + "; " + out.text;
    return out;
}

Finding disk_finding(const DiskFacts& facts) {
    const bool least = facts.free_bytes < disk_least_bytes;
    const bool low = facts.free_bytes < disk_low_bytes;
    return {
        .level = least ? Level::fail
                 : low ? Level::warn
                       : Level::ok,
        .check = "disk",
        .text = fmt::format(
            "{} free at {}, ledger {}{}",
            bytes_text(facts.free_bytes),
            facts.path,
            bytes_text(facts.ledger_bytes),
            least ? ": the ledger cannot grow, and paid work is refused then" : "")};
}

Finding descriptor_finding(
    std::int64_t limit, std::optional<std::int64_t> open, int connections, bool of_agent) {
    const std::int64_t needed = 2 * static_cast<std::int64_t>(connections) + 256;
    const bool few = limit < needed;
    return {
        .level = few ? Level::warn : Level::ok,
        .check = "open files",
        .text = fmt::format(
            "{}{} allowed {}{}",
            open ? count_text(*open) + " of " : "",
            count_text(limit),
            of_agent ? "to the agent" : "here",
            few ? fmt::format(
                      ", {} needed for limits.connections {}: two sockets a request",
                      count_text(needed),
                      count_text(connections))
                : ""),
        .run = few ? std::vector<std::string>{"systemctl edit evenkeel    # LimitNOFILE=65536"}
                   : std::vector<std::string>{}};
}

Finding engine_memory_finding(std::optional<std::int64_t> limit_bytes) {
    const bool few = limit_bytes && *limit_bytes < engine_memory_least;
    return {
        .level = few ? Level::warn : Level::ok,
        .check = "engine memory",
        .text =
            few ? fmt::format(
                      "{} MiB for the agent and the engines it starts: one that needs more ends "
                      "both",
                      *limit_bytes >> 20)
                : "the agent's unit leaves room for the engines it starts",
        .run = few ? std::vector<std::string>{"systemctl edit evenkeel    # MemoryMax=infinity, "
                                              "OOMPolicy=continue (docs/engines.md)"}
                   : std::vector<std::string>{}};
}

Findings secret_findings(std::span<const SecretFacts> secrets) {
    Findings out;
    for (const SecretFacts& secret : secrets) {
        if (secret.error) {
            out.push_back(
                {.level = Level::fail,
                 .check = secret.needed_by + " key",
                 .text = secret.error->message,
                 .run = {"install -m600 KEYFILE " + secret.path}});
        } else if ((secret.mode & ~secret.mode_max & 0777U) != 0) {
            out.push_back(
                {.level = Level::warn,
                 .check = "permissions",
                 .text = fmt::format(
                     "{} has mode {:04o}: others than its owner may read it",
                     secret.path,
                     secret.mode & 0777U),
                 .run = {fmt::format("chmod {:04o} {}", secret.mode_max, secret.path)}});
        }
    }
    if (out.empty()) {
        out.push_back(
            {.check = "permissions",
             .text = secrets.empty() ? "the configuration names no credentials"
                                     : "credentials are readable by their owner alone"});
    }
    return out;
}

Findings engine_findings(std::span<const EngineFacts> engines) {
    Findings out;
    for (const EngineFacts& engine : engines) {
        out.push_back(
            {.level = engine.ready ? Level::ok : Level::warn,
             .check = "engine " + engine.provider,
             .text = engine.url.empty() ? engine.state
                                        : fmt::format("{} at {}", engine.state, engine.url)});
    }
    return out;
}

Findings gpu_findings(
    std::span<const GpuFacts> gpus, const std::string& without, std::span<const int> configured) {
    Findings out;
    for (const GpuFacts& gpu : gpus) {
        Finding finding{.check = fmt::format("gpu {}", gpu.index)};
        finding.text = fmt::format(
            "{}, {}, ECC {}",
            gpu.temperature_c ? fmt::format("{} C", *gpu.temperature_c) : "temperature n/a",
            gpu.power_milliwatts ? fmt::format("{} W", (*gpu.power_milliwatts + 500) / 1'000)
                                 : "power n/a",
            gpu.ecc_uncorrected ? fmt::format("{} uncorrected", *gpu.ecc_uncorrected) : "n/a");
        if (!gpu.slowed.empty()) {
            finding.level = Level::warn;
            finding.text += ", slowed: " + gpu.slowed;
        }
        if (!gpu.sick.empty()) {
            finding.level = Level::fail;
            finding.text = gpu.sick;
            finding.run = {fmt::format("nvidia-smi -i {} -q", gpu.index)};
        }
        out.push_back(std::move(finding));
    }
    for (const int index : configured) {
        if (!without.empty() || std::ranges::find(gpus, index, &GpuFacts::index) != gpus.end()) {
            continue;
        }
        out.push_back(
            {.level = Level::fail,
             .check = fmt::format("gpu {}", index),
             .text = "the configuration names it, the driver does not list it",
             .run = {"nvidia-smi -L"}});
    }
    if (!without.empty()) {
        out.push_back(
            {.level = configured.empty() ? Level::ok : Level::warn,
             .check = "gpu",
             .text = without,
             .run = configured.empty() ? std::vector<std::string>{}
                                       : std::vector<std::string>{"nvidia-smi"}});
    }
    return out;
}

}  // namespace evenkeel::doctor
