#pragma once

#include "agent/report/focus.hpp"

#include <cstdint>
#include <string>
#include <string_view>

/// Cells that many kinds of rows fill alike. For focus_*.cpp alone.
namespace evenkeel::report::focus {

/// "2026-11-23T10:00:00Z".
[[nodiscard]] std::string time_text(UtcTime time);
/// The period of the charge, and the month (UTC) that it begins in.
void set_period(FocusRow& row, UtcTime from, UtcTime to);
void set_hour(FocusRow& row, UtcTime at);
/// `list` also stands for the contracted cost: nothing is negotiated.
void set_costs(FocusRow& row, Money billed, Money effective, Money list);
/// `quantity` of `per` as a decimal number of nine places at most.
[[nodiscard]] std::string ratio_text(std::int64_t quantity, std::int64_t per);
void set_unit_price(FocusRow& row, const Price& price);
void set_tx(FocusRow& row, const ledger::TxView& tx, const ledger::PostingView& posting);
void set_tokens(FocusRow& row, std::int64_t tokens);
/// Behind the last colon.
[[nodiscard]] std::string_view last_part(std::string_view text);

}  // namespace evenkeel::report::focus
