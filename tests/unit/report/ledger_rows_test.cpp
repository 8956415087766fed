#include "agent/report/ledger_rows.hpp"

#include "tests/unit/ledger/ledger_fixture.hpp"

#include <boost/json.hpp>

namespace evenkeel::report {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

class LedgerRows : public ledger::LedgerTest {
protected:
    void SetUp() override {
        open();
        ledger::store_names(*ledger_);
        for (std::int64_t i = 1; i <= 3; ++i) {
            ledger::Request request = ledger::api_request(request_id(i), i * 1'000'000);
            request.at = clock_.read().utc;
            ASSERT_TRUE(ledger_->record(request));
            ASSERT_TRUE(ledger_->flush());
            clock_.advance(24h);
        }
        const auto first = ledger::intent(77, clock_.read());
        ASSERT_TRUE(step(first));
        auto boot = ledger::next_step(first, MachineState::booting, clock_.read());
        boot.machine.remote_id = "pod-1";
        boot.phases = {
            {.no = 1,
             .phase = Phase::boot,
             .from = clock_.read().utc - 60s,
             .amount = ledger::dollars(73'500'000),
             .paid_for = 60s}};
        ASSERT_TRUE(step(boot));
        ASSERT_TRUE(ledger_->flush());
    }
    static std::int64_t request_id(std::int64_t i) { return least_id_at(ledger::test_start) + i; }
    [[nodiscard]] LedgerAsked asked() const { return {.now = clock_.read().utc}; }
    [[nodiscard]] json::object page(const LedgerAsked& what) {
        auto books = reader();
        const auto text = ledger_json(books, what);
        if (!text) {
            throw std::runtime_error{text.error().message};
        }
        return json::parse(*text).as_object();
    }
    [[nodiscard]] Error error_of(const LedgerAsked& what) {
        auto books = reader();
        const auto text = ledger_json(books, what);
        return text ? Error{} : text.error();
    }
};

TEST_F(LedgerRows, JsonHoldsTheWholeTransaction) {
    const json::object found = page(asked());
    EXPECT_EQ(found.at("schema"), "evenkeel.ledger/1");
    EXPECT_TRUE(found.at("next").is_null());
    const json::array& rows = found.at("transactions").as_array();
    ASSERT_EQ(rows.size(), 4u);
    EXPECT_EQ(rows[0].at("kind"), "phase");
    EXPECT_EQ(rows[0].at("ref"), "ek-0011aabb-77");
    EXPECT_EQ(rows[0].at("day"), "2026-11-26");
    EXPECT_EQ(rows[0].at("hash").as_string().size(), 64u);
    const json::value& posting = rows[0].at("postings").at(0);
    EXPECT_EQ(posting.at("account"), "expense:rental:sandbox:boot");
    EXPECT_EQ(posting.at("amount"), "0.0735");
    EXPECT_EQ(posting.at("price"), "4.41 USD/h");
    EXPECT_EQ(posting.at("quantity"), 60'000'000'000);
    EXPECT_EQ(rows[1].at("ref").as_string(), request_id_text(RequestId{request_id(3)}));
    EXPECT_TRUE(rows[1].at("postings").at(0).at("price").is_null());
}

TEST_F(LedgerRows, NextGoesOnWhereThePageEnded) {
    LedgerAsked what = asked();
    what.limit = 3;
    const json::object first = page(what);
    EXPECT_EQ(first.at("transactions").as_array().size(), 3u);
    what.before = std::string{first.at("next").as_string()};
    const json::object second = page(what);
    ASSERT_EQ(second.at("transactions").as_array().size(), 1u);
    EXPECT_EQ(second.at("transactions").at(0).at("seq"), 1);
    EXPECT_TRUE(second.at("next").is_null());
}

TEST_F(LedgerRows, RefIsARequestOrAMachine) {
    LedgerAsked what = asked();
    what.ref = request_id_text(RequestId{request_id(2)});
    ASSERT_EQ(page(what).at("transactions").as_array().size(), 1u);
    const std::string listed = reader().machine_names()->front().source;
    ASSERT_FALSE(listed.empty()) << "as evenkeel nodes calls it";
    for (const std::string& machine :
         {std::string{"pod-1"}, std::string{"ek-0011aabb-77"}, listed}) {
        what.ref = machine;
        const json::object found = page(what);
        ASSERT_EQ(found.at("transactions").as_array().size(), 1u) << machine;
        EXPECT_EQ(found.at("transactions").at(0).at("kind"), "phase");
    }
    what.ref = "nobody";
    EXPECT_EQ(error_of(what).code, Errc::not_found);
    EXPECT_NE(error_of(what).message.find("evenkeel nodes"), std::string::npos);
}

TEST_F(LedgerRows, DaysAreBookingDays) {
    LedgerAsked what = asked();
    what.since = "2026-11-24";
    what.until = "2026-11-25";
    EXPECT_EQ(page(what).at("transactions").as_array().size(), 2u);
    what.since.reset();
    EXPECT_EQ(page(what).at("transactions").as_array().size(), 3u);
    what.until = "yesterday";
    EXPECT_EQ(error_of(what).code, Errc::invalid_argument);
}

TEST_F(LedgerRows, DaysOfAnEarlierZoneAreWholeAfterAChange) {
    close();
    clock_.advance(24h);
    // 10:00 of the 27th in UTC is the first minute of the 28th fourteen hours east.
    ledger::Options east = options();
    east.zone = "+14:00";
    open(east);
    ledger::Request request = ledger::api_request(least_id_at(clock_.read().utc) + 4, 4'000'000);
    request.at = clock_.read().utc;
    ASSERT_TRUE(ledger_->record(request));
    close();
    ledger::Options west = options();
    west.zone = "-12:00";
    open(west);
    LedgerAsked what = asked();
    what.zone = *ledger::Zone::load("-12:00");
    what.since = what.until = "2026-11-28";
    const json::object found = page(what);
    ASSERT_EQ(found.at("transactions").as_array().size(), 1u);
    EXPECT_EQ(found.at("transactions").at(0).at("day"), "2026-11-28");
}

TEST_F(LedgerRows, MistakesSayWhatToWrite) {
    LedgerAsked what = asked();
    what.kind = "phases";
    EXPECT_NE(error_of(what).message.find("request, lapse, phase"), std::string::npos);
    what = asked();
    what.before = "!";
    EXPECT_EQ(error_of(what).code, Errc::invalid_argument);
}

TEST_F(LedgerRows, CsvHasALineForEachPosting) {
    auto books = reader();
    std::string text;
    const auto next = each_transaction(
        books, asked(), 1, [&](const LedgerLine& line) { text += transaction_csv(line); });
    ASSERT_TRUE(next);
    EXPECT_TRUE(*next) << "there are older ones";
    EXPECT_EQ(std::ranges::count(text, '\n'), 2);
    EXPECT_NE(
        text.find(",1,expense:rental:sandbox:boot,0.0735,USD,60000000000,ns,4.41 USD/h,"),
        std::string::npos)
        << text;
    EXPECT_NE(text.find(",2,payable:sandbox,-0.0735,USD,0,,,"), std::string::npos) << text;
}

}  // namespace
}  // namespace evenkeel::report
