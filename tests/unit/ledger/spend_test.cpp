#include "tests/unit/ledger/ledger_fixture.hpp"

#include <fmt/format.h>

#include <array>
#include <map>
#include <random>

namespace evenkeel::ledger {
namespace {

constexpr std::string_view sums =
    "sum(requests), sum(answered), sum(tok_in), sum(tok_cached), sum(tok_cache_write),"
    " sum(tok_out), sum(paid), sum(charged), sum(time_ns)";

/// The daily roll-up read in one pass says what SQLite's own grouping of it says.
class DayRollup : public LedgerTest {
protected:
    void SetUp() override {
        open();
        store_names(*ledger_);
        ledger_->source({source_desk, SourceKind::own, {}, "desk", false});
        ledger_->source({source_rented, SourceKind::rental, provider_cloud, "H100", true});
        ASSERT_TRUE(ledger_->flush());
        close();
    }
    void put(std::int64_t day, std::int64_t source, std::int64_t tokens) const {
        shell(fmt::format(
            "INSERT INTO rollup_day VALUES({}, {}, 1, 1, 1, '', 'USD', 1, 1, {}, 0, 0, 1, 1, 1,"
            " 0, 0)",
            day,
            source,
            tokens));
    }
    static std::string line(const SpendRow& row) {
        return fmt::format(
            "{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}",
            row.source.value(),
            row.model.value(),
            row.key.value(),
            row.route.value(),
            row.phase,
            row.currency.text(),
            row.requests,
            row.answered,
            row.tokens_in,
            row.tokens_cached,
            row.tokens_cache_write,
            row.tokens_out,
            row.paid.nanos(),
            row.charged.nanos(),
            row.time.count());
    }
    /// Rows of `sql`, their columns joined the same way.
    [[nodiscard]] std::vector<std::string> rows_of(const std::string& sql, int columns) const {
        Database database{file(), Database::Mode::read_only};
        Statement row{database, sql};
        std::vector<std::string> rows;
        while (row.next()) {
            std::string all;
            for (int column = 0; column < columns; ++column) {
                all += (column == 0 ? "" : "|") + row.text(column);
            }
            rows.push_back(std::move(all));
        }
        return rows;
    }
};

TEST_F(DayRollup, IsSummedAsSqliteSumsIt) {
    constexpr std::uint32_t seed = 20261126;
    SCOPED_TRACE(fmt::format("seed {}", seed));
    std::mt19937 random{seed};
    const auto one_of = [&random](std::int64_t below) {
        return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(below));
    };
    constexpr std::array phases{"", "boot", "serve", "idle", "adjust"};
    constexpr std::array currencies{"USD", "AUD", ""};
    std::string sql = "BEGIN;";
    for (int i = 0; i < 2'000; ++i) {
        sql += fmt::format(
            "INSERT OR IGNORE INTO rollup_day VALUES({}, {}, {}, {}, {}, '{}', '{}', {}, {}, {}, {}"
            ", {}, {}, {}, {}, 0, {});",
            20261101 + one_of(12),
            one_of(6),
            one_of(3),
            one_of(3),
            one_of(2),
            phases[static_cast<std::size_t>(one_of(phases.size()))],
            currencies[static_cast<std::size_t>(one_of(currencies.size()))],
            one_of(1'000),
            one_of(1'000),
            one_of(1'000'000'000'000),
            one_of(1'000'000),
            one_of(1'000'000),
            one_of(1'000'000),
            one_of(2'000'000'000'000) - 1'000'000'000'000,
            one_of(1'000'000'000'000),
            one_of(3'600'000'000'000));
    }
    shell(sql + "COMMIT;");
    auto books = reader();
    for (const auto& [first, last] :
         {std::pair{0, 99991231}, std::pair{20261103, 20261107}, std::pair{20270101, 20270131}}) {
        const std::string where = fmt::format(" WHERE day BETWEEN {} AND {}", first, last);
        const auto cells = books.spend(first, last);
        const auto both = books.spend_and_tokens(first, last);
        const auto days = books.spend_by_day(first, last);
        ASSERT_TRUE(cells && both && days);
        std::vector<std::string> found;
        std::vector<std::string> found_again;
        std::vector<std::string> found_days;
        std::vector<std::string> found_tokens;
        for (const SpendRow& row : *cells) {
            found.push_back(line(row));
        }
        for (const SpendRow& row : both->cells) {
            found_again.push_back(line(row));
        }
        for (const SpendDayRow& row : *days) {
            found_days.push_back(fmt::format("{}|{}", row.day, line(row.cell)));
        }
        for (const TokensDayRow& row : both->tokens) {
            found_tokens.push_back(fmt::format(
                "{}|{}|{}|{}", row.day, row.model.value(), row.tokens_in, row.tokens_out));
        }
        constexpr std::string_view cell = "source, model, key, route, phase, currency";
        EXPECT_EQ(
            found,
            rows_of(
                fmt::format(
                    "SELECT {0}, {1} FROM rollup_day{2} GROUP BY {0} ORDER BY {0}",
                    cell,
                    sums,
                    where),
                15));
        EXPECT_EQ(found, found_again);
        EXPECT_EQ(
            found_days,
            rows_of(
                fmt::format(
                    "SELECT day, {0}, {1} FROM rollup_day{2} GROUP BY day, {0} ORDER BY day, {0}",
                    cell,
                    sums,
                    where),
                16));
        EXPECT_EQ(
            found_tokens,
            rows_of(
                fmt::format(
                    "SELECT day, model, sum(tok_in), sum(tok_out) FROM rollup_day{} AND source <> 0"
                    " GROUP BY day, model ORDER BY day, model",
                    where),
                4));
    }
}

TEST_F(DayRollup, ASourceIsNamedByItsRowOrByItsNameOrNotAtAll) {
    const auto desk = std::int64_t{source_desk.value()};
    const auto rented = std::int64_t{source_rented.value()};
    put(20261101, desk, 1);
    put(20261101, rented, 1);
    put(20261101, std::int64_t{model_qwq.value()}, 1);  // a name that is no source's
    put(20261101, 9'999, 1);
    put(20261101, 0, 1);
    auto books = reader();
    const auto cells = books.spend(20261101, 20261101);
    ASSERT_TRUE(cells);
    std::map<std::int64_t, SpendRow> by_source;
    for (const SpendRow& row : *cells) {
        by_source[std::int64_t{row.source.value()}] = row;
    }
    ASSERT_EQ(by_source.size(), 5u);
    EXPECT_EQ(by_source[desk].label, "desk");
    EXPECT_EQ(by_source[desk].kind, SourceKind::own);
    EXPECT_FALSE(by_source[desk].synthetic);
    EXPECT_EQ(by_source[rented].label, "H100");
    EXPECT_EQ(by_source[rented].kind, SourceKind::rental);
    EXPECT_EQ(by_source[rented].provider, provider_cloud);
    EXPECT_TRUE(by_source[rented].synthetic);
    EXPECT_EQ(by_source[std::int64_t{model_qwq.value()}].label, "qwq-32b");
    EXPECT_EQ(by_source[9'999].label, "-");
    EXPECT_EQ(by_source[0].label, "-");
}

TEST_F(DayRollup, ASumThatLeavesItsRangeIsAnErrorAndNotAWrongNumber) {
    put(20261101, std::int64_t{source_desk.value()}, 9'000'000'000'000'000'000);
    put(20261102, std::int64_t{source_desk.value()}, 9'000'000'000'000'000'000);
    auto books = reader();
    const auto cells = books.spend(20261101, 20261102);
    ASSERT_FALSE(cells);
    EXPECT_NE(cells.error().message.find("integer overflow"), std::string::npos)
        << cells.error().message;
    EXPECT_TRUE(books.spend(20261102, 20261102)) << "and the next question is answered";
    EXPECT_TRUE(books.spend_by_day(20261101, 20261102));
}

}  // namespace
}  // namespace evenkeel::ledger
