#pragma once

#include "agent/cli/actions.hpp"
#include "agent/cli/breakeven.hpp"
#include "agent/cli/dashboard.hpp"
#include "agent/cli/doctor.hpp"
#include "agent/cli/globals.hpp"
#include "agent/cli/init.hpp"
#include "agent/cli/key_actions.hpp"
#include "agent/cli/ledger_books.hpp"
#include "agent/cli/node_actions.hpp"
#include "agent/cli/policy_actions.hpp"
#include "agent/cli/replay.hpp"
#include "agent/cli/route.hpp"
#include "agent/cli/spending.hpp"
#include "agent/cli/top.hpp"
#include "agent/daemon.hpp"

#include <CLI/CLI.hpp>

#include <functional>
#include <string>
#include <utility>
#include <vector>

/// The groups of commands, their words and flags.
namespace evenkeel::cli {

/// Everything the flags of commands are written to, but for those of lab/.
struct Arguments {
    Globals globals{};
    agent::ServeOptions serve{};
    ReportArguments report{};
    DoctorArguments doctor{};
    TopArguments top{};
    InitArguments init{};
    RequestsArguments requests{};
    KeyArguments key{};
    std::string backup_target{};
    LedgerArguments ledger{};
    std::string shell{};
    std::vector<std::string> help_words{};
    NodeArguments node{};
    ReapArguments reap{};
    std::string freeze_reason{};
    std::string price_provider{};
    BreakevenArguments breakeven{};
    RouteArguments route{};
    bool exit_code{false};
    ApplyArguments apply{};
    ShowArguments show{};
    std::string key_path{};
    std::string schema_file{};
    ReplayArguments replay{};
};

/// Commands with what each does.
class CommandList {
public:
    using Action = std::function<int()>;
    explicit CommandList(CLI::App& app) : app_{app} {}

    [[nodiscard]] CLI::App& app() noexcept { return app_; }
    CLI::App& command(CLI::App& parent, const char* name, const char* text, Action action);
    /// One that does nothing by itself.
    CLI::App& group(const char* name, const char* text);
    /// What the parsed command line asked for, or null.
    [[nodiscard]] const Action* chosen() const;

private:
    CLI::App& app_;
    std::vector<std::pair<CLI::App*, Action>> actions_{};
};

/// Lets pass whole numbers from 1 on that fit 64 bits.
[[nodiscard]] CLI::Validator count_of_something();

/// `arguments` must outlive `to`.
void add_keys(CommandList& to, Arguments& arguments);
void add_ledger(CommandList& to, Arguments& arguments);
void add_host(CommandList& to, Arguments& arguments);
void add_nodes(CommandList& to, Arguments& arguments);
void add_reports(CommandList& to, Arguments& arguments);
void add_spending(CommandList& to, Arguments& arguments);
void add_route(CommandList& to, Arguments& arguments);
void add_breakeven(CommandList& to, Arguments& arguments);
void add_policy(CommandList& to, Arguments& arguments);

}  // namespace evenkeel::cli
