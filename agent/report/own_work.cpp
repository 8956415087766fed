#include "agent/report/own_work.hpp"

#include "policies/energy/cost.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::report {

namespace {

namespace json = boost::json;

/// "12.410": thousandths of a kWh.
std::string kwh(std::int64_t microjoules) {
    constexpr std::int64_t microjoules_per_wh = 3'600'000'000;
    const auto wh = mul_div(microjoules, 1, microjoules_per_wh, Rounding::half_even).value_or(0);
    return format_decimal(wh, 3, 3);
}

/// "163.2 h"; below an hour "1m 27s".
std::string hours(std::chrono::nanoseconds time) {
    if (time < std::chrono::hours{1}) {
        const auto seconds = std::chrono::floor<std::chrono::seconds>(time).count();
        return fmt::format("{}m {:02}s", seconds / 60, seconds % 60);
    }
    constexpr std::int64_t ns_per_tenth = 360'000'000'000;
    const auto tenths = mul_div(time.count(), 1, ns_per_tenth, Rounding::half_even).value_or(0);
    return format_decimal(tenths, 1, 1) + " h";
}

void add(const OwnLine& line, OwnLine& to) {
    to.idle_microjoules += line.idle_microjoules;
    to.work_microjoules += line.work_microjoules;
    to.host_microjoules += line.host_microjoules;
    to.estimated_microjoules += line.estimated_microjoules;
    to.on += line.on;
    to.worked += line.worked;
    to.power += line.power;
    to.power_work += line.power_work;
    to.wear += line.wear;
    to.wear_worked += line.wear_worked;
}

std::string row(const OwnLine& line, std::size_t width, int decimals) {
    return fmt::format(
        "{:<{}}  {:>10} {:>10} {:>9} {:>9} {:>9} {:>10} {:>10}\n",
        line.hardware,
        width,
        hours(line.on),
        hours(line.worked),
        kwh(line.idle_microjoules),
        kwh(line.work_microjoules),
        kwh(line.host_microjoules),
        rounded_text(line.power, decimals),
        rounded_text(line.wear, decimals));
}

json::object json_line(const OwnLine& line) {
    return {
        {"hardware", line.hardware},
        {"idle_microjoules", line.idle_microjoules},
        {"work_microjoules", line.work_microjoules},
        {"host_microjoules", line.host_microjoules},
        {"estimated_microjoules", line.estimated_microjoules},
        {"on_s", std::chrono::floor<std::chrono::seconds>(line.on).count()},
        {"worked_s", std::chrono::floor<std::chrono::seconds>(line.worked).count()},
        {"power", amount_text(line.power)},
        {"power_work", amount_text(line.power_work)},
        {"wear", amount_text(line.wear)},
        {"wear_worked", amount_text(line.wear_worked)}};
}

}  // namespace

Result<OwnWork> make_own_work(
    std::span<const ledger::EnergyRow> rows,
    std::int64_t tokens,
    Currency report,
    const std::function<Result<Money>(Money)>& convert) {
    const Money nothing{0, report};
    const OwnLine empty{
        .power = nothing, .power_work = nothing, .wear = nothing, .wear_worked = nothing};
    OwnWork own{.total = empty, .tokens = tokens};
    own.total.hardware = "all";
    for (const ledger::EnergyRow& stored : rows) {
        const auto power = convert(stored.idle + stored.work + stored.host);
        const auto work = convert(stored.work);
        const auto wear = convert(stored.wear);
        const auto worked = convert(stored.wear_worked);
        for (const auto* amount : {&power, &work, &wear, &worked}) {
            if (!*amount) {
                return std::unexpected{amount->error()};
            }
        }
        // Rows of one hardware in several currencies are next to each other.
        if (own.lines.empty() || own.lines.back().hardware != stored.hardware) {
            own.lines.push_back(empty);
            own.lines.back().hardware = stored.hardware;
        }
        const OwnLine more{
            .hardware = stored.hardware,
            .idle_microjoules = stored.idle_microjoules,
            .work_microjoules = stored.work_microjoules,
            .host_microjoules = stored.host_microjoules,
            .estimated_microjoules = stored.estimated_microjoules,
            .on = stored.on,
            .worked = stored.worked,
            .power = *power,
            .power_work = *work,
            .wear = *wear,
            .wear_worked = *worked};
        add(more, own.lines.back());
        add(more, own.total);
    }
    if (!own.lines.empty()) {
        const OwnLine& all = own.total;
        own.per_mtok_work = energy::per_mtok(all.power_work, tokens);
        own.per_mtok_power = energy::per_mtok(all.power, tokens);
        own.per_mtok_used = energy::per_mtok(all.power + all.wear_worked, tokens);
        own.per_mtok_all = energy::per_mtok(all.power + all.wear, tokens);
    }
    return own;
}

std::string own_work_text(const OwnWork& own, int decimals) {
    if (own.lines.empty()) {
        return {};
    }
    std::size_t width = 18;
    for (const OwnLine& line : own.lines) {
        width = std::max(width, line.hardware.size());
    }
    std::string text = fmt::format(
        "\n{:<{}}  {:>10} {:>10} {:>9} {:>9} {:>9} {:>10} {:>10}\n",
        "OWN HARDWARE",
        width,
        "ON",
        "IN USE",
        "IDLE kWh",
        "WORK kWh",
        "HOST kWh",
        "POWER",
        "WEAR");
    for (const OwnLine& line : own.lines) {
        text += row(line, width, decimals);
    }
    if (own.lines.size() > 1) {
        text += row(own.total, width, decimals);
    }
    if (own.per_mtok_all) {
        constexpr int small = 4;
        text += fmt::format(
            "a million tokens of own work: {} for the power of the work, {} with idle and host",
            rounded_text(*own.per_mtok_work, small),
            rounded_text(*own.per_mtok_power, small));
        if (!own.total.wear.is_zero()) {
            text += fmt::format(
                ",\n{} with the wear of the hours in use, {} with all wear",
                rounded_text(*own.per_mtok_used, small),
                rounded_text(*own.per_mtok_all, small));
        }
        text += '\n';
    }
    const OwnLine& all = own.total;
    const std::int64_t gpus = all.idle_microjoules + all.work_microjoules;
    if (all.estimated_microjoules > 0) {
        const auto percent =
            mul_div(all.estimated_microjoules, 100, gpus, Rounding::half_even).value_or(0);
        text += fmt::format(
            "{} % of idle and work is an estimate: no energy counter measured it\n",
            percent == 0 ? "less than 1" : std::to_string(percent));
    }
    return text;
}

json::object own_work_json(const OwnWork& own) {
    json::array lines;
    for (const OwnLine& line : own.lines) {
        lines.emplace_back(json_line(line));
    }
    const auto amount = [](const std::optional<Money>& money) {
        return money ? json::value(amount_text(*money)) : json::value(nullptr);
    };
    return {
        {"hardware", std::move(lines)},
        {"tokens", own.tokens},
        {"per_mtok_work", amount(own.per_mtok_work)},
        {"per_mtok_power", amount(own.per_mtok_power)},
        {"per_mtok_used", amount(own.per_mtok_used)},
        {"per_mtok_all", amount(own.per_mtok_all)}};
}

}  // namespace evenkeel::report
