#include "agent/report/csv.hpp"
#include "agent/report/figures.hpp"
#include "agent/report/spend_days.hpp"
#include "providers/http/rfc3339.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace evenkeel::report {

namespace {

namespace json = boost::json;

std::string name_of(const DayLine& line) {
    return fmt::format("{}{}", line.label, line.synthetic ? " (synthetic)" : "");
}

constexpr std::array<std::pair<std::string_view, Money SpendHour::*>, 5> columns{
    {{"own", &SpendHour::own},
     {"rental", &SpendHour::rental},
     {"api", &SpendHour::api},
     {"waste", &SpendHour::waste},
     {"adjust", &SpendHour::adjust}}};

}  // namespace

std::string spend_days_text(const SpendDays& spend) {
    const int decimals = decimals_for(spend.total);
    std::string text = head_text(spend.first, spend.last, spend.currency, spend.rates) + "\n\n";
    if (spend.days.empty()) {
        return text + "nothing was asked and nothing was spent in this time\n";
    }
    std::size_t width = 18;
    for (const SpendDay& day : spend.days) {
        for (const DayLine& line : day.lines) {
            width = std::max(width, name_of(line).size() + (line.kind.empty() ? 0 : 7));
        }
    }
    text += fmt::format("{:<10}  {:<{}} {:>9} {:>12}\n", "DAY", "", width, "REQUESTS", "COST");
    const auto row = [&](std::string_view day,
                         std::string_view what,
                         const std::string& requests,
                         Money cost) {
        text += fmt::format(
            "{:<10}  {:<{}} {:>9} {:>12}\n",
            day,
            what,
            width,
            requests,
            money_figure(cost, decimals));
    };
    for (const SpendDay& day : spend.days) {
        std::string date = config::to_text(day.day);
        for (const DayLine& line : day.lines) {
            const std::string what =
                line.kind.empty() ? name_of(line)
                                  : fmt::format("{:<6} {}", kind_word(line.kind), name_of(line));
            row(date, what, grouped(line.requests), line.cost);
            date.clear();
        }
    }
    row("total", "", "", spend.total);
    return text;
}

std::string spend_days_json(const SpendDays& spend) {
    json::array days;
    for (const SpendDay& day : spend.days) {
        json::array lines;
        for (const DayLine& line : day.lines) {
            lines.emplace_back(json::object{
                {"kind", line.kind},
                {"label", line.label},
                {"synthetic", line.synthetic},
                {"requests", line.requests},
                {"cost", amount_text(line.cost)}});
        }
        days.emplace_back(json::object{
            {"day", config::to_text(day.day)},
            {"cost", amount_text(day.cost)},
            {"lines", std::move(lines)}});
    }
    return json::serialize(json::object{
        {"schema", "evenkeel.spend-days/1"},
        {"first", config::to_text(spend.first)},
        {"last", config::to_text(spend.last)},
        {"currency", spend.currency.text()},
        {"rates", texts_json(spend.rates)},
        {"by", to_text(spend.by)},
        {"days", std::move(days)},
        {"total", amount_text(spend.total)}});
}

std::string spend_days_csv(const SpendDays& spend) {
    std::string text = "day,kind,label,synthetic,requests,cost,currency\r\n";
    for (const SpendDay& day : spend.days) {
        for (const DayLine& line : day.lines) {
            text += fmt::format(
                "{},{},{},{},{},{},{}\r\n",
                config::to_text(day.day),
                line.kind,
                csv_field(line.label),
                line.synthetic,
                line.requests,
                amount_text(line.cost),
                spend.currency.text());
        }
    }
    return text;
}

std::string spend_hours_text(const SpendHours& spend, const ledger::Zone& zone) {
    SpendHour sum;
    for (const SpendHour& hour : spend.hours) {
        for (const auto& [name, column] : columns) {
            sum.*column += hour.*column;
        }
    }
    const int decimals = decimals_for(sum.own + sum.rental + sum.api + sum.waste + sum.adjust);
    std::string text = fmt::format("money an hour, {}", spend.currency.text());
    for (const std::string& rate : spend.rates) {
        text += fmt::format(", {}", rate);
    }
    text += fmt::format("\n\n{:<16}", "HOUR");
    for (const char* const name : {"OWN", "RENTED", "API", "NOT SERVING", "ADJUSTED", "ALL"}) {
        text += fmt::format(" {:>12}", name);
    }
    text += '\n';
    const auto row = [&](std::string_view what, const SpendHour& hour) {
        Money all{0, spend.currency};
        text += fmt::format("{:<16}", what);
        for (const auto& [name, column] : columns) {
            text += fmt::format(" {:>12}", money_figure(hour.*column, decimals));
            all += hour.*column;
        }
        text += fmt::format(" {:>12}\n", money_figure(all, decimals));
    };
    for (const SpendHour& hour : spend.hours) {
        row(minute_text(hour.at, zone), hour);
    }
    row("total", sum);
    return text;
}

std::string spend_hours_json(const SpendHours& spend) {
    json::array hours;
    for (const SpendHour& hour : spend.hours) {
        json::object object{{"at", providers::format_rfc3339(hour.at)}};
        for (const auto& [name, column] : columns) {
            object[name] = amount_text(hour.*column);
        }
        hours.emplace_back(std::move(object));
    }
    return json::serialize(json::object{
        {"schema", "evenkeel.hours/1"},
        {"since", providers::format_rfc3339(spend.since)},
        {"until", providers::format_rfc3339(spend.until)},
        {"currency", spend.currency.text()},
        {"rates", texts_json(spend.rates)},
        {"hours", std::move(hours)}});
}

std::string spend_hours_csv(const SpendHours& spend) {
    std::string text = "at,own,rental,api,waste,adjust,currency\r\n";
    for (const SpendHour& hour : spend.hours) {
        text += providers::format_rfc3339(hour.at);
        for (const auto& [name, column] : columns) {
            text += fmt::format(",{}", amount_text(hour.*column));
        }
        text += fmt::format(",{}\r\n", spend.currency.text());
    }
    return text;
}

}  // namespace evenkeel::report
