#include "policies/config/cases.hpp"

#include "policies/config/tree.hpp"
#include "policies/config/walk.hpp"

#include <string_view>
#include <type_traits>

namespace evenkeel::config {
namespace {

// Each `read` leaves its target alone when the key is absent.

template <class T>
void assign(const Value& found, T& out) {
    if constexpr (std::is_same_v<T, std::string>) {
        out = found.text;
    } else if constexpr (std::is_same_v<T, bool>) {
        out = found.number != 0;
    } else if constexpr (std::is_same_v<T, Milliseconds>) {
        out = Milliseconds{found.number};
    } else if constexpr (std::is_same_v<T, Money>) {
        out = Money{found.number, found.currency};
    } else if constexpr (std::is_same_v<T, Price>) {
        out = Price::per_hour(Money{found.number, found.currency});  // all prices here are
    } else {
        out = static_cast<T>(found.number);  // every such key has a range within int
    }
}
template <class T>
void read(const Node* map, std::string_view key, T& out) {
    if (const Value* found = value(child(map, key))) {
        assign(*found, out);
    }
}
template <class T>
void read(const Node* map, std::string_view key, std::optional<T>& out) {
    if (const Value* found = value(child(map, key))) {
        assign(*found, out.emplace());
    }
}
void read(const Node* map, std::string_view key, std::vector<std::string>& out) {
    for (const Node& item : items_of(child(map, key))) {
        out.push_back(item.text);
    }
}
template <class T>
void read(const Node* map, std::string_view key, std::map<std::string, T>& out) {
    for (const Entry& entry : entries_of(child(map, key))) {
        if (const Value* found = value(&entry.node)) {
            assign(*found, out[entry.key]);
        }
    }
}

CaseRequest request_of(const Node* node) {
    CaseRequest out;
    read(node, "model", out.model);
    read(node, "key", out.key);
    read(node, "header", out.headers);
    read(node, "tokens_in", out.tokens_in);
    read(node, "tokens_out", out.tokens_out);
    read(node, "max_tokens", out.max_tokens);
    read(node, "tools", out.tools);
    read(node, "images", out.images);
    read(node, "text", out.text);
    return out;
}

CaseOffer offer_of(const Node* node) {
    CaseOffer out;
    read(node, "name", out.name);
    read(node, "price", out.price);
    read(node, "min_bill", out.min_bill);
    read(node, "price_age", out.price_age);
    read(node, "in_stock", out.in_stock);
    read(node, "room", out.room);
    read(node, "closed", out.closed);
    read(node, "gpu_profile", out.gpu_profile);
    return out;
}

CaseMachine machine_of(const Node* node) {
    CaseMachine out;
    read(node, "id", out.id);
    read(node, "state", out.state);
    read(node, "ordered", out.ordered);
    read(node, "serving_for", out.serving_for);
    read(node, "price", out.price);
    read(node, "in_flight", out.in_flight);
    read(node, "idle_for", out.idle_for);
    read(node, "ending", out.ending);
    read(node, "failed", out.failed);
    return out;
}

CaseWorld world_of(const Node* node) {
    CaseWorld out;
    read(node, "busy", out.busy);
    read(node, "free_after", out.free_after);
    read(node, "down", out.down);
    read(node, "rented", out.rented);
    read(node, "spent", out.spent);
    read(node, "api", out.api);
    read(node, "boot", out.boot);
    read(node, "patience", out.patience);
    read(node, "own_rate", out.own_rate_millis);
    for (const Node& item : items_of(child(node, "offers"))) {
        out.offers.push_back(offer_of(&item));
    }
    for (const Node& item : items_of(child(node, "machines"))) {
        out.machines.push_back(machine_of(&item));
    }
    read(node, "budget_left", out.budget_left);
    read(node, "day_left", out.day_left);
    read(node, "rate_left", out.rate_left);
    read(node, "creates_last_hour", out.creates_last_hour);
    read(node, "machines_total", out.machines_total);
    read(node, "frozen", out.frozen);
    read(node, "budget_blocks", out.budget_blocks);
    read(node, "ledger_ok", out.ledger_ok);
    read(node, "failed_orders", out.failed_orders);
    read(node, "sold_out", out.sold_out);
    read(node, "failed_machines", out.failed_machines);
    return out;
}

CasePhase phase_of(const Node* node) {
    CasePhase out;
    read(node, "for", out.length);
    read(node, "overflow", out.overflow);
    read(node, "overflow_machines", out.overflow_machines_millis);
    read(node, "refused", out.refused);
    read(node, "refused_machines", out.refused_machines_millis);
    read(node, "rented", out.rented);
    read(node, "rented_machines", out.rented_machines_millis);
    read(node, "own_machines", out.own_machines_millis);
    read(node, "waiting", out.waiting);
    read(node, "waiting_tokens_in", out.waiting_tokens_in);
    read(node, "waiting_tokens_out", out.waiting_tokens_out);
    return out;
}

Expected expected_of(const Node* node) {
    Expected out;
    read(node, "source", out.source);
    read(node, "refused", out.refused);
    read(node, "route", out.route);
    read(node, "decision", out.decision);
    read(node, "offer", out.offer);
    read(node, "reason", out.reason);
    read(node, "count", out.count);
    read(node, "machine", out.machine);
    read(node, "after", out.after);
    read(node, "before", out.before);
    return out;
}

PolicyCase case_of(const Node& node) {
    PolicyCase out;
    read(&node, "name", out.name);
    if (const Node* request = child(&node, "request")) {
        out.request = request_of(request);
    }
    read(&node, "scaling", out.scaling);
    out.world = world_of(child(&node, "given"));
    for (const Node& item : items_of(child(&node, "traffic"))) {
        out.traffic.push_back(phase_of(&item));
    }
    const Entry* expect = entry(&node, "expect");
    out.line = expect->spot.line;
    if (expect->node.kind == NodeKind::map) {
        out.expected.push_back(expected_of(&expect->node));
    }
    for (const Node& item : items_of(&expect->node)) {
        out.expected.push_back(expected_of(&item));
    }
    return out;
}

}  // namespace

std::expected<std::vector<PolicyCase>, std::vector<Diagnostic>> load_cases(
    const SourceFile& file, Currency currency) {
    Findings findings;
    Document document{file, findings};
    if (document.root() != nullptr) {
        walk(document, File::cases, currency.text(), findings);
    }
    if (findings.has_errors()) {
        return std::unexpected{findings.take()};
    }
    std::vector<PolicyCase> cases;
    for (const Node& item : items_of(child(document.root(), "cases"))) {
        cases.push_back(case_of(item));
    }
    return cases;
}

}  // namespace evenkeel::config
