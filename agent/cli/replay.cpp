#include "agent/cli/replay.hpp"

#include "agent/cli/daemon_client.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/replay_world.hpp"
#include "agent/cli/text.hpp"
#include "agent/config/files.hpp"
#include "agent/service/clock.hpp"
#include "policies/config/override.hpp"
#include "policies/domain/duration.hpp"
#include "policies/replay/bound.hpp"
#include "policies/replay/builtin.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <expected>
#include <iostream>
#include <optional>

namespace evenkeel::cli {

namespace json = boost::json;

namespace {

/// One column of the answer.
struct Column {
    std::string name{};  ///< of its policy
    ReplayWorld world{};
    replay::Totals totals{};
};

std::unexpected<int> usage(const std::string& message) {
    std::cerr << "evenkeel: " << message << '\n';
    return std::unexpected{int{Exit::usage}};
}

std::expected<std::vector<config::SourceFile>, int> files_of(const std::filesystem::path& folder) {
    auto files = agent::read_config(folder);
    if (!files) {
        report(files.error());
        return std::unexpected{int{Exit::configuration}};
    }
    return std::move(*files);
}

/// The world that these files describe, with `set` applied.
std::expected<ReplayWorld, int> world_of(
    std::vector<config::SourceFile> files,
    const std::vector<std::string>& set,
    const ReplayArguments& arguments) {
    for (const std::string& change : set) {
        const std::size_t equals = change.find('=');
        if (equals == std::string::npos) {
            return usage(fmt::format("--set takes KEY=VALUE, not '{}'", change));
        }
        const auto done =
            config::override_value(files, change.substr(0, equals), change.substr(equals + 1));
        if (!done) {
            return usage("--set " + done.error().message);
        }
    }
    const UtcTime now = agent::SystemClock{}.read().utc;
    const auto loaded =
        config::load(files, config::Date{std::chrono::floor<std::chrono::days>(now)});
    if (!loaded) {
        std::cerr << config::render_all(loaded.error());
        return std::unexpected{int{Exit::configuration}};
    }
    auto world = replay_world(loaded->config, arguments.model);
    if (!world) {
        return std::unexpected{report(world.error())};
    }
    if (arguments.old_router) {
        world->options.routing = gate::old_router;
    }
    return std::move(*world);
}

/// "5/25" in the currency of the world.
Result<void> set_prices(const std::string& text, replay::Options& options) {
    const std::size_t slash = text.find('/');
    const Currency currency = options.machine_price.num() > 0 ? options.machine_price.currency()
                                                              : options.api_price.in.currency();
    const auto in = parse_decimal(text.substr(0, slash), 9);
    const auto out = slash == std::string::npos ? in : parse_decimal(text.substr(slash + 1), 9);
    if (slash == std::string::npos || !in || !out || *in < 0 || *out < 0) {
        return fail(
            Errc::invalid_argument,
            fmt::format("--api-price takes IN/OUT per million tokens, as in 5/25, not '{}'", text));
    }
    replay::set_api_price(
        options,
        Money{*in, currency.is_none() ? usd : currency},
        Money{*out, currency.is_none() ? usd : currency});
    return {};
}

/// What the flags that hold for every column change.
std::expected<void, int> adjust(const ReplayArguments& arguments, replay::Options& options) {
    if (!arguments.api_price.empty()) {
        if (auto done = set_prices(arguments.api_price, options); !done) {
            return usage(done.error().message);
        }
    }
    if (!arguments.boot.empty()) {
        const auto boot = parse_duration(arguments.boot);
        if (!boot) {
            return usage("--boot: " + boot.error().message);
        }
        options.boot = *boot;
        options.scaling.boot = *boot;
    }
    return {};
}

std::expected<std::vector<Column>, int> columns_of(
    const Globals& globals, const ReplayArguments& arguments) {
    const bool reference = arguments.world == "reference";
    if (!reference && !arguments.world.empty()) {
        return usage(fmt::format("--world knows 'reference', not '{}'", arguments.world));
    }
    const bool draft_folder = arguments.policy.find('/') != std::string::npos;
    std::vector<config::SourceFile> now_files;
    if (reference) {
        now_files = reference_files();
    } else {
        auto files = files_of(globals.config);
        if (!files) {
            return std::unexpected{files.error()};
        }
        now_files = std::move(*files);
    }
    std::vector<Column> columns;
    const bool drafted = !arguments.policy.empty() || !arguments.set.empty();
    if (!reference || !drafted) {
        auto world = world_of(now_files, {}, arguments);
        if (!world) {
            return std::unexpected{world.error()};
        }
        columns.push_back({.name = "configuration", .world = std::move(*world)});
    }
    if (drafted) {
        auto files = draft_folder ? files_of(arguments.policy) : std::move(now_files);
        if (!files) {
            return std::unexpected{files.error()};
        }
        auto world = world_of(std::move(*files), arguments.set, arguments);
        if (!world) {
            return std::unexpected{world.error()};
        }
        Column draft{
            .name = arguments.policy.empty() ? "configuration" : arguments.policy,
            .world = std::move(*world)};
        if (!draft_folder && !arguments.policy.empty()) {
            if (auto done = replay::apply_builtin(arguments.policy, draft.world.options); !done) {
                return usage(done.error().message);
            }
        }
        columns.push_back(std::move(draft));
    }
    for (Column& column : columns) {
        if (auto done = adjust(arguments, column.world.options); !done) {
            return std::unexpected{done.error()};
        }
    }
    return columns;
}

double share_within(const replay::Totals& totals) {
    return totals.requests == 0
               ? 1.0
               : static_cast<double>(totals.within_limit) / static_cast<double>(totals.requests);
}

json::object to_json(const Column& column) {
    const replay::Totals& t = column.totals;
    return {
        {"policy", column.name},
        {"model", column.world.model},
        {"requests", t.requests},
        {"answered",
         json::object{
             {"own", t.answered_own}, {"rental", t.answered_rental}, {"api", t.answered_api}}},
        {"refused", t.refused},
        {"currency", t.total.currency().text()},
        {"cost",
         json::object{
             {"own", amount_text(t.own)},
             {"rental", amount_text(t.rental)},
             {"api", amount_text(t.api)},
             {"total", amount_text(t.total)}}},
        {"j", amount_text(t.j)},
        {"wait_s",
         json::object{{"p50", t.wait_s.p50}, {"p95", t.wait_s.p95}, {"p99", t.wait_s.p99}}},
        {"within_limit", share_within(t)},
        {"machine_starts", t.machine_starts},
        {"machine_hours", t.machine_hours},
        {"idle_share", t.idle_share}};
}

void print_json(const std::vector<Column>& columns, const std::optional<Money>& bound) {
    json::object answer{{"schema", "evenkeel.replay/1"}};
    for (const auto& member : to_json(columns.back())) {
        answer.insert(member);
    }
    if (bound) {
        answer["bound"] = amount_text(*bound);
    }
    if (columns.size() > 1) {
        answer["now"] = to_json(columns.front());
    }
    json::array assumptions;
    for (const std::string& sentence : columns.back().world.assumptions) {
        assumptions.emplace_back(sentence);
    }
    answer["assumes"] = std::move(assumptions);
    std::cout << json::serialize(answer) << '\n';
}

std::string change_text(Money before, Money after) {
    if (before.nanos() == 0) {
        return "";
    }
    const double percent = 100.0 * static_cast<double>(after.nanos() - before.nanos()) /
                           static_cast<double>(before.nanos());
    return fmt::format("{:+.0f} %", percent);
}

void print_table(const std::vector<Column>& columns, const std::optional<Money>& bound) {
    const replay::Totals& last = columns.back().totals;
    const std::string currency{last.total.currency().text()};
    std::vector<std::pair<std::string, Table::Align>> heads{{"", Table::Align::left}};
    const bool both = columns.size() > 1;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        heads.emplace_back(
            !both ? columns[i].name : (i == 0 ? std::string{"NOW"} : "DRAFT"), Table::Align::right);
    }
    if (both) {
        heads.emplace_back("", Table::Align::right);
    }
    Table table{std::move(heads)};
    const auto row = [&](const std::string& label, const auto& cell) {
        std::vector<std::string> cells{label};
        for (const Column& column : columns) {
            cells.push_back(cell(column.totals));
        }
        if (both) {
            cells.emplace_back();
        }
        table.add(std::move(cells));
    };
    const auto money = [&](const std::string& label, Money replay::Totals::* part, bool change) {
        std::vector<std::string> cells{label};
        for (const Column& column : columns) {
            cells.push_back(rounded_text(column.totals.*part));
        }
        if (both) {
            cells.push_back(
                change ? change_text(columns.front().totals.*part, last.*part) : std::string{});
        }
        table.add(std::move(cells));
    };
    money(
        currency.empty() ? "cost" : fmt::format("cost ({})", currency),
        &replay::Totals::total,
        true);
    money("  own", &replay::Totals::own, false);
    money("  rented", &replay::Totals::rental, false);
    money("  API", &replay::Totals::api, false);
    money("J (cost + price of being late)", &replay::Totals::j, true);
    row("p50 / p95 / p99 wait", [](const replay::Totals& t) {
        return fmt::format("{:.1f}/{:.1f}/{:.1f} s", t.wait_s.p50, t.wait_s.p95, t.wait_s.p99);
    });
    row("within the limit",
        [](const replay::Totals& t) { return fmt::format("{:.2f} %", 100 * share_within(t)); });
    row("gave up", [](const replay::Totals& t) { return count_text(t.refused); });
    row("machine starts",
        [](const replay::Totals& t) { return fmt::format("{}", t.machine_starts); });
    row("machine hours",
        [](const replay::Totals& t) { return fmt::format("{:.1f}", t.machine_hours); });
    row("idle share of them",
        [](const replay::Totals& t) { return fmt::format("{:.0f} %", 100 * t.idle_share); });
    std::cout << fmt::format(
                     "{} requests for {} from the trace (sizes and times only)\n",
                     count_text(last.requests),
                     columns.back().world.model)
              << table.text();
    if (bound) {
        std::cout << fmt::format(
            "No policy can cost less than {} {} (J).\n", rounded_text(*bound), currency);
    }
    std::cout << "Assumes today's prices and the seeds' speeds; queueing is simulated, arrivals "
                 "are not changed by waiting.\n";
    for (const std::string& sentence : columns.back().world.assumptions) {
        std::cout << "Assumes: " << sentence << ".\n";
    }
}

}  // namespace

int replay_trace(
    const Globals& globals, const ReplayArguments& arguments, const OpenTrace& open_trace) {
    if (arguments.trace.empty()) {
        std::cerr << "evenkeel: replay needs the requests: --trace FILE\n";
        return Exit::usage;
    }
    auto columns = columns_of(globals, arguments);
    if (!columns) {
        return columns.error();
    }
    const replay::OpenRows rows = open_trace(arguments.trace);
    for (Column& column : *columns) {
        auto totals = replay::replay(rows, column.world.options);
        if (!totals) {
            return report(totals.error());
        }
        column.totals = *totals;
    }
    std::optional<Money> bound;
    if (arguments.bound) {
        const auto least = replay::lower_bound(rows, columns->back().world.options);
        if (!least) {
            return report(least.error());
        }
        bound = *least;
    }
    if (globals.json) {
        print_json(*columns, bound);
    } else {
        print_table(*columns, bound);
    }
    return Exit::done;
}

}  // namespace evenkeel::cli
