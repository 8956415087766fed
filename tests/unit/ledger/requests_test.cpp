#include "agent/ledger/schema.hpp"
#include "tests/unit/ledger/ledger_fixture.hpp"

/// Requests one by one, and their tags.
namespace evenkeel::ledger {
namespace {

using namespace std::chrono_literals;

class LedgerRequests : public LedgerTest {
protected:
    void SetUp() override {
        open();
        store_names(*ledger_);
    }
    /// The `nth` request of the moment `at`; gives its id.
    RequestId book(int nth, const std::string& tags, UtcTime at = test_start) {
        const RequestId id{least_id_at(at) + nth};
        Request request = api_request(id.value(), 1'000 * nth);
        request.at = at;
        request.tags = tags;
        request.budgets.clear();
        EXPECT_TRUE(ledger_->record(request));
        EXPECT_TRUE(ledger_->flush());
        return id;
    }
    [[nodiscard]] std::vector<RequestId> found(
        const RequestFilter& filter, RequestId before = RequestId{INT64_MAX}, int limit = 100) {
        std::vector<RequestId> ids;
        const auto rows = reader().requests(filter, before, limit);
        EXPECT_TRUE(rows);
        for (const RequestView& row : rows->rows) {
            ids.push_back(row.id);
        }
        return ids;
    }
    [[nodiscard]] std::vector<std::string> by_tags(UtcTime since, UtcTime until) {
        std::vector<std::string> sums;
        EXPECT_TRUE(reader().spend_by_tags(since, until, [&](const TagRow& row) {
            sums.push_back(
                row.tags + " " + std::to_string(row.requests) + " " +
                std::to_string(row.tokens_in) + "/" + std::to_string(row.tokens_out) + " " +
                std::to_string(row.paid.nanos()));
        }));
        return sums;
    }
};

TEST_F(LedgerRequests, KeepTheirTags) {
    const RequestId id = book(1, "team=search,job=7");
    const RequestId none = book(2, "");
    auto books = reader();
    EXPECT_EQ(books.request(id)->tags, "team=search,job=7");
    EXPECT_EQ(books.request(none)->tags, "");
    EXPECT_EQ(count("SELECT count(*) FROM name WHERE text LIKE '%search%'"), 0)
        << "a name can never be deleted";
    expect_sound();
}

TEST_F(LedgerRequests, AreLookedAtInShortTransactionsHoweverFewAreMeant) {
    constexpr int many = 20'010;
    const RequestId wanted = book(1, "rare=1");
    for (int i = 1; i < many; ++i) {
        ASSERT_TRUE(ledger_->record(own_request(wanted.value() + i)));
    }
    ASSERT_TRUE(ledger_->flush());
    auto books = reader();
    const auto first = books.requests({.tag = "rare=1"}, RequestId{INT64_MAX}, 100);
    ASSERT_TRUE(first);
    EXPECT_TRUE(first->rows.empty());
    ASSERT_TRUE(first->next);
    const auto second = books.requests({.tag = "rare=1"}, *first->next, 100);
    ASSERT_TRUE(second);
    ASSERT_EQ(second->rows.size(), 1u);
    EXPECT_EQ(second->rows[0].id, wanted);
    EXPECT_FALSE(second->next);
}

TEST_F(LedgerRequests, AreListedByTagAndKeyNewestFirst) {
    const RequestId first = book(1, "team=a,job=7");
    const RequestId second = book(2, "team=ab");
    const RequestId third = book(3, "job=7,team=a");
    EXPECT_EQ(found({}), (std::vector{third, second, first}));
    EXPECT_EQ(found({.tag = "team=a"}), (std::vector{third, first})) << "not team=ab";
    EXPECT_EQ(found({.tag = "team"}), std::vector<RequestId>{});
    EXPECT_EQ(found({.key = key_me}).size(), 3u);
    EXPECT_EQ(found({.key = route_default}), std::vector<RequestId>{});
    EXPECT_EQ(found({.since = test_start + 1s}), std::vector<RequestId>{});
    EXPECT_EQ(found({}, third, 1), (std::vector{second})) << "page by page";
}

TEST_F(LedgerRequests, AreSummedByTheirTags) {
    book(1, "team=a");
    book(2, "team=a");
    book(4, "");
    book(8, "team=b", test_start + 24h);
    EXPECT_EQ(
        by_tags(test_start, test_start + 24h),
        (std::vector<std::string>{" 1 100/20 4000", "team=a 2 200/40 3000"}));
    EXPECT_EQ(
        by_tags(test_start + 24h, test_start + 48h),
        (std::vector<std::string>{"team=b 1 100/20 8000"}));
}

TEST_F(LedgerRequests, OfASchemaWithoutTagsHaveNone) {
    const std::filesystem::path state = dir_.path() / "older";
    std::filesystem::create_directory(state);
    ASSERT_TRUE(create_database(
        state / ledger_file,
        embedded_migrations().first(3),
        {.zone = "UTC", .report_currency = "USD", .agent_id = "0011aabb", .created_us = 1},
        {}));
    {
        Database database{state / ledger_file, Database::Mode::read_write};
        database.exec(
            "INSERT INTO request VALUES(7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 6, 'USD', 0, 0,"
            " 0, 0, 0, 0, 0, 0, NULL)");
    }
    auto books = Reader::open(state);
    ASSERT_TRUE(books) << books.error().message;
    EXPECT_EQ(books->request(RequestId{7})->tags, "");
    EXPECT_EQ(books->requests({}, RequestId{INT64_MAX}, 9)->rows.size(), 1u);
    EXPECT_EQ(books->requests({.tag = "a=b"}, RequestId{INT64_MAX}, 9)->rows.size(), 0u);
    int sums = 0;
    EXPECT_TRUE(books->spend_by_tags(UtcTime{}, test_start, [&](const TagRow& row) {
        EXPECT_EQ(row.tags, "");
        ++sums;
    }));
    EXPECT_EQ(sums, 1);
}

}  // namespace
}  // namespace evenkeel::ledger
