#include "agent/report/savings.hpp"

#include "agent/report/days.hpp"
#include "agent/report/elsewhere.hpp"
#include "agent/report/figures.hpp"
#include "agent/report/spend_lines.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace evenkeel::report {

namespace {

constexpr std::array<std::string_view, 4> parts_in_order{"all", "own", "rental", "api"};

/// By part.
using Done = std::map<std::string, WorkOfDays>;

class Maker {
public:
    Maker(
        ledger::Reader& reader,
        const config::Config* config,
        const SpendOptions& options,
        Days days)
        : reader_{reader},
          config_{config},
          options_{options},
          days_{days},
          rates_{reader, options.currency, options.rates} {}

    Result<Savings> run() {
        auto book = PriceBook::read(reader_, config_, options_.zone);
        if (!book) {
            return std::unexpected{book.error()};
        }
        book_ = *std::move(book);
        if (const auto looked = look(); !looked) {
            return std::unexpected{looked.error()};
        }
        Elsewhere elsewhere{book_, config_, rates_};
        for (const std::string_view what : parts_in_order) {
            const SavingsPart work = part_or_empty(what);
            elsewhere.tokens(
                {.what = std::string{what},
                 .tokens_in = work.tokens_in,
                 .tokens_out = work.tokens_out,
                 .paid = work.cost()},
                done_[std::string{what}]);
        }
        rented_elsewhere(elsewhere);
        savings_.lines = elsewhere.take_lines();
        savings_.notes = elsewhere.take_notes();
        savings_.first = days_.first;
        savings_.last = days_.last;
        savings_.currency = options_.currency;
        savings_.zone = options_.zone;
        std::ranges::sort(savings_.lines, {}, [](const SavingsLine& line) {
            const auto* const part = std::ranges::find(parts_in_order, line.what);
            return std::tuple{part, line.kind, line.cost.nanos(), line.offer, line.model};
        });
        note();
        savings_.rates = rates_.texts();
        return std::move(savings_);
    }

private:
    SavingsPart& part(std::string_view what) {
        const auto found = std::ranges::find(savings_.parts, what, &SavingsPart::what);
        if (found != savings_.parts.end()) {
            return *found;
        }
        const Money nothing{0, options_.currency};
        savings_.parts.push_back(
            {.what = std::string{what}, .paid = nothing, .wear = nothing});
        return savings_.parts.back();
    }

    /// What was done and paid.
    Result<void> look() {
        const std::int64_t first = ledger::day_number(days_.first);
        const std::int64_t last = ledger::day_number(days_.last);
        const auto rows = reader_.spend_by_day(first, last);
        const auto names = reader_.names();
        const auto energy = reader_.energy(first, last);
        if (!rows || !names || !energy) {
            return std::unexpected{!rows ? rows.error() : !names ? names.error() : energy.error()};
        }
        const Names by_ix = names_by_ix(*names);
        CellCosts costs{rates_};
        part("all");
        for (const ledger::SpendDayRow& row : *rows) {
            const auto cost = costs.of(row.cell);
            if (!cost) {
                return std::unexpected{cost.error()};
            }
            const auto model = by_ix.find(row.cell.model);
            add_row(row, model == by_ix.end() ? std::string{} : model->second, *cost);
        }
        for (const ledger::EnergyRow& row : *energy) {
            const auto wear = rates_.convert(row.wear);
            if (!wear) {
                return std::unexpected{wear.error()};
            }
            part("all").wear += *wear;
            part("own").wear += *wear;
        }
        std::ranges::sort(savings_.parts, {}, [](const SavingsPart& one) {
            return std::ranges::find(parts_in_order, one.what);
        });
        return used_offers();
    }

    void add_row(const ledger::SpendDayRow& row, const std::string& model, Money cost) {
        const ledger::SpendRow& cell = row.cell;
        if (cell.source == NameIx{}) {
            return;  // nobody served it
        }
        const bool is_rented = cell.kind == SourceKind::rental && !cell.phase.empty();
        for (const std::string_view what : {std::string_view{"all"}, to_text(cell.kind)}) {
            SavingsPart& to = part(what);
            to.paid += cost;
            to.tokens_in += cell.tokens_in;
            to.tokens_cached += cell.tokens_cached;
            to.tokens_out += cell.tokens_out;
            to.rented += is_rented ? cell.time : cell.time.zero();
            Work& work = done_[std::string{what}][row.day][model];
            work.in += cell.tokens_in;
            work.out += cell.tokens_out;
            work.rented += is_rented ? cell.time : cell.time.zero();
        }
        if (is_rented) {
            machine_paid_[model] += cost;
        }
    }

