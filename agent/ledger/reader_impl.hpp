#pragma once

#include "agent/ledger/reader.hpp"
#include "agent/ledger/sqlite.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace evenkeel::ledger {

struct Reader::Impl {
    explicit Impl(std::unique_ptr<Database> opened) : database{std::move(opened)} {}
    std::unique_ptr<Database> database;
};

/// From offer, meter, currency, num, den, seen_us, from_us.
[[nodiscard]] PriceSeen price_row(const Statement& row);
/// A query for requests: `rest` is what follows FROM request AS r, and request_of reads its rows.
[[nodiscard]] std::string select_requests(Database& database, std::string_view rest);
[[nodiscard]] RequestView request_of(const Statement& row);

/// Runs `work` within one read transaction, that of a snapshot where there is one, and turns
/// SQLite's failures into values.
template <class Work>
auto reading(Database& database, Work work) -> Result<decltype(work())> {
    const bool is_alone = !database.in_transaction();
    try {
        if (is_alone) {
            database.exec("BEGIN");
        }
        auto result = work();
        if (is_alone) {
            database.exec("COMMIT");
        }
        return result;
    } catch (const SqlError& error) {
        database.rollback_quietly();
        return std::unexpected{to_error(error)};
    }
}

}  // namespace evenkeel::ledger
