#include "agent/report/requests.hpp"

#include "agent/report/spend.hpp"
#include "tests/unit/ledger/ledger_fixture.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

/// Requests listed and exported, and what was spent by their tags.
namespace evenkeel::report {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

class RequestsReport : public ledger::LedgerTest {
protected:
    void SetUp() override {
        open();
        ledger::store_names(*ledger_);
        ledger_->name({other_key, routing::NameKind::key, "=team,\"b\""});
    }
    RequestId book(
        const std::string& tags,
        std::int64_t paid = 1'000'000'000,
        UtcTime at = ledger::test_start) {
        const RequestId id{least_id_at(at) + ++booked_};
        ledger::Request request = ledger::api_request(id.value(), paid);
        request.at = at;
        request.tags = tags;
        request.usage = {.prompt = 75'000, .completion = 25'000};
        request.budgets.clear();
        EXPECT_TRUE(ledger_->record(request));
        EXPECT_TRUE(ledger_->flush());
        return id;
    }
    [[nodiscard]] std::vector<RequestLine> lines(RequestsAsked asked) const {
        std::vector<RequestLine> lines;
        auto books = reader();
        const auto read =
            each_request(books, asked, [&](const RequestLine& line) { lines.push_back(line); });
        EXPECT_TRUE(read) << read.error().message;
        return lines;
    }
    [[nodiscard]] Spend by_tag(const std::string& since = "2026-11-01") const {
        auto books = reader();
        auto spend = make_spend(
            books,
            {.now = ledger::test_start, .since = since, .by = SpendBy::tag, .currency = usd});
        if (!spend) {
            throw std::runtime_error{spend.error().message};
        }
        return *std::move(spend);
    }
    [[nodiscard]] static std::vector<std::string> told(const Spend& spend) {
        std::vector<std::string> told;
        for (const SpendLine& line : spend.lines) {
            told.push_back(
                fmt::format("{} {} {}", line.label, line.requests, amount_text(line.cost)));
        }
        return told;
    }
    static constexpr NameIx other_key{12};
    static constexpr UtcTime day_start{std::chrono::sys_days{std::chrono::November / 23 / 2026}};
    const RequestsAsked today{.since = day_start, .until = day_start + 24h};
    int booked_{0};
};

TEST_F(RequestsReport, ExportsEachWithItsTags) {
    const RequestId id = book("team=search,job=7");
    ledger::Request refused{.id = RequestId{id.value() + 1}, .at = ledger::test_start};
    refused.key = other_key;
    refused.outcome = Outcome::refused;
    refused.continued = refused.usage.estimated = true;
    refused.reason = {.code = ReasonCode::queue_full, .args = {}};
    ASSERT_TRUE(ledger_->record(refused));
    ASSERT_TRUE(ledger_->flush());
    const auto all = lines(today);
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(
        request_csv(all[1]),
        request_id_text(id) +
            ",2026-11-23T10:00:00.000Z,me,qwq-32b,default,claude,api,answered,,3,0,0,75000,0,0,"
            "25000,1.00,1.00,USD,,\"team=search,job=7\"\r\n");
    const std::string csv = request_csv(all[0]);
    EXPECT_NE(csv.find(",\"'=team,\"\"b\"\"\",,,,,refused,queue_full,"), std::string::npos) << csv;
    const auto columns = [](std::string_view line) { return std::ranges::count(line, ','); };
    EXPECT_EQ(columns(requests_csv_head) + 1, columns(request_csv(all[1])))
        << "one comma between the tags";

    const json::object said = json::parse(request_json(all[1])).as_object();
    EXPECT_EQ(said.at("id").as_string(), request_id_text(id));
    EXPECT_EQ(said.at("tags"), (json::array{"team=search", "job=7"}));
    EXPECT_EQ(said.at("paid").as_string(), "1.00");
    EXPECT_EQ(said.at("kind").as_string(), "api");
    const json::object nobody = json::parse(request_json(all[0])).as_object();
    EXPECT_TRUE(nobody.at("source").is_null() && nobody.at("kind").is_null());
    EXPECT_EQ(nobody.at("flags"), (json::array{"estimated", "continued"}));
    EXPECT_TRUE(nobody.at("tags").as_array().empty());
}

TEST_F(RequestsReport, ListsByPagesAndFilters) {
    constexpr int many = 1'005;  // more than one page
    for (int i = 0; i < many; ++i) {
        ledger::Request request = ledger::own_request(least_id_at(ledger::test_start) + ++booked_);
        request.tags = i % 100 == 0 ? "sweep=1" : "";
        ASSERT_TRUE(ledger_->record(request));
    }
    ASSERT_TRUE(ledger_->flush());
    const auto all = lines(today);
    ASSERT_EQ(all.size(), static_cast<std::size_t>(many));
    EXPECT_TRUE(std::ranges::is_sorted(
        all, std::ranges::greater{}, [](const RequestLine& line) { return line.row.id; }));
    RequestsAsked some = today;
    some.limit = 1'002;
    EXPECT_EQ(lines(some).size(), 1'002u);
    RequestsAsked tagged = today;
    tagged.tag = "sweep=1";
    EXPECT_EQ(lines(tagged).size(), 11u);
    tagged.key = "me";
    EXPECT_EQ(lines(tagged).size(), 11u);
    tagged.key = "=team,\"b\"";
    EXPECT_EQ(lines(tagged).size(), 0u);
    RequestsAsked tomorrow{.since = day_start + 24h, .until = day_start + 48h};
    EXPECT_EQ(lines(tomorrow).size(), 0u);
    RequestsAsked unknown = today;
    unknown.key = "nobody";
    auto books = reader();
    const auto read = each_request(books, unknown, [](const RequestLine&) {});
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, Errc::not_found);
}

TEST_F(RequestsReport, SpendByTagCountsARequestInEachOfItsTags) {
    book("team=search,job=7", 2'000'000'000);
    book("team=search", 1'000'000'000);
    book("", 4'000'000'000);
    book("team=search", 500'000'000, ledger::test_start - std::chrono::days{40});
    ledger_->power(
        {"desk",
         ledger::source_desk,
         ledger::test_start,
         3'600'000'000'000,
         Price::per_kwh(ledger::dollars(330'000'000)),
         {}});
    ASSERT_TRUE(ledger_->flush());
    const Spend spend = by_tag();
    EXPECT_EQ(
        told(spend),
        (std::vector<std::string>{
            "job=7 1 2.00", "team=search 2 3.00", "(no tag) 1 4.00", "(not by request) 0 0.33"}));
    EXPECT_EQ(spend.total.requests, 3) << "once in the total";
    EXPECT_EQ(spend.total.cost, ledger::dollars(7'330'000'000));
    EXPECT_EQ(spend.lines[0].per_mtok, ledger::dollars(20'000'000'000));
    const std::string text = spend_text(spend);
    EXPECT_NE(text.find("\nTAG "), std::string::npos) << text;
    EXPECT_NE(
        text.find("A request with several tags counts in the row of each, once in the total.\n"),
        std::string::npos);
    const json::object said = json::parse(spend_json(spend)).as_object();
    EXPECT_EQ(said.at("by").as_string(), "tag");
    EXPECT_EQ(spend_by_from("tag"), SpendBy::tag);
}

TEST_F(RequestsReport, SpendByTagOwnsUpToRowsThatWereDeleted) {
    const RequestId old = book("team=search", 2'000'000'000);
    book("team=search", 1'000'000'000);
    close();
    shell(fmt::format("DELETE FROM request WHERE id = {}", old.value()));
    EXPECT_EQ(
        told(by_tag()), (std::vector<std::string>{"team=search 1 1.00", "(rows deleted) 1 2.00"}));
}

TEST_F(RequestsReport, ATagOfItsOwnForEachRequestMakesNoEndlessReport) {
    for (int i = 0; i < 1'100; ++i) {
        ledger::Request request =
            ledger::api_request(least_id_at(ledger::test_start) + ++booked_, 1'000 + i);
        request.tags = fmt::format("id={},team=search", i);
        request.budgets.clear();
        ASSERT_TRUE(ledger_->record(request));
    }
    ASSERT_TRUE(ledger_->flush());
    const Spend spend = by_tag();
    ASSERT_EQ(spend.lines.size(), 1'001u);
    EXPECT_EQ(spend.lines.back().label, "(other tags)");
    EXPECT_EQ(spend.lines.back().requests, 101);
    const auto requests = [&spend](std::string_view label) {
        const auto found = std::ranges::find(spend.lines, label, &SpendLine::label);
        return found == spend.lines.end() ? 0 : found->requests;
    };
    EXPECT_EQ(requests("team=search"), 1'100);
    EXPECT_EQ(requests("id=1099"), 1) << "the dearest stay";
    EXPECT_EQ(requests("id=0"), 0);
}

}  // namespace
}  // namespace evenkeel::report
