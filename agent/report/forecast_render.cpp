#include "agent/report/csv.hpp"
#include "agent/report/figures.hpp"
#include "agent/report/forecast.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::report {

namespace {

namespace json = boost::json;

std::string name_of(const ForecastLine& line) {
    return line.name.empty() ? "total" : line.name;
}

/// "40 to 61": the band.
std::string band_text(const ForecastDay& day, int decimals) {
    return fmt::format(
        "{} to {}", money_figure(day.low, decimals), money_figure(day.high, decimals));
}

/// What is to be known of a budget in words.
std::string verdict(const ForecastLine& line) {
    if (line.used_up) {
        return "used up";
    }
    if (!line.note.empty()) {
        return line.note;
    }
    if (line.runs_out) {
        return fmt::format("runs out on {}", config::to_text(*line.runs_out));
    }
    if (line.may_run_out) {
        return fmt::format("may run out from {} on", config::to_text(*line.may_run_out));
    }
    return "holds";
}

std::string budgets_text(const ForecastReport& report) {
    if (report.budgets.empty()) {
        return {};
    }
    std::size_t width = 10;
    for (const ForecastLine& line : report.budgets) {
        width = std::max(width, line.name.size());
    }
    std::string text = fmt::format(
        "\n{:<{}}  {:<6} {:>12} {:>12} {:>12} {:>25} {:>12}  {}\n",
        "BUDGET",
        width,
        "PER",
        "LIMIT",
        "SPENT",
        "FORECAST",
        "BAND",
        "WOULD FIT",
        "");
    text.erase(text.find_last_not_of(" \n") + 1);
    text += '\n';
    for (const ForecastLine& line : report.budgets) {
        const int decimals = decimals_for(*line.limit);
        const ForecastDay* const end = line.at_end();
        text += fmt::format(
            "{:<{}}  {:<6} {:>12} {:>12} {:>12} {:>25} {:>12}  {}\n",
            line.name,
            width,
            line.per,
            money_figure(*line.limit, decimals),
            money_figure(line.spent + line.running, decimals),
            end ? money_figure(end->expected, decimals) : "-",
            end ? band_text(*end, decimals) : "-",
            line.fits ? money_figure(*line.fits, decimals) : "-",
            verdict(line));
    }
    return text;
}

json::value day_json(const std::optional<std::chrono::year_month_day>& day) {
    return day ? json::value(config::to_text(*day)) : json::value(nullptr);
}

json::value amount_json(const std::optional<Money>& amount) {
    return amount ? json::value(amount_text(*amount)) : json::value(nullptr);
}

json::object line_json(const ForecastLine& line) {
    json::array days;
    for (const ForecastDay& day : line.days) {
        days.emplace_back(json::object{
            {"day", config::to_text(day.day)},
            {"expected", amount_text(day.expected)},
            {"low", amount_text(day.low)},
            {"high", amount_text(day.high)}});
    }
    const ForecastDay* const end = line.at_end();
    const auto of_end = [&](Money ForecastDay::* what) {
        return end ? json::value(amount_text(end->*what)) : json::value(nullptr);
    };
    json::object object{
        {"name", name_of(line)},
        {"per", line.per},
        {"end", config::to_text(line.end)},
        {"spent", amount_text(line.spent)},
        {"running", amount_text(line.running)},
        {"committed", amount_text(line.committed)},
        {"history_days", line.history_days},
        {"note", line.note},
        {"days", std::move(days)}};
    object["expected"] = of_end(&ForecastDay::expected);
    object["low"] = of_end(&ForecastDay::low);
    object["high"] = of_end(&ForecastDay::high);
    return object;
}

json::object budget_json(const ForecastLine& line) {
    json::object object = line_json(line);
    object["limit"] = amount_json(line.limit);
    object["used_up"] = line.used_up;
    object["runs_out"] = day_json(line.runs_out);
    object["may_run_out"] = day_json(line.may_run_out);
    object["fits"] = amount_json(line.fits);
    return object;
}

}  // namespace

std::string forecast_text(const ForecastReport& report) {
    const ForecastLine& total = report.total;
    const Money so_far = total.spent + total.running;
    const int decimals = decimals_for(so_far);
    const std::chrono::year_month_day first{report.today.year() / report.today.month() / 1};
    std::string text = head_text(first, report.today, report.currency, report.rates) + "\n\n";
    const auto row = [&](std::string_view what, const std::string& amount) {
        text += fmt::format("{:<48} {:>12}\n", what, amount);
    };
    row("spent so far", money_figure(so_far, decimals));
    if (!total.running.is_zero()) {
        row("  of it by machines that run, not booked yet", money_figure(total.running, decimals));
    }
    if (!total.committed.is_zero()) {
        row("  and they cost until their end at the latest",
            money_figure(total.committed, decimals));
    }
    if (const ForecastDay* const end = total.at_end()) {
        row(fmt::format("expected by {}", config::to_text(total.end)),
            money_figure(end->expected, decimals));
        row("between", band_text(*end, decimals));
    } else {
        text += total.note + "\n";
    }
    text += budgets_text(report);
    text += fmt::format("\nmethod: {}; {} days of history\n", report.method, total.history_days);
    for (const std::string& note : report.notes) {
        text += note + "\n";
    }
    return text;
}

std::string forecast_json(const ForecastReport& report) {
    json::array budgets;
    for (const ForecastLine& line : report.budgets) {
        budgets.emplace_back(budget_json(line));
    }
    return json::serialize(json::object{
        {"schema", "evenkeel.forecast/1"},
        {"today", config::to_text(report.today)},
        {"currency", report.currency.text()},
        {"rates", texts_json(report.rates)},
        {"method", report.method},
        {"total", line_json(report.total)},
        {"budgets", std::move(budgets)},
        {"notes", texts_json(report.notes)}});
}

std::string forecast_csv(const ForecastReport& report) {
    std::string text =
        "name,per,end,limit,spent,running,committed,expected,low,high,currency,history_days,"
        "used_up,runs_out,may_run_out,fits,note\r\n";
    const auto amount = [](const std::optional<Money>& money) {
        return money ? amount_text(*money) : std::string{};
    };
    const auto day = [](const std::optional<std::chrono::year_month_day>& date) {
        return date ? config::to_text(*date) : std::string{};
    };
    const auto add = [&](const ForecastLine& line) {
        const ForecastDay* const end = line.at_end();
        text += fmt::format(
            "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\r\n",
            csv_field(name_of(line)),
            line.per,
            config::to_text(line.end),
            amount(line.limit),
            amount_text(line.spent),
            amount_text(line.running),
            amount_text(line.committed),
            end ? amount_text(end->expected) : "",
            end ? amount_text(end->low) : "",
            end ? amount_text(end->high) : "",
            report.currency.text(),
            line.history_days,
            line.used_up,
            day(line.runs_out),
            day(line.may_run_out),
            amount(line.fits),
            csv_field(line.note));
    };
    add(report.total);
    for (const ForecastLine& line : report.budgets) {
        add(line);
    }
    return text;
}

}  // namespace evenkeel::report
