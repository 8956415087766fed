#include "agent/cli/replay.hpp"

#include "agent/cli/daemon_client.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/replay_table.hpp"
#include "agent/config/files.hpp"
#include "agent/replay/compare.hpp"
#include "agent/service/clock.hpp"
#include "policies/config/override.hpp"
#include "policies/domain/duration.hpp"
#include "policies/replay/bound.hpp"
#include "policies/replay/builtin.hpp"

#include <fmt/format.h>

#include <expected>
#include <iostream>
#include <optional>

namespace evenkeel::cli {

namespace {

/// What the state folder knows that the configuration does not say.
struct Learnt {
    agent::Speeds speeds;
    std::vector<ledger::RuleReplay> rules{};
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

/// What these files describe, with `set` applied.
std::expected<ReplayColumn, int> column_of(
    std::vector<config::SourceFile> files,
    const std::vector<std::string>& set,
    const ReplayArguments& arguments,
    const Learnt* learnt) {
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
    const auto today = std::chrono::floor<std::chrono::days>(agent::SystemClock{}.read().utc);
    auto loaded = config::load(files, config::Date{today});
    if (!loaded) {
        std::cerr << config::render_all(loaded.error());
        return std::unexpected{int{Exit::configuration}};
    }
    if (learnt != nullptr) {
        agent::follow_rules(loaded->config, learnt->rules);
    }
    auto world = agent::replay_world(
        loaded->config, arguments.model, today, learnt == nullptr ? nullptr : &learnt->speeds);
    if (!world) {
        return std::unexpected{report(world.error())};
    }
    if (arguments.old_router) {
        world->options.routing = gate::old_router;
    }
    return ReplayColumn{
        .name = "configuration", .config = std::move(loaded->config), .world = std::move(*world)};
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

std::expected<std::vector<ReplayColumn>, int> columns_of(
    const Globals& globals, ReplayArguments arguments, const Learnt* learnt) {
    const bool reference = arguments.world == "reference";
    if (!reference && !arguments.world.empty()) {
        return usage(fmt::format("--world knows 'reference', not '{}'", arguments.world));
    }
    const bool draft_folder = arguments.policy.find('/') != std::string::npos;
    std::vector<config::SourceFile> now_files;
    if (reference) {
        now_files = agent::reference_files();
    } else {
        auto files = files_of(globals.config);
        if (!files) {
            return std::unexpected{files.error()};
        }
        now_files = std::move(*files);
    }
    std::vector<ReplayColumn> columns;
    const bool drafted = !arguments.policy.empty() || !arguments.set.empty();
    if (!reference || !drafted) {
        auto now = column_of(now_files, {}, arguments, learnt);
        if (!now) {
            return std::unexpected{now.error()};
        }
        arguments.model = now->world.model;  // both columns are about the same requests
        columns.push_back(std::move(*now));
    }
    if (drafted) {
        auto files = draft_folder ? files_of(arguments.policy) : std::move(now_files);
        if (!files) {
            return std::unexpected{files.error()};
        }
        auto draft = column_of(std::move(*files), arguments.set, arguments, learnt);
        if (!draft) {
            return std::unexpected{draft.error()};
        }
        if (!arguments.policy.empty()) {
            draft->name = arguments.policy;
        }
        if (!draft_folder && !arguments.policy.empty()) {
            if (auto done = replay::apply_builtin(arguments.policy, draft->world.options); !done) {
                return usage(done.error().message);
            }
        }
        columns.push_back(std::move(*draft));
    }
    for (ReplayColumn& column : columns) {
        if (auto done = adjust(arguments, column.world.options); !done) {
            return std::unexpected{done.error()};
        }
    }
    return columns;
}

/// The requests of the ledger and what they are replayed in.
struct OwnRequests {
    ledger::Reader reader;
    config::Config config{};  ///< says whose demand each was
    std::string model{};
    agent::Demand demand{};
};

std::expected<agent::Span, int> span_of(const Globals& globals, ledger::Reader& reader) {
    const auto summary = reader.summary();
    if (!summary) {
        return std::unexpected{report(summary.error())};
    }
    const auto zone = ledger::Zone::load(globals.utc ? "UTC" : summary->zone);
    if (!zone) {
        return std::unexpected{report(zone.error())};
    }
    const UtcTime now = agent::SystemClock{}.read().utc;
    const auto since = agent::time_from(globals.since, agent::Edge::since, *zone, now);
    const auto until = globals.until.empty()
                           ? Result<UtcTime>{now}
                           : agent::time_from(globals.until, agent::Edge::until, *zone, now);
    if (!since) {
        return usage("--since: " + since.error().message);
    }
    if (!until) {
        return usage("--until: " + until.error().message);
    }
    if (*until <= *since) {
        return usage("--until is not after --since");
    }
    return agent::Span{*since, *until};
}

std::expected<OwnRequests, int> own_requests(
    const Globals& globals, const ReplayArguments& arguments, const ReplayColumn& now) {
    auto reader = ledger::Reader::open(globals.state);
    if (!reader) {
        return std::unexpected{report(reader.error())};
    }
    const auto span = span_of(globals, *reader);
    if (!span) {
        return std::unexpected{span.error()};
    }
    OwnRequests own{.reader = std::move(*reader), .config = now.config, .model = now.world.model};
    if (!arguments.world.empty()) {
        auto files = files_of(globals.config);
        auto column = files ? column_of(std::move(*files), {}, arguments, nullptr)
                            : std::unexpected{files.error()};
        if (!column) {
            return std::unexpected{column.error()};
        }
        own.config = std::move(column->config);
        own.model = column->world.model;
    }
    auto demand = agent::read_demand(own.reader, own.config, *span);
    if (!demand) {
        return std::unexpected{report(demand.error())};
    }
    own.demand = std::move(*demand);
    if (own.demand.of(own.model).replayed() == 0) {
        const std::int64_t others = own.demand.all().requests;
        std::cerr << fmt::format(
            "evenkeel: nothing to replay: the ledger has no request for '{}' of known size in "
            "that time{}\n",
            own.model,
            others == 0 ? "" : fmt::format(", and {} others (--model)", others));
        return std::unexpected{int{Exit::failed}};
    }
    return own;
}

}  // namespace

int replay_requests(
    const Globals& globals, const ReplayArguments& arguments, const OpenTrace& open_trace) {
    const bool from_ledger = arguments.trace.empty();
    if (from_ledger == globals.since.empty()) {
        std::cerr << "evenkeel: replay needs the requests: --since 30d takes those of the ledger, "
                     "--trace FILE those of a file\n";
        return Exit::usage;
    }
    if (!from_ledger && !globals.until.empty()) {
        std::cerr << "evenkeel: --until goes with --since; a trace is replayed whole\n";
        return Exit::usage;
    }
    const bool reference = !arguments.world.empty();
    std::optional<Learnt> learnt;
    ReplayArguments worlds = arguments;
    if (from_ledger && !reference) {
        auto reader = ledger::Reader::open(globals.state);
        auto rules = reader ? reader->rule_replays() : std::unexpected{reader.error()};
        if (!rules) {
            return report(rules.error());
        }
        learnt.emplace(agent::Speeds{globals.state}, std::move(*rules));
    } else if (from_ledger) {
        worlds.model.clear();  // it names the ledger's model, not the reference world's
    }
    auto columns = columns_of(globals, worlds, learnt ? &*learnt : nullptr);
    if (!columns) {
        return columns.error();
    }
    ReplayAnswer answer{.columns = std::move(*columns)};
    std::optional<OwnRequests> own;
    replay::OpenRows rows;
    if (from_ledger) {
        auto found = own_requests(globals, arguments, answer.columns.front());
        if (!found) {
            return found.error();
        }
        own.emplace(std::move(*found));
        auto opened = agent::requests_for(own->reader, own->config, own->demand, own->model);
        if (!opened) {
            return report(opened.error());
        }
        rows = std::move(*opened);
        answer.history_model = own->model;
        answer.history = own->demand;
    } else {
        rows = open_trace(arguments.trace);
    }
    for (ReplayColumn& column : answer.columns) {
        auto totals = replay::replay(rows, column.world.options);
        if (!totals) {
            return report(totals.error());
        }
        column.totals = *totals;
    }
    if (arguments.bound) {
        const auto least = replay::lower_bound(rows, answer.columns.back().world.options);
        if (!least) {
            return report(least.error());
        }
        answer.bound = *least;
    }
    std::cout << (globals.json ? replay_json(answer) : replay_text(answer));
    return Exit::done;
}

}  // namespace evenkeel::cli
