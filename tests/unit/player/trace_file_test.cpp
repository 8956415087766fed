#include "lab/player/trace_file.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace evenkeel::lab::player {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::minutes;

const std::string shipped = EVENKEEL_SOURCE_DIR "/lab/traces/azure2023_conv.csv.gz";
const std::string small =
    "TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
    "2023-11-16 18:15:46.6805900,374,44\r\n"
    "2023-11-16 18:15:50.9951690,396,109\r\n"
    "2023-11-16 18:15:51.2225670,879,55\r\n";

struct TempDir {
    TempDir() {
        std::string form = (fs::temp_directory_path() / "trace-XXXXXX").string();
        path = ::mkdtemp(form.data());
    }
    ~TempDir() { fs::remove_all(path); }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    std::string write(const std::string& name, const std::string& bytes) const {
        std::ofstream{path / name, std::ios::binary} << bytes;
        return (path / name).string();
    }
    std::string write_gzip(const std::string& name, const std::string& text) const {
        const std::string file = (path / name).string();
        gzFile out = gzopen(file.c_str(), "wb");
        gzwrite(out, text.data(), static_cast<unsigned>(text.size()));
        gzclose(out);
        return file;
    }
    fs::path path{};
};

TEST(TraceFile, ReadsPlainAndPackedAlike) {
    const TempDir folder;
    const auto plain = read_text(folder.write("a.csv", small));
    const auto packed = read_text(folder.write_gzip("a.csv.gz", small));
    ASSERT_TRUE(plain);
    ASSERT_TRUE(packed);
    EXPECT_EQ(*plain, small);
    EXPECT_EQ(*packed, small);
}

TEST(TraceFile, WindowCountsFromItsBeginning) {
    const TempDir folder;
    const std::string file = folder.write("a.csv", small);
    const auto rows = read_window(file, milliseconds{4'000}, milliseconds{4'500});
    ASSERT_TRUE(rows) << rows.error().message;
    ASSERT_EQ(rows->size(), 1u);
    EXPECT_EQ(rows->front().tokens_in, 396);
    EXPECT_EQ(rows->front().tokens_out, 109);
    EXPECT_NEAR(static_cast<double>(rows->front().at.count()), 314.579e6, 1e3);
}

TEST(TraceFile, SaysWhatIsWrong) {
    const TempDir folder;
    EXPECT_EQ(read_text("/nonexistent/trace.csv").error().code, Errc::io_failed);
    const std::string whole = folder.write_gzip("whole.gz", std::string(100'000, 'x') + small);
    std::string bytes;
    {
        std::ifstream input{whole, std::ios::binary};
        bytes.assign(std::istreambuf_iterator<char>{input}, {});
    }
    const auto cut = read_text(folder.write("cut.gz", bytes.substr(0, bytes.size() / 2)));
    ASSERT_FALSE(cut);
    EXPECT_EQ(cut.error().code, Errc::corrupt);
    const std::string file = folder.write("a.csv", small);
    EXPECT_EQ(read_window(file, minutes{5}, minutes{6}).error().code, Errc::invalid_argument);
    EXPECT_EQ(
        read_window(folder.write("b.csv", "a,b\n1,2\n"), minutes{0}, minutes{6}).error().code,
        Errc::invalid_argument);
}

TEST(TraceFile, TheShippedTraceIsWhole) {
    const auto rows = read_window(shipped, minutes{0}, minutes{60});
    ASSERT_TRUE(rows) << rows.error().message;
    EXPECT_EQ(rows->size(), 19'366u);
    EXPECT_EQ(rows->front().tokens_in, 374);
    EXPECT_EQ(rows->back().tokens_out, 183);
}

}  // namespace
}  // namespace evenkeel::lab::player
