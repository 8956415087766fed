// What people ask of the running agent, and what was left for it while it did not run.
#include "agent/control/control.hpp"
#include "agent/ledger/reader.hpp"
#include "agent/reap/reap_log.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace evenkeel::agent {

namespace {

constexpr std::chrono::seconds book_again{5};  ///< while a line of reap.log is not booked yet

}  // namespace

std::future<Result<NodeAnswer>> Control::node(NodeCommand command) {
    auto promise = std::make_shared<std::promise<Result<NodeAnswer>>>();
    auto future = promise->get_future();
    inbox_.post([this, promise, command = std::move(command)] {
        if (!catalogue_ || !recovered_) {
            promise->set_value(fail(Errc::conflict, "the agent is still starting: try again"));
            return;
        }
        promise->set_value(fleet_.command(command));
        publish();
    });
    return future;
}

std::future<std::vector<report::Refreshed>> Control::refresh_prices(std::string provider) {
    struct Round {
        std::promise<std::vector<report::Refreshed>> promise{};
        std::vector<report::Refreshed> answers{};
        std::size_t open{0};
    };
    auto round = std::make_shared<Round>();
    auto future = round->promise.get_future();
    inbox_.post([this, round, provider = std::move(provider)] {
        std::vector<std::string> names;
        if (catalogue_) {
            for (const config::Provider& entry : catalogue_->config.providers) {
                const bool rents = entry.kind == config::ProviderKind::rental;
                if (rents && (provider.empty() || entry.name == provider)) {
                    names.push_back(entry.name);
                }
            }
        }
        if (names.empty()) {
            round->promise.set_value(std::move(round->answers));
            return;
        }
        round->open = names.size();
        for (const std::string& name : names) {
            market_.refresh(
                name, [this, round, name](const Result<std::vector<providers::MarketOffer>>& got) {
                    round->answers.push_back(
                        {.provider = name,
                         .error = got ? std::optional<Error>{} : std::optional{got.error()},
                         .offers = got.value_or(std::vector<providers::MarketOffer>{})});
                    if (--round->open == 0) {
                        std::ranges::sort(round->answers, {}, &report::Refreshed::provider);
                        publish();
                        round->promise.set_value(std::move(round->answers));
                    }
                });
        }
    });
    return future;
}

std::future<bool> Control::look_at_freeze() {
    auto promise = std::make_shared<std::promise<bool>>();
    auto future = promise->get_future();
    inbox_.post([this, promise] {
        check_freeze();
        publish();
        promise->set_value(freeze_.has_value());
    });
    return future;
}

void Control::check_freeze() {
    auto now = read_freeze(options_.state);
    if (now.has_value() != freeze_.has_value()) {
        now ? spdlog::warn("spending is frozen by={} reason={}", now->by, now->reason)
            : spdlog::warn("spending is allowed again");
    }
    freeze_ = std::move(now);
    parts_.books.freeze(freeze_.has_value());
    fleet_.brake(freeze_.has_value() || stopping_);
}

/// Level-triggered: each line stays until the ledger has a row that ends its machine.
void Control::book_reaped(Now now) {
    if (now.boot < next_reaped_ || !reap::has_entries(options_.state)) {
        return;
    }
    next_reaped_ = now.boot + book_again;
    auto log = reap::Log::open(options_.state);
    if (!log) {
        if (log.error().code != Errc::conflict) {  // a reaper at work: later
            spdlog::error("{}", log.error().message);
        }
        return;
    }
    const auto entries = log->read();
    auto reader = ledger::Reader::open(options_.state);
    if (!entries || !reader) {
        spdlog::error("{}", entries ? reader.error().message : entries.error().message);
        return;
    }
    const auto rows = reader->machines(UtcTime{});
    if (!rows) {
        spdlog::error("{}", rows.error().message);
        return;
    }
    std::set<std::pair<std::string, std::string>> known;
    for (const ledger::MachineView& row : *rows) {
        known.emplace(row.provider, row.row.remote_id);
    }
    // Of each machine its answered delete; one that was only asked for may have worked all the
    // same.
    std::map<std::pair<std::string, std::string>, reap::Entry> reaped;
    for (const reap::Entry& entry : *entries) {
        const std::pair id{entry.provider, entry.machine.remote_id};
        if (entry.deed == reap::Deed::answered) {
            reaped.insert_or_assign(id, entry);
        } else if (entry.deed == reap::Deed::asked) {
            reaped.try_emplace(id, entry);
        }
    }
    bool all = true;
    for (const auto& [id, entry] : reaped) {
        all = fleet_.book_reaped(entry, known.contains(id)) && all;
    }
    if (!all) {
        return;
    }
    if (const auto archived = log->archive(); !archived) {
        spdlog::error("{}", archived.error().message);
    }
}

}  // namespace evenkeel::agent
