#include "agent/cli/top_frame.hpp"

#include "agent/cli/text.hpp"
#include "agent/cli/top_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace evenkeel::cli {

namespace {

using Look = Line::Look;

/// Control characters, also those of two bytes (U+0080 to U+009F), must not reach a terminal: names
/// come from providers and clients.
std::string plain(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        const bool c1 =
            c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
        if (c < 0x20 || c == 0x7F || c1) {
            out += '?';
            i += c1 ? 1 : 0;
        } else {
            out += text[i];
        }
    }
    return out;
}

std::string cut(std::string text, std::size_t columns) {
    std::size_t seen = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool begins = (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80;
        if (begins && seen++ == columns) {
            text.resize(i);
            break;
        }
    }
    return text;
}

std::string lowered(std::string_view text) {
    std::string out{text};
    std::ranges::transform(out, out.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return out;
}

std::string busy_text(const TopSource& source, bool unicode) {
    constexpr std::int64_t cells_max = 8;
    const std::string figures = fmt::format("{}/{}", source.busy, source.slots);
    if (source.kind == "api" || source.slots <= 0) {
        return figures;
    }
    const std::int64_t cells = std::min(source.slots, cells_max);
    const std::int64_t full =
        std::clamp<std::int64_t>((source.busy * cells + source.slots - 1) / source.slots, 0, cells);
    std::string bar;
    for (std::int64_t i = 0; i < cells; ++i) {
        bar += unicode ? (i < full ? "■" : "□") : (i < full ? "#" : ".");
    }
    return bar + " " + figures;
}

std::string vram_text(const TopSource& source) {
    if (!source.vram_used_bytes || !source.vram_bytes) {
        return "-";
    }
    constexpr std::int64_t gib = std::int64_t{1} << 30;
    const std::int64_t tenths = *source.vram_used_bytes * 10 / gib;
    return fmt::format(
        "{}.{}/{} GB", tenths / 10, tenths % 10, (*source.vram_bytes + gib / 2) / gib);
}

std::string source_cost(const TopSource& source) {
    return source.cost_rate       ? rounded_text(*source.cost_rate, 2)
           : source.kind == "api" ? "token"
                                  : "-";
}

Table source_table(const TopView& view, const TopRows& rows, bool unicode) {
    using enum Table::Align;
    const std::string unit = money_text(Money{0, view.cost_rate.currency()}, 0);
    Table table{
        {{"SOURCE", left},
         {"MODEL", left},
         {"BUSY", left},
         {"TOK/S", right},
         {"VRAM", right},
         {"POWER", right},
         {"TEMP", right},
         {unit.substr(0, unit.find_last_not_of("0") + 1) + "/H", right},
         {"PHASE", left},
         {"ENDS", left}}};
    for (const TopSource* source : rows.sources) {
        table.add(
            {plain(source->name) + (source->synthetic ? " (synthetic)" : ""),
             plain(source->model),
             busy_text(*source, unicode),
             count_text(source->tokens_per_s),
             vram_text(*source),
             source->power_milliwatts
                 ? fmt::format("{} W", (*source->power_milliwatts + 500) / 1'000)
                 : "-",
             source->temperature_c ? fmt::format("{} C", *source->temperature_c) : "-",
             source_cost(*source),
             plain(source->state),
             source->ends.empty() ? "-" : plain(source->ends)});
    }
    return table;
}

Table request_table(const TopRows& rows) {
    using enum Table::Align;
    Table table{
        {{"REQUEST", left},
         {"KEY", left},
         {"MODEL", left},
         {"SOURCE", left},
         {"WAIT", right},
         {"AGE", right},
         {"OUT", right},
         {"COST", right}}};
    for (const TopRequest* request : rows.requests) {
        const bool queued = request->source.empty();
        table.add(
            {plain(request->id),
             plain(request->key),
             plain(request->model),
             queued ? "queued" : plain(request->source),
             duration_text(request->wait),
             duration_text(request->age),
             queued ? "-" : count_text(request->tokens_out),
             request->cost ? rounded_text(*request->cost, 4) : "-"});
    }
    return table;
}

std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        lines.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return lines;
}

std::string figures_line(const TopView& view, const TopState& state) {
    std::string line = fmt::format(
        "{}/h {}     tok/s {} {}     queue {} {}",
        money_text(view.cost_rate),
        state.rate.text(state.unicode),
        count_text(view.tokens_per_s),
        state.tokens.text(state.unicode),
        count_text(view.queued),
        state.queue.text(state.unicode));
    if (view.milliwatts) {
        line += fmt::format(
            "     watts {} {}",
            count_text((*view.milliwatts + 500) / 1'000),
            state.watts.text(state.unicode));
    }
    return line;
}

std::string head_line(const TopView& view, const TopState& state, std::size_t columns) {
    const std::string left = "evenkeel top";
    std::string right = view.at + " UTC   ";
    if (!state.off_terminal) {
        right += fmt::format("1 s   {}   ", to_text(state.sort));
        right += state.filter.empty() ? "" : "/" + plain(state.filter) + "   ";
        right += state.control ? "control" : "read-only";
    }
    right.erase(right.find_last_not_of(' ') + 1);
    const std::size_t used = left.size() + width(right);
    return left + std::string(columns > used + 2 ? columns - used : 2, ' ') + right;
}

std::vector<Line> explain(const TopView& view, const TopRows& rows, std::size_t chosen) {
    std::vector<Line> lines;
    const auto add = [&lines](const char* name, const std::string& text) {
        if (!text.empty()) {
            lines.push_back({.text = fmt::format("{:<10}{}", name, plain(text))});
        }
    };
    std::string about;
    if (chosen < rows.sources.size()) {
        const TopSource& source = *rows.sources[chosen];
        about = source.name;
        add("source", source.name + ", " + source.what);
        add("state", fmt::format("{} for {}", source.state, duration_text(source.state_for)));
        add("work",
            fmt::format(
                "{} of {} slots, {} queued for {}; {} granted, {} failed",
                source.busy,
                source.slots,
                source.queue,
                source.model,
                count_text(source.granted),
                count_text(source.failed)));
        add("speed", source.measured);
        add("ends", source.ends);
        add("because", source.reason == source.ends ? "" : source.reason);
    } else if (chosen - rows.sources.size() < rows.requests.size()) {
        const TopRequest& request = *rows.requests[chosen - rows.sources.size()];
        about = request.model;
        add("request", fmt::format("{} of {} for {}", request.id, request.key, request.model));
        add("where",
            request.source.empty()
                ? fmt::format("waits for a source since {}", duration_text(request.wait))
                : fmt::format(
                      "{}, after {} of waiting", request.source, duration_text(request.wait)));
        add("why", "when it has ended: evenkeel route explain " + request.id);
    }
    for (const TopDecision& decision : view.decisions) {
        if (decision.subject == about || about.empty() || decision.subject.contains(about)) {
            add(decision.at.c_str(), decision.subject + ": " + decision.sentence);
        }
    }
    return lines;
}

std::vector<Line> help() {
    std::vector<Line> lines;
    for (const char* text :
         {"up, down, j, k   choose a row",
          "s                order of the requests: newest, wait, tokens, cost, key",
          "/                show only rows that contain a text; Esc shows all again",
          "e                about the chosen row, and the newest decisions on it",
          "d                drain the chosen rented machine      (with --control; asks first)",
          "F                stop all new spending, or allow it   (with --control; asks first)",
          "?                this help",
          "q, Ctrl-C        leave"}) {
        lines.push_back({.text = text});
    }
    return lines;
}

Line foot(const TopView& view, const TopState& state) {
    using Mode = TopState::Mode;
    switch (state.mode) {
        case Mode::filter:
            return {.text = "/" + plain(state.filter) + "_", .look = Look::bold};
        case Mode::freeze:
            return {
                .text = view.frozen ? "Allow spending again? [y/N]"
                                    : "Stop all new spending, until it is allowed again? [y/N]",
                .look = Look::alarm};
        case Mode::drain: {
            const auto asked = std::ranges::find(view.sources, state.asked, &TopSource::name);
            return {
                .text = fmt::format(
                    "Drain {} ({} requests in flight), then destroy it? [y/N]",
                    plain(state.asked),
                    asked == view.sources.end() ? 0 : asked->busy),
                .look = Look::alarm};
        }
        default:
            break;
    }
    if (!state.message.empty()) {
        return {.text = plain(state.message), .look = Look::bold};
    }
    return {.text = "s sort   / filter   e explain   d drain   F freeze   ? help   q quit"};
}

/// The table's lines, the row `chosen` marked; none is when it is beyond.
void add_table(std::vector<Line>& lines, const Table& table, std::size_t chosen) {
    std::size_t row = 0;
    for (std::string& text : split(table.text())) {
        const Look look = row == 0 ? Look::bold : row == chosen + 1 ? Look::chosen : Look::plain;
        lines.push_back({.text = std::move(text), .look = look});
        ++row;
    }
}

}  // namespace

TopRows top_rows(const TopView& view, const TopState& state) {
    const std::string wanted = lowered(state.filter);
    const auto shown = [&wanted](std::initializer_list<std::string_view> cells) {
        return wanted.empty() || std::ranges::any_of(cells, [&wanted](std::string_view cell) {
                   return lowered(cell).contains(wanted);
               });
    };
    TopRows rows;
    for (const TopSource& source : view.sources) {
        if (shown({source.name, source.model, source.state, source.kind, source.what})) {
            rows.sources.push_back(&source);
        }
    }
    for (const TopRequest& request : view.requests) {
        const std::string_view where =
            request.source.empty() ? std::string_view{"queued"} : std::string_view{request.source};
        if (shown({request.id, request.key, request.model, where})) {
            rows.requests.push_back(&request);
        }
    }
    const auto by = [&rows](auto before) { std::ranges::stable_sort(rows.requests, before); };
    const auto cost = [](const TopRequest* one) { return one->cost ? one->cost->nanos() : -1; };
    switch (state.sort) {
        case TopSort::newest:
            break;  // as the agent tells them
        case TopSort::wait:
            by([](const auto* a, const auto* b) { return a->wait > b->wait; });
            break;
        case TopSort::out:
            by([](const auto* a, const auto* b) { return a->tokens_out > b->tokens_out; });
            break;
        case TopSort::cost:
            by([&cost](const auto* a, const auto* b) { return cost(a) > cost(b); });
            break;
        case TopSort::key:
            by([](const auto* a, const auto* b) { return a->key < b->key; });
            break;
    }
    return rows;
}

std::vector<Line> frame(const TopView& view, const TopState& state, Size size) {
    const auto columns = static_cast<std::size_t>(std::max(size.columns, 1));
    const auto rows_max = static_cast<std::size_t>(std::max(size.rows, 1));
    const TopRows rows = top_rows(view, state);
    const std::size_t count = rows.sources.size() + rows.requests.size();
    const std::size_t none = count + 1;
    const std::size_t chosen =
        state.off_terminal ? none : std::min(state.chosen, count == 0 ? 0 : count - 1);
    std::vector<Line> lines;
    lines.push_back({.text = head_line(view, state, columns), .look = Look::bold});
    lines.push_back({.text = figures_line(view, state)});
    for (const std::string& warning : view.warnings) {
        lines.push_back(
            {.text = "! " + plain(warning), .look = view.money_hazard ? Look::alarm : Look::bold});
        if (lines.size() >= 5) {
            break;  // the rest is for evenkeel status
        }
    }
    add_table(lines, source_table(view, rows, state.unicode), chosen);
    if (state.mode == TopState::Mode::help || state.mode == TopState::Mode::explain) {
        lines.push_back({});
        std::ranges::move(
            state.mode == TopState::Mode::help ? help() : explain(view, rows, chosen),
            std::back_inserter(lines));
    } else if (!rows.requests.empty()) {
        add_table(
            lines,
            request_table(rows),
            chosen >= rows.sources.size() ? chosen - rows.sources.size() : none);
    } else {
        lines.push_back(
            {.text = state.filter.empty() ? "no request is in flight"
                                          : "no request in flight matches"});
    }
    if (!state.off_terminal) {
        lines.resize(std::min(lines.size(), rows_max - 1));
        lines.push_back(foot(view, state));
    }
    for (Line& line : lines) {
        line.text = cut(std::move(line.text), columns);
    }
    return lines;
}

}  // namespace evenkeel::cli
