// The hash chain, looked at in portions while the agent runs.
#include "agent/ledger/chain.hpp"
#include "agent/ledger/reader_impl.hpp"

#include <iterator>

namespace evenkeel::ledger {

namespace {

constexpr std::int64_t newest_checked = 256;
constexpr std::size_t problems_max = 4;

}  // namespace

Result<ChainCheck> Reader::check_chain(ChainPosition& at, std::int64_t count) {
    Database& database = *impl_->database;
    return reading(database, [&] {
        ChainCheck found = ledger::check_chain(database, newest_checked, problems_max);
        ChainCheck older = check_chain_part(database, at, count, problems_max);
        found.transactions += older.transactions;
        found.postings += older.postings;
        found.problems.insert(
            found.problems.end(),
            std::make_move_iterator(older.problems.begin()),
            std::make_move_iterator(older.problems.end()));
        return found;
    });
}

}  // namespace evenkeel::ledger
