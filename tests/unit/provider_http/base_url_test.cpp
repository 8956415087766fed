#include "providers/http/base_url.hpp"

#include "providers/http/client.hpp"

#include <gtest/gtest.h>

namespace evenkeel::providers {
namespace {

TEST(BaseUrl, ReadsWhatIsAllowed) {
    struct Case {
        const char* text;
        const char* origin;
        const char* prefix;
    };
    for (const Case& good : {
             Case{"https://api.example.com", "https://api.example.com", ""},
             Case{"https://api.example.com/", "https://api.example.com", ""},
             Case{"https://api.example.com:8443/v2/", "https://api.example.com:8443", "/v2"},
             Case{"https://[2001:db8::1]:8443/a", "https://[2001:db8::1]:8443", "/a"},
             Case{"http://127.0.0.1:8080", "http://127.0.0.1:8080", ""},
             Case{"http://127.255.0.9", "http://127.255.0.9", ""},
             Case{"http://[::1]:1", "http://[::1]:1", ""},
             Case{"http://LocalHost:9/x", "http://LocalHost:9", "/x"},
         }) {
        const auto url = parse_base_url(good.text);
        ASSERT_TRUE(url) << good.text << ": " << url.error().message;
        EXPECT_EQ(url->origin, good.origin);
        EXPECT_EQ(url->prefix, good.prefix);
    }
}

TEST(BaseUrl, RefusesTheRest) {
    for (const char* text : {
             "",
             "api.example.com",
             "ftp://127.0.0.1",
             "http://api.example.com",
             "http://127.0.0.1.example.com",
             "http://127.1",
             "http://127.0.0.1.",
             "http://127.0.0.256",
             "http://128.0.0.1",
             "http://0x7f000001",
             "http://2130706433",
             "http://localhost.example.com",
             "http://[::2]",
             "https://",
             "https://a:0",
             "https://a:65536",
             "https://a:",
             "https://a:1x",
             "https://a:-1",
             "https://a b",
             "https://a/../b",
             "https://a//b",
             "https://a/\r\nX: y",
             "https://a?x=1",
             "https://a#x",
             "HTTPS://a",
         }) {
        EXPECT_FALSE(parse_base_url(text)) << text;
    }
}

TEST(BaseUrl, I10AKeyInTheAddressIsNotRepeated) {
    const auto url = parse_base_url("https://me:marked-secret@api.example.com");
    ASSERT_FALSE(url);
    EXPECT_EQ(url.error().message.find("marked-secret"), std::string::npos);
}

TEST(BaseUrl, TheClientKeepsTheRule) {
    EXPECT_EQ(
        make_curl_client({.base_url = "http://api.example.com"}).error().code,
        Errc::invalid_argument);
    EXPECT_EQ(
        make_curl_client({.base_url = "http://localhost", .unix_socket = std::string(108, 's')})
            .error()
            .code,
        Errc::invalid_argument);
}

}  // namespace
}  // namespace evenkeel::providers
