#include "agent/web/assets.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace evenkeel::web {
namespace {

std::string header(const AssetAnswer& answer, std::string_view name) {
    const auto found =
        std::ranges::find(answer.headers, name, &inference::http::Headers::value_type::first);
    return found == answer.headers.end() ? "" : found->second;
}

class Assets : public testing::Test {
protected:
    Assets()
        : assets_{*make_page(
              {{"page/index.html", "<script src=\"/ui/assets/@HASH@/page/app.js\"></script>"},
               {"page/app.js", "1"}})} {
        for (const Asset& asset : assets_) {
            views_.push_back(asset.view());
        }
    }
    [[nodiscard]] std::optional<AssetAnswer> ask(
        std::string_view path,
        std::string_view encoding = "gzip",
        std::string_view etag = {}) const {
        return asset_answer(
            views_, {.path = path, .accept_encoding = encoding, .if_none_match = etag});
    }
    [[nodiscard]] const Asset& script() const {
        return *std::ranges::find(assets_, true, &Asset::hashed);
    }

    std::vector<Asset> assets_;
    std::vector<AssetView> views_;
};

TEST_F(Assets, ThePageIsAskedForAnewAndItsFilesAreKept) {
    const auto page = ask("/");
    ASSERT_TRUE(page);
    EXPECT_EQ(header(*page, "cache-control"), "no-cache");
    EXPECT_EQ(header(*page, "content-type"), "text/html; charset=utf-8");
    EXPECT_EQ(header(*page, "content-encoding"), "gzip");
    EXPECT_EQ(header(*page, "vary"), "accept-encoding");
    EXPECT_EQ(ask("/ui/")->body, page->body);
    const auto file = ask(script().path);
    ASSERT_TRUE(file);
    EXPECT_EQ(header(*file, "cache-control"), "public, max-age=31536000, immutable");
    EXPECT_EQ(header(*file, "content-type"), "text/javascript; charset=utf-8");
    EXPECT_EQ(*gunzip(file->body), "1");
}

TEST_F(Assets, EveryAnswerIsHeldToTheStrictPolicy) {
    for (const std::string& path : {std::string{"/"}, script().path}) {
        const auto answer = ask(path);
        EXPECT_EQ(
            header(*answer, "content-security-policy"),
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
            "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'");
        EXPECT_EQ(header(*answer, "x-content-type-options"), "nosniff");
        EXPECT_EQ(header(*answer, "referrer-policy"), "no-referrer");
    }
}

TEST_F(Assets, WhoTakesNoGzipGetsItPlain) {
    for (const std::string_view encoding : {"", "br", "gzip;q=0", "identity, gzip; q=0.0"}) {
        const auto answer = ask("/", encoding);
        EXPECT_EQ(header(*answer, "content-encoding"), "") << encoding;
        EXPECT_TRUE(answer->body.starts_with("<script src=\"/ui/assets/")) << encoding;
    }
    for (const std::string_view encoding : {"gzip", "br, GZIP", "*", "gzip;q=0.5"}) {
        EXPECT_EQ(header(*ask("/", encoding), "content-encoding"), "gzip") << encoding;
    }
}

TEST_F(Assets, WhatIsKnownIsNotSentAgain) {
    const std::string etag = header(*ask("/"), "etag");
    ASSERT_EQ(etag.size(), 18u) << "16 hex digits in quotes";
    for (const std::string& known : {etag, "W/" + etag, "\"other\", " + etag, std::string{"*"}}) {
        const auto answer = ask("/", "gzip", known);
        EXPECT_EQ(answer->status, 304) << known;
        EXPECT_EQ(answer->body, "");
        EXPECT_EQ(header(*answer, "etag"), etag);
    }
    EXPECT_EQ(ask("/", "", etag)->status, 304);
    EXPECT_EQ(ask("/", "gzip", "\"0123456789abcdef\"")->status, 200);
    EXPECT_EQ(ask("/", "gzip", etag.substr(1, 16))->status, 200) << "without quotes";
}

TEST_F(Assets, F70NoPathLeadsOutOfThePage) {
    for (const std::string_view path :
         {"/ui/assets/",
          "/ui/assets/page/app.js",
          "/ui/assets/00000000/page/app.js",
          "/ui/assets/../page/index.html",
          "/ui/assets/..%2f..%2fetc/passwd",
          "/ui/index.html",
          "/ui/assets//etc/passwd",
          "/etc/passwd"}) {
        EXPECT_FALSE(ask(path)) << path;
    }
}

TEST(EmbeddedPage, IsWhatTheFolderHolds) {
    auto files = read_page(std::filesystem::path{EVENKEEL_SOURCE_DIR} / "agent/web");
    ASSERT_TRUE(files) << files.error().message;
    const auto assets = make_page(std::move(*files));
    ASSERT_TRUE(assets) << assets.error().message;
    ASSERT_EQ(embedded_page().size(), assets->size());
    for (std::size_t i = 0; i < assets->size(); ++i) {
        EXPECT_EQ(embedded_page()[i].path, (*assets)[i].path);
        EXPECT_EQ(embedded_page()[i].etag, (*assets)[i].etag);
        EXPECT_EQ(embedded_page()[i].gzip, (*assets)[i].gzip);
    }
}

}  // namespace
}  // namespace evenkeel::web
