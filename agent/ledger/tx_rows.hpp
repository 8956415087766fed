#pragma once

#include "agent/ledger/rows.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// Transactions as they are read back.
namespace evenkeel::ledger {

/// One line of a transaction.
struct PostingView {
    std::string account{};
    Money amount{};
    std::int64_t quantity{0};
    std::string unit{};            ///< "token", "ns", "uJ" or ""
    std::optional<Price> price{};  ///< the one it was reckoned with, where there is one
    UtcTime price_seen{};          ///< epoch without a price
};

struct TxView {
    TxId id{};
    std::int64_t gateway{0};
    std::int64_t seq{0};
    UtcTime at{};
    std::int64_t day{0};  ///< it is booked in: 20261123
    std::string kind{};   ///< "request", "lapse", "phase", "adjust" or "power"
    std::int64_t ref{0};  ///< a request or a machine; 0: neither
    std::string idem{};
    std::optional<TxId> corrects{};
    std::string hash{};  ///< 32 raw bytes
    std::vector<PostingView> postings{};
};

/// Which transactions are meant.
struct TxFilter {
    std::int64_t first_day{0};  ///< booking days, both included
    std::int64_t last_day{99'991'231};
    std::string account{};  ///< it, or all below it: "expense:rental"; empty: any
    std::string kind{};     ///< empty: any
    RequestId request{};    ///< none: about anything
    MachineId machine{};    ///< none: about anything
    UtcTime not_before{};   ///< nothing older is looked at; `first_day` does the exact cut
};

/// Some of them.
struct TxPage {
    std::vector<TxView> rows{};
    std::optional<TxId> next{};  ///< go on below it; none at the end
};

/// How one machine is called.
struct MachineName {
    MachineId id{};
    std::string name{};       ///< "ek-<agent id>-<intent>"
    std::string remote_id{};  ///< empty until known
    std::string source{};     ///< "runpod-1"; given again to another machine after its end
    NameIx provider{};
};

/// What the phases and adjustments of one machine posted in some days; one currency.
struct MachineSums {
    MachineId machine{};
    Money metered{};   ///< its phases
    Money adjusted{};  ///< what bills said beyond that
    int prices{0};     ///< how many different prices its phases were reckoned with
};

/// Tokens that one machine answered with and was asked with.
struct MachineTokens {
    MachineId machine{};
    std::int64_t earlier{0};  ///< before the time in question
    std::int64_t all{0};
};

/// Power and wear of own hardware in one hour, by the source it was posted for.
struct OwnHour {
    NameIx source{};
    UtcTime hour{};
    Money power{};
    Money wear{};
};

/// What a provider said one machine cost.
struct BillSeen {
    NameIx provider{};
    std::string remote_id{};
    MachineId machine{};  ///< none: no row knows it. Found by the ledger, not given to it.
    UtcTime at{};         ///< when it last changed. Given by the ledger, too.
    Money amount{};
    bool final{false};
};

/// Detail that was deleted by age.
struct Deleted {
    std::string what{};  ///< "request", "hold" or "machine_event"
    std::int64_t rows{0};
    UtcTime before{};  ///< of its kind nothing older is left, but what is still open
};

}  // namespace evenkeel::ledger
