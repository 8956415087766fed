#include "agent/ledger/ledger.hpp"

#include "agent/cli/actions.hpp"
#include "agent/cli/daemon_client.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/text.hpp"
#include "agent/ledger/reader.hpp"
#include "agent/report/verification.hpp"
#include "agent/service/clock.hpp"
#include "providers/http/rfc3339.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <future>
#include <iostream>

namespace evenkeel::cli {

namespace json = boost::json;

int ledger_verify(const Globals& globals) {
    auto reader = ledger::Reader::open(globals.state);
    if (!reader) {
        return report(reader.error());
    }
    const auto found = reader->verify();
    if (!found) {
        return report(found.error());
    }
    if (globals.json) {
        std::cout << report::verification_json(*found) << '\n';
    } else if (found->ok()) {
        std::cout << fmt::format(
            "ok: hash chain intact, every transaction balances ({} transactions, {} postings, {} "
            "requests, {} machines)\n",
            count_text(found->transactions),
            count_text(found->postings),
            count_text(found->requests),
            count_text(found->machines));
        for (const ledger::Deleted& one : found->deleted) {
            std::cout << fmt::format(
                "deleted by age, their sums kept: {} rows of {}, the newest from {}\n",
                count_text(one.rows),
                one.what,
                time_text(one.before, globals.utc));
        }
    } else {
        for (const std::string& problem : found->problems) {
            std::cerr << "evenkeel: " << problem << '\n';
        }
        std::cerr << "evenkeel: the ledger does not verify; keep the file, and restore a backup "
                     "beside it to compare\n";
    }
    return found->ok() ? Exit::done : Exit::failed;
}

int ledger_backup(const Globals& globals, const std::filesystem::path& target) {
    const std::filesystem::path path = std::filesystem::absolute(target);
    const auto answer =
        tell(globals, "/api/backup", json::serialize(json::object{{"path", path.string()}}));
    if (answer) {
        std::cout << (globals.json ? *answer : fmt::format("wrote {}", path.string())) << '\n';
        return Exit::done;
    }
    if (answer.error().code != Errc::unavailable) {
        return report(answer.error());
    }
    const agent::SystemClock clock;
    auto reader = ledger::Reader::open(globals.state);
    if (!reader) {
        return report(reader.error());
    }
    const auto summary = reader->summary();
    if (!summary) {
        return report(summary.error());
    }
    auto opened = ledger::Ledger::open(
        {.dir = globals.state, .clock = &clock, .zone = summary->zone, .report = summary->report});
    if (!opened) {
        return report(opened.error());
    }
    std::promise<Result<std::int64_t>> done;
    (*opened)->backup(path, [&done](Result<std::int64_t> bytes) { done.set_value(bytes); });
    const auto bytes = done.get_future().get();
    if (!bytes) {
        return report(bytes.error());
    }
    if (const auto closed = (*opened)->close(); !closed) {
        return report(closed.error());
    }
    if (globals.json) {
        std::cout << json::serialize(json::object{
                         {"schema", "evenkeel.ledger-backup/1"},
                         {"path", path.string()},
                         {"bytes", *bytes}})
                  << '\n';
    } else {
        std::cout << fmt::format("wrote {} ({} bytes)\n", path.string(), count_text(*bytes));
    }
    return Exit::done;
}

}  // namespace evenkeel::cli
