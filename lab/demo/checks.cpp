#include "lab/demo/checks.hpp"

#include "lab/demo/view.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

namespace evenkeel::lab::demo {
namespace {

constexpr int money_decimals = 9;

Check passed(std::string name, std::string detail) {
    return {.name = std::move(name), .ok = true, .detail = std::move(detail)};
}

Check failed(std::string name, std::string detail) {
    return {.name = std::move(name), .ok = false, .detail = std::move(detail)};
}

/// Decimal text at `key` in the document's currency.
Result<Money> money_at(const json::object& parent, std::string_view key, Currency currency) {
    const std::string text = text_at(parent, key);
    const Result<std::int64_t> nanos = parse_decimal(text, money_decimals);
    if (!nanos) {
        return fail(
            Errc::invalid_response, fmt::format("'{}' at {} is no exact amount", text, key));
    }
    return Money{*nanos, currency};
}

Result<Currency> currency_of(const json::object& document) {
    const auto currency = Currency::parse(text_at(document, "currency"));
    if (!currency) {
        return fail(Errc::invalid_response, "the document names no currency");
    }
    return *currency;
}

}  // namespace

Check check_requests(const player::PlayerReport& report, const json::object& status) {
    const std::string name = "every request ended once and well";
    if (report.malformed + report.shed > 0 || report.ended() != report.planned) {
        return failed(
            name,
            fmt::format(
                "{} planned, {} ended, {} malformed{}{}, {} not sent for lack of room",
                report.planned,
                report.ended(),
                report.malformed,
                report.malformed_why.empty() ? "" : ", first: ",
                report.malformed_why.empty() ? "" : report.malformed_why.front(),
                report.shed));
    }
    const json::object& counted = object_at(status, "requests");
    const std::int64_t total = int_at(counted, "total", -1);
    const std::int64_t answered = int_at(counted, "answered", -1);
    if (total != report.sent || answered != report.answered) {
        return failed(
            name,
            fmt::format(
                "the clients sent {} and saw {} answers, the daemon counted {} and {}",
                report.sent,
                report.answered,
                total,
                answered));
    }
    return passed(
        name,
        fmt::format(
            "{} sent, {} answered, {} with a typed error",
            count_text(report.sent),
            count_text(report.answered),
            count_text(report.errors)));
}

Check check_ledger(int exit_status, const json::object& verification) {
    const std::string name = "the ledger verifies";
    if (exit_status != 0 || !bool_at(verification, "ok")) {
        const json::value* problems = verification.if_contains("problems");
        return failed(
            name,
            fmt::format(
                "exit status {}{}{}",
                exit_status,
                problems == nullptr ? "" : ", problems: ",
                problems == nullptr ? std::string{} : json::serialize(*problems)));
    }
    return passed(
        name,
        fmt::format(
            "{} transactions, {} requests",
            count_text(int_at(verification, "transactions")),
            count_text(int_at(verification, "requests"))));
}

Check check_bill(const json::object& spend, const json::object& bill) {
    const std::string name = "the ledger equals the cloud's bill";
    const Result<KindCost> booked = cost_of_kind(spend, "rental");
    const Result<Currency> currency = currency_of(bill);
    if (!booked || !currency) {
        return failed(name, booked ? currency.error().message : booked.error().message);
    }
    const Result<Money> billed = money_at(bill, "total", *currency);
    if (!billed) {
        return failed(name, billed.error().message);
    }
    std::size_t open = 0;
    const auto lines = list_at(bill, "lines");
    for (const json::object* line : lines) {
        open += bool_at(*line, "final") ? 0 : 1;
    }
    if (open > 0) {
        return failed(name, fmt::format("{} of {} bill lines are not final", open, lines.size()));
    }
    const bool same_currency = billed->is_zero() || billed->currency() == booked->cost.currency();
    if (!same_currency || billed->nanos() != booked->cost.nanos()) {
        return failed(
            name,
            fmt::format(
                "the ledger has {}, the cloud billed {}", to_text(booked->cost), to_text(*billed)));
    }
    return passed(
        name,
        fmt::format("{} for {} machine(s), to the last unit", to_text(*billed), lines.size()));
}

Check check_ledger_requests(const player::PlayerReport& report, const json::object& spend) {
    const std::string name = "the ledger has every request";
    const std::int64_t booked = int_at(object_at(spend, "total"), "requests", -1);
    if (booked != report.sent) {
        return failed(name, fmt::format("{} sent, {} booked", report.sent, booked));
    }
    return passed(name, fmt::format("{} requests booked", count_text(booked)));
}

std::optional<std::int64_t> machines_left(const json::object& cloud_list) {
    const std::int64_t total = int_at(cloud_list, "total", -1);
    return total < 0 ? std::nullopt : std::optional{total};
}

Check check_machines(const json::object& cloud_list, const json::object& nodes) {
    const std::string name = "no machine is left";
    const std::optional<std::int64_t> left = machines_left(cloud_list);
    if (!left || !nodes.contains("machines")) {
        return failed(name, "the cloud's or the daemon's list cannot be read");
    }
    std::int64_t alive = 0;
    const auto machines = list_at(nodes, "machines");
    for (const json::object* machine : machines) {
        alive += text_at(*machine, "state") == "gone" ? 0 : 1;
    }
    if (*left > 0 || alive > 0) {
        return failed(
            name, fmt::format("the cloud has {}, the daemon counts {} not gone", *left, alive));
    }
    return passed(
        name,
        fmt::format("the cloud has none, all {} the daemon rented are gone", machines.size()));
}

bool is_quiet(const json::object& status) {
    for (const json::object* queue : list_at(status, "queues")) {
        if (int_at(*queue, "depth") > 0) {
            return false;
        }
    }
    for (const json::object* machine : list_at(status, "machines")) {
        if (text_at(*machine, "state") != "gone") {
            return false;
        }
    }
    return int_at(object_at(status, "rented"), "now", -1) == 0;
}

Result<KindCost> cost_of_kind(const json::object& spend, std::string_view kind) {
    const Result<Currency> currency = currency_of(spend);
    if (!currency) {
        return std::unexpected{currency.error()};
    }
    if (!spend.contains("lines")) {
        return fail(Errc::invalid_response, "the spend report has no lines");
    }
    KindCost sum{.requests = 0, .cost = Money{0, *currency}};
    for (const json::object* line : list_at(spend, "lines")) {
        if (text_at(*line, "kind") != kind) {
            continue;
        }
        const Result<Money> cost = money_at(*line, "cost", *currency);
        if (!cost) {
            return std::unexpected{cost.error()};
        }
        sum.cost += *cost;
        sum.requests += int_at(*line, "requests");
    }
    return sum;
}

Result<Money> total_of(const json::object& spend) {
    const Result<Currency> currency = currency_of(spend);
    if (!currency) {
        return std::unexpected{currency.error()};
    }
    return money_at(object_at(spend, "total"), "cost", *currency);
}

}  // namespace evenkeel::lab::demo
