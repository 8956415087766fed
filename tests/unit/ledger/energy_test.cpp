#include "agent/ledger/schema.hpp"
#include "tests/unit/ledger/ledger_fixture.hpp"

namespace evenkeel::ledger {
namespace {

using namespace std::chrono_literals;

/// A kilowatt-hour of four parts in ten of work, and wear in another currency.
PowerPost an_hour() {
    return {
        .hardware = "desk",
        .source = source_desk,
        .hour = test_start,
        .microjoules = 3'600'000'000'000,
        .price = *parse_price("0.33 USD/kWh"),
        .work_microjoules = 1'440'000'000'000,
        .host_microjoules = 360'000'000'000,
        .estimated_microjoules = 100,
        .on = 1h,
        .worked = 20min,
        .wear = Money{168'188'737, aud},
        .wear_worked = Money{56'062'912, aud}};
}

struct LedgerEnergy : LedgerTest {
    void SetUp() override {
        open();
        store_names(*ledger_);
    }
};

TEST_F(LedgerEnergy, IsReadBackByDaysAndSummed) {
    PowerPost post = an_hour();
    ledger_->power(post);
    ledger_->power(post);  // twice the same
    post.hour += 5min;
    ledger_->power(post);
    post.hour += std::chrono::days{1};
    ledger_->power(post);
    expect_sound();
    const std::int64_t day = day_number(Zone{}, test_start);
    const auto rows = reader().energy(day, day);
    ASSERT_TRUE(rows) << rows.error().message;
    ASSERT_EQ(rows->size(), 1u);
    const EnergyRow& row = rows->front();
    EXPECT_EQ(row.hardware, "desk");
    EXPECT_EQ(row.source, source_desk);
    EXPECT_EQ(row.idle_microjoules, 2 * 1'800'000'000'000);
    EXPECT_EQ(row.work_microjoules, 2 * 1'440'000'000'000);
    EXPECT_EQ(row.host_microjoules, 2 * 360'000'000'000);
    EXPECT_EQ(row.estimated_microjoules, 200);
    EXPECT_EQ(row.on, 2h);
    EXPECT_EQ(row.worked, 40min);
    EXPECT_EQ(row.idle + row.work + row.host, dollars(660'000'000));
    EXPECT_EQ(row.work, dollars(264'000'000));
    EXPECT_EQ(row.wear, (Money{336'377'474, aud}));
    EXPECT_EQ(row.wear_worked, (Money{112'125'824, aud}));
    EXPECT_EQ(reader().energy(day, day + 1)->front().on, 3h);
}

TEST_F(LedgerEnergy, WearIsNoSpending) {
    ledger_->power(an_hour());
    expect_sound();
    EXPECT_EQ(count("SELECT count(*) FROM tx"), 1) << "with the power, if there is any";
    EXPECT_EQ(count("SELECT sum(paid) FROM rollup_day"), 330'000'000);
    EXPECT_EQ(count("SELECT sum(amount) FROM posting WHERE account = 'asset:desk'"), -168'188'737);
    PowerPost unpaid = an_hour();
    unpaid.hour += 1h;
    unpaid.price.reset();
    ledger_->power(unpaid);
    unpaid.hour += 1h;
    unpaid.wear = unpaid.wear_worked = {};
    ledger_->power(unpaid);
    expect_sound();
    EXPECT_EQ(count("SELECT count(*) FROM tx"), 2);
    EXPECT_EQ(count("SELECT count(*) FROM energy"), 3) << "joules are kept all the same";
    EXPECT_EQ(count("SELECT count(*) FROM energy WHERE tx IS NULL"), 1);
}

TEST_F(LedgerEnergy, ItsRowsNeverChangeAndVerifyComparesThem) {
    ledger_->power(an_hour());
    close();
    EXPECT_THROW(shell("UPDATE energy SET wear = 0, wear_worked = 0"), SqlError);
    EXPECT_THROW(shell("DELETE FROM energy"), SqlError);
    shell("DROP TRIGGER energy_no_update; DROP TRIGGER energy_no_delete");
    const auto complaint = [&] {
        const auto found = reader().verify();
        return found->problems.empty() ? std::string{} : found->problems.front();
    };
    EXPECT_EQ(complaint(), "");
    shell("UPDATE energy SET work = work + 1");
    EXPECT_NE(complaint().find("energy or wear of desk"), std::string::npos) << complaint();
    shell("UPDATE energy SET work = work - 1, wear = wear + 1");
    EXPECT_NE(complaint().find("energy or wear of desk"), std::string::npos) << complaint();
    shell("DELETE FROM energy");
    EXPECT_NE(complaint().find("wear:desk has no row"), std::string::npos) << complaint();
}

TEST_F(LedgerEnergy, AnOlderSchemaHasNone) {
    const std::filesystem::path state = dir_.path() / "older";
    std::filesystem::create_directory(state);
    ASSERT_TRUE(create_database(
        state / ledger_file,
        embedded_migrations().first(4),
        {.zone = "UTC", .report_currency = "USD", .agent_id = "0011aabb", .created_us = 1},
        {}));
    auto books = Reader::open(state);
    ASSERT_TRUE(books) << books.error().message;
    EXPECT_TRUE(books->energy(0, 99'999'999)->empty());
    EXPECT_TRUE(books->gpu_hours(UtcTime{})->empty());
    EXPECT_TRUE(books->verify()->ok());
}

}  // namespace
}  // namespace evenkeel::ledger
