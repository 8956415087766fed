#include "agent/ledger/sqlite.hpp"
#include "agent/report/focus.hpp"
#include "agent/report/reconcile.hpp"
#include "agent/report/spend.hpp"
#include "tests/bench/year_ledger.hpp"
#include "tests/unit/ledger/ledger_fixture.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>

/// Reports on a made year: golden files, and sums that agree with the postings whatever the year.
namespace evenkeel::report {
namespace {

namespace fs = std::filesystem;

/// What the postings of some booking days say, in nano-units of each currency.
std::map<std::string, std::int64_t> posted(
    const fs::path& state, std::int64_t first, std::int64_t last) {
    ledger::Database database{state / ledger::ledger_file, ledger::Database::Mode::read_only};
    ledger::Statement row{
        database,
        "SELECT p.currency, sum(p.amount) FROM tx AS t JOIN posting AS p ON p.tx = t.id WHERE"
        " t.day BETWEEN ?1 AND ?2 AND p.account LIKE 'expense:%' GROUP BY p.currency"};
    row.query(first, last);
    std::map<std::string, std::int64_t> sums;
    while (row.next()) {
        sums[row.text(0)] = row.integer(1);
    }
    return sums;
}

struct Year {
    explicit Year(const bench::YearShape& shape) {
        const auto filled = bench::fill_year(folder.path() / "state", shape);
        if (!filled) {
            throw std::runtime_error{filled.error().message};
        }
        figures = *filled;
    }
    [[nodiscard]] ledger::Reader reader() const {
        auto opened = ledger::Reader::open(folder.path() / "state");
        if (!opened) {
            throw std::runtime_error{opened.error().message};
        }
        return *std::move(opened);
    }
    [[nodiscard]] SpendOptions asked(Currency currency) const {
        SpendOptions options{
            .now = figures.end - std::chrono::hours{12},
            .zone = *ledger::Zone::load("Australia/Sydney"),
            .currency = currency};
        options.since = "30d";
        return options;
    }

