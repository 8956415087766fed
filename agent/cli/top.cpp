#include "agent/cli/top.hpp"

#include "agent/cli/daemon_client.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/terminal.hpp"
#include "agent/cli/top_frame.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string_view>
#include <unistd.h>

namespace evenkeel::cli {

namespace json = boost::json;

namespace {

constexpr std::chrono::seconds look_every{1};
/// Keys wait for it.
constexpr std::chrono::seconds answer_limit{2};
constexpr int columns_off_terminal = 160;

struct Documents {
    std::string status{};
    std::string requests{};
};

Result<Documents> ask_both(const Globals& globals) {
    auto status = ask(globals, "/api/status", answer_limit);
    if (!status) {
        return std::unexpected{status.error()};
    }
    auto requests = ask(globals, "/api/requests", answer_limit);
    if (!requests) {
        return std::unexpected{requests.error()};
    }
    return Documents{.status = std::move(*status), .requests = std::move(*requests)};
}

Result<TopView> look(const Globals& globals) {
    const auto documents = ask_both(globals);
    return documents ? top_view(documents->status, documents->requests)
                     : std::unexpected{documents.error()};
}

/// Whether the locale says that the terminal reads UTF-8.
bool speaks_utf8() {
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
        const char* value = std::getenv(name);
        if (value != nullptr && *value != '\0') {
            const std::string_view text{value};
            return text.contains("UTF-8") || text.contains("utf8") || text.contains("UTF8");
        }
    }
    return false;
}

int print_once(const Globals& globals) {
    const auto documents = ask_both(globals);
    if (!documents) {
        return report(documents.error());
    }
    const auto view = top_view(documents->status, documents->requests);
    if (!view) {
        return report(view.error());
    }
    if (globals.json) {
        std::cout << R"({"schema":"evenkeel.top/1","status":)" << documents->status
                  << R"(,"requests":)" << documents->requests << "}\n";
    } else {
        TopState state{.unicode = speaks_utf8(), .off_terminal = true};
        note(state, *view);
        const char* wide = std::getenv("COLUMNS");
        const int columns = wide == nullptr ? 0 : std::atoi(wide);
        const Size size{.columns = columns > 0 ? columns : columns_off_terminal};
        for (const Line& line : frame(*view, state, size)) {
            std::cout << line.text << '\n';
        }
    }
    return view->money_hazard ? Exit::money_hazard : Exit::done;
}

std::string changed_text(const Globals& globals, const TopAct& act) {
    using Kind = TopAct::Kind;
    const std::string body = json::serialize(
        act.kind == Kind::drain    ? json::object{{"name", act.name}}
        : act.kind == Kind::freeze ? json::object{{"reason", "asked for in evenkeel top"}}
                                   : json::object{});
    const auto answer = tell(
        globals,
        act.kind == Kind::drain    ? "/api/nodes/drain"
        : act.kind == Kind::freeze ? "/api/freeze"
                                   : "/api/thaw",
        body);
    if (!answer) {
        return answer.error().message;
    }
    return act.kind == Kind::drain    ? act.name + " drains; it is destroyed when it is done"
           : act.kind == Kind::freeze ? "frozen: nothing is rented or bought until it is allowed"
                                      : "spending is allowed again";
}

/// Until q or a signal; gives the signal, 0 for q.
int watch(const Globals& globals, Terminal& terminal, TopState& state, TopView view) {
    auto next = std::chrono::steady_clock::now() + look_every;
    for (;;) {
        terminal.draw(frame(view, state, terminal.size()));
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(next - std::chrono::steady_clock::now());
        const Terminal::Event event = terminal.wait(std::max(left, std::chrono::milliseconds{0}));
        if (const auto* stop = std::get_if<Terminal::Stop>(&event)) {
            return stop->signal;
        }
        if (const auto* pressed = std::get_if<char32_t>(&event)) {
            const TopAct act = press(state, view, *pressed);
            if (act.kind == TopAct::Kind::quit) {
                return 0;
            }
            if (act.kind != TopAct::Kind::none) {
                state.message = changed_text(globals, act);
            }
        }
        if (std::chrono::steady_clock::now() < next) {
            continue;
        }
        next = std::chrono::steady_clock::now() + look_every;
        if (auto newer = look(globals)) {
            view = std::move(*newer);
            note(state, view);
        } else {
            state.message = fmt::format(
                "the agent does not answer since {} UTC: {}", view.at, newer.error().message);
        }
    }
}

}  // namespace

int top(const Globals& globals, const TopArguments& arguments) {
    if (globals.json || ::isatty(STDOUT_FILENO) != 1 || ::isatty(STDIN_FILENO) != 1) {
        return print_once(globals);
    }
    auto view = look(globals);
    if (!view) {
        return report(view.error());
    }
    TopState state{.control = arguments.control, .unicode = speaks_utf8()};
    note(state, *view);
    int ended_by = 0;
    {
        auto terminal = Terminal::open();
        if (!terminal) {
            return report(terminal.error());
        }
        ended_by = watch(globals, **terminal, state, std::move(*view));
    }
    if (ended_by != 0 && ended_by != SIGINT) {
        ::raise(ended_by);  // whoever sent it sees that it was heeded
    }
    return Exit::done;
}

}  // namespace evenkeel::cli
