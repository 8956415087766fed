#include "agent/web/page_files.hpp"

#include "tests/unit/ledger/ledger_fixture.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>

namespace evenkeel::web {
namespace {

using Files = std::vector<PageFile>;

/// What is served, by path.
std::map<std::string, std::string> served(const Files& files) {
    const auto assets = make_page(files);
    EXPECT_TRUE(assets) << (assets ? "" : assets.error().message);
    std::map<std::string, std::string> texts;
    for (const Asset& asset : assets.value_or(std::vector<Asset>{})) {
        texts[asset.path] = gunzip(asset.gzip).value_or("damaged");
        EXPECT_EQ(asset.etag, sha256_hex(texts[asset.path]).substr(0, 16)) << asset.path;
    }
    return texts;
}

std::string hash_in(const Files& files) {
    for (const auto& [path, text] : served(files)) {
        if (path.starts_with("/ui/assets/")) {
            return path.substr(11, 8);
        }
    }
    return "";
}

std::string why_not(const Files& files) {
    const auto assets = make_page(files);
    return assets ? "" : assets.error().message;
}

const PageFile index_page{
    "page/index.html",
    R"(<link href="/ui/assets/@HASH@/page/app.css"><script type="module" )"
    R"(src="/ui/assets/@HASH@/page/app.js"></script><a href="#/spend">s</a>)"};

TEST(PageFiles, LieBelowOneHashAndThePageNamesIt) {
    const Files files{
        index_page,
        {"page/app.css", "a{}"},
        {"page/app.js", "import './charts/bars.js'; import '../vendor/plot.mjs';"},
        {"page/charts/bars.js", "1"},
        {"page/mark.svg", "<svg/>"},
        {"vendor/plot.mjs", "2"},
        {"vendor/plot.LICENSE.txt", "MIT"}};
    const auto texts = served(files);
    const std::string base = "/ui/assets/" + hash_in(files);
    EXPECT_EQ(
        texts.at("/"),
        "<link href=\"" + base + "/page/app.css\"><script type=\"module\" src=\"" + base +
            "/page/app.js\"></script><a href=\"#/spend\">s</a>");
    for (const PageFile& file : files) {
        if (file.name != index_page.name) {
            EXPECT_EQ(texts.at(base + "/" + file.name), file.bytes);
        }
    }
    EXPECT_EQ(texts.size(), files.size());
}

TEST(PageFiles, AnyChangeGivesEveryAssetANewName) {
    const Files before{index_page, {"page/app.css", "a{}"}, {"page/app.js", "1"}};
    Files after = before;
    after[1].bytes = "b{}";
    ASSERT_EQ(hash_in(before).size(), 8u);
    EXPECT_EQ(hash_in(before), hash_in(before));
    EXPECT_NE(hash_in(before), hash_in(after));
    Files renamed = before;
    renamed.push_back({"page/other.js", ""});
    EXPECT_NE(hash_in(before), hash_in(renamed));
}

TEST(PageFiles, RefusesWhatWouldNotWork) {
    const PageFile plain{"page/index.html", "<p>"};
    EXPECT_EQ(why_not({plain}), "");
    EXPECT_NE(why_not({}), "");
    EXPECT_NE(why_not({{"vendor/index.html", "<p>"}}), "");
    EXPECT_NE(why_not({index_page, {"page/app.js", ""}}), "") << "app.css is not there";
    EXPECT_NE(why_not({plain, {"page/a.exe", ""}}), "");
    EXPECT_NE(why_not({plain, {"page/a b.js", ""}}), "");
    EXPECT_NE(why_not({plain, {"page/other.html", ""}}), "");
    EXPECT_NE(why_not({{"page/index.html", "<script>x</script>"}}), "");
    EXPECT_NE(why_not({{"page/index.html", "<p style=\"color:red\">"}}), "");
}

class PageFolder : public testing::Test {
protected:
    PageFolder() {
        std::filesystem::create_directories(root() / "page/charts");
        std::filesystem::create_directory(root() / "vendor");
        write("page/index.html", "<p>");
        write("page/charts/bars.js", "1");
        write("vendor/plot.js", "plot");
        write("vendor/SHA256SUMS", sha256_hex("plot") + "  plot.js\n");
    }
    [[nodiscard]] const std::filesystem::path& root() const { return dir_.path(); }
    void write(const std::string& file, const std::string& text) const {
        std::ofstream{root() / file} << text;
    }
    [[nodiscard]] Errc refusal() const {
        const auto files = read_page(root());
        return files ? Errc::cancelled : files.error().code;
    }

private:
    ledger::TemporaryFolder dir_;
};

TEST_F(PageFolder, IsReadWithWhatOthersWrote) {
    write("page/README.md", "not served");
    const auto files = read_page(root());
    ASSERT_TRUE(files) << files.error().message;
    std::set<std::string> names;
    for (const PageFile& file : *files) {
        names.insert(file.name);
    }
    EXPECT_EQ(
        names, (std::set<std::string>{"page/index.html", "page/charts/bars.js", "vendor/plot.js"}));
}

TEST_F(PageFolder, AVendoredFileThatDiffersIsRefused) {
    write("vendor/plot.js", "plot, changed");
    EXPECT_EQ(refusal(), Errc::refused);
    write("vendor/plot.js", "plot");
    EXPECT_EQ(refusal(), Errc::cancelled) << "as it was";
    write("vendor/more.js", "not listed");
    EXPECT_EQ(refusal(), Errc::refused);
    std::filesystem::remove(root() / "vendor/more.js");
    std::filesystem::remove(root() / "vendor/plot.js");
    EXPECT_EQ(refusal(), Errc::refused) << "listed, but gone";
}

TEST(PageFiles, OurPageIsSound) {
    const auto files = read_page(std::filesystem::path{EVENKEEL_SOURCE_DIR} / "agent/web");
    ASSERT_TRUE(files) << files.error().message;
    EXPECT_EQ(why_not(*files), "");
}

}  // namespace
}  // namespace evenkeel::web