    ledger::TemporaryFolder folder;
    bench::YearFigures figures{};
};

constexpr std::array groupings{
    SpendBy::source, SpendBy::model, SpendBy::key, SpendBy::route, SpendBy::provider};

/// One for all tests that only read it: it takes about a second to make.
const Year& small_year() {
    static const Year year{{.requests = 20'000, .machines = 40}};
    return year;
}

std::string golden(const std::string& name, const std::string& now) {
    const fs::path file = fs::path{EVENKEEL_SOURCE_DIR} / "tests/data/reports" / name;
    if (std::getenv("EVENKEEL_UPDATE_EXPECTED") != nullptr) {
        fs::create_directories(file.parent_path());
        std::ofstream{file, std::ios::binary} << now;
    }
    std::ifstream stored{file, std::ios::binary};
    std::ostringstream text;
    text << stored.rdbuf();
    return text.str();
}

TEST(YearReports, AreTheGoldenOnes) {
    const Year& year = small_year();
    auto books = year.reader();
    for (const char* by : {"source", "model", "key", "route", "provider", "tag"}) {
        SpendOptions options = year.asked(aud);
        options.by = *spend_by_from(by);
        const auto month = make_spend(books, options);
        ASSERT_TRUE(month) << month.error().message;
        EXPECT_EQ(golden(fmt::format("spend_{}.txt", by), spend_text(*month)), spend_text(*month))
            << "made anew by EVENKEEL_UPDATE_EXPECTED=1";
        const std::string json = spend_json(*month) + "\n";
        EXPECT_EQ(golden(fmt::format("spend_{}.json", by), json), json);
        options.since = "2025-12-01";
        const auto all = make_spend(books, options);
        ASSERT_TRUE(all);
        const std::string csv = spend_csv(*all);
        EXPECT_EQ(golden(fmt::format("spend_{}_year.csv", by), csv), csv);
    }
    ReconcileAsked asked{.now = year.figures.end, .zone = *ledger::Zone::load("Australia/Sydney")};
    asked.month = "2026-10";
    const auto found = reconcile(books, asked);
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(golden("reconcile.txt", reconcile_text(*found)), reconcile_text(*found));
    EXPECT_EQ(golden("reconcile.csv", reconcile_csv(*found)), reconcile_csv(*found));
}

TEST(YearReports, TheMadeYearIsSound) {
    const Year& year = small_year();
    auto books = year.reader();
    const auto found = books.verify();
    ASSERT_TRUE(found);
    EXPECT_EQ(found->problems, std::vector<std::string>{});
    EXPECT_EQ(found->requests, 20'000);
    EXPECT_EQ(found->machines, 40);
    const auto sums = posted(year.folder.path() / "state", 0, 99'991'231);
    EXPECT_EQ(sums.at("USD"), year.figures.usd_nanos) << "as the generator counted";
    EXPECT_EQ(sums.at("AUD"), year.figures.aud_nanos);
}

/// Sums of any year by any grouping: of roll-ups, of the export, of the reconciliation.
void sums_agree(std::uint64_t seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    const Year year{{.seed = seed, .requests = 2'500, .machines = 12, .days = 70, .keys = 9}};
    auto books = year.reader();
    std::mt19937_64 random{seed};
    const std::chrono::sys_days start = std::chrono::December / 1 / 2025;
    for (int round = 0; round < 4; ++round) {
        const auto from = start + std::chrono::days{random() % 70};
        const auto to = from + std::chrono::days{random() % 40};
        const auto text = [](std::chrono::sys_days day) {
            return config::to_text(std::chrono::year_month_day{day});
        };
        SCOPED_TRACE(fmt::format("{} to {}", text(from), text(to)));
        const auto sums = posted(
            year.folder.path() / "state",
            ledger::day_number(std::chrono::year_month_day{from}),
            ledger::day_number(std::chrono::year_month_day{to}));
        // With rates of 1, what is asked in one currency is the sum of all nano-units.
        SpendOptions options = year.asked(*Currency::parse("XXX"));
        options.since = text(from);
        options.until = text(to);
        options.rates.report = options.currency;
        for (const Currency currency : {usd, aud}) {
            options.rates.rates[currency] = {
                .rate_nanos = 1'000'000'000, .as_of = std::chrono::year{2026} / 1 / 1};
        }
        std::int64_t all = 0;
        for (const auto& [currency, amount] : sums) {
            all += amount;
        }
        std::int64_t requests = -1;
        for (const SpendBy by : groupings) {
            options.by = by;
            const auto spend = make_spend(books, options);
            ASSERT_TRUE(spend) << spend.error().message;
            std::int64_t lines = 0;
            std::int64_t counted = 0;
            for (const SpendLine& line : spend->lines) {
                lines += line.cost.nanos();
                counted += line.requests;
            }
            EXPECT_EQ(lines, all) << "by " << static_cast<int>(by);
            EXPECT_EQ(spend->total.cost.nanos(), all);
            EXPECT_EQ(counted, spend->total.requests);
            requests = requests < 0 ? counted : requests;
            EXPECT_EQ(counted, requests);
        }
        const FocusOptions focus{
            .now = year.figures.end,
            .since = options.since,
            .until = options.until,
            .zone = options.zone,
            .currency = aud};
        std::map<std::string, std::int64_t> billed;
        const auto read = each_focus_row(books, focus, [&](const FocusRow& row) {
            billed[row[Focus::billing_currency]] += *parse_decimal(row[Focus::billed_cost], 9);
        });
        ASSERT_TRUE(read) << read.error().message;
        // Days without money may have rows at 0; a currency that is missing has been lost.
        std::erase_if(billed, [](const auto& entry) { return entry.second == 0; });
        auto wanted = sums;
        std::erase_if(wanted, [](const auto& entry) { return entry.second == 0; });
        EXPECT_EQ(billed, wanted);
    }
    for (const char* month : {"2025-12", "2026-01", "2026-02"}) {
        ReconcileAsked asked{.now = year.figures.end, .zone = year.asked(aud).zone};
        asked.month = month;
        const auto found = reconcile(books, asked);
        ASSERT_TRUE(found) << found.error().message;
        const auto first =
            std::chrono::year{month[3] == '5' ? 2025 : 2026} /
            std::chrono::month{static_cast<unsigned>(month[3] == '5' ? 12 : month[6] - '0')};
        const auto sums = posted(
            year.folder.path() / "state",
            ledger::day_number(first / 1),
            ledger::day_number(std::chrono::year_month_day{first / std::chrono::last}));
        std::map<std::string, std::int64_t> in_ledger;
        for (const ReconcileProvider& one : found->providers) {
            in_ledger[std::string{one.currency.text()}] += one.ledger.nanos();
            Money steps = one.metered;
            for (const ReconcileStep& step : one.steps) {
                steps += step.amount;
            }
            EXPECT_EQ(steps, one.bill.value_or(one.metered));
        }
        EXPECT_EQ(in_ledger, sums) << month;
    }
}

TEST(YearProperty, SumsByAnyGroupingAgreeWithThePostings) {
    const std::uint64_t seed = std::random_device{}();
    sums_agree(seed);
    sums_agree(seed + 1);
}

TEST(YearProperty, NightlySumsOfManyYearsAgree) {
    const std::uint64_t seed = std::random_device{}();
    for (std::uint64_t i = 0; i < 60; ++i) {
        sums_agree(seed + i);
    }
}

}  // namespace
}  // namespace evenkeel::report
