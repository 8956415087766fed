#include "tests/fakes/cloud/process.hpp"

#include "caller.hpp"
#include "providers/http/client.hpp"

#include <filesystem>
#include <fstream>
#include <stdlib.h>

/// The program that other tests start.
namespace evenkeel::fakes::cloud::test {
namespace {

namespace fs = std::filesystem;

class FakeCloudProgram : public testing::Test {
protected:
    FakeCloudProgram() {
        std::string name = fs::temp_directory_path() / "fake-cloud-XXXXXX";
        folder_ = ::mkdtemp(name.data());
    }
    ~FakeCloudProgram() override {
        std::error_code ignored;
        fs::remove_all(folder_, ignored);
    }
    std::string folder_;
};

Result<providers::HttpResponse> ask(const FakeCloudProcess& cloud, Vendor vendor, bool tls) {
    auto client = providers::make_curl_client(
        {.base_url = cloud.base_url(vendor, tls),
         .bearer = providers::Secret{std::string{FakeCloudProcess::token}},
         .ca_file = cloud.ca_file()});
    EXPECT_TRUE(client);
    return (*client)->send({.target = "/v2/account"}, {});
}

TEST_F(FakeCloudProgram, ServesTheProductsOwnClientOverTls) {
    const auto cloud = FakeCloudProcess::start(FAKE_CLOUD_PROGRAM, folder_, {});
    ASSERT_TRUE(cloud) << cloud.error().message;
    for (const bool tls : {false, true}) {
        const auto answer = ask(*cloud, Vendor::digitalocean, tls);
        ASSERT_TRUE(answer) << answer.error().message;
        EXPECT_EQ(answer->status, 200);
    }
    const auto summary = cloud->look("/summary");
    ASSERT_TRUE(summary) << summary.error().message;
    EXPECT_EQ(summary->find("foreign_made")->integer(), 0);
}

TEST_F(FakeCloudProgram, WearsPersonalitiesFromItsFlagsAndByHand) {
    const auto cloud = FakeCloudProcess::start(
        FAKE_CLOUD_PROGRAM,
        folder_,
        {"--personality", R"({"vendor":"digitalocean","on":[{"name":"auth_revoked"}]})"});
    ASSERT_TRUE(cloud) << cloud.error().message;
    EXPECT_EQ(ask(*cloud, Vendor::digitalocean, true)->status, 401);
    EXPECT_TRUE(cloud->take_off_all(Vendor::digitalocean));
    EXPECT_TRUE(cloud->put_on(Vendor::digitalocean, Trouble::storm_429, 1, 7));
    EXPECT_EQ(ask(*cloud, Vendor::digitalocean, true)->retry_after, 7s);
    EXPECT_TRUE(cloud->put_on(Vendor::digitalocean, Trouble::redirect));
    EXPECT_EQ(ask(*cloud, Vendor::digitalocean, true)->status, 307);
    EXPECT_EQ(cloud->look("/summary")->find("trapped_calls")->integer(), 0);
    EXPECT_EQ(cloud->put_on(Vendor::runpod, Trouble::partial_page).error().code, Errc::rejected);
}

TEST_F(FakeCloudProgram, ShowsACertificateThatTheProductRefuses) {
    const auto cloud =
        FakeCloudProcess::start(FAKE_CLOUD_PROGRAM, folder_, {"--certificate-flaw", "expired"});
    ASSERT_TRUE(cloud) << cloud.error().message;
    EXPECT_EQ(ask(*cloud, Vendor::digitalocean, true).error().code, Errc::unavailable);
    EXPECT_EQ(ask(*cloud, Vendor::digitalocean, false)->status, 200);
}

TEST_F(FakeCloudProgram, SaysWhyItDoesNotStart) {
    const auto cloud =
        FakeCloudProcess::start(FAKE_CLOUD_PROGRAM, folder_, {"--personality", "{}"});
    ASSERT_FALSE(cloud);
    EXPECT_TRUE(cloud.error().message.contains("vendor must be")) << cloud.error().message;
}

}  // namespace
}  // namespace evenkeel::fakes::cloud::test
