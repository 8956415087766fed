#include "lab/demo/view.hpp"

#include "policies/domain/money.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::lab::demo {
namespace {

constexpr std::size_t bar_columns = 24;

/// Cuts at a character, not within one.
std::string fit(std::string text, std::size_t width) {
    std::size_t columns = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool begins = (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80;
        if (begins && columns++ == width) {
            text.resize(i);
            break;
        }
    }
    return text;
}

std::string bar(const Progress& progress) {
    const auto span = std::max<std::int64_t>((progress.to - progress.from).count(), 1);
    const auto part = std::clamp<std::int64_t>(progress.played.count(), 0, span);
    const auto full = static_cast<std::size_t>(part) * bar_columns / static_cast<std::size_t>(span);
    return std::string(full, '#') + std::string(bar_columns - full, '.');
}

std::string seconds_text(const json::object& object, std::string_view key) {
    return fmt::format("{:.1f}s", number_at(object, key));
}

std::string machine_name(const json::object& machine) {
    const std::string name = text_at(machine, "name");
    return name.empty() ? std::to_string(int_at(machine, "id")) : name;
}

std::string counts_line(const player::PlayerReport& report) {
    std::string line = fmt::format(
        "{} of {} requests sent, {} answered, {} in flight",
        count_text(report.sent),
        count_text(report.planned),
        count_text(report.answered),
        count_text(report.in_flight));
    if (report.errors > 0) {
        line += fmt::format(", {} refused or failed", count_text(report.errors));
    }
    if (report.malformed + report.shed > 0) {
        line += fmt::format(", {} BROKEN", count_text(report.malformed + report.shed));
    }
    return line;
}

void add_sources(std::vector<std::string>& lines, const json::object& status) {
    lines.push_back(fmt::format(
        "{:<14} {:<30} {:<9} {:>9} {:>6} {:>7} {:>8} {:>10}",
        "SOURCE",
        "WHAT",
        "STATE",
        "BUSY",
        "QUEUE",
        "TOK/S",
        "ANSWERS",
        "COST NOW"));
    for (const json::object* source : list_at(status, "sources")) {
        std::string what = text_at(*source, "what");
        if (bool_at(*source, "synthetic") && what.find("synthetic") == std::string::npos) {
            what += " (synthetic)";
        }
        const std::string rate = text_at(*source, "cost_rate");
        const bool by_token = text_at(*source, "kind") == "api";
        lines.push_back(fmt::format(
            "{:<14} {:<30} {:<9} {:>9} {:>6} {:>7} {:>8} {:>10}",
            fit(text_at(*source, "name"), 14),
            fit(what, 30),
            fit(text_at(*source, "state"), 9),
            fmt::format("{}/{}", int_at(*source, "busy"), int_at(*source, "slots")),
            int_at(*source, "queue"),
            count_text(int_at(*source, "tokens_per_s")),
            count_text(int_at(*source, "granted")),
            rate.empty() ? (by_token ? "per token" : "-") : amount_for_people(rate) + "/h"));
    }
}

void add_machines(std::vector<std::string>& lines, const json::object& status) {
    const auto machines = list_at(status, "machines");
    if (machines.empty()) {
        lines.emplace_back("MACHINE        none rented");
        return;
    }
    lines.push_back(fmt::format(
        "{:<14} {:<30} {:<9} {:>9} {:>9}  {}", "MACHINE", "GPU", "STATE", "FOR", "AGE", "PAID"));
    for (const json::object* machine : machines) {
        lines.push_back(fmt::format(
            "{:<14} {:<30} {:<9} {:>9} {:>9}  {} {}",
            fit(machine_name(*machine), 14),
            fit(text_at(*machine, "gpu"), 30),
            text_at(*machine, "state"),
            seconds_text(*machine, "state_for_s"),
            seconds_text(*machine, "age_s"),
            text_at(*machine, "paid"),
            text_at(*machine, "currency")));
    }
}

std::string queue_line(const json::object& status) {
    std::int64_t depth = 0;
    std::int64_t oldest = 0;
    for (const json::object* queue : list_at(status, "queues")) {
        depth += int_at(*queue, "depth");
        oldest = std::max(oldest, int_at(*queue, "oldest_ms"));
    }
    return depth == 0 ? std::string{"nobody waits"}
                      : fmt::format("{} wait, the oldest for {} ms", count_text(depth), oldest);
}

}  // namespace

