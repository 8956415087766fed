#include "agent/report/csv.hpp"
#include "agent/report/figures.hpp"
#include "agent/report/idle.hpp"
#include "providers/http/rfc3339.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace evenkeel::report {

namespace {

namespace json = boost::json;

std::string name_of(const IdleLine& line) {
    return fmt::format(
        "{}{}{}{}",
        line.name,
        line.name.empty() ? "" : " ",
        line.machine,
        line.synthetic ? " (synthetic)" : "");
}

/// "start: overflow has cost ...", as far as it is known.
std::string why_text(const IdleLine& line) {
    return line.why.empty() ? std::string{words_of(line.cause)}
                            : fmt::format("{}: {}", words_of(line.cause), line.why);
}

std::string cause_text(const IdleTotal& total) {
    return total.reason == ReasonCode::none
               ? std::string{words_of(total.cause)}
               : fmt::format("{} ({})", words_of(total.cause), to_text(total.reason));
}

std::string lines_text(const Idle& idle, int decimals) {
    if (idle.lines.empty()) {
        return {};
    }
    std::size_t width = 8;
    for (const IdleLine& line : idle.lines) {
        width = std::max(width, name_of(line).size());
    }
    std::string text = fmt::format(
        "{:<{}}  {:<14}  {:<19} {:>9} {:>12}  {}\n",
        "MACHINE",
        width,
        "PHASE",
        "FROM",
        "TIME",
        "COST",
        "WHY");
    for (const IdleLine& line : idle.lines) {
        text += fmt::format(
            "{:<{}}  {:<14}  {:<19} {:>9} {:>12}  {}\n",
            name_of(line),
            width,
            phase_word(to_text(line.phase)),
            second_text(line.from, idle.zone),
            time_figure(line.time),
            money_figure(line.cost, decimals),
            line.to ? why_text(line) : "still runs, not booked yet: " + why_text(line));
    }
    return text + "\n";
}

std::string own_text(const Idle& idle, int decimals) {
    std::map<std::string, OwnIdleDay> sums;
    for (const OwnIdleDay& day : idle.own) {
        OwnIdleDay& sum = sums[day.hardware];
        sum.on += day.on;
        sum.idle += day.idle;
        sum.power += day.power;
        sum.wear += day.wear;
    }
    if (sums.empty()) {
        return {};
    }
    std::string text = fmt::format(
        "{:<18}  {:>9} {:>9} {:>12} {:>12}\n", "OWN HARDWARE", "ON", "AT REST", "POWER", "WEAR");
    for (const auto& [hardware, sum] : sums) {
        text += fmt::format(
            "{:<18}  {:>9} {:>9} {:>12} {:>12}\n",
            hardware,
            time_figure(sum.on),
            time_figure(sum.idle),
            money_figure(sum.power, decimals),
            money_figure(sum.wear, decimals));
    }
    return text + "\n";
}

json::value time_json(const std::optional<UtcTime>& time) {
    return time ? json::value(providers::format_rfc3339(*time)) : json::value(nullptr);
}

json::object line_json(const IdleLine& line) {
    json::object object{
        {"machine", line.machine},
        {"name", line.name},
        {"provider", line.provider},
        {"model", line.model},
        {"gpu", line.gpu},
        {"synthetic", line.synthetic},
        {"phase", to_text(line.phase)},
        {"from", providers::format_rfc3339(line.from)},
        {"seconds", whole_seconds(line.time)},
        {"cost", amount_text(line.cost)},
        {"booked", line.to.has_value()},
        {"cause", to_text(line.cause)},
        {"reason", to_text(line.reason.code)},
        {"why", line.why}};
    object["to"] = time_json(line.to);
    return object;
}

}  // namespace

