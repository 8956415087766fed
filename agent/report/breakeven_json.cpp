#include "agent/report/breakeven.hpp"
#include "providers/http/rfc3339.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <utility>

namespace evenkeel::report {

namespace json = boost::json;
using breakeven::Exact;

namespace {

json::value number(const std::optional<Exact>& value) {
    return value ? json::value(breakeven::to_fixed(*value)) : json::value(nullptr);
}

json::value seen_json(const std::optional<UtcTime>& seen) {
    return seen ? json::value(providers::format_rfc3339(*seen)) : json::value(nullptr);
}

json::array rows_json(const breakeven::Comparison& comparison) {
    json::array rows;
    for (const breakeven::Row& row : comparison.rows) {
        rows.emplace_back(json::object{
            {"instead_of", row.what},
            {"kind", row.rental ? "rent" : "api"},
            {"per_month", breakeven::to_fixed(row.monthly)},
            {"status", row.answer.status},
            {"months", row.answer.unit == "months" ? number(row.answer.expected) : json::value()},
            {"price_seen", seen_json(row.seen)},
            {"stale", row.stale}});
    }
    return rows;
}

json::array swings_json(const breakeven::Comparison& comparison) {
    json::array swings;
    for (const breakeven::Swing& swing : comparison.swings) {
        swings.emplace_back(json::object{
            {"what", swing.what},
            {"low", swing.low},
            {"low_months", number(swing.low_months)},
            {"high", swing.high},
            {"high_months", number(swing.high_months)}});
    }
    return swings;
}

json::array reserved_json(const breakeven::Comparison& comparison) {
    json::array list;
    for (const breakeven::Reserved& one : comparison.reserved) {
        list.emplace_back(json::object{
            {"what", one.reservation.what},
            {"rate", breakeven::to_fixed(one.reservation.rate, 4)},
            {"against", one.reservation.against},
            {"list_rate", breakeven::to_fixed(one.reservation.list_rate, 4)},
            {"currency", one.reservation.currency.text()},
            {"status", one.answer.status},
            {"percent", number(one.answer.expected)},
            {"hours_a_month", number(one.answer.aux)}});
    }
    return list;
}

json::array ways_json(const breakeven::Comparison& comparison) {
    json::array list;
    for (const breakeven::Way& way : comparison.ways) {
        list.emplace_back(
            json::object{{"what", way.what}, {"cost", breakeven::to_fixed(way.cost)}});
    }
    return list;
}

json::array rates_json(const breakeven::Situation& situation) {
    json::array list;
    for (const auto& [pair, rate] : situation.rates) {
        list.emplace_back(json::object{
            {"from", pair.first.text()},
            {"to", pair.second.text()},
            {"rate", breakeven::to_fixed(rate, 9)}});
    }
    return list;
}

json::array versus_json(const breakeven::Comparison& comparison) {
    json::array list;
    for (const breakeven::RentVersusApi& one : comparison.versus) {
        list.emplace_back(json::object{
            {"rent", one.rental},
            {"api", one.api},
            {"status", one.month.status},
            {"mtok_a_month", number(one.month.expected)},
            {"tokens_per_s", number(one.month.aux)},
            {"burst_status", one.burst.status},
            {"burst_ktok", number(one.burst.expected)},
            {"burst_cost", number(one.burst.aux)}});
    }
    return list;
}

}  // namespace

std::string breakeven_json(
    const BreakevenInput& input,
    const std::optional<MeasuredUse>& measured,
    const breakeven::Comparison& comparison) {
    const breakeven::Situation& situation = input.situation;
    json::object object{
        {"schema", "evenkeel.breakeven/1"},
        {"currency", situation.report.text()},
        {"rates", rates_json(situation)},
        {"hours_per_month", situation.hours_per_month},
        {"use", breakeven::to_fixed(situation.use, 4)},
        {"use_from", input.use_from},
        {"power_per_month", number(comparison.power_monthly)},
        {"wear_per_month", number(input.wear_monthly)},
        {"tariff_per_kwh", breakeven::to_fixed(situation.tariff, 4)},
        {"tariff_currency", situation.tariff_currency.text()}};
    object["machine"] = situation.own
                            ? json::value(json::object{
                                  {"name", situation.own->name},
                                  {"price", breakeven::to_fixed(situation.own->price)},
                                  {"currency", situation.own->currency.text()},
                                  {"residual", breakeven::to_fixed(situation.own->residual, 3)}})
                            : json::value(nullptr);
    object["tokens"] =
        situation.tokens
            ? json::value(json::object{
                  {"from", input.tokens_from},
                  {"in_mtok", breakeven::to_fixed(situation.tokens->in_mtok)},
                  {"out_mtok", breakeven::to_fixed(situation.tokens->out_mtok)},
                  {"cached_share", breakeven::to_fixed(situation.tokens->cached_fraction, 4)}})
            : json::value(nullptr);
    object["horizon_months"] = situation.horizon_months;
    object["over_horizon"] = ways_json(comparison);
    object["rows"] = rows_json(comparison);
    object["swings_of"] = comparison.base ? json::value(comparison.rows[*comparison.base].what)
                                          : json::value(nullptr);
    object["swings"] = swings_json(comparison);
    object["reserved"] = reserved_json(comparison);
    object["rent_versus_api"] = versus_json(comparison);
    if (measured) {
        json::object per;
        for (const auto& [kind, cost] : measured->per_mtok) {
            per[kind] = breakeven::to_fixed(cost, 4);
        }
        object["measured_per_mtok"] = std::move(per);
    }
    json::array notes;
    for (const auto* list : {&input.notes, &comparison.notes}) {
        for (const std::string& note : *list) {
            notes.emplace_back(note);
        }
    }
    object["notes"] = std::move(notes);
    return json::serialize(object);
}

}  // namespace evenkeel::report