std::string clock_text(std::chrono::milliseconds time) {
    const std::int64_t seconds = time.count() / 1'000;
    if (seconds >= 3'600) {
        return fmt::format("{}h{:02}m{:02}s", seconds / 3'600, seconds / 60 % 60, seconds % 60);
    }
    return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
}

std::string count_text(std::int64_t count) {
    std::string digits = std::to_string(count);
    const std::ptrdiff_t least = count < 0 ? 1 : 0;
    for (auto at = std::ssize(digits) - 3; at > least; at -= 3) {
        digits.insert(static_cast<std::size_t>(at), ",");
    }
    return digits;
}

std::string amount_for_people(const std::string& text) {
    constexpr int scale = 9;
    constexpr std::int64_t one = 1'000'000'000;
    const Result<std::int64_t> nanos = parse_decimal(text, scale);
    if (!nanos) {
        return text;
    }
    const bool small = *nanos > -one && *nanos < one && *nanos != 0;
    return rounded_text(Money{*nanos, Currency{}}, small ? 4 : 2);
}

std::vector<std::string> make_frame(
    const json::object& status,
    const Progress& progress,
    const player::PlayerReport& report,
    std::size_t width) {
    const json::object& rate = object_at(status, "cost_rate");
    const json::object& spend = object_at(status, "spend");
    const json::object& rented = object_at(status, "rented");
    std::vector<std::string> lines;
    lines.push_back(fmt::format(
        "Evenkeel demo: a real trace, the real daemon, synthetic GPUs. {}", progress.act));
    lines.push_back(fmt::format(
        "Speed {0}: one second here is {0} s of the trace; durations / {0}, hourly prices x "
        "{0}.",
        progress.speed));
    lines.push_back(fmt::format(
        "{} at {}  [{}]  {}",
        progress.trace,
        clock_text(progress.from + progress.played),
        bar(progress),
        counts_line(report)));
    lines.push_back(fmt::format(
        "Spending {} {}/h   today {} {}   rented {} of {}   {}",
        text_at(rate, "amount"),
        text_at(rate, "currency"),
        text_at(spend, "today"),
        text_at(spend, "currency"),
        int_at(rented, "now"),
        int_at(rented, "max"),
        queue_line(status)));
    lines.emplace_back();
    add_sources(lines, status);
    lines.emplace_back();
    add_machines(lines, status);
    lines.emplace_back();
    const auto decisions = list_at(status, "decisions");
    const json::object* last = nullptr;
    for (const json::object* decision : decisions) {
        last =
            last == nullptr || text_at(*decision, "at") >= text_at(*last, "at") ? decision : last;
    }
    lines.push_back(
        last == nullptr
            ? std::string{"Nothing was decided yet."}
            : fmt::format(
                  "Last decision: {}: {}", text_at(*last, "what"), text_at(*last, "sentence")));
    for (std::string& line : lines) {
        line = fit(std::move(line), width);
    }
    return lines;
}

std::string redraw(const std::vector<std::string>& frame, std::size_t lines_before, bool color) {
    std::string out;
    if (lines_before > 0) {
        out += fmt::format("\x1b[{}A", lines_before);
    }
    out += '\r';
    for (const std::string& line : frame) {
        const bool heading = line.starts_with("SOURCE ") || line.starts_with("MACHINE ");
        out += color && heading ? "\x1b[1m" + line + "\x1b[0m" : line;
        out += "\x1b[K\n";
    }
    out += "\x1b[J";  // whatever a longer frame left below
    return out;
}

std::vector<std::string> ChangeLog::update(
    const json::object& status, const Progress& progress, const player::PlayerReport& report) {
    std::vector<std::string> lines;
    const auto say = [&](const std::string& text) {
        lines.push_back(fmt::format(
            "{:5.1f}s  {}", static_cast<double>(progress.elapsed.count()) / 1'000, text));
    };
    if (progress.act != act_) {
        act_ = progress.act;
        say(act_);
    }
    const auto span = std::max<std::int64_t>((progress.to - progress.from).count(), 1);
    const std::int64_t tenth = progress.played.count() * 10 / span;
    if (tenth != tenth_ && report.sent > 0) {
        tenth_ = tenth;
        say(fmt::format(
            "trace at {}: {}; {}",
            clock_text(progress.from + progress.played),
            counts_line(report),
            queue_line(status)));
    }
    for (const json::object* source : list_at(status, "sources")) {
        const std::string name = text_at(*source, "name");
        const std::string state = text_at(*source, "state");
        if (std::exchange(sources_[name], state) != state) {
            say(fmt::format(
                "source {} ({}{}): {}",
                name,
                text_at(*source, "what"),
                bool_at(*source, "synthetic") ? ", synthetic" : "",
                state));
        }
    }
    for (const json::object* decision : list_at(status, "decisions")) {
        const std::string key = text_at(*decision, "at") + text_at(*decision, "sentence");
        if (!std::exchange(decisions_[key], true)) {
            say(fmt::format(
                "decision: {}: {}", text_at(*decision, "what"), text_at(*decision, "sentence")));
        }
    }
    for (const json::object* machine : list_at(status, "machines")) {
        const std::string name = machine_name(*machine);
        const std::string state = text_at(*machine, "state");
        if (std::exchange(machines_[name], state) != state) {
            say(fmt::format(
                "machine {}: {}, paid {} {}",
                name,
                state,
                text_at(*machine, "paid"),
                text_at(*machine, "currency")));
        }
    }
    const json::value* warnings = status.if_contains("warnings");
    if (warnings != nullptr && warnings->is_array()) {
        for (const json::value& warning : warnings->get_array()) {
            const json::string* text = warning.if_string();
            if (text != nullptr && !std::exchange(warnings_[std::string{*text}], true)) {
                say("warning: " + std::string{std::string_view{*text}});
            }
        }
    }
    return lines;
}

}  // namespace evenkeel::lab::demo
