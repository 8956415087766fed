#include "agent/report/forecast.hpp"

#include "agent/report/budget_use.hpp"
#include "agent/report/days.hpp"
#include "agent/report/figures.hpp"
#include "agent/report/rates.hpp"
#include "agent/report/spend_lines.hpp"
#include "policies/budget/scope.hpp"
#include "policies/routing/catalogue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

namespace evenkeel::report {

namespace {

using std::chrono::sys_days;
using std::chrono::year_month_day;

/// One cell of one day, or a day of a machine that runs, with the names that budgets go by.
struct Spent {
    sys_days day{};
    budget::Spender spender{};
    bool is_machine{false};  ///< money of time
    Money paid{};            ///< report currency
    Money charged{};
};
/// Whether a line counts it, and as how much.
using Counts = std::function<Money(const Spent&)>;

std::string_view per_text(config::BudgetPer per) {
    return per == config::BudgetPer::hour  ? "hour"
           : per == config::BudgetPer::day ? "day"
                                           : "month";
}

year_month_day month_end(year_month_day day) {
    return year_month_day{day.year() / day.month() / std::chrono::last};
}

class Maker {
public:
    Maker(ledger::Reader& reader, const config::Config* config, const SpendOptions& options)
        : reader_{reader},
          config_{config},
          options_{options},
          rates_{reader, options.currency, options.rates},
          today_{options.zone.day(options.now)} {}

    Result<ForecastReport> run() {
        for (const auto& part :
             {&Maker::look, &Maker::look_at_machines, &Maker::look_at_budgets}) {
            if (const auto looked = (this->*part)(); !looked) {
                return std::unexpected{looked.error()};
            }
        }
        report_.today = today_;
        report_.currency = options_.currency;
        report_.method = budget::method_text();
        report_.total =
            line(config::BudgetPer::month, [](const Spent& spent) { return spent.paid; });
        for (const config::Budget& wanted :
             config_ ? config_->budgets : std::vector<config::Budget>{}) {
            auto made = budget_line(wanted);
            if (!made) {
                return std::unexpected{made.error()};
            }
            report_.budgets.push_back(*std::move(made));
        }
        if (!config_) {
            report_.notes.emplace_back(
                "budgets stand in the configuration, which could not be read: --config DIR");
        }
        report_.rates = rates_.texts();
        return std::move(report_);
    }

private:
    [[nodiscard]] std::string_view name_of(NameIx ix) const {
        const auto found = names_.find(ix);
        return found == names_.end() ? std::string_view{} : std::string_view{found->second};
    }

    [[nodiscard]] std::string_view team_of(NameIx key) const {
        const auto found = teams_.find(key);
        return found == teams_.end() ? std::string_view{} : std::string_view{found->second};
    }

    /// The cells of the history and of this month.
    Result<void> look() {
        const auto meta = reader_.meta();
        const auto names = reader_.names();
        const auto keys = reader_.keys();
        const sys_days history = sys_days{today_} - std::chrono::days{budget::history_days_max};
        const sys_days month{today_.year() / today_.month() / 1};
        const auto rows = reader_.spend_by_day(
            ledger::day_number(year_month_day{std::min(history, month)}),
            ledger::day_number(today_));
        if (!meta || !names || !keys || !rows) {
            return std::unexpected{
                !meta    ? meta.error()
                : !names ? names.error()
                : !keys  ? keys.error()
                         : rows.error()};
        }
        names_ = names_by_ix(*names);
        for (const ledger::KeyRow& key : *keys) {
            teams_.emplace(key.ix, key.terms.team);
        }
        // The day on which the ledger began is no whole one.
        first_ = meta->first_day == 0
                     ? sys_days{today_}
                     : std::max(
                           history,
                           sys_days{ledger::day_of(meta->first_day)} + std::chrono::days{1});
        first_ = std::min(first_, sys_days{today_});
        // Apart, so that this month sums to what `report spend` says of it.
        CellCosts before{rates_};
        CellCosts of_month{rates_};
        for (const ledger::SpendDayRow& row : *rows) {
            const ledger::SpendRow& cell = row.cell;
            const bool is_past = sys_days{ledger::day_of(row.day)} < month;
            const auto paid = (is_past ? before : of_month).of(cell);
            const auto charged = rates_.convert(cell.charged);
            if (!paid || !charged) {
                return std::unexpected{!paid ? paid.error() : charged.error()};
            }
            spent_.push_back(
                {.day = sys_days{ledger::day_of(row.day)},
                 .spender =
                     {.kind = cell.kind,
                      .provider = name_of(cell.provider),
                      .key = name_of(cell.key),
                      .team = team_of(cell.key),
                      .model = name_of(cell.model),
                      .route = name_of(cell.route)},
                 .is_machine = !cell.phase.empty(),
                 .paid = *paid,
                 .charged = *charged});
        }
        return {};
    }

