#include "agent/cli/breakeven.hpp"

#include "agent/cli/breakeven_text.hpp"
#include "agent/cli/daemon_client.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/rentals.hpp"
#include "agent/service/clock.hpp"

#include <iostream>
#include <utility>

namespace evenkeel::cli {

int breakeven(const Globals& globals, const BreakevenArguments& arguments) {
    if (!arguments.table.empty()) {
        if (arguments.words != agent::BreakevenWords{}) {
            std::cerr << "evenkeel: --table answers the questions of its file; it takes no other "
                         "flags of this command\n";
            return Exit::usage;
        }
        return breakeven_table(globals, arguments.table);
    }
    const auto ask = agent::breakeven_ask(arguments.words);
    if (!ask) {
        report(ask.error());
        return Exit::usage;
    }
    const agent::SystemClock clock;
    const UtcTime now = clock.read().utc;
    const auto config = read_checked(globals, clock);
    if (!config) {
        std::cerr << "evenkeel: " << config.error().message << '\n';
        return Exit::configuration;
    }
    auto reader = ledger::Reader::open(globals.state);
    if (!reader && reader.error().code != Errc::not_found) {
        return report(reader.error());
    }
    ledger::Reader* const books = reader ? &*reader : nullptr;
    auto measured_now = agent::measured_use(*config, books, now);
    if (!measured_now) {
        return report(measured_now.error());
    }
    const auto answer =
        agent::breakeven_answer(*config, books, std::move(*measured_now), *ask, now);
    if (!answer) {
        return report(answer.error());
    }
    const auto& [input, measured, comparison] = *answer;
    if (globals.json) {
        std::cout << report::breakeven_json(input, measured, comparison) << '\n';
    } else {
        std::cout
            << (globals.csv ? breakeven_csv(comparison, now)
                            : breakeven_text(input, measured, comparison, now));
    }
    return Exit::done;
}

}  // namespace evenkeel::cli
