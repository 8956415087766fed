#pragma once

#include "agent/ledger/reader.hpp"
#include "agent/ledger/zone.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

/// Transactions of the ledger, as `ledger show` lists and exports them.
namespace evenkeel::report {

struct LedgerAsked {
    UtcTime now{};  ///< from which "30d" counts back
    ledger::Zone zone{};
    std::optional<std::string> since{};  ///< booking days as in days.hpp; without both: all
    std::optional<std::string> until{};
    std::string account{};  ///< it and all below it: "expense:rental"; empty: any
    std::string kind{};     ///< "request", "lapse", "phase", "adjust", "power"; empty: any
    std::string ref{};      ///< "req_...", or a machine's name or provider id; empty: any
    std::string before{};   ///< `next` of the page before; empty: from the newest on
    int limit{50};          ///< of one page, 1 to 1000
};

/// One of them, with the name of what it is about; empty: nothing.
struct LedgerLine {
    ledger::TxView tx{};
    std::string ref{};
};

/// Tells `visit` of each that was meant, the newest first, at most `most` (0: all), in short
/// transactions; returns where the next page begins, if there is one. `limit` is not looked at.
/// Errors: invalid_argument (days, kind, before), not_found and conflict (ref), those of Reader.
[[nodiscard]] Result<std::optional<TxId>> each_transaction(
    ledger::Reader& reader,
    const LedgerAsked& asked,
    std::int64_t most,
    const std::function<void(const LedgerLine&)>& visit);

/// One page as evenkeel.ledger/1.
[[nodiscard]] Result<std::string> ledger_json(ledger::Reader& reader, const LedgerAsked& asked);

inline constexpr std::string_view ledger_json_head =
    R"({"schema":"evenkeel.ledger/1","transactions":[)";
/// An element of `transactions` in evenkeel.ledger/1.
[[nodiscard]] std::string transaction_json(const LedgerLine& line);

inline constexpr std::string_view ledger_csv_head =
    "id,gateway,seq,at,day,kind,ref,idem,corrects,hash,line,account,amount,currency,quantity,unit,"
    "price,price_seen\r\n";
/// A line for each posting.
[[nodiscard]] std::string transaction_csv(const LedgerLine& line);

}  // namespace evenkeel::report