    /// What machines that are not gone have cost since their last booking, and those that run will
    /// cost on each day until their end at the latest.
    Result<void> look_at_machines() {
        auto machines = reader_.machines(options_.now);
        if (!machines) {
            return std::unexpected{machines.error()};
        }
        machines_ = *std::move(machines);
        const UtcTime end = instants({today_, month_end(today_)}, options_.zone).second;
        for (const ledger::MachineView& machine : machines_) {
            if (machine.row.gone) {
                continue;
            }
            const auto cost = [&](UtcTime from, UtcTime to) {
                return rates_.convert(machine.row.price.cost_of(
                    std::max(to - from, UtcTime::duration{0}), Rounding::up));
            };
            const auto open = std::ranges::find_if(
                machine.phases, [](const ledger::PhaseRow& phase) { return !phase.to; });
            const bool runs = open != machine.phases.end();
            Money billed{0, machine.row.price.currency()};
            for (const ledger::PhaseRow& phase : machine.phases) {
                billed += Money{phase.billed.nanos(), billed.currency()};
            }
            const auto posted = rates_.convert(billed);
            const auto unbooked = cost(runs ? open->from : options_.now, options_.now);
            if (!posted || !unbooked) {
                return std::unexpected{!posted ? posted.error() : unbooked.error()};
            }
            living_.push_back(
                {.id = machine.row.id,
                 .spender =
                     {.kind = SourceKind::rental,
                      .provider = machine.provider,
                      .model = machine.model},
                 .unbooked = *unbooked,
                 .posted = *posted});
            const UtcTime last = runs ? std::min(machine.row.expires, end) : options_.now;
            for (year_month_day day = today_; instants({day, day}, options_.zone).first < last;
                 day = year_month_day{sys_days{day} + std::chrono::days{1}}) {
                const auto [from, to] = instants({day, day}, options_.zone);
                const auto part = cost(std::max(from, options_.now), std::min(to, last));
                if (!part) {
                    return std::unexpected{part.error()};
                }
                committed_.push_back(of_machine(living_.back(), sys_days{day}, *part));
            }
        }
        return {};
    }

    /// What the books have of budgets in this month, and so of all their windows.
    Result<void> look_at_budgets() {
        auto books = BudgetBooks::read(
            reader_,
            ledger::window_start(config::BudgetPer::month, options_.zone, options_.now));
        if (!books) {
            return std::unexpected{books.error()};
        }
        books_ = *std::move(books);
        return {};
    }

    static Spent of_machine(const LivingMachine& machine, sys_days day, Money amount) {
        return {
            .day = day,
            .spender = machine.spender,
            .is_machine = true,
            .paid = amount,
            .charged = amount};
    }

    [[nodiscard]] ForecastLine line(config::BudgetPer per, const Counts& counts) const {
        const bool is_month = per == config::BudgetPer::month;
        const Money nothing{0, options_.currency};
        ForecastLine line{
            .per = std::string{per_text(per)},
            .spent = nothing,
            .running = nothing,
            .committed = nothing,
            .end = is_month ? month_end(today_) : today_};
        const sys_days today{today_};
        const sys_days start = is_month ? sys_days{today_.year() / today_.month() / 1} : today;
        budget::History history{
            .first = first_,
            .days = std::vector<std::int64_t>(static_cast<std::size_t>((today - first_).count()))};
        for (const Spent& spent : spent_) {
            const Money amount = counts(spent);
            line.spent += spent.day >= start ? amount : nothing;
            if (spent.day >= first_ && spent.day < today) {
                history.days[static_cast<std::size_t>((spent.day - first_).count())] +=
                    amount.nanos();
            }
        }
        budget::Ahead ahead{
            .first = today,
            .days = static_cast<int>((sys_days{line.end} - today).count()) + 1,
            .first_permille = rest_of_today()};
        ahead.committed.resize(static_cast<std::size_t>(ahead.days));
        for (const LivingMachine& machine : living_) {
            line.running += counts(of_machine(machine, today, machine.unbooked));
        }
        for (const Spent& machine : committed_) {
            if (machine.day <= sys_days{line.end}) {
                const Money amount = counts(machine);
                line.committed += amount;
                ahead.committed[static_cast<std::size_t>((machine.day - today).count())] +=
                    amount.nanos();
            }
        }
        if (per == config::BudgetPer::hour) {
            line.spent = nothing;  // what is booked of the hour is known by the budget's name
            line.note = "an hour is too short for a forecast by days";
            return line;
        }
        const budget::Forecast forecast = budget::forecast(history, ahead);
        line.history_days = forecast.history_days;
        if (!forecast.enough) {
            line.note = fmt::format(
                "too little data: {} whole day{} in the ledger, {} are needed",
                forecast.history_days,
                forecast.history_days == 1 ? "" : "s",
                budget::history_days_min);
        }
        const Money so_far = line.spent + line.running;
        for (const budget::Until& until : forecast.days) {
            const auto sum = [&](std::int64_t more) {
                return so_far + Money{more, options_.currency};
            };
            line.days.push_back(
                {.day = year_month_day{until.day},
                 .expected = sum(until.expected),
                 .low = sum(until.low),
                 .high = sum(until.high)});
        }
        return line;
    }

