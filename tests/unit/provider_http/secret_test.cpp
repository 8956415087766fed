#include "providers/http/secret.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <ostream>
#include <sys/stat.h>
#include <type_traits>
#include <unistd.h>

namespace evenkeel::providers {
namespace {

namespace fs = std::filesystem;

template <class T>
concept Streamable = requires(std::ostream& out, const T& value) { out << value; };
template <class T>
concept Comparable = requires(const T& a, const T& b) { a == b; };

static_assert(!fmt::is_formattable<Secret>::value, "a secret must not be formattable");
static_assert(!Streamable<Secret>, "a secret must not be printable");
static_assert(!Comparable<Secret>, "a secret must not be compared byte by byte");
static_assert(!std::is_convertible_v<Secret, std::string_view>);
static_assert(!std::is_convertible_v<std::string, Secret>);

class SecretFileTest : public ::testing::Test {
protected:
    SecretFileTest() { fs::create_directories(folder_); }
    ~SecretFileTest() override { fs::remove_all(folder_); }

    std::string write(std::string_view text, mode_t mode = 0600) {
        const std::string path = folder_ / "provider_sandbox";
        std::ofstream{path, std::ios::binary | std::ios::trunc} << text;
        ::chmod(path.c_str(), mode);
        return path;
    }
    static std::string name() {
        return ::testing::UnitTest::GetInstance()->current_test_info()->name();
    }
    fs::path folder_{
        fs::temp_directory_path() / fmt::format("ek-secret-{}-{}", ::getpid(), name())};
};

TEST(SecretType, MovesAndCopiesKeepTheText) {
    Secret first{std::string{"abc"}};
    Secret copy = first;
    const Secret moved = std::move(first);
    EXPECT_EQ(copy.reveal(), "abc");
    EXPECT_EQ(moved.reveal(), "abc");
    copy = Secret{std::string{"other"}};
    EXPECT_EQ(copy.reveal(), "other");
    copy = moved;
    EXPECT_EQ(copy.reveal(), "abc");
    EXPECT_TRUE(Secret{}.empty());
}

TEST_F(SecretFileTest, F105ReadsTheKeyWithoutItsLineEnd) {
    for (const char* text : {"marked-key", "marked-key\n", "marked-key\r\n"}) {
        const auto file = read_secret_file(write(text));
        ASSERT_TRUE(file) << file.error().message;
        EXPECT_EQ(file->secret.reveal(), "marked-key");
        EXPECT_FALSE(file->warning);
    }
}

TEST_F(SecretFileTest, F105WarnsWhenEverybodyCanRead) {
    const auto file = read_secret_file(write("marked-key\n", 0644));
    ASSERT_TRUE(file) << file.error().message;
    ASSERT_TRUE(file->warning);
    EXPECT_NE(file->warning->find("chmod 600"), std::string::npos);
    EXPECT_EQ(file->warning->find("marked-key"), std::string::npos);
    EXPECT_FALSE(read_secret_file(write("marked-key\n", 0640))->warning);
}

TEST_F(SecretFileTest, F105MissingFile) {
    const auto file = read_secret_file(folder_ / "nothing");
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().code, Errc::not_found);
    EXPECT_NE(file.error().message.find("nothing"), std::string::npos);
}

TEST_F(SecretFileTest, F105UnusableContentNeverShows) {
    for (const std::string& text :
         {std::string{},
          std::string{"\n"},
          std::string{"marked key"},
          std::string{"marked\nkey\n"},
          std::string{"marked-key\n\n"},
          std::string{"marked\0key", 10},
          std::string{"marked-k\xc3\xa9y"},
          "marked" + std::string(secret_bytes_max, 'x')}) {
        const auto file = read_secret_file(write(text));
        ASSERT_FALSE(file) << text.size();
        EXPECT_EQ(file.error().code, Errc::invalid_argument);
        EXPECT_EQ(file.error().message.find("marked"), std::string::npos) << file.error().message;
    }
    EXPECT_TRUE(read_secret_file(write(std::string(secret_bytes_max, 'x'))));
}

TEST_F(SecretFileTest, F105FoldersAndPipesAreRefused) {
    EXPECT_EQ(read_secret_file(folder_).error().code, Errc::invalid_argument);
    const std::string pipe = folder_ / "pipe";
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    EXPECT_EQ(read_secret_file(pipe).error().code, Errc::invalid_argument);
}

TEST_F(SecretFileTest, F105UnreadableFile) {
    const std::string path = write("marked-key", 0000);
    // Root reads everything, so it becomes somebody else for this one call.
    const uid_t before = ::geteuid();
    constexpr uid_t nobody = 65'534;
    if (before == 0) {
        ASSERT_EQ(::seteuid(nobody), 0);
    }
    const auto file = read_secret_file(path);
    ASSERT_EQ(::seteuid(before), 0);
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().code, Errc::io_failed);
    EXPECT_NE(file.error().message.find(path), std::string::npos);
}

}  // namespace
}  // namespace evenkeel::providers
