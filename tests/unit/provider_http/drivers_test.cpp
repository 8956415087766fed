#include "providers/drivers.hpp"

#include "policies/domain/rental_kinds.hpp"
#include "tests/unit/provider_http/certificate.hpp"
#include "tests/unit/provider_http/raw_server.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <unistd.h>

namespace evenkeel::providers {
namespace {

const ManualClock clock_at_zero{Now{}};

TEST(MakeDriver, KnowsEveryKindAndNoOther) {
    for (const std::string_view kind : rental_kinds) {
        const auto made =
            make_driver(kind, {.name = "p", .base_url = "https://api.example.com"}, clock_at_zero);
        ASSERT_TRUE(made) << kind << ": " << made.error().message;
        EXPECT_EQ((*made)->name(), "p");
        // Only the sandbox cloud has no address of its own.
        EXPECT_EQ(make_driver(kind, {.name = "p"}, clock_at_zero).has_value(), kind != "sandbox");
    }
    const auto other = make_driver("vendor-x", {}, clock_at_zero);
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, Errc::invalid_argument);
}

TEST(MakeDriver, F33PlainHttpGoesToThisHostOnly) {
    for (const std::string_view kind : rental_kinds) {
        const auto made = make_driver(kind, {.base_url = "http://api.example.com"}, clock_at_zero);
        ASSERT_FALSE(made) << kind;
        EXPECT_EQ(made.error().code, Errc::invalid_argument);
    }
}

TEST(MakeDriver, F33TrustsTheAuthorityOfTheConfigurationAndSendsItsKey) {
    const testing::TestIdentity identity{"IP:127.0.0.1", 30};
    const testing::CertificateFile authority{identity.pem()};
    testing::RawServer server{
        [](testing::Connection& peer, const std::string&) {
            peer.write("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n");
        },
        identity.context()};
    for (const std::string_view kind : rental_kinds) {
        DriverOptions options{
            .base_url = server.url("https"), .credential = Secret{std::string{"tok-marked"}}};
        const std::size_t before = server.requests().size();
        const auto stranger = make_driver(kind, options, clock_at_zero);
        EXPECT_EQ((*stranger)->list({}).error().code, Errc::unavailable) << kind;
        EXPECT_EQ(server.requests().size(), before) << "the key went to a stranger";
        options.ca_file = authority.path();
        const auto trusted = make_driver(kind, options, clock_at_zero);
        EXPECT_EQ((*trusted)->list({}).error().code, Errc::unauthorized) << kind;
        ASSERT_EQ(server.requests().size(), before + 1);
        const std::string request = server.requests().back();
        EXPECT_NE(request.find("\r\nAuthorization: Bearer tok-marked\r\n"), request.npos);
        EXPECT_NE(request.find("\r\nUser-Agent: evenkeel/"), request.npos) << "the edge wants one";
    }
}

TEST(MakeDriver, RefusesOptionsItCannotUse) {
    EXPECT_FALSE(make_driver("runpod", {.cloud = "spot"}, clock_at_zero));
    EXPECT_TRUE(make_driver("runpod", {.cloud = "community"}, clock_at_zero));
    EXPECT_FALSE(make_driver("digitalocean", {.tag = "not a tag"}, clock_at_zero));
    EXPECT_FALSE(make_driver("digitalocean", {.tag = ""}, clock_at_zero));
}

}  // namespace
}  // namespace evenkeel::providers