    [[nodiscard]] int rest_of_today() const {
        const auto [start, end] = instants({today_, today_}, options_.zone);
        return static_cast<int>(
            mul_div((end - options_.now).count(), 1'000, (end - start).count(), Rounding::half_even)
                .value_or(0));
    }

    Result<ForecastLine> budget_line(const config::Budget& wanted) {
        const config::BudgetScope& scope = wanted.scope;
        const bool by_charge = budget::counts_charges(scope);
        const bool is_charged = routing::is_charged_internally(*config_, scope.model);
        const Money nothing{0, options_.currency};
        ForecastLine made = line(wanted.per, [&](const Spent& spent) {
            const bool counts =
                budget::covers(scope, spent.spender) && !(spent.is_machine && is_charged);
            return !counts ? nothing : by_charge ? spent.charged : spent.paid;
        });
        made.name = wanted.name;
        const auto limit = rates_.convert(wanted.limit);
        const auto used = books_.used(
            wanted,
            ledger::window_start(wanted.per, options_.zone, options_.now),
            made.spent,
            !is_charged,
            living_,
            names_,
            rates_);
        if (!limit || !used) {
            return std::unexpected{!limit ? limit.error() : used.error()};
        }
        made.limit = *limit;
        const Money booked{used->booked, options_.currency};
        const Money more = booked - made.spent;
        made.spent = booked;
        made.running = Money{used->machines, options_.currency};
        for (ForecastDay& day : made.days) {
            for (Money* const sum : {&day.expected, &day.low, &day.high}) {
                // What is set aside for a machine pays its hours to come: it counts once.
                *sum = std::max(*sum + more, made.spent + made.running);
            }
        }
        judge(made);
        return made;
    }

    /// When its limit is passed, and what limit would hold.
    static void judge(ForecastLine& line) {
        line.used_up = line.spent + line.running >= *line.limit;
        for (const ForecastDay& day : line.days) {
            if (!line.runs_out && day.expected >= *line.limit) {
                line.runs_out = day.day;
            }
            if (!line.may_run_out && day.high >= *line.limit) {
                line.may_run_out = day.day;
            }
        }
        if (const ForecastDay* const end = line.at_end()) {
            line.fits = Money{budget::round_limit(end->high.nanos()), end->high.currency()};
        }
    }

    ledger::Reader& reader_;
    const config::Config* config_;
    const SpendOptions& options_;
    Rates rates_;
    year_month_day today_;
    sys_days first_{};  ///< of the history
    Names names_{};
    std::map<NameIx, std::string> teams_{};
    std::vector<ledger::MachineView> machines_{};
    std::vector<Spent> spent_{};
    std::vector<LivingMachine> living_{};
    std::vector<Spent> committed_{};
    BudgetBooks books_{};
    ForecastReport report_{};
};

}  // namespace

Result<ForecastReport> make_forecast(
    ledger::Reader& reader, const config::Config* config, const SpendOptions& options) {
    const auto snapshot = reader.snapshot();
    if (!snapshot) {
        return std::unexpected{snapshot.error()};
    }
    return Maker{reader, config, options}.run();
}

}  // namespace evenkeel::report
