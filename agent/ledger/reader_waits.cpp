// How long requests waited, row by row: no roll-up has it.
#include "agent/ledger/reader_impl.hpp"

#include <utility>

namespace evenkeel::ledger {

Result<std::optional<RequestId>> Reader::waits(
    UtcTime since, RequestId before, int limit, std::vector<WaitRow>& rows) {
    Database& database = *impl_->database;
    return reading(database, [&] {
        std::optional<RequestId> next;
        Statement row{
            database,
            "SELECT id, wait_ms, source FROM request WHERE id >= ?1 AND id < ?2"
            " ORDER BY id DESC LIMIT ?3"};
        row.query(least_id_at(since), before.value(), limit);
        int seen = 0;
        while (row.next()) {
            if (row.integer(2) != 0) {
                rows.push_back(
                    {.at = id_time(row.integer(0)),
                     .wait = std::chrono::milliseconds{row.integer(1)}});
            }
            if (++seen == limit) {
                next = RequestId{row.integer(0)};
            }
        }
        return next;
    });
}

void Reader::give_up_when(std::function<bool()> give_up) {
    impl_->database->give_up_when(std::move(give_up));
}

}  // namespace evenkeel::ledger
