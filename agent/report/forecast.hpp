#pragma once

#include "agent/report/spend.hpp"
#include "policies/budget/forecast.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

/// Will the budget hold: what a month, or a budget's window, will have cost at its end.
namespace evenkeel::report {

/// A sum up to the end of one day, in the report currency.
struct ForecastDay {
    std::chrono::year_month_day day{};
    Money expected{};
    Money low{};
    Money high{};
};

/// The total of a month, or one budget in its window.
struct ForecastLine {
    std::string name{};  ///< of the budget; empty: the total
    std::string per{};   ///< "month", "day", "hour"
    std::optional<Money> limit{};
    /// Booked in the window so far; of a budget the larger of what its scope has cost and what was
    /// booked under its name, with what is set aside for requests.
    Money spent{};
    /// What machines have cost since their last booking; of a budget each with what is set aside
    /// for it, where that is more.
    Money running{};
    Money committed{};  ///< what they will cost until their end at the latest, within the window
    std::chrono::year_month_day end{};  ///< last day of the window
    int history_days{0};
    std::vector<ForecastDay> days{};  ///< from today to `end`; empty: too little data
    std::string note{};               ///< why nothing is forecast; empty: it is
    bool used_up{false};              ///< already
    std::optional<std::chrono::year_month_day> runs_out{};  ///< expected to pass the limit
    std::optional<std::chrono::year_month_day> may_run_out{};  ///< at the upper end of the band
    std::optional<Money> fits{};  ///< a limit that holds at the upper end of the band, rounded up
    /// At the end of the window; null without a forecast.
    [[nodiscard]] const ForecastDay* at_end() const noexcept {
        return days.empty() ? nullptr : &days.back();
    }
};

struct ForecastReport {
    std::chrono::year_month_day today{};
    Currency currency{};
    std::vector<std::string> rates{};
    std::string method{};
    ForecastLine total{};
    std::vector<ForecastLine> budgets{};
    std::vector<std::string> notes{};
};

/// The month that `options.now` is in, and each budget of `config` in its own window; `since` and
/// `until` do not count. `config` may be null: then only the total. The method is
/// policies/budget/forecast.hpp. Errors: as make_spend.
[[nodiscard]] Result<ForecastReport> make_forecast(
    ledger::Reader& reader, const config::Config* config, const SpendOptions& options);
[[nodiscard]] std::string forecast_text(const ForecastReport& report);
[[nodiscard]] std::string forecast_json(const ForecastReport& report);  ///< evenkeel.forecast/1
[[nodiscard]] std::string forecast_csv(const ForecastReport& report);

}  // namespace evenkeel::report
