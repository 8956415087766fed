#include "agent/ledger/store.hpp"

#include <fmt/format.h>

#include <algorithm>

/// What the store does about holds and requests.
namespace evenkeel::ledger {

void Store::apply_hold(HoldOp& op, UtcTime at, std::vector<Completion>& completions) {
    const auto answer = [&](Result<HoldId> result) {
        if (op.done) {
            completions.push_back(
                [done = &op.done, result = std::move(result)] { (*done)(result); });
        }
    };
    const Hold& hold = op.hold;
    if (op.id != HoldId{} && holds_.contains(op.id)) {
        return answer(op.id);
    }
    const bool one_owner = (hold.request == RequestId{}) != (hold.machine == MachineId{});
    if (hold.amount.nanos() <= 0 || hold.amount.currency().is_none() || !one_owner) {
        return answer(fail(
            Errc::invalid_argument,
            "a hold needs an amount above zero, a currency, and one request or machine"));
    }
    if (op.id == HoldId{}) {
        op.id = HoldId{fresh_id(at)};
    }
    insert_hold_.run(
        op.id.value(),
        hold.request.value(),
        hold.machine.value(),
        hold.source.value(),
        hold.amount.currency().text(),
        hold.amount.nanos(),
        to_us(at));
    for (const BudgetShare& share : hold.budgets) {
        insert_hold_budget_.run(
            op.id.value(), share.budget.value(), to_us(share.window), share.amount_report);
        windows_[{share.budget.value(), to_us(share.window)}].held += share.amount_report;
    }
    holds_.emplace(op.id, Held{.at = at, .hold = hold});
    answer(op.id);
}

void Store::apply_top_up(TopUpOp& op, std::vector<Completion>& completions) {
    const auto answer = [&](Result<void> result) {
        if (op.done) {
            completions.push_back(
                [done = &op.done, result = std::move(result)] { (*done)(result); });
        }
    };
    const auto found = holds_.find(op.hold);
    if (found == holds_.end()) {
        return answer(fail(Errc::not_found, "the hold is not open any more"));
    }
    Hold& hold = found->second.hold;
    if (op.more.nanos() <= 0 || op.more.currency() != hold.amount.currency() ||
        op.more_report < 0) {
        return answer(fail(
            Errc::invalid_argument,
            "what is added to a hold must be above zero and in the hold's currency"));
    }
    if (op.target.is_zero()) {
        op.target = Money{hold.amount.nanos() + op.more.nanos(), hold.amount.currency()};
    } else if (hold.amount.nanos() >= op.target.nanos()) {
        return answer({});
    }
    hold.amount = op.target;
    top_up_hold_.run(op.hold.value(), hold.amount.nanos());
    for (BudgetShare& share : hold.budgets) {
        share.amount_report += op.more_report;
        top_up_hold_budget_.run(op.hold.value(), share.budget.value(), share.amount_report);
        windows_[{share.budget.value(), to_us(share.window)}].held += op.more_report;
    }
    answer({});
}

void Store::end_hold(HoldId id, const Held& held, std::string_view state, std::int64_t tx) {
    end_hold_.run(id.value(), state, tx);
    for (const BudgetShare& share : held.hold.budgets) {
        windows_[{share.budget.value(), to_us(share.window)}].held -= share.amount_report;
    }
}

void Store::apply_release(HoldId id) {
    const auto found = holds_.find(id);
    if (found == holds_.end()) {
        return;
    }
    end_hold(id, found->second, "released", 0);
    holds_.erase(found);
}

/// One for both amounts: what is paid outside is charged as it is.
Currency Store::currency_of(const Request& request) const {
    const Currency paid = request.paid.currency();
    const Currency charged = request.charged.currency();
    return !paid.is_none() ? paid : !charged.is_none() ? charged : report_;
}

int Store::insert_request(const Request& request, std::int64_t tx, std::int64_t flags) {
    return insert_request_.run(
        request.id.value(),
        request.policy,
        request.key.value(),
        request.route.value(),
        request.model.value(),
        request.source.value(),
        request.machine.value(),
        request.tags,
        request.wait_ms,
        request.ttft_ms,
        request.total_ms,
        request.usage.prompt,
        request.usage.cached,
        request.usage.cache_write,
        request.usage.completion,
        currency_of(request).text(),
        request.paid.nanos(),
        request.charged.nanos(),
        static_cast<int>(request.outcome),
        flags,
        static_cast<int>(request.reason.code),
        request.reason.args[0],
        request.reason.args[1],
        request.reason.args[2],
        tx == 0 ? std::optional<std::int64_t>{} : tx);
}

/// Row, transaction and roll-ups of one request; false when the request is in the ledger already.
bool Store::book_request(const Request& request, UtcTime at, BookAs as, std::int64_t& tx) {
    tx = request.paid.nanos() > 0 ? fresh_id(at) : 0;
    const std::int64_t flags = (request.usage.estimated ? flag_estimated : 0) |
                               (as == BookAs::lapsed ? flag_lapsed : 0) |
                               (request.continued ? flag_continued : 0);
    if (insert_request(request, tx, flags) == 0) {
        return false;
    }
    ensure_source(request.source, request.kind, request.provider, false);
    booked_.requests.push_back(
        {.route = request.route,
         .model = request.model,
         .source = request.source,
         .kind = request.kind,
         .outcome = request.outcome,
         .reason = request.reason.code,
         .wait_ms = request.wait_ms,
         .ttft_ms = request.ttft_ms,
         .total_ms = request.total_ms,
         .usage = request.usage});
    if (tx != 0) {
        booked_.money.push_back(
            {.source = request.source,
             .kind = request.kind,
             .phase = "request",
             .amount = request.paid});
        const std::string source = name_text(request.source);
        const std::string payable =
            request.provider == NameIx{} ? source : name_text(request.provider);
        const std::int64_t tokens = request.usage.prompt + request.usage.completion;
        static_cast<void>(post(
            {.id = tx,
             .at_us = to_us(at),
             .kind = as == BookAs::lapsed ? "lapse" : "request",
             .ref = request.id.value(),
             .idem = fmt::format("request:{}", request.id.value()),
             .postings =
                 {{.account = fmt::format("expense:{}:{}", to_text(request.kind), source),
                   .amount = request.paid,
                   .quantity = tokens,
                   .unit = "token"},
                  {.account = fmt::format("payable:{}", payable), .amount = -request.paid}}},
            request.at));
    }
    roll_up(
        request.at,
        {.source = request.source.value(),
         .model = request.model.value(),
         .key = request.key.value(),
         .route = request.route.value(),
         .currency = currency_of(request)},
        {.requests = 1,
         .answered = request.outcome == Outcome::answered ? 1 : 0,
         .tok_in = request.usage.prompt,
         .tok_cached = request.usage.cached,
         .tok_cache_write = request.usage.cache_write,
         .tok_out = request.usage.completion,
         .paid = request.paid.nanos(),
         .charged = request.charged.nanos(),
         .wait_ms = request.wait_ms});
    return true;
}

void Store::apply_record(const Request& request, UtcTime at) {
    if (request.id == RequestId{} || request.paid.nanos() < 0 || request.charged.nanos() < 0) {
        throw std::invalid_argument{"a request needs an id and amounts not below zero"};
    }
    std::int64_t tx = 0;
    if (!book_request(request, at, BookAs::recorded, tx)) {
        return;
    }
    const auto found = request.hold ? holds_.find(*request.hold) : holds_.end();
    if (found == holds_.end()) {
        settle_windows(request.budgets);
        return;
    }
    end_hold(found->first, found->second, "settled", tx);
    for (const BudgetShare& share : found->second.hold.budgets) {
        windows_[{share.budget.value(), to_us(share.window)}].settled += request.charged_report;
    }
    holds_.erase(found);
}

/// The key whose own limit counts the hold; none when it has no such limit.
NameIx Store::key_of(const Hold& hold) {
    Statement is_key{database_, "SELECT 1 FROM name WHERE ix = ?1 AND kind = 'key'"};
    for (const BudgetShare& share : hold.budgets) {
        is_key.query(share.budget.value());
        if (is_key.next()) {
            return share.budget;
        }
    }
    return {};
}

void Store::lapse_requests(UtcTime now) {
    for (auto it = holds_.begin(); it != holds_.end();) {
        const auto& [id, held] = *it;
        if (held.hold.request == RequestId{}) {
            ++it;
            continue;
        }
        std::int64_t tx = 0;
        const bool booked = book_request(
            {.id = held.hold.request,
             .at = held.at,
             .key = key_of(held.hold),
             .source = held.hold.source,
             .kind = SourceKind::api,
             .paid = held.hold.amount,
             .charged = held.hold.amount,
             .outcome = Outcome::cut},
            now,
            BookAs::lapsed,
            tx);
        end_hold(id, held, booked ? "lapsed" : "released", booked ? tx : 0);
        if (booked) {
            settle_windows(held.hold.budgets);
        }
        it = holds_.erase(it);
    }
}

std::vector<OpenHold> Store::open_holds() const {
    std::vector<OpenHold> open;
    for (const auto& [id, held] : holds_) {
        open.push_back({.id = id, .at = held.at, .hold = held.hold});
    }
    std::ranges::sort(open, {}, &OpenHold::id);
    return open;
}

}  // namespace evenkeel::ledger
