// Client keys and when they were last used.
#include "agent/ledger/queries.hpp"
#include "agent/ledger/reader_impl.hpp"

namespace evenkeel::ledger {

Result<std::vector<KeyRow>> Reader::keys() {
    return reading(*impl_->database, [&] { return read_keys(*impl_->database); });
}

Result<std::map<NameIx, UtcTime>> Reader::keys_last_used() {
    Database& database = *impl_->database;
    return reading(database, [&] {
        std::map<NameIx, UtcTime> last;
        Statement row{database, "SELECT key, max(id) FROM request GROUP BY key"};
        while (row.next()) {
            last.emplace(
                NameIx{static_cast<std::int32_t>(row.integer(0))}, id_time(row.integer(1)));
        }
        return last;
    });
}

}  // namespace evenkeel::ledger
