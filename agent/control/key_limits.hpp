#pragma once

#include "agent/ledger/books.hpp"
#include "agent/ledger/ledger.hpp"
#include "agent/ledger/reader.hpp"
#include "agent/ledger/zone.hpp"
#include "inference/gateway/gateway.hpp"
#include "policies/routing/catalogue.hpp"

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string_view>

namespace evenkeel::agent {

/// Keeps the gate and the books aware of what each client key may do: its limits, what it has used
/// of its window at a start or when the limit is new, and when the window ends. Control thread
/// only.
class KeyLimits {
public:
    KeyLimits(
        inference::Gateway& gateway,
        ledger::LedgerBooks& books,
        const routing::NameTable& names,
        ledger::Zone zone,
        std::filesystem::path state)
        : gateway_{gateway},
          books_{books},
          names_{names},
          zone_{std::move(zone)},
          state_{std::move(state)} {}

    /// All keys, before the first request: what they have used comes out of the books.
    void start(
        std::shared_ptr<const routing::Catalogue> catalogue,
        const ledger::Recovered& recovered,
        Now now);
    /// A new policy: amounts are counted at its rates.
    void apply(std::shared_ptr<const routing::Catalogue> catalogue, Now now);
    /// What a key may do from now on. True when its limit of money, or the window of that, or the
    /// key itself is new: nothing of it that is charged begins until `add_spent` has said what was
    /// spent before, while the gate counts what it spends from here on.
    [[nodiscard]] bool put(const ledger::KeyRow& row, Now now);
    /// What the books say that the key spent in its window. What ended between `put` and this call
    /// may count twice, until the window ends: never less than was spent.
    void add_spent(NameIx key, Now now);
    /// Tells the gate of each new window.
    void tick(Now now);

    /// The row of a living or revoked key.
    [[nodiscard]] const ledger::KeyRow* find(std::string_view name) const;

private:
    struct Seat {
        ledger::KeyRow row{};
        UtcTime window{};  ///< its start
    };
    void tell(Seat& seat, Now now, bool spent_unknown = false);
    [[nodiscard]] std::int64_t spent(const Seat& seat, Now now) const;
    void recall_minute(Now now);

    inference::Gateway& gateway_;
    ledger::LedgerBooks& books_;
    const routing::NameTable& names_;
    ledger::Zone zone_;
    std::filesystem::path state_;
    std::shared_ptr<const routing::Catalogue> catalogue_{};
    std::map<NameIx, Seat> seats_{};
};

}  // namespace evenkeel::agent
