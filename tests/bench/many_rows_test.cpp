// F84: a ledger of 100 million requests starts, reports and settles like a small one. Takes about
// 40 minutes and 11 GB in the temporary folder; EVENKEEL_F84_REQUESTS makes a smaller one.
#include "agent/report/spend.hpp"
#include "tests/bench/year_ledger.hpp"
#include "tests/unit/ledger/ledger_fixture.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <string_view>
#include <unistd.h>
#include <utility>

namespace evenkeel {
namespace {

namespace fs = std::filesystem;
using Steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::int64_t all_requests = 100'000'000;
constexpr std::uintmax_t bytes_a_request = 200;  ///< of free disk that is asked for
constexpr int settlements = 2'000;

std::int64_t requests_wanted() {
    const char* const text = std::getenv("EVENKEEL_F84_REQUESTS");
    const std::string_view digits = text == nullptr ? "" : text;
    std::int64_t number = all_requests;
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return number;
}

/// Lets the page cache forget the file, so that what follows reads the disk.
void forget(const fs::path& file) {
    const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    ASSERT_GE(fd, 0);
    ::fdatasync(fd);
    ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    ::close(fd);
}

std::int64_t micros(Steady::duration time) {
    return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

/// One paid call from its hold to its settlement on disk; microseconds.
std::int64_t settle(ledger::Ledger& books, RequestId id, UtcTime at) {
    const auto begun = Steady::now();
    ledger::Answer<HoldId> held;
    books.hold({.request = id, .source = NameIx{11}, .amount = Money{1'000, usd}}, held.done());
    const auto hold = held.get();
    EXPECT_TRUE(hold);
    EXPECT_TRUE(books.record(
        {.id = id,
         .at = at,
         .key = NameIx{25},
         .route = NameIx{5},
         .model = NameIx{3},
         .source = NameIx{11},
         .kind = SourceKind::api,
         .provider = NameIx{15},
         .usage = {.prompt = 100, .completion = 20},
         .paid = Money{900, usd},
         .charged = Money{900, usd},
         .hold = hold ? std::optional{*hold} : std::nullopt}));
    EXPECT_TRUE(books.flush());
    return micros(Steady::now() - begun);
}

/// 99 of 100 settlements took no longer; of the two ledgers in turns, so that whatever else the
/// disk has to do disturbs both alike.
std::pair<std::int64_t, std::int64_t> settle_p99(
    ledger::Ledger& small, ledger::Ledger& large, UtcTime at, std::uint8_t gateway) {
    std::array<std::vector<std::int64_t>, 2> took;
    IdGenerator ids{gateway};
    for (int i = 0; i < settlements; ++i) {
        const RequestId id{ids.next(at)};
        took[0].push_back(settle(small, id, at));
        took[1].push_back(settle(large, id, at));
    }
    const auto p99 = [](std::vector<std::int64_t>& all) {
        std::ranges::sort(all);
        return all[all.size() * 99 / 100];
    };
    return {p99(took[0]), p99(took[1])};
}

struct Measured {
    double fill_s{0};
    std::int64_t bytes{0};
    std::int64_t start_us{0};
    std::int64_t report_us{0};  ///< of the last 30 days, the slowest grouping
    UtcTime end{};
    std::unique_ptr<ManualClock> clock{};
    std::unique_ptr<ledger::Ledger> books{};
};

Measured measure(const fs::path& dir, std::int64_t requests) {
    Measured found;
    auto begun = Steady::now();
    const auto year = bench::fill_year(dir, {.requests = requests, .machines = 400});
    EXPECT_TRUE(year) << (year ? "" : year.error().message);
    found.fill_s = std::chrono::duration<double>(Steady::now() - begun).count();
    found.end = year ? year->end : UtcTime{};
    const fs::path file = dir / ledger::ledger_file;
    found.bytes = static_cast<std::int64_t>(fs::file_size(file));
    forget(file);
    found.clock = std::make_unique<ManualClock>(Now{BootTime{std::chrono::hours{1}}, found.end});
    begun = Steady::now();
    auto opened = ledger::Ledger::open(
        {.dir = dir, .clock = found.clock.get(), .zone = "Australia/Sydney", .report = aud});
    found.start_us = micros(Steady::now() - begun);
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().message);
    found.books = opened ? *std::move(opened) : nullptr;
    forget(file);
    for (const char* by : {"source", "model", "key", "route", "provider"}) {
        begun = Steady::now();
        auto reader = ledger::Reader::open(dir);
        EXPECT_TRUE(reader);
        EXPECT_TRUE(reader->summary());
        report::SpendOptions options{
            .now = found.end, .zone = *ledger::Zone::load("Australia/Sydney"), .currency = aud};
        options.since = "30d";
        options.by = *report::spend_by_from(by);
        const auto spend = report::make_spend(*reader, options);
        EXPECT_TRUE(spend) << (spend ? "" : spend.error().message);
        found.report_us = std::max(found.report_us, micros(Steady::now() - begun));
    }
    fmt::print(
        "{} requests: filled in {:.0f} s, {:.2f} GB, start {:.1f} ms, report {:.1f} ms\n",
        requests,
        found.fill_s,
        static_cast<double>(found.bytes) / 1e9,
        static_cast<double>(found.start_us) / 1e3,
        static_cast<double>(found.report_us) / 1e3);
    return found;
}

TEST(NightlyManyRows, F84HundredMillionRequests) {
    const std::int64_t requests = requests_wanted();
    const ledger::TemporaryFolder folder{fs::temp_directory_path()};
    const auto room = fs::space(folder.path()).available;
    ASSERT_GE(room, static_cast<std::uintmax_t>(requests) * bytes_a_request)
        << folder.path() << " has too little room: set TMPDIR, or EVENKEEL_F84_REQUESTS";
    const Measured small = measure(folder.path() / "small", 20'000);
    const Measured large = measure(folder.path() / "large", requests);
    ASSERT_TRUE(small.books && large.books);
    EXPECT_LE(large.start_us, 2'000'000);
    EXPECT_LE(large.report_us, 1'000'000);
    const auto [few, many] = settle_p99(*small.books, *large.books, large.end, 1);
    large.books->keep_detail(std::chrono::days{30});
    const auto [calm, aging] = settle_p99(*small.books, *large.books, large.end, 2);
    std::int64_t deleted = 0;
    auto reader = ledger::Reader::open(folder.path() / "large");
    ASSERT_TRUE(reader);
    for (const ledger::Deleted& one : *reader->deleted()) {
        deleted += one.what == "request" ? one.rows : 0;
    }
    fmt::print(
        "settle p99: {:.1f} ms of few, {:.1f} ms of many; {:.1f} and {:.1f} ms while {} rows were "
        "deleted\n",
        static_cast<double>(few) / 1e3,
        static_cast<double>(many) / 1e3,
        static_cast<double>(calm) / 1e3,
        static_cast<double>(aging) / 1e3,
        deleted);
    EXPECT_LE(many, few * 3 / 2 + 5'000);
    // A settlement may find one batch and its commit before it, and does so at most twice.
    EXPECT_LE(aging, calm * 2 + 10'000);
    EXPECT_GT(deleted, 0);
}

}  // namespace
}  // namespace evenkeel
