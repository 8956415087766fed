#include "policies/config/address.hpp"
#include "policies/config/check.hpp"
#include "policies/config/text.hpp"
#include "policies/domain/rental_kinds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>

namespace evenkeel::config {
namespace {

constexpr File file_daemon = File::evenkeel;

/// Which kinds a key of a provider is for; kinds as in `providers.*.kind`, "rental" for every kind
/// that rents machines, and "vendor" for those but the sandbox.
struct KeyUse {
    std::string_view key{};
    std::string_view kinds{};
    bool is_needed{false};
};
constexpr KeyUse provider_uses[]{
    {"url", "local|openai-compatible", true},
    {"base_url", "rental|anthropic"},
    {"ca_file", "rental"},
    {"hardware", "local"},
    {"engine", "local"},
    {"start", "local"},
    {"regions", "rental"},
    {"cloud", "runpod"},
    {"tag", "rental"},
    {"ssh_keys", "rental"},
    {"allow_from", "rental"},
    {"max_machines", "rental"},
    {"max_in_flight", "openai-compatible|anthropic"},
};
constexpr KeyUse provider_needs[]{
    {"base_url", "sandbox", true},
    {"credential", "vendor|anthropic", true},
};

bool is_for(std::string_view kinds, std::string_view kind) {
    return std::ranges::any_of(split(kinds, '|'), [&](std::string_view word) {
        return word == kind || (word == "rental" && is_rental_kind(kind)) ||
               (word == "vendor" && is_rental_kind(kind) && kind != "sandbox");
    });
}

}  // namespace

Diagnostic& Checker::report(
    File file, const Spot& spot, std::string_view code, std::string message, std::string path) {
    const Document* document = documents_[static_cast<std::size_t>(file)];
    Diagnostic& found = findings_.add(
        document->finding(spot, code, std::move(message), !findings_.is_full()));
    found.path = std::move(path);
    return found;
}

const Node* Checker::root(File file) const noexcept {
    const Document* document = documents_[static_cast<std::size_t>(file)];
    return document == nullptr ? nullptr : document->root();
}

void Checker::need_rate(File file, const Node* node, const std::string& path) {
    const Value* amount = value(node);
    if (amount == nullptr || !index_.has_daemon) {
        return;
    }
    const std::string_view code = amount->currency.text();
    if (code.empty() || code == index_.report_currency || index_.rates.contains(code)) {
        return;
    }
    Diagnostic& found =
        report(file, node->spot, "EK-C050", fmt::format("no exchange rate for {}", code), path);
    found.hint = fmt::format("add it to currency.rates in {}", file_name(file_daemon));
    found.notes.push_back(fmt::format(
        "reports and budgets are in {}; without a rate this amount counts nowhere",
        index_.report_currency));
}

void Checker::need_past(File file, const Node* node, const std::string& path) {
    const Value* date = value(node);
    const auto today = std::chrono::sys_days{today_}.time_since_epoch().count();
    // One day of grace: the date may have been written further east.
    if (date != nullptr && date->number > today + 1) {
        report(file, node->spot, "EK-W033", "this date is in the future", path)
            .notes.emplace_back("a typing error, or this host's clock is wrong");
    }
}

void Checker::not_above(
    File file,
    const Node* low,
    const Node* high,
    std::string_view code,
    std::string message,
    const std::string& path) {
    const Value* a = value(low);
    const Value* b = value(high);
    if (a != nullptr && b != nullptr && a->number > b->number && a->text != "auto") {
        report(file, low->spot, code, std::move(message), path);
    }
}

void Checker::unique_names(
    File file, const Node* list, std::string_view key, const std::string& path) {
    std::map<std::string_view, Spot> seen;
    std::size_t i = 0;
    for (const Node& item : items_of(list)) {
        const Node* node = child(&item, key);
        const Value* name = value(node);
        if (name != nullptr) {
            const auto [first, fresh] = seen.emplace(name->text, node->spot);
            if (!fresh) {
                report(
                    file,
                    node->spot,
                    "EK-C040",
                    fmt::format(
                        "{} was used before, at {}:{}",
                        quote(name->text),
                        first->second.line,
                        first->second.col),
                    fmt::format("{}[{}].{}", path, i, key));
            }
        }
        ++i;
    }
}

void Checker::check_daemon() {
    check_listen();
    check_rates();
    check_tariff();
    check_hardware();
    check_limits();
}

void Checker::check_listen() {
    const Node* listen = child(root(file_daemon), "listen");
    const Node* api = child(listen, "api");
    const Node* admin = child(listen, "admin");
    const Value* api_text = value(api);
    const Value* admin_text = value(admin);
    if (admin_text != nullptr && !is_loopback(split_address(admin_text->text)->host)) {
        report(
            file_daemon,
            admin->spot,
            "EK-C024",
            "the admin address asks for no login and must stay on this host",
            "listen.admin")
            .hint = "write \"127.0.0.1:8081\"";
    }
    if (api_text != nullptr && !is_loopback(split_address(api_text->text)->host)) {
        report(
            file_daemon,
            api->spot,
            "EK-W039",
            "clients reach this address without TLS; keys and prompts travel in the clear",
            "listen.api")
            .hint = "put a TLS proxy in front, or listen on 127.0.0.1";
    }
    const Listen defaults;
    const std::string_view a = api_text == nullptr ? defaults.api : api_text->text;
    const std::string_view b = admin_text == nullptr ? defaults.admin : admin_text->text;
    if (a == b && split_address(a)->port != 0) {
        report(
            file_daemon,
            (admin_text != nullptr ? admin : api)->spot,
            "EK-C040",
            "API and admin listen on the same address",
            "listen");
    }
}

void Checker::check_rates() {
    const Node* currency = child(root(file_daemon), "currency");
    for (const Entry& rate : entries_of(child(currency, "rates"))) {
        const std::string path = "currency.rates." + rate.key;
        const Node* as_of = child(&rate.node, "as_of");
        need_past(file_daemon, as_of, path + ".as_of");
        if (rate.key == index_.report_currency) {
            report(
                file_daemon,
                rate.spot,
                "EK-C051",
                fmt::format("{} is the report currency and has no rate to itself", rate.key),
                path);
        }
        const Value* day = value(as_of);
        const Value* limit = value(child(&rate.node, "warn_after"));
        const auto limit_ms = limit == nullptr ? FxRate{}.warn_after.count() : limit->number;
        const auto today = std::chrono::sys_days{today_}.time_since_epoch().count();
        if (day != nullptr && (today - day->number) * 86'400'000 > limit_ms) {
            report(
                file_daemon,
                as_of->spot,
                "EK-W030",
                fmt::format("the {} rate is {} days old", rate.key, today - day->number),
                path + ".as_of")
                .notes.push_back(fmt::format(
                    "amounts in {} may be off in reports; the ledger keeps what was billed",
                    index_.report_currency));
        }
    }
}

void Checker::check_tariff() {
    const Node* tariff = child(child(root(file_daemon), "energy"), "tariff");
    const Node* always = nullptr;
    std::size_t i = 0;
    for (const Node& line : items_of(tariff)) {
        const std::string path = fmt::format("energy.tariff[{}]", i++);
        need_rate(file_daemon, child(&line, "price"), path + ".price");
        if (always != nullptr) {
            report(
                file_daemon,
                line.spot,
                "EK-W038",
                fmt::format(
                    "never applies: line {} before it applies at all times", always->spot.line),
                path);
        } else if (child(&line, "when") == nullptr) {
            always = &line;
        }
    }
    if (i > 0 && always == nullptr) {
        report(
            file_daemon,
            tariff->items.back().spot,
            "EK-C055",
            "no tariff line applies at all times",
            "energy.tariff")
            .hint = "add a last line without 'when'";
    }
}

void Checker::check_hardware() {
    const Node* hardware = child(root(file_daemon), "hardware");
    unique_names(file_daemon, hardware, "name", "hardware");
    std::map<std::int64_t, std::string_view> owners;
    std::size_t i = 0;
    for (const Node& machine : items_of(hardware)) {
        const std::string path = fmt::format("hardware[{}]", i++);
        const Value* name = value(child(&machine, "name"));
        for (const Node& gpu : items_of(child(&machine, "gpus"))) {
            const Value* number = value(&gpu);
            if (number == nullptr) {
                continue;
            }
            const auto [owner, fresh] =
                owners.emplace(number->number, name == nullptr ? std::string_view{} : name->text);
            if (!fresh) {
                report(
                    file_daemon,
                    gpu.spot,
                    "EK-C040",
                    fmt::format(
                        "GPU {} belongs to {} already", number->number, quote(owner->second)),
                    path + ".gpus");
            }
        }
        const Node* power = child(&machine, "power");
        not_above(
            file_daemon,
            child(power, "idle"),
            child(power, "busy"),
            "EK-C054",
            "it draws more when idle than when busy",
            path + ".power.idle");
        need_rate(file_daemon, child(&machine, "price"), path + ".price");
        need_past(file_daemon, child(&machine, "bought"), path + ".bought");
    }
}

void Checker::check_limits() {
    const Node* limits = child(root(file_daemon), "limits");
    not_above(
        file_daemon,
        child(limits, "connections_per_address"),
        child(limits, "connections"),
        "EK-C054",
        "one address may hold more connections than there are in all",
        "limits.connections_per_address");
}

void Checker::check_providers() {
    for (const Entry& provider : entries_of(child(root(File::providers), "providers"))) {
        check_provider(provider);
        check_start(provider);
    }
    check_start_ports();
}

void Checker::check_provider(const Entry& provider) {
    const Value* kind = value(child(&provider.node, "kind"));
    const std::string path = "providers." + provider.key;
    const Value* hardware = value(child(&provider.node, "hardware"));
    if (hardware != nullptr && index_.has_daemon && !index_.hardware.contains(hardware->text)) {
        std::vector<std::string_view> known;
        for (const auto& [name, node] : index_.hardware) {
            known.push_back(name);
        }
        const std::string_view near = closest(hardware->text, known);
        Diagnostic& found = report(
            File::providers,
            child(&provider.node, "hardware")->spot,
            "EK-C044",
            fmt::format("evenkeel.yaml defines no hardware {}", quote(hardware->text)),
            path + ".hardware");
        found.hint = near.empty() ? "" : fmt::format("did you mean '{}'?", near);
        found.suggestion = near;
        found.notes.push_back("known hardware: " + (known.empty() ? "none" : list_text(known)));
    }
    if (kind == nullptr) {
        return;
    }
    const auto missing = [&](std::string_view key) {
        Diagnostic& found = report(
            File::providers,
            provider.spot,
            "EK-C031",
            fmt::format("provider '{}' of kind {} has no '{}'", provider.key, kind->text, key),
            path);
        found.hint = key == "credential" ? "write the name of a file below credentials/"
                                         : fmt::format("add '{}: \"http://127.0.0.1:8091\"'", key);
    };
    for (const KeyUse& use : provider_uses) {
        const Entry* found = entry(&provider.node, use.key);
        if (found != nullptr && !is_for(use.kinds, kind->text)) {
            report(
                File::providers,
                found->spot,
                "EK-C031",
                fmt::format("'{}' has no meaning for a provider of kind {}", use.key, kind->text),
                path + "." + std::string{use.key})
                .hint = use.key == "url"        ? "did you mean 'base_url'?"
                        : use.key == "base_url" ? "did you mean 'url'?"
                                                : "";
        } else if (found == nullptr && use.is_needed && is_for(use.kinds, kind->text)) {
            missing(use.key);
        }
    }
    for (const KeyUse& need : provider_needs) {
        if (is_for(need.kinds, kind->text) && entry(&provider.node, need.key) == nullptr) {
            missing(need.key);
        }
    }
}

}  // namespace evenkeel::config
