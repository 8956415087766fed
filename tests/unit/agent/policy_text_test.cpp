#include "agent/config/policy_text.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace evenkeel::agent {
namespace {

std::vector<config::SourceFile> bare(std::vector<config::SourceFile> files) {
    for (config::SourceFile& file : files) {
        file.path = file.path.substr(file.path.find_last_of('/') + 1);
    }
    return files;
}

bool same(const std::vector<config::SourceFile>& a, const std::vector<config::SourceFile>& b) {
    return std::ranges::equal(
        a, b, [](const auto& x, const auto& y) { return x.path == y.path && x.text == y.text; });
}

TEST(PolicyText, ComesApartAsItWasPutTogether) {
    const std::vector<std::vector<config::SourceFile>> sets{
        {},
        {{.path = "/etc/evenkeel/policy.yaml", .text = "version: 1\n"}},
        {{.path = "a/evenkeel.yaml", .text = ""},
         {.path = "a/providers.yaml", .text = "no line end"},
         {.path = "a/models.yaml", .text = "\n\n\n"},
         {.path = "a/policy.yaml", .text = "# ---- policy.yaml\n# ---- models.yaml, 3 bytes\nx\n"}},
        {{.path = "evenkeel.yaml", .text = "# ---- models.yaml\n"},
         {.path = "policy.yaml", .text = "# ---- models.yaml, 99999 bytes"}}};
    for (const auto& files : sets) {
        const auto parts = split_policy(join_policy(files));
        ASSERT_TRUE(parts.has_value()) << join_policy(files) << parts.error().message;
        EXPECT_TRUE(same(*parts, bare(files))) << join_policy(files);
    }
}

TEST(PolicyText, EqualFilesAreEqualWhereverTheyLie) {
    EXPECT_EQ(
        join_policy({{{.path = "/a/policy.yaml", .text = "x"}}}),
        join_policy({{{.path = "/b/c/policy.yaml", .text = "x"}}}));
    EXPECT_EQ(
        policy_sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(PolicyText, ReadsTheHeadingsOfOlderLedgers) {
    const auto parts = split_policy(
        "# ---- evenkeel.yaml\nversion: 1\n# ---- policy\n\n# ---- policy.yaml\nversion: 1\n\n");
    ASSERT_TRUE(parts.has_value()) << parts.error().message;
    ASSERT_EQ(parts->size(), 2u);
    EXPECT_EQ((*parts)[0].text, "version: 1\n# ---- policy\n");
    EXPECT_EQ((*parts)[1].path, "policy.yaml");
    EXPECT_EQ((*parts)[1].text, "version: 1\n");
}

TEST(PolicyText, DamageIsNoticed) {
    const std::string whole = join_policy(
        {{{.path = "evenkeel.yaml", .text = "version: 1\n"},
          {.path = "policy.yaml", .text = "version: 1\nroutes: []\n"}}});
    for (std::size_t cut = 1; cut < whole.size(); ++cut) {
        const auto parts = split_policy(whole.substr(0, cut));
        EXPECT_TRUE(!parts || parts->size() == 1) << cut;  // whole files may be gone
    }
    EXPECT_FALSE(split_policy("version: 1\n"));
    EXPECT_FALSE(split_policy("# ---- policy.yaml, 12345678901234567890 bytes\nx\n"));
    EXPECT_FALSE(split_policy("# ---- other.yaml, 1 bytes\nx\n"));
}

}  // namespace
}  // namespace evenkeel::agent
