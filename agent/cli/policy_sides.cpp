#include "agent/cli/policy_sides.hpp"

#include "agent/cli/daemon_client.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/config/policy_text.hpp"
#include "agent/config/reading.hpp"

#include <fmt/format.h>

#include <chrono>
#include <iostream>

namespace evenkeel::cli {

namespace {

std::expected<Side, int> read_running(ledger::Reader& reader, UtcTime now) {
    const auto row = reader.policy();
    if (!row) {
        return std::unexpected{report(row.error())};
    }
    const auto files = agent::split_policy(row->text);
    if (!files) {
        return std::unexpected{report(files.error())};
    }
    auto loaded = config::load(*files, config::Date{std::chrono::floor<std::chrono::days>(now)});
    if (!loaded) {
        std::cerr << config::render_all(loaded.error())
                  << fmt::format(
                         "evenkeel: policy #{} was good for an earlier version and is not for this "
                         "one, so nothing can be compared with it; put the files in force with: "
                         "systemctl reload evenkeel\n",
                         row->no);
        return std::unexpected{int{Exit::failed}};
    }
    return Side{
        .revision = row->no,
        .sha256 = agent::policy_sha256(row->text),
        .loaded = std::move(*loaded)};
}

std::expected<Side, int> read_draft(const Globals& globals, UtcTime now) {
    auto reading = agent::read_configuration(globals.config, now);
    if (!reading) {
        std::cerr << "evenkeel: " << reading.error().message << '\n';
        return std::unexpected{int{Exit::configuration}};
    }
    if (!reading->loaded) {
        std::cerr << config::render_all(reading->loaded.error()) << globals.config.string() << ": "
                  << config::summary(reading->files, reading->loaded.error()) << '\n';
        return std::unexpected{int{Exit::configuration}};
    }
    return Side{
        .sha256 = agent::policy_sha256(reading->text), .loaded = std::move(*reading->loaded)};
}

}  // namespace

std::expected<ledger::Reader, int> open_ledger(const Globals& globals) {
    auto reader = ledger::Reader::open(globals.state);
    if (!reader) {
        return std::unexpected{report(reader.error())};
    }
    return std::move(*reader);
}

std::expected<Sides, int> read_sides(const Globals& globals, ledger::Reader& reader, UtcTime now) {
    auto draft = read_draft(globals, now);
    if (!draft) {
        return std::unexpected{draft.error()};
    }
    auto running = read_running(reader, now);
    if (!running) {
        return std::unexpected{running.error()};
    }
    std::vector<config::Change> changes =
        config::changes(running->loaded.settings, draft->loaded.settings);
    return Sides{
        .running = std::move(*running), .draft = std::move(*draft), .changes = std::move(changes)};
}

std::string changes_text(std::size_t count) {
    return fmt::format("{} change{}", count, count == 1 ? "" : "s");
}

}  // namespace evenkeel::cli