std::string idle_text(const Idle& idle) {
    const int decimals = decimals_for(idle.total);
    std::string text = head_text(idle.first, idle.last, idle.currency, idle.rates) +
                       "          paid without work\n\n";
    if (idle.lines.empty() && idle.own.empty()) {
        return text + "no machine was paid and no own hardware was on in this time\n";
    }
    text += lines_text(idle, decimals) + own_text(idle, decimals);
    std::size_t width = 28;
    for (const IdleTotal& total : idle.totals) {
        width = std::max(width, cause_text(total).size());
    }
    text += fmt::format("{:<{}} {:>9} {:>12} {:>7}\n", "CAUSE", width, "TIME", "COST", "SHARE");
    for (const IdleTotal& total : idle.totals) {
        text += fmt::format(
            "{:<{}} {:>9} {:>12} {:>7}\n",
            cause_text(total),
            width,
            time_figure(total.time),
            money_figure(total.cost, decimals),
            percent(total.cost.nanos(), idle.total.nanos()));
    }
    text += fmt::format(
        "{:<{}} {:>9} {:>12}\n", "total", width, "", money_figure(idle.total, decimals));
    if (!idle.own_wear.is_zero()) {
        text += fmt::format(
            "{} of it is wear of own hardware: lost worth, which nobody was paid\n",
            money_figure(idle.own_wear, decimals));
    }
    if (!idle.running.is_zero()) {
        text += fmt::format(
            "and {} so far for what still runs, booked at its end\n",
            money_figure(idle.running, decimals));
    }
    return text;
}

std::string idle_json(const Idle& idle) {
    json::array lines;
    for (const IdleLine& line : idle.lines) {
        lines.emplace_back(line_json(line));
    }
    json::array own;
    for (const OwnIdleDay& day : idle.own) {
        own.emplace_back(json::object{
            {"hardware", day.hardware},
            {"day", config::to_text(day.day)},
            {"on_s", whole_seconds(day.on)},
            {"idle_s", whole_seconds(day.idle)},
            {"power", amount_text(day.power)},
            {"wear", amount_text(day.wear)},
            {"cost", amount_text(day.cost())}});
    }
    json::array totals;
    for (const IdleTotal& total : idle.totals) {
        totals.emplace_back(json::object{
            {"cause", to_text(total.cause)},
            {"reason", to_text(total.reason)},
            {"words", cause_text(total)},
            {"count", total.count},
            {"seconds", whole_seconds(total.time)},
            {"cost", amount_text(total.cost)}});
    }
    return json::serialize(json::object{
        {"schema", "evenkeel.idle/1"},
        {"first", config::to_text(idle.first)},
        {"last", config::to_text(idle.last)},
        {"currency", idle.currency.text()},
        {"rates", texts_json(idle.rates)},
        {"lines", std::move(lines)},
        {"own", std::move(own)},
        {"totals", std::move(totals)},
        {"rental", amount_text(idle.rental)},
        {"own_power", amount_text(idle.own_power)},
        {"own_wear", amount_text(idle.own_wear)},
        {"running", amount_text(idle.running)},
        {"total", amount_text(idle.total)}});
}

std::string idle_csv(const Idle& idle) {
    std::string text =
        "kind,machine,name,provider,model,gpu,phase,from,to,seconds,cost,wear,currency,booked,"
        "cause,reason,why\r\n";
    for (const IdleLine& line : idle.lines) {
        text += fmt::format(
            "rental,{},{},{},{},{},{},{},{},{},{},,{},{},{},{},{}\r\n",
            csv_field(line.machine),
            csv_field(line.name),
            csv_field(line.provider),
            csv_field(line.model),
            csv_field(line.gpu),
            to_text(line.phase),
            providers::format_rfc3339(line.from),
            line.to ? providers::format_rfc3339(*line.to) : "",
            whole_seconds(line.time),
            amount_text(line.cost),
            idle.currency.text(),
            line.to.has_value(),
            to_text(line.cause),
            to_text(line.reason.code),
            csv_field(line.why));
    }
    // cost: with the wear in it
    for (const OwnIdleDay& day : idle.own) {
        text += fmt::format(
            "own,{},,,,,rest,{},{},{},{},{},{},true,{},,\r\n",
            csv_field(day.hardware),
            config::to_text(day.day),
            config::to_text(day.day),
            whole_seconds(day.idle),
            amount_text(day.cost()),
            amount_text(day.wear),
            idle.currency.text(),
            to_text(IdleCause::own_rest));
    }
    return text;
}

}  // namespace evenkeel::report
