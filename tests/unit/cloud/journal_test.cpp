#include "lab/cloud/journal.hpp"

#include "tests/unit/cloud/world_fixture.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace evenkeel::lab::cloud {
namespace {

namespace fs = std::filesystem;
using testing::t0;

class CloudJournalFile : public ::testing::Test {
protected:
    CloudJournalFile() { fs::create_directories(folder_); }
    ~CloudJournalFile() override { fs::remove_all(folder_); }
    static std::string name() {
        return ::testing::UnitTest::GetInstance()->current_test_info()->name();
    }
    [[nodiscard]] std::string file() const { return folder_ / "journal.jsonl"; }
    [[nodiscard]] std::string content() const {
        std::ostringstream text;
        text << std::ifstream{file()}.rdbuf();
        return text.str();
    }
    fs::path folder_{
        fs::temp_directory_path() / fmt::format("ek-journal-{}-{}", ::getpid(), name())};
    const std::vector<Record> records_{
        Opened{t0, "7f3a9c"},
        Created{Machine{.id = "m-1", .hourly = Money{1, usd}, .created = t0}},
        Started{t0, "m-1", 40'123},
        Ended{t0, "m-1", EndReason::deleted}};
};

TEST_F(CloudJournalFile, KeepsWhatWasAppended) {
    {
        auto journal = open_journal(folder_);
        ASSERT_TRUE(journal) << journal.error().message;
        EXPECT_TRUE((*journal)->take_records().empty());
        ASSERT_TRUE((*journal)->append(std::span{records_}.first(2)));
        ASSERT_TRUE((*journal)->append({}));
        ASSERT_TRUE((*journal)->append(std::span{records_}.subspan(2)));
    }
    struct stat status{};
    ASSERT_EQ(::stat(file().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
    auto journal = open_journal(folder_);
    ASSERT_TRUE(journal) << journal.error().message;
    const auto back = (*journal)->take_records();
    ASSERT_EQ(back.size(), records_.size());
    for (std::size_t i = 0; i < back.size(); ++i) {
        EXPECT_EQ(to_json(back[i]), to_json(records_[i]));
    }
}

TEST_F(CloudJournalFile, ATornLastLineIsCutOff) {
    std::string whole;
    std::vector<std::size_t> ends{0};
    for (const Record& record : records_) {
        whole += to_json(record) + "\n";
        ends.push_back(whole.size());
    }
    // Around every line end, and here and there within the lines.
    std::set<std::size_t> sizes;
    for (const std::size_t end : ends) {
        sizes.insert({end - std::min<std::size_t>(end, 1), end, std::min(end + 1, whole.size())});
    }
    for (std::size_t size = 0; size <= whole.size(); size += 37) {
        sizes.insert(size);
    }
    for (const std::size_t size : sizes) {
        std::ofstream{file(), std::ios::trunc} << whole.substr(0, size);
        const auto complete = std::ranges::upper_bound(ends, size) - ends.begin() - 1;
        {
            auto journal = open_journal(folder_);
            ASSERT_TRUE(journal) << size << ": " << journal.error().message;
            ASSERT_EQ(std::ssize((*journal)->take_records()), complete) << size;
            ASSERT_TRUE((*journal)->append(std::span{records_}.last(1)));
        }
        ASSERT_EQ(
            content(),
            whole.substr(0, ends[static_cast<std::size_t>(complete)]) + to_json(records_.back()) +
                "\n");
    }
}

TEST_F(CloudJournalFile, ABrokenLineInsideIsCorruptAndNamed) {
    std::ofstream{file()} << to_json(records_[0]) << "\nnot json\n" << to_json(records_[1]) << "\n";
    const std::string before = content();
    const auto journal = open_journal(folder_);
    ASSERT_FALSE(journal);
    EXPECT_EQ(journal.error().code, Errc::corrupt);
    EXPECT_NE(journal.error().message.find("journal.jsonl:2:"), std::string::npos)
        << journal.error().message;
    EXPECT_EQ(content(), before) << "nothing is thrown away";
}

TEST_F(CloudJournalFile, OnlyOneCloudAtATime) {
    const auto first = open_journal(folder_);
    ASSERT_TRUE(first);
    const auto second = open_journal(folder_);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::conflict);
}

TEST_F(CloudJournalFile, AMissingFolderAndAFullDiskAreErrors) {
    EXPECT_EQ(open_journal(folder_ / "no").error().code, Errc::io_failed);
    auto journal = open_journal(folder_);
    ASSERT_TRUE(journal);
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    const rlimit small{.rlim_cur = 40, .rlim_max = before.rlim_max};
    auto* const handler = ::signal(SIGXFSZ, SIG_IGN);
    ::setrlimit(RLIMIT_FSIZE, &small);
    const auto written = (*journal)->append(records_);
    ::setrlimit(RLIMIT_FSIZE, &before);
    ::signal(SIGXFSZ, handler);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, Errc::io_failed);
    journal->reset();
    auto again = open_journal(folder_);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_TRUE((*again)->take_records().empty()) << "the torn record was cut off";
}

}  // namespace
}  // namespace evenkeel::lab::cloud
