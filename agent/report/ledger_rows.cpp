#include "agent/report/ledger_rows.hpp"

#include "agent/ledger/sha256.hpp"
#include "agent/report/csv.hpp"
#include "agent/report/days.hpp"
#include "policies/config/config.hpp"
#include "providers/http/rfc3339.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <limits>
#include <unordered_map>
#include <utility>
#include <vector>

namespace evenkeel::report {

namespace json = boost::json;

namespace {

constexpr int rows_at_once = 500;
constexpr int page_max = 1'000;
constexpr std::array<std::string_view, 5> kinds{"request", "lapse", "phase", "adjust", "power"};

std::string day_text(std::int64_t day) {
    return config::to_text(ledger::day_of(day));
}

std::string price_text(const ledger::PostingView& posting) {
    return posting.price ? to_text(*posting.price) : std::string{};
}

/// Which request or machine `text` means.
Result<void> find_ref(
    std::string_view text,
    const std::vector<ledger::MachineName>& machines,
    ledger::TxFilter& filter) {
    std::vector<const ledger::MachineName*> fit;
    for (const ledger::MachineName& machine : machines) {
        if (machine.name == text || machine.remote_id == text || machine.source == text) {
            fit.push_back(&machine);
        }
    }
    if (fit.size() > 1) {
        std::vector<std::string_view> names;
        std::ranges::transform(
            fit, std::back_inserter(names), [](const auto* machine) { return machine->name; });
        return fail(
            Errc::conflict,
            fmt::format("'{}' fits several machines: {}", text, fmt::join(names, ", ")));
    }
    if (fit.size() == 1) {
        filter.machine = fit[0]->id;
        return {};
    }
    if (const auto request = request_id_from(text)) {
        filter.request = *request;
        return {};
    }
    return fail(
        Errc::not_found,
        fmt::format(
            "'{}' is neither the id of a request (req_...) nor a machine's name or provider id: "
            "see evenkeel report requests and evenkeel nodes",
            text));
}

Result<ledger::TxFilter> filter_of(
    const LedgerAsked& asked, const std::vector<ledger::MachineName>& machines) {
    ledger::TxFilter filter{.account = asked.account, .kind = asked.kind};
    if (!asked.kind.empty() && std::ranges::find(kinds, asked.kind) == kinds.end()) {
        return fail(
            Errc::invalid_argument,
            fmt::format(
                "there is no kind '{}' of transactions: write {}",
                asked.kind,
                fmt::join(kinds, ", ")));
    }
    if (asked.since || asked.until) {
        const auto days = days_between(
            asked.since ? asked.since : std::optional<std::string>{"1970-01-01"},
            asked.until,
            asked.now,
            asked.zone);
        if (!days) {
            return std::unexpected{days.error()};
        }
        filter.first_day = ledger::day_number(days->first);
        filter.last_day = ledger::day_number(days->last);
        filter.not_before = booked_not_before(*days, asked.zone);
    }
    if (!asked.ref.empty()) {
        if (const auto found = find_ref(asked.ref, machines, filter); !found) {
            return std::unexpected{found.error()};
        }
    }
    return filter;
}

Result<TxId> start_of(const LedgerAsked& asked) {
    if (asked.before.empty()) {
        return TxId{std::numeric_limits<std::int64_t>::max()};
    }
    const auto id = id_from_text(asked.before);
    if (!id) {
        return fail(
            Errc::invalid_argument,
            fmt::format("'{}' is not where a page of transactions ended", asked.before));
    }
    return TxId{*id};
}

json::value or_null(std::string_view text) {
    return text.empty() ? json::value(nullptr) : json::value(text);
}

}  // namespace

Result<std::optional<TxId>> each_transaction(
    ledger::Reader& reader,
    const LedgerAsked& asked,
    std::int64_t most,
    const std::function<void(const LedgerLine&)>& visit) {
    const auto machines = reader.machine_names();
    if (!machines) {
        return std::unexpected{machines.error()};
    }
    const auto filter = filter_of(asked, *machines);
    auto before = start_of(asked);
    if (!filter || !before) {
        return std::unexpected{!filter ? filter.error() : before.error()};
    }
    std::unordered_map<std::int64_t, std::string_view> names;
    for (const ledger::MachineName& machine : *machines) {
        names.emplace(machine.id.value(), machine.name);
    }
    const auto ref_of = [&names](const ledger::TxView& tx) {
        if (tx.kind == "request" || tx.kind == "lapse") {
            return request_id_text(RequestId{tx.ref});
        }
        const auto found = names.find(tx.ref);
        return found == names.end() ? std::string{} : std::string{found->second};
    };
    std::int64_t left = most > 0 ? most : std::numeric_limits<std::int64_t>::max();
    for (;;) {
        const auto limit = static_cast<int>(std::min<std::int64_t>(left, rows_at_once));
        auto page = reader.transactions(*filter, *before, limit);
        if (!page) {
            return std::unexpected{page.error()};
        }
        left -= std::ssize(page->rows);
        for (ledger::TxView& tx : page->rows) {
            std::string ref = ref_of(tx);
            visit({.tx = std::move(tx), .ref = std::move(ref)});
        }
        if (!page->next || left == 0) {
            return page->next;
        }
        before = *page->next;
    }
}

std::string transaction_json(const LedgerLine& line) {
    json::array postings;
    for (const ledger::PostingView& posting : line.tx.postings) {
        postings.emplace_back(json::object{
            {"account", posting.account},
            {"amount", amount_text(posting.amount)},
            {"currency", posting.amount.currency().text()},
            {"quantity", posting.quantity},
            {"unit", or_null(posting.unit)},
            {"price", or_null(price_text(posting))},
            {"price_seen",
             posting.price ? json::value(providers::format_rfc3339(posting.price_seen))
                           : nullptr}});
    }
    const ledger::TxView& tx = line.tx;
    return json::serialize(json::object{
        {"id", id_to_text(tx.id.value())},
        {"gateway", tx.gateway},
        {"seq", tx.seq},
        {"at", providers::format_rfc3339_ms(tx.at)},
        {"day", day_text(tx.day)},
        {"kind", tx.kind},
        {"ref", or_null(line.ref)},
        {"idem", tx.idem},
        {"corrects", tx.corrects ? json::value(id_to_text(tx.corrects->value())) : nullptr},
        {"hash", ledger::to_hex(tx.hash)},
        {"postings", std::move(postings)}});
}

Result<std::string> ledger_json(ledger::Reader& reader, const LedgerAsked& asked) {
    std::string text{ledger_json_head};
    bool is_first = true;
    const auto next = each_transaction(
        reader, asked, std::clamp(asked.limit, 1, page_max), [&](const LedgerLine& line) {
            text += std::exchange(is_first, false) ? "" : ",";
            text += transaction_json(line);
        });
    if (!next) {
        return std::unexpected{next.error()};
    }
    text += fmt::format(
        R"(],"next":{}}})", *next ? fmt::format("\"{}\"", id_to_text((*next)->value())) : "null");
    return text;
}

std::string transaction_csv(const LedgerLine& line) {
    const ledger::TxView& tx = line.tx;
    std::string text;
    for (std::size_t i = 0; i < tx.postings.size(); ++i) {
        const ledger::PostingView& posting = tx.postings[i];
        text += fmt::format(
            "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\r\n",
            id_to_text(tx.id.value()),
            tx.gateway,
            tx.seq,
            providers::format_rfc3339_ms(tx.at),
            day_text(tx.day),
            tx.kind,
            csv_field(line.ref),
            csv_field(tx.idem),
            tx.corrects ? id_to_text(tx.corrects->value()) : "",
            ledger::to_hex(tx.hash),
            i + 1,
            csv_field(posting.account),
            amount_text(posting.amount),
            posting.amount.currency().text(),
            posting.quantity,
            posting.unit,
            price_text(posting),
            posting.price ? providers::format_rfc3339(posting.price_seen) : "");
    }
    return text;
}

}  // namespace evenkeel::report
