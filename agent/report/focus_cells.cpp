#include "agent/report/focus_cells.hpp"

#include "agent/ledger/sha256.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::report::focus {

namespace {

constexpr std::int64_t nano = 1'000'000'000;
constexpr std::string_view mtok = "1000000 Tokens";

}  // namespace

std::string time_text(UtcTime time) {
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", std::chrono::floor<std::chrono::seconds>(time));
}

void set_period(FocusRow& row, UtcTime from, UtcTime to) {
    using namespace std::chrono;
    const auto start = floor<seconds>(from);
    row[Focus::charge_period_start] = time_text(start);
    row[Focus::charge_period_end] = time_text(std::max(floor<seconds>(to), start + seconds{1}));
    const year_month_day day{floor<days>(start)};
    const year_month month{day.year(), day.month()};
    row[Focus::billing_period_start] = time_text(sys_days{month / 1});
    row[Focus::billing_period_end] = time_text(sys_days{(month + months{1}) / 1});
}

void set_hour(FocusRow& row, UtcTime at) {
    const auto hour = std::chrono::floor<std::chrono::hours>(at);
    set_period(row, hour, hour + std::chrono::hours{1});
}

void set_costs(FocusRow& row, Money billed, Money effective, Money list) {
    row[Focus::billed_cost] = amount_text(billed);
    row[Focus::effective_cost] = amount_text(effective);
    row[Focus::list_cost] = amount_text(list);
    row[Focus::contracted_cost] = amount_text(list);
}

std::string ratio_text(std::int64_t quantity, std::int64_t per) {
    return format_decimal(mul_div(quantity, nano, per, Rounding::half_even).value_or(0), 9);
}

void set_unit_price(FocusRow& row, const Price& price) {
    row[Focus::list_unit_price] = amount_text(price.per_display_unit());
    row[Focus::contracted_unit_price] = row[Focus::list_unit_price];
}

void set_tx(FocusRow& row, const ledger::TxView& tx, const ledger::PostingView& posting) {
    row[Focus::ledger_hash] = ledger::to_hex(tx.hash);
    if (posting.price) {
        row[Focus::price_seen] = time_text(posting.price_seen);
    }
}

std::string_view last_part(std::string_view text) {
    return text.substr(text.rfind(':') + 1);
}

void set_tokens(FocusRow& row, std::int64_t tokens) {
    row[Focus::pricing_quantity] = format_decimal(tokens, 6);
    row[Focus::pricing_unit] = mtok;
    row[Focus::consumed_quantity] = std::to_string(tokens);
    row[Focus::consumed_unit] = "Tokens";
}

}  // namespace evenkeel::report::focus
