#include "agent/reap/reap_log.hpp"

#include "tests/unit/ledger/ledger_fixture.hpp"

#include <fstream>
#include <sstream>

namespace evenkeel::reap {
namespace {

using namespace std::chrono_literals;

Entry entry_of(Deed deed, std::string remote_id = "m-1") {
    return {
        .at = ledger::test_start + 7us,
        .deed = deed,
        .provider = "cloud",
        .machine =
            {.remote_id = std::move(remote_id),
             .name = "ek-1a2b3c4d-01",
             .owner_mark = "ek-1a2b3c4d",
             .gpu = "H100",
             .gpu_count = 2,
             .price = Price::per_hour(Money{4'410'000'000, usd}),
             .created = ledger::test_start - 3h,
             .expires = ledger::test_start - 5min},
        .why = "it should have ended \"yesterday\""};
}

struct ReapLogTest : testing::Test {
    ledger::TemporaryFolder folder{};
    [[nodiscard]] std::string text(const char* file) const {
        std::ostringstream out;
        out << std::ifstream{folder.path() / file}.rdbuf();
        return out.str();
    }
};

TEST_F(ReapLogTest, ALineComesBackAsItWas) {
    const Entry entry = entry_of(Deed::answered);
    const auto back = parse_line(to_line(entry));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->at, entry.at);
    EXPECT_EQ(back->deed, entry.deed);
    EXPECT_EQ(back->why, entry.why);
    EXPECT_EQ(back->machine.price, entry.machine.price) << "exact";
    EXPECT_EQ(back->machine.created, entry.machine.created);
    EXPECT_EQ(back->machine.expires, entry.machine.expires);
    EXPECT_EQ(back->machine.gpu_count, 2);
    Entry unpriced = entry;
    unpriced.machine.price = {};
    EXPECT_TRUE(parse_line(to_line(unpriced))->machine.price.currency().is_none());
    for (const char* bad : {"", "{", "[]", "{}", R"({"at_us":1,"deed":"eaten"})"}) {
        EXPECT_EQ(parse_line(bad).error().code, Errc::corrupt) << bad;
    }
}

TEST_F(ReapLogTest, OneAtATimeAndNothingIsLost) {
    EXPECT_FALSE(has_entries(folder.path()));
    {
        auto log = Log::open(folder.path());
        ASSERT_TRUE(log) << log.error().message;
        EXPECT_EQ(Log::open(folder.path()).error().code, Errc::conflict);
        ASSERT_TRUE(log->append(entry_of(Deed::asked)));
        ASSERT_TRUE(log->append(entry_of(Deed::answered)));
    }
    EXPECT_TRUE(has_entries(folder.path()));
    auto log = Log::open(folder.path());
    ASSERT_TRUE(log);
    ASSERT_EQ(log->read()->size(), 2u);
    EXPECT_EQ(log->read()->back().deed, Deed::answered);
    const std::string before = text(log_file);
    ASSERT_TRUE(log->archive());
    EXPECT_FALSE(has_entries(folder.path()));
    EXPECT_EQ(text(booked_file), before);
    ASSERT_TRUE(log->append(entry_of(Deed::gone, "m-2"))) << "and on it goes";
    EXPECT_EQ(log->read()->front().machine.remote_id, "m-2");
    ASSERT_TRUE(log->archive());
    EXPECT_EQ(
        text(booked_file).size(), before.size() + to_line(entry_of(Deed::gone, "m-2")).size() + 1);
}

/// A power cut in the middle of a line costs that line, not the one after it.
TEST_F(ReapLogTest, ATornLineSpoilsNoOther) {
    const std::string whole = to_line(entry_of(Deed::asked));
    for (std::size_t cut = 1; cut < whole.size(); cut += 17) {
        std::ofstream{folder.path() / log_file} << whole << '\n' << whole.substr(0, cut);
        auto log = Log::open(folder.path());
        ASSERT_TRUE(log);
        ASSERT_TRUE(log->append(entry_of(Deed::answered, "m-2")));
        const auto entries = log->read();
        ASSERT_EQ(entries->size(), 2u) << cut;
        EXPECT_EQ(entries->back().machine.remote_id, "m-2");
    }
}

}  // namespace
}  // namespace evenkeel::reap
