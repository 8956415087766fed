#pragma once

#include "providers/drivers.hpp"
#include "providers/http/client.hpp"
#include "providers/http/exact_json.hpp"
#include "providers/http/rate_budget.hpp"
#include "providers/provider.hpp"

#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <set>

/// What every driver over HTTP shares: two lines with one rate budget, and complete lists.
namespace evenkeel::providers {

/// Waits for `pause`; false when `stop` was requested meanwhile.
using Pause = std::function<bool(std::chrono::milliseconds pause, const std::stop_token& stop)>;
/// The real one.
[[nodiscard]] Pause sleeping_pause();

/// What both lines of a provider share.
struct LineShared {
    std::shared_ptr<RateBudget> budget{};
    const Clock& clock;  ///< outlives the lines
    Pause pause{sleeping_pause()};
};

/// A client that several threads may use, one exchange at a time, within the provider's rate
/// budget.
class Line {
public:
    Line(Lane lane, std::unique_ptr<HttpClient> client, LineShared shared);

    /// As HttpClient::send, and Errc::rate_limited (with `retry_after`, nothing was sent) when the
    /// budget has no room. A 429 always carries a `retry_after` when it is returned.
    [[nodiscard]] Result<HttpResponse> send(
        const HttpRequest& request,
        const std::stop_token& stop,
        CallClass what = CallClass::ordinary);

private:
    const Lane lane_;
    std::mutex mutex_{};
    std::unique_ptr<HttpClient> client_;
    LineShared shared_;
};

/// The two ways to one provider: a slow create on `spend` never holds up a delete on `safety`.
struct Lines {
    Line spend;
    Line safety;
    Lines(std::unique_ptr<HttpClient> spending, std::unique_ptr<HttpClient> safe, LineShared shared)
        : spend{Lane::spend, std::move(spending), shared},
          safety{Lane::safety, std::move(safe), std::move(shared)} {}
};

/// Two clients to the same server.
struct ClientPair {
    std::unique_ptr<HttpClient> spend{};
    std::unique_ptr<HttpClient> safety{};
};
/// As `options` say, to `vendor_url` when they name no address. Errors: invalid_argument for an
/// address that is not allowed.
[[nodiscard]] Result<ClientPair> make_client_pair(
    const DriverOptions& options, std::string_view vendor_url);

/// `offers` of a provider that lives `speed` times as fast as the real one: their minimum bills are
/// so much shorter. Errors stay as they are.
[[nodiscard]] Result<std::vector<MarketOffer>> with_speed(
    Result<std::vector<MarketOffer>> offers, std::int64_t speed);

/// Sends a launch on `line`, then wipes its body: it names secrets of the new machine.
[[nodiscard]] Result<HttpResponse> send_launch(
    Line& line, HttpRequest request, const std::stop_token& stop);

/// Sends `request` on `line` and hands a complete answer to `parse`.
template <class Parse>
auto ask(
    Line& line,
    const HttpRequest& request,
    const std::stop_token& stop,
    Parse parse,
    CallClass what = CallClass::ordinary) -> decltype(parse(HttpResponse{})) {
    const auto response = line.send(request, stop, what);
    if (!response) {
        return std::unexpected{response.error()};
    }
    return parse(*response);
}

/// One page of a list.
template <class Item>
struct PageOf {
    std::vector<Item> items{};
    std::string next{};                   ///< what to ask for next; empty on the last page
    std::optional<std::int64_t> total{};  ///< items of the whole list, when the provider says so
};

/// Longest time for all pages of one list: what waits behind it (a delete) must not wait for ever.
inline constexpr std::chrono::seconds read_limit{180};

/// Most entries of a list that is read: far more than anybody rents, and little memory.
inline constexpr std::size_t list_items_max = 20'000;

/// Reads a list page by page until its end: all of it, or an error. `fetch(next)` gives one page
/// (`next` is empty for the first); `id_of(item)` names an item (empty: not compared). Errors:
/// those of `fetch`; unavailable when the list changed while it was read; invalid_response when an
/// item stands in it twice, when it does not have as many items as it says, has more than
/// `list_items_max`, or does not end within `pages_max`; unavailable when it takes longer than
/// `limit`. `what` stands in messages, for example
/// "the sandbox cloud's list".
template <class Item, class Fetch, class IdOf>
[[nodiscard]] Result<std::vector<Item>> read_pages(
    std::string_view what,
    int pages_max,
    Fetch fetch,
    IdOf id_of,
    std::chrono::milliseconds limit = read_limit) {
    std::vector<Item> items;
    std::set<std::string> ids;
    std::optional<std::int64_t> total;
    std::string next;
    const auto deadline = std::chrono::steady_clock::now() + limit;
    for (int pages = 0; pages < pages_max; ++pages) {
        if (std::chrono::steady_clock::now() > deadline) {
            return fail(
                Errc::unavailable,
                fmt::format("{} was not read to its end in {} ms", what, limit.count()));
        }
        Result<PageOf<Item>> page = fetch(next);
        if (!page) {
            return std::unexpected{page.error()};
        }
        if (total && page->total != total) {
            return fail(Errc::unavailable, fmt::format("{} changed while it was read", what));
        }
        total = page->total;
        if (items.size() + page->items.size() > list_items_max) {
            return fail(
                Errc::invalid_response,
                fmt::format("{} has more than {} entries", what, list_items_max));
        }
        for (Item& item : page->items) {
            std::string id{id_of(item)};
            if (!id.empty() && !ids.insert(std::move(id)).second) {
                return fail(Errc::invalid_response, fmt::format("{} names one twice", what));
            }
            items.push_back(std::move(item));
        }
        if (page->next.empty()) {
            if (total && static_cast<std::int64_t>(items.size()) != *total) {
                return fail(
                    Errc::invalid_response,
                    fmt::format("{} has {} entries and says {}", what, items.size(), *total));
            }
            return items;
        }
        next = std::move(page->next);
    }
    return fail(Errc::invalid_response, fmt::format("{} does not end", what));
}

/// The same for a list that comes in one piece: `read(value)` gives one machine of the array
/// `list`.
template <class Read>
[[nodiscard]] Result<std::vector<RemoteMachine>> read_whole(
    std::string_view what, const exact_json::Value& list, Read read) {
    return read_pages<RemoteMachine>(
        what,
        1,
        [&](const std::string&) -> Result<PageOf<RemoteMachine>> {
            PageOf<RemoteMachine> page;
            for (const exact_json::Value& each : list.items()) {
                Result<RemoteMachine> machine = read(each);
                if (!machine) {
                    return std::unexpected{machine.error()};
                }
                page.items.push_back(*std::move(machine));
            }
            return page;
        },
        [](const RemoteMachine& machine) { return std::string_view{machine.remote_id}; });
}

/// Asks about the machine `remote_id`. Errors: those of the exchange and of `parse`;
/// invalid_response when the answer is about another one.
template <class Parse>
[[nodiscard]] Result<RemoteMachine> ask_machine(
    Line& line,
    const HttpRequest& request,
    const std::stop_token& stop,
    std::string_view who,
    const std::string& remote_id,
    Parse parse) {
    Result<RemoteMachine> machine = ask(line, request, stop, parse);
    if (machine && machine->remote_id != remote_id) {
        return fail(Errc::invalid_response, fmt::format("{} answered about another machine", who));
    }
    return machine;
}

}  // namespace evenkeel::providers
