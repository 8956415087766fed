#include "agent/metrics/metrics.hpp"
#include "tests/unit/ledger/ledger_fixture.hpp"

namespace evenkeel::ledger {
namespace {

using namespace std::chrono_literals;
using agent::metrics::ChainWatch;

class MetricsChain : public LedgerTest {};

TEST_F(MetricsChain, SaysSoOnceTheChainDoesNotHold) {
    open();
    store_names(*ledger_);
    for (std::int64_t id = 1; id <= 20; ++id) {
        ASSERT_TRUE(ledger_->record(api_request(id, id)));
    }
    close();
    ChainWatch watch{dir_.path() / "state"};
    EXPECT_TRUE(watch.ok(BootTime{1h}));
    shell("DROP TRIGGER tx_no_update; UPDATE tx SET at_us = at_us + 1 WHERE seq = 3");
    EXPECT_TRUE(watch.ok(BootTime{1h + 59s})) << "looked at a minute ago: not again";
    EXPECT_FALSE(watch.ok(BootTime{1h + 60s}));
    shell("UPDATE tx SET at_us = at_us - 1 WHERE seq = 3");
    EXPECT_FALSE(watch.ok(BootTime{2h})) << "it was seen: until somebody has looked";
}

TEST_F(MetricsChain, WithoutALedgerNothingIsSaid) {
    ChainWatch watch{dir_.path() / "state"};
    EXPECT_TRUE(watch.ok(BootTime{1h}));
}

}  // namespace
}  // namespace evenkeel::ledger
