#include "agent/report/spend.hpp"

#include "agent/report/days.hpp"
#include "agent/report/elsewhere.hpp"
#include "agent/report/rates.hpp"
#include "agent/report/spend_lines.hpp"

#include <array>
#include <map>
#include <utility>

/// The sums behind `report spend`. How they look is in spend_render.cpp.
namespace evenkeel::report {

namespace {

using ledger::SpendRow;

constexpr std::array<std::pair<std::string_view, SpendBy>, 7> words{
    {{"source", SpendBy::source},
     {"model", SpendBy::model},
     {"key", SpendBy::key},
     {"route", SpendBy::route},
     {"provider", SpendBy::provider},
     {"machine", SpendBy::machine},
     {"tag", SpendBy::tag}}};

using Phases = std::map<std::string, PhaseLine>;

void add_phases(const Phases& phases, Spend& spend) {
    Money all{0, spend.currency};
    for (const auto& [phase, line] : phases) {
        all += line.cost;
        const bool is_time = phase != "adjust";  // a bill's word on all of it, served or not
        if (is_time && phase != "serve") {
            spend.rental_not_serving += line.cost;
        }
    }
    constexpr std::array<std::string_view, 8> order{
        "serve", "boot", "warm", "idle", "drain", "delete", "minimum", "adjust"};
    for (const std::string_view phase : order) {
        const auto found = phases.find(std::string{phase});
        if (found == phases.end()) {
            continue;
        }
        const auto share =
            all.nanos() > 0
                ? mul_div(found->second.cost.nanos(), 1'000, all.nanos(), Rounding::half_even)
                : std::optional<std::int64_t>{0};
        spend.rental.push_back(
            {found->first, found->second.cost, share.value_or(0), found->second.time});
    }
}

}  // namespace

std::optional<SpendBy> spend_by_from(std::string_view text) noexcept {
    for (const auto& [word, by] : words) {
        if (word == text) {
            return by;
        }
    }
    return std::nullopt;
}

std::string_view to_text(SpendBy by) noexcept {
    for (const auto& [word, known] : words) {
        if (known == by) {
            return word;
        }
    }
    return "";
}

void use_config(const config::Config& config, SpendOptions& options) {
    options.config = &config;
    options.rates = config.currency;
    for (const config::Model& model : config.models) {
        for (const config::Offer& offer : model.offers) {
            const config::Provider* provider = config.provider(offer.on);
            if (provider != nullptr && !provider->hardware.empty()) {
                options.hardware_of[offer.name] = provider->hardware;
            }
        }
    }
}

Result<Spend> make_spend(ledger::Reader& reader, const SpendOptions& options) {
    Spend spend{.currency = options.currency, .by = options.by};
    spend.total.label = "total";
    spend.total.cost = spend.total.charged = Money{0, options.currency};
    spend.rental_not_serving = Money{0, options.currency};
    const auto snapshot = reader.snapshot();
    if (!snapshot) {
        return std::unexpected{snapshot.error()};
    }
    const auto days = days_between(options.since, options.until, options.now, options.zone);
    if (!days) {
        return std::unexpected{days.error()};
    }
    spend.first = days->first;
    spend.last = days->last;
    const auto rows =
        reader.spend_and_tokens(ledger::day_number(spend.first), ledger::day_number(spend.last));
    const auto stored_names = reader.names();
    auto rules = reader.rule_replays();
    const auto energy =
        reader.energy(ledger::day_number(spend.first), ledger::day_number(spend.last));
    if (!rows || !stored_names || !rules || !energy) {
        return std::unexpected{
            !rows           ? rows.error()
            : !stored_names ? stored_names.error()
            : !rules        ? rules.error()
                            : energy.error()};
    }
    spend.zone = options.zone;
    spend.rules = std::move(*rules);
    const Names names = names_by_ix(*stored_names);
    Rates rates{reader, options.currency, options.rates};
    std::optional<MachineLines> machines;
    if (options.by == SpendBy::machine) {
        auto read = MachineLines::read(reader, *days, names, options.hardware_of);
        if (!read) {
            return std::unexpected{read.error()};
        }
        machines.emplace(*std::move(read));
    }
    Lines lines;
    SpendLine by_request{.cost = Money{0, options.currency}};
    Phases phases;
    std::int64_t own_tokens = 0;
    for (const SpendRow& row : rows->cells) {
        own_tokens += row.kind == SourceKind::own ? row.tokens_in + row.tokens_out : 0;
        const auto cost = rates.convert(row.paid);
        const auto charged =
            rates.convert(row.phase.empty() ? row.charged : Money{0, options.currency});
        if (!cost || !charged) {
            return std::unexpected{!cost ? cost.error() : charged.error()};
        }
        spend.has_internal |= row.phase.empty() && row.charged != row.paid;
        const Amounts amounts{*cost, *charged};
        if (options.by == SpendBy::tag && row.phase.empty()) {
            add(row, amounts, by_request);
        } else if (machines) {
            machines->add_cell(row, amounts, lines);
        } else {
            const LineKey key = line_of(row, options.by, names);
            add(row, amounts, line_at(lines, key, kind_of(row, options.by), options.currency));
        }
        add(row, amounts, spend.total);
        if (row.kind == SourceKind::rental && !row.phase.empty()) {
            phases[row.phase].cost += *cost;
            phases[row.phase].time += row.time;
        }
    }
    auto own = make_own_work(
        *energy, own_tokens, options.currency, [&](Money amount) { return rates.convert(amount); });
    if (!own) {
        return std::unexpected{own.error()};
    }
    spend.own = *std::move(own);
    const Result<void> more = options.by == SpendBy::tag
                                  ? add_tags(reader, *days, by_request, rates, lines)
                              : machines ? machines->finish(rates, lines)
                                         : Result<void>{};
    if (!more) {
        return std::unexpected{more.error()};
    }
    for (auto& [key, line] : lines) {
        // Requests of several machines that had one name: the money is on the machines' own lines.
        const bool is_without_money = machines && line.kind == "rental" && line.cost.is_zero();
        if (!is_without_money) {
            add_per_mtok(line);
        }
        spend.lines.push_back(std::move(line));
    }
    add_per_mtok(spend.total);
    add_phases(phases, spend);
    auto dearest = dearest_api(reader, options.config, rows->tokens, names, options.zone, rates);
    if (!dearest) {
        return std::unexpected{dearest.error()};
    }
    if (dearest->line) {
        spend.api_label = dearest->line->offer;
        spend.api_only = dearest->line->cost;
    }
    spend.notes = std::move(dearest->notes);
    spend.rates = rates.texts();
    return spend;
}

}  // namespace evenkeel::report
