#include "tests/unit/scenarios/reader.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <functional>
#include <map>
#include <stdexcept>

namespace evenkeel::scenarios {

namespace {

using std::chrono::milliseconds;

constexpr NameIx first_offer{1};
const UtcTime start_utc = UtcTime{std::chrono::sys_days{std::chrono::year{2026} / 11 / 23}};
constexpr BootTime start_boot{std::chrono::hours{100}};

[[noreturn]] void wrong(const YAML::Node& node, const std::string& what) {
    throw std::runtime_error{fmt::format("line {}: {}", node.Mark().line + 1, what)};
}

std::string text(const YAML::Node& node) {
    if (!node.IsScalar()) {
        wrong(node, "a plain value is expected");
    }
    return node.Scalar();
}

std::int64_t whole(const YAML::Node& node) {
    try {
        return node.as<std::int64_t>();
    } catch (const YAML::Exception&) {
        wrong(node, "a whole number is expected");
    }
}

double real(const YAML::Node& node) {
    try {
        return node.as<double>();
    } catch (const YAML::Exception&) {
        wrong(node, "a number is expected");
    }
}

bool yes(const YAML::Node& node) {
    try {
        return node.as<bool>();
    } catch (const YAML::Exception&) {
        wrong(node, "true or false is expected");
    }
}

milliseconds duration(const YAML::Node& node) {
    const std::string value = text(node);
    const std::size_t digits = std::min(value.find_first_not_of("0123456789."), value.size());
    const std::string unit = value.substr(digits);
    const std::map<std::string, int> units{
        {"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
    const auto scale = units.find(unit);
    const auto number = parse_decimal(value.substr(0, digits), 3);
    if (scale == units.end() || !number) {
        wrong(node, fmt::format("'{}' is no duration such as 5m", value));
    }
    return milliseconds{*number * scale->second / 1'000};
}

/// "0.48 USD" or, with `per_hour`, "3.60 USD/h"; nano-units.
std::int64_t money(const YAML::Node& node, bool per_hour) {
    const std::string value = text(node);
    const std::string suffix = per_hour ? " USD/h" : " USD";
    if (!value.ends_with(suffix)) {
        wrong(node, fmt::format("'{}' does not end in '{}'", value, suffix));
    }
    const auto number = parse_decimal(value.substr(0, value.size() - suffix.size()), 9);
    if (!number) {
        wrong(node, fmt::format("'{}' is no amount", value));
    }
    return *number;
}

std::int64_t millis(const YAML::Node& node) {
    const auto number = parse_decimal(text(node), 3);
    if (!number) {
        wrong(node, "a number with at most three decimals is expected");
    }
    return *number;
}

using Setters = std::map<std::string, std::function<void(const YAML::Node&)>>;

/// Calls the setter of each key; a key without one is an error.
void read_map(const YAML::Node& node, const Setters& setters) {
    if (!node.IsMap()) {
        wrong(node, "a map is expected");
    }
    for (const auto& entry : node) {
        const auto setter = setters.find(text(entry.first));
        if (setter == setters.end()) {
            wrong(entry.first, fmt::format("unknown key '{}'", text(entry.first)));
        }
        setter->second(entry.second);
    }
}

ReasonCode reason_of(const YAML::Node& node) {
    for (int code = 0; code < 200; ++code) {
        const auto reason = static_cast<ReasonCode>(code);
        if (to_text(reason) == text(node)) {
            return reason;
        }
    }
    wrong(node, fmt::format("no reason is called '{}'", text(node)));
}

MachineState state_of(const YAML::Node& node) {
    const auto state = machine_state_from(text(node));
    if (!state || *state == MachineState::gone) {  // one that is gone is none of the rule's
        wrong(node, fmt::format("no machine is '{}'", text(node)));
    }
    return *state;
}

class CaseReader {
public:
    explicit CaseReader(Case& into) : case_{into}, world_{into.scenario.start} {
        world_.now = {.boot = start_boot, .utc = start_utc};
        world_.boot_measured = milliseconds{420'000};
        config::Scaling& policy = case_.scenario.policy;
        policy.max = 4;
        policy.max_price = Price::per_hour(Money{5'000'000'000, usd});
        case_.scenario.safety.max_machines = 8;
        case_.offers = {"runpod"};
        world_.offers = {offer("runpod")};
    }

    void read(const YAML::Node& node) {
        read_map(
            node,
            {{"name", [&](const YAML::Node& n) { case_.name = text(n); }},
             {"policy", [&](const YAML::Node& n) { read_policy(n); }},
             {"safety", [&](const YAML::Node& n) { read_safety(n); }},
             {"given", [&](const YAML::Node& n) { read_given(n); }},
             {"traffic", [&](const YAML::Node& n) { read_traffic(n); }},
             {"expect", [&](const YAML::Node& n) { read_expected(n); }}});
        if (!node["name"] || !node["expect"]) {
            wrong(node, "a case needs a name and what it expects");
        }
        if (!machines_total_) {
            world_.room.machines_total = static_cast<int>(world_.machines.size());
        }
    }

private:
    scaling::OfferView offer(const std::string& name) {
        const auto at = std::ranges::find(case_.offers, name) - case_.offers.begin();
        constexpr std::int64_t hour = 3'600'000'000;
        return {
            .offer = NameIx{static_cast<std::int32_t>(at) + first_offer.value()},
            .price = Price::per_hour(Money{hour, usd}),
            .hour_report = hour,
            .min_bill = milliseconds{60'000},
            .price_age = milliseconds{60'000},
            .in_stock = true,
            .provider_room = 8,
            .profile = capacity::find_profile("h100-32b-fp8").value_or(capacity::Profile{})};
    }
    NameIx offer_ix(const YAML::Node& node) const {
        const auto found = std::ranges::find(case_.offers, text(node));
        if (found == case_.offers.end()) {
            wrong(node, fmt::format("no offer is called '{}'", text(node)));
        }
        return NameIx{
            static_cast<std::int32_t>(found - case_.offers.begin()) + first_offer.value()};
    }

    void read_policy(const YAML::Node& node) {
        config::Scaling& p = case_.scenario.policy;
        const std::map<std::string, config::RentRule> rules{
            {"never", config::RentRule::never},
            {"break-even", config::RentRule::break_even},
            {"break-even+k", config::RentRule::break_even_k},
            {"level-memory", config::RentRule::level_memory}};
        read_map(
            node,
            {{"rule",
              [&](const YAML::Node& n) {
                  const auto found = rules.find(text(n));
                  if (found == rules.end()) {
                      wrong(n, fmt::format("no rule is called '{}'", text(n)));
                  }
                  p.rule = found->second;
              }},
             {"min", [&](const YAML::Node& n) { p.min = static_cast<int>(whole(n)); }},
             {"max", [&](const YAML::Node& n) { p.max = static_cast<int>(whole(n)); }},
             {"max_order", [&](const YAML::Node& n) { p.max_order = static_cast<int>(whole(n)); }},
             {"max_price",
              [&](const YAML::Node& n) {
                  p.max_price = Price::per_hour(Money{money(n, true), usd});
              }},
             {"max_price_age", [&](const YAML::Node& n) { p.max_price_age = duration(n); }},
             {"trust", [&](const YAML::Node& n) { p.trust_millis = millis(n); }},
             {"efficiency", [&](const YAML::Node& n) { p.efficiency_millis = millis(n); }},
             {"keep_warm", [&](const YAML::Node& n) { p.keep_warm_millis = millis(n); }},
             {"boot", [&](const YAML::Node& n) { p.boot = duration(n); }},
             {"min_bill", [&](const YAML::Node& n) { p.min_bill = duration(n); }},
             {"idle_stop", [&](const YAML::Node& n) { p.idle_stop = duration(n); }}});
    }

    void read_safety(const YAML::Node& node) {
        config::Safety& s = case_.scenario.safety;
        read_map(
            node,
            {{"max_machines",
              [&](const YAML::Node& n) { s.max_machines = static_cast<int>(whole(n)); }},
             {"max_creates_per_hour",
              [&](const YAML::Node& n) { s.max_creates_per_hour = static_cast<int>(whole(n)); }}});
    }

    void read_offers(const YAML::Node& node) {
        case_.offers.clear();
        world_.offers.clear();
        for (const YAML::Node& one : node) {
            case_.offers.push_back(text(one["name"]));
            scaling::OfferView view = offer(case_.offers.back());
            read_map(
                one,
                {{"name", [](const YAML::Node&) {}},
                 {"price",
                  [&](const YAML::Node& n) {
                      view.hour_report = money(n, true);
                      view.price = Price::per_hour(Money{view.hour_report, usd});
                  }},
                 {"min_bill", [&](const YAML::Node& n) { view.min_bill = duration(n); }},
                 {"price_age", [&](const YAML::Node& n) { view.price_age = duration(n); }},
                 {"in_stock", [&](const YAML::Node& n) { view.in_stock = yes(n); }},
                 {"room",
                  [&](const YAML::Node& n) { view.provider_room = static_cast<int>(whole(n)); }},
                 {"closed", [&](const YAML::Node& n) { view.closed = {reason_of(n), {}}; }},
                 {"gpu_profile", [&](const YAML::Node& n) {
                      const auto profile = capacity::find_profile(text(n));
                      if (!profile) {
                          wrong(n, "no such profile");
                      }
                      view.profile = *profile;
                  }}});
            world_.offers.push_back(view);
        }
    }

    void read_machines(const YAML::Node& node) {
        for (const YAML::Node& one : node) {
            scaling::MachineView view{
                .id = MachineId{static_cast<std::int64_t>(world_.machines.size()) + 1},
                .ordered_at = start_boot,
                .hour_report = 3'600'000'000};
            milliseconds idle{0};
            read_map(
                one,
                {{"id", [&](const YAML::Node& n) { view.id = MachineId{whole(n)}; }},
                 {"state", [&](const YAML::Node& n) { view.state = state_of(n); }},
                 {"ordered",
                  [&](const YAML::Node& n) { view.ordered_at = start_boot - duration(n); }},
                 {"serving_for",
                  [&](const YAML::Node& n) { view.serving_at = start_boot - duration(n); }},
                 {"price", [&](const YAML::Node& n) { view.hour_report = money(n, true); }},
                 {"in_flight",
                  [&](const YAML::Node& n) { view.in_flight = static_cast<int>(whole(n)); }},
                 {"idle_for", [&](const YAML::Node& n) { idle = duration(n); }},
                 {"ending", [&](const YAML::Node& n) { view.ending = yes(n); }},
                 {"failed", [&](const YAML::Node& n) { view.failed = yes(n); }}});
            view.last_busy = start_boot - idle;
            world_.machines.push_back(view);
        }
    }

    void read_given(const YAML::Node& node) {
        if (node["offers"]) {
            read_offers(node["offers"]);
        }
        scaling::RentState& state = case_.scenario.state;
        const scaling::Constants& constants = case_.scenario.constants;
        const auto optional_money = [](std::optional<std::int64_t>& into) {
            return [&into](const YAML::Node& n) { into = money(n, false); };
        };
        read_map(
            node,
            {{"offers", [](const YAML::Node&) {}},
             {"api", [&](const YAML::Node& n) { world_.api_priced = yes(n); }},
             {"boot", [&](const YAML::Node& n) { world_.boot_measured = duration(n); }},
             {"patience", [&](const YAML::Node& n) { world_.patience = duration(n); }},
             {"own_rate", [&](const YAML::Node& n) { world_.own_rate = real(n); }},
             {"machines", [&](const YAML::Node& n) { read_machines(n); }},
             {"budget_left", optional_money(world_.room.budget)},
             {"day_left", optional_money(world_.room.day)},
             {"rate_left", [&](const YAML::Node& n) { world_.room.rate = money(n, true); }},
             {"creates_last_hour",
              [&](const YAML::Node& n) {
                  world_.room.creates_last_hour = static_cast<int>(whole(n));
              }},
             {"machines_total",
              [&](const YAML::Node& n) {
                  machines_total_ = true;
                  world_.room.machines_total = static_cast<int>(whole(n));
              }},
             {"frozen", [&](const YAML::Node& n) { world_.frozen = yes(n); }},
             {"budget_blocks", [&](const YAML::Node& n) { world_.budget_blocks = yes(n); }},
             {"ledger_ok", [&](const YAML::Node& n) { world_.ledger_ok = yes(n); }},
             {"failed_orders",
              [&](const YAML::Node& n) {
                  for (std::int64_t i = 0; i < whole(n); ++i) {
                      scaling::order_failed(state, first_offer, false, start_utc, constants);
                  }
              }},
             {"sold_out",
              [&](const YAML::Node& n) {
                  for (const YAML::Node& name : n) {
                      scaling::order_failed(state, offer_ix(name), true, start_utc, constants);
                  }
              }},
             {"failed_machines", [&](const YAML::Node& n) {
                  for (const auto& entry : n) {
                      for (std::int64_t i = 0; i < whole(entry.second); ++i) {
                          scaling::machine_failed(
                              state, offer_ix(entry.first), start_utc, constants);
                      }
                  }
              }}});
    }

    void read_traffic(const YAML::Node& node) {
        for (const YAML::Node& one : node) {
            scaling::Phase phase;
            read_map(
                one,
                {{"for", [&](const YAML::Node& n) { phase.length = duration(n); }},
                 {"overflow", [&](const YAML::Node& n) { phase.overflow_hour = money(n, true); }},
                 {"overflow_machines",
                  [&](const YAML::Node& n) { phase.overflow_machines = real(n); }},
                 {"refused", [&](const YAML::Node& n) { phase.refused_hour = money(n, true); }},
                 {"refused_machines",
                  [&](const YAML::Node& n) { phase.refused_machines = real(n); }},
                 {"rented", [&](const YAML::Node& n) { phase.rented_hour = money(n, true); }},
                 {"rented_machines", [&](const YAML::Node& n) { phase.rented_machines = real(n); }},
                 {"own_machines", [&](const YAML::Node& n) { phase.own_machines = real(n); }},
                 {"waiting", [&](const YAML::Node& n) { phase.waiting = whole(n); }},
                 {"waiting_tokens_in",
                  [&](const YAML::Node& n) { phase.waiting_tokens_in = whole(n); }},
                 {"waiting_tokens_out",
                  [&](const YAML::Node& n) { phase.waiting_tokens_out = whole(n); }}});
            if (phase.length <= milliseconds{0}) {
                wrong(one, "a phase needs a length: 'for'");
            }
            case_.scenario.phases.push_back(phase);
        }
    }

    void read_one_expected(const YAML::Node& node) {
        Expected one;
        read_map(
            node,
            {{"decision", [&](const YAML::Node& n) { one.decision = text(n); }},
             {"reason",
              [&](const YAML::Node& n) { one.reason = std::string{to_text(reason_of(n))}; }},
             {"offer", [&](const YAML::Node& n) { one.offer = text(n); }},
             {"count", [&](const YAML::Node& n) { one.count = static_cast<int>(whole(n)); }},
             {"machine", [&](const YAML::Node& n) { one.machine = whole(n); }},
             {"after", [&](const YAML::Node& n) { one.after = duration(n); }},
             {"before", [&](const YAML::Node& n) { one.before = duration(n); }}});
        if (one.decision.empty() || one.reason.empty()) {
            wrong(node, "a decision and its reason are expected");
        }
        case_.expected.push_back(one);
    }

    void read_expected(const YAML::Node& node) {
        if (node.IsScalar()) {
            if (text(node) != "none") {
                wrong(node, "'none', a decision, or a list of them is expected");
            }
            return;
        }
        if (node.IsMap()) {
            read_one_expected(node);
            return;
        }
        for (const YAML::Node& one : node) {
            read_one_expected(one);
        }
    }

    Case& case_;
    scaling::ScalingSnapshot& world_;
    bool machines_total_{false};
};

}  // namespace

std::vector<Case> read_cases(const std::string& path) {
    std::vector<Case> cases;
    try {
        const YAML::Node root = YAML::LoadFile(path);
        for (const YAML::Node& node : root["cases"]) {
            Case& one = cases.emplace_back();
            one.file = path;
            one.line = node.Mark().line + 1;
            CaseReader{one}.read(node);
        }
    } catch (const std::exception& error) {
        throw std::runtime_error{fmt::format("{}: {}", path, error.what())};
    }
    return cases;
}

}  // namespace evenkeel::scenarios
