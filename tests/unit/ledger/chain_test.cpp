#include "agent/ledger/chain.hpp"

#include "agent/ledger/sha256.hpp"
#include "tests/unit/ledger/ledger_fixture.hpp"

namespace evenkeel::ledger {
namespace {

TEST(Sha256, KnowsTheStandardVectors) {
    EXPECT_EQ(
        to_hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(
        to_hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Sha256, CanonicalBytesAreUnambiguous) {
    EXPECT_NE(Canonical{}.add("ab").add("c").bytes(), Canonical{}.add("a").add("bc").bytes());
    EXPECT_EQ(
        Canonical{}.add(std::int64_t{-2}).bytes(), std::string("\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF"));
}

/// A ledger file with two good transactions, and a connection that is not the writer's.
class LedgerTriggers : public LedgerTest {
protected:
    void SetUp() override {
        open();
        store_names(*ledger_);
        ASSERT_TRUE(ledger_->record(api_request(1, 100)));
        ASSERT_TRUE(ledger_->record(api_request(2, 200)));
        ledger_->price_seen(
            {offer_cloud, "hour", Price::per_hour(dollars(1)), test_start, test_start});
        ledger_->fx_seen({usd, aud, 3, 2, test_start});
        ledger_->decision({.kind = "hold"});
        Answer<std::int64_t> policy;
        ledger_->policy("x", "root", policy.done());
        ASSERT_TRUE(policy.get());
        close();
        database_ = std::make_unique<Database>(file(), Database::Mode::read_write);
        database_->exec("PRAGMA foreign_keys=ON; PRAGMA recursive_triggers=ON");
    }
    void expect_refused(const std::string& sql, const std::string& because) {
        try {
            database_->exec(sql);
            ADD_FAILURE() << "was accepted: " << sql;
        } catch (const SqlError& error) {
            EXPECT_NE(std::string{error.what()}.find(because), std::string::npos)
                << sql << " -> " << error.what();
        }
    }
    std::unique_ptr<Database> database_;
};

TEST_F(LedgerTriggers, KeepRowsAsTheyAre) {
    for (const char* table : {"tx", "posting", "price", "fx_rate", "decision", "policy"}) {
        expect_refused(std::string{"DELETE FROM "} + table, "append-only");
    }
    expect_refused("UPDATE tx SET at_us = 0", "append-only");
    expect_refused("UPDATE posting SET amount = amount * 2", "append-only");
    expect_refused("UPDATE price SET num = 0", "append-only");
    expect_refused("UPDATE fx_rate SET num = 9", "append-only");
    expect_refused("UPDATE decision SET reason = 0", "append-only");
    expect_refused("UPDATE policy SET text = ''", "append-only");
    expect_refused("UPDATE name SET text = 'x' WHERE ix = 1", "keeps its number");
    expect_refused("DELETE FROM name", "keeps its number");
    expect_refused(
        "INSERT OR REPLACE INTO posting SELECT tx, line, account, currency, 5, quantity,"
        " unit, price FROM posting LIMIT 1",
        "closed transaction");
    expect_refused("INSERT OR REPLACE INTO tx SELECT * FROM tx LIMIT 1", "already");
    expect_refused(
        "INSERT OR REPLACE INTO price SELECT id, offer, meter, currency, 0, den, seen_us,"
        " from_us FROM price",
        "append-only");
}

TEST_F(LedgerTriggers, WantZeroSums) {
    database_->exec("BEGIN");
    database_->exec("INSERT INTO posting VALUES(999, 0, 'expense:x', 'USD', 5, 0, '', NULL)");
    database_->exec("INSERT INTO posting VALUES(999, 1, 'payable:x', 'AUD', -5, 0, '', NULL)");
    expect_refused(
        "INSERT INTO tx SELECT 999, 0, 3, 0, 20261123, 'x', 0, 'x', NULL, hash, hash"
        " FROM tx WHERE seq = 2",
        "sum to zero");
    database_->rollback_quietly();
    expect_refused(
        "INSERT INTO tx SELECT 999, 0, 3, 0, 20261123, 'x', 0, 'x', NULL, hash, hash"
        " FROM tx WHERE seq = 2",
        "must have postings");
    expect_refused(
        "INSERT INTO posting VALUES(999, 0, 'expense:x', 'USD', 5, 0, '', NULL)", "FOREIGN KEY");
}

TEST_F(LedgerTriggers, WantTheChainContinued) {
    database_->exec("BEGIN");
    database_->exec("INSERT INTO posting VALUES(999, 0, 'expense:x', 'USD', 5, 0, '', NULL)");
    database_->exec("INSERT INTO posting VALUES(999, 1, 'payable:x', 'USD', -5, 0, '', NULL)");
    const std::string insert =
        "INSERT INTO tx SELECT 999, 0, {}, 0, 20261123, 'x', 0, '{}', NULL,"
        " hash, hash FROM tx WHERE seq = {}";
    expect_refused(
        "INSERT INTO tx SELECT 999, 0, 3, 0, 20261123, 'x', 0, 'x', NULL, hash, hash"
        " FROM tx WHERE seq = 1",
        "continue the hash chain");
    expect_refused(
        "INSERT INTO tx SELECT 999, 0, 4, 0, 20261123, 'x', 0, 'x', NULL, hash, hash"
        " FROM tx WHERE seq = 2",
        "continue the hash chain");
    expect_refused(
        "INSERT INTO tx SELECT 999, 0, 3, 0, 20261123, 'x', 0, 'request:1', NULL, hash,"
        " hash FROM tx WHERE seq = 2",
        "already");
    database_->exec(
        "INSERT INTO tx SELECT 999, 0, 3, 0, 20261123, 'x', 0, 'x', NULL, hash, hash"
        " FROM tx WHERE seq = 2");
    database_->rollback_quietly();
}

}  // namespace
}  // namespace evenkeel::ledger