    /// From which offers machines of each model were rented.
    Result<void> used_offers() {
        const auto money = reader_.machine_money(
            ledger::day_number(days_.first), ledger::day_number(days_.last));
        const auto machines = reader_.machines(UtcTime{});
        if (!money || !machines) {
            return std::unexpected{!money ? money.error() : machines.error()};
        }
        for (const ledger::MachineView& machine : *machines) {
            if (std::ranges::any_of(
                    *money, [&](const auto& row) { return row.machine == machine.row.id; })) {
                used_[machine.model].insert(machine.offer);
            }
        }
        return {};
    }

    /// The offer of the configuration; without one, or where it is not in it any more, null.
    [[nodiscard]] config::Config::OfferRef offer(const std::string& name) const {
        return config_ ? config_->offer(name) : config::Config::OfferRef{};
    }

    /// Rented time at other sellers of the same model, or at all that are known.
    void rented_elsewhere(Elsewhere& elsewhere) {
        std::map<std::string, std::map<std::int64_t, std::chrono::nanoseconds>> rented;
        for (const auto& [day, models] : done_["rental"]) {
            for (const auto& [model, work] : models) {
                if (work.rented.count() > 0) {
                    rented[model][day] += work.rented;
                }
            }
        }
        for (const auto& [model, days] : rented) {
            elsewhere.hours(
                {.what = "rental", .model = model, .paid = machine_paid_[model]},
                days,
                used_[model]);
        }
    }

    [[nodiscard]] SavingsPart part_or_empty(std::string_view what) const {
        const auto found = std::ranges::find(savings_.parts, what, &SavingsPart::what);
        return found == savings_.parts.end() ? SavingsPart{} : *found;
    }

    /// Says what is not known.
    void note() {
        const SavingsPart& all = savings_.parts.front();
        if (all.tokens_cached > 0) {
            savings_.notes.push_back(fmt::format(
                "{} of the {} prompt tokens came from a cache here; elsewhere all cost the full "
                "price, since nobody knows what would have been cached there",
                short_count(all.tokens_cached),
                short_count(all.tokens_in)));
        }
        std::set<std::string> tiered;
        bool other = false;
        for (const SavingsLine& line : savings_.lines) {
            const auto known = offer(line.offer);
            const bool has_tiers = known.offer && known.offer->token_price &&
                                   !known.offer->token_price->tiers.empty();
            if (has_tiers) {
                tiered.insert(line.offer);
            }
            other |= line.tokens_other_model > 0;
        }
        for (const std::string& name : tiered) {
            savings_.notes.push_back(fmt::format(
                "{} is dearer for long prompts; its lowest price was taken for all", name));
        }
        if (other) {
            savings_.notes.emplace_back(
                "(*) another model than the one that answered: the tokens would not be the same");
        }
        if (!config_) {
            savings_.notes.emplace_back(
                "without a readable configuration nobody knows which model an offer serves");
        }
    }

    ledger::Reader& reader_;
    const config::Config* config_;
    const SpendOptions& options_;
    Days days_;
    Rates rates_;
    PriceBook book_{};
    Done done_{};
    std::map<std::string, std::set<std::string>> used_{};
    std::map<std::string, Money> machine_paid_{};
    Savings savings_{};
};

}  // namespace

const SavingsLine* Savings::cheapest() const noexcept {
    const SavingsLine* best = nullptr;
    for (const SavingsLine& line : lines) {
        if (line.what == "all" && (best == nullptr || line.cost.nanos() < best->cost.nanos())) {
            best = &line;
        }
    }
    return best;
}

const SavingsLine* Savings::dearest() const noexcept {
    return dearest_of(lines);
}

Result<Savings> make_savings(
    ledger::Reader& reader, const config::Config* config, const SpendOptions& options) {
    const auto snapshot = reader.snapshot();
    if (!snapshot) {
        return std::unexpected{snapshot.error()};
    }
    const auto days = days_between(options.since, options.until, options.now, options.zone);
    if (!days) {
        return std::unexpected{days.error()};
    }
    return Maker{reader, config, options, *days}.run();
}

}  // namespace evenkeel::report
