#include "providers/digitalocean/wire.hpp"

#include "tests/unit/provider_http/test_data.hpp"

#include <gtest/gtest.h>

namespace evenkeel::providers::digitalocean {
namespace {

using namespace std::chrono_literals;

const MachineSpec spec{
    .name = "ek-1a2b3c4d-01",
    .sku = "gpu-h100x1-80gb",
    .region = "tor1",
    .image = "vllm/vllm-openai:v0.11.0",
    .owner_mark = "ek-1a2b3c4d",
    .expires = UtcTime{1'772'600'761s},
    .user_data = "#cloud-config\nruncmd: [\"x\"]\n"};

TEST(DigitalOceanWire, CreateBodyIsExact) {
    const std::vector<std::string> keys{"512190", "3b:16:bf:e4"};
    const HttpRequest request = make_create_request(spec, "evenkeel", keys);
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.target, "/v2/droplets");
    EXPECT_EQ(
        request.body,
        R"({"name":"ek-1a2b3c4d-01","region":"tor1","size":"gpu-h100x1-80gb",)"
        R"("image":"gpu-h100x1-base","ssh_keys":[512190,"3b:16:bf:e4"],)"
        R"("tags":["evenkeel","ek-1a2b3c4d","ek-expires-29543347"],)"
        R"("user_data":"#cloud-config\nruncmd: [\"x\"]\n","monitoring":false,"backups":false,)"
        R"("ipv6":false,"with_droplet_agent":false})");
}

TEST(DigitalOceanWire, ExpiryIsRoundedUpToTheMinute) {
    MachineSpec even = spec;
    even.expires = UtcTime{60s};
    EXPECT_NE(make_create_request(even, "t", {}).body.find("ek-expires-1\""), std::string::npos);
    even.expires = UtcTime{60s + 1us};
    EXPECT_NE(make_create_request(even, "t", {}).body.find("ek-expires-2\""), std::string::npos);
}

TEST(DigitalOceanWire, VolumeAndPortAreOptional) {
    MachineSpec other = spec;
    other.volume = "506f78a4-e098-11e5-ad9f-000f53306ae1";
    other.port = 9443;
    const auto body = exact_json::parse(make_create_request(other, "t", {}).body);
    ASSERT_TRUE(body) << body.error().message;
    EXPECT_EQ(body->find("volumes")->items().at(0).string(), other.volume);
    EXPECT_EQ(body->find("tags")->items().at(3).string(), "ek-port-9443");
    EXPECT_TRUE(body->find("ssh_keys")->items().empty());
}

TEST(DigitalOceanWire, ImageFitsTheGpus) {
    EXPECT_EQ(image_for("gpu-h100x1-80gb"), "gpu-h100x1-base");
    EXPECT_EQ(image_for("gpu-h200x8-1128gb"), "gpu-h100x8-base");
    EXPECT_EQ(image_for("gpu-mi300x1-192gb"), "gpu-amd-base");
    EXPECT_EQ(image_for("gpu-mi355x8-2304gb-spot"), "gpu-amd-base");
}

TEST(DigitalOceanWire, GpuDropletsAreListedByType) {
    EXPECT_EQ(make_list_request("3").target, "/v2/droplets?type=gpus&per_page=200&page=3");
    EXPECT_EQ(
        make_tagged_request("ek-1a2b3c4d", "1").target,
        "/v2/droplets?tag_name=ek-1a2b3c4d&per_page=200&page=1")
        << "type and tag_name exclude each other";
}

Result<std::vector<MarketOffer>> offers(
    std::string_view regions, std::vector<std::string> wanted = {}) {
    const auto sizes = parse_sizes({200, testing::provider_data("digitalocean-sizes.json")}, "1");
    const auto places = parse_regions({200, std::string{regions}}, "1");
    if (!sizes || !places) {
        return fail(Errc::invalid_response, "test data");
    }
    return make_offers(sizes->items, places->items, wanted, UtcTime{1s});
}

constexpr std::string_view three_regions =
    R"({"regions":[{"slug":"tor1","available":true},{"slug":"nyc2","available":true},)"
    R"({"slug":"ams3","available":false},{"slug":"mem1","available":true}],)"
    R"("links":{},"meta":{"total":4}})";

std::string summary(const std::vector<MarketOffer>& list) {
    std::string out;
    for (const MarketOffer& offer : list) {
        out += fmt::format(
            "{} {} {} x{} {} {}\n",
            offer.sku,
            offer.region,
            offer.gpu,
            offer.gpu_count,
            to_text(offer.price),
            offer.in_stock ? "yes" : "no");
    }
    return out;
}

TEST(DigitalOceanWire, StockIsARegionListedAndOpenOfAnAvailableSize) {
    const auto list = offers(three_regions);
    ASSERT_TRUE(list);
    EXPECT_EQ(
        summary(*list),
        "gpu-h100x1-80gb ams3 nvidia_h100 x1 4.41 USD/h no\n"
        "gpu-h100x1-80gb nyc2 nvidia_h100 x1 4.41 USD/h yes\n"
        "gpu-h100x1-80gb tor1 nvidia_h100 x1 4.41 USD/h yes\n"
        "gpu-h100x8-640gb  nvidia_h100 x8 35.28 USD/h no\n"
        "gpu-h200x1-141gb nyc2 nvidia_h200 x1 4.47 USD/h no\n"
        "gpu-mi355x1-288gb-spot mem1 amd_mi355x spot x1 2.97 USD/h yes\n")
        << "no plain Droplets, none without a price";
    EXPECT_EQ(list->front().min_bill, 60s);
    EXPECT_EQ(list->front().seen, UtcTime{1s});
}

TEST(DigitalOceanWire, ASizeThatIsNotForThisAccountStillHasAPrice) {
    const auto list = offers(three_regions, {"tor1", "nyc2"});
    ASSERT_TRUE(list);
    const auto eight = std::ranges::count_if(*list, [](const MarketOffer& offer) {
        return offer.sku == "gpu-h100x8-640gb" && !offer.in_stock && !offer.region.empty();
    });
    EXPECT_EQ(eight, 2);
}

TEST(DigitalOceanWire, AListWithoutATotalIsNotWhole) {
    const HttpResponse answer{200, R"({"droplets":[],"links":{}})"};
    EXPECT_EQ(parse_list(answer, "1").error().code, Errc::invalid_response);
}

TEST(DigitalOceanWire, PagesFollowTheLinks) {
    const auto page = parse_list(
        {200,
         R"({"droplets":[{"id":1}],"links":{"pages":{"next":"https://x/v2/droplets?page=3"}},)"
         R"("meta":{"total":401}})"},
        "2");
    ASSERT_TRUE(page) << page.error().message;
    EXPECT_EQ(page->next, "3");
    EXPECT_EQ(page->total, 401);
}

RemoteMachine droplet(std::string_view members) {
    const auto machine =
        parse_machine({200, fmt::format(R"({{"droplet":{{"id":7,{}}}}})", members)});
    return machine ? *machine : RemoteMachine{.status = machine.error().message};
}

TEST(DigitalOceanWire, F17NoGpuIsNotTheSameAsNoWordAboutIt) {
    const RemoteMachine none = droplet(R"("gpu_info":{"count":0,"model":"nvidia_h100"})");
    EXPECT_EQ(none.gpu, "none") << "so that it is not the GPU that was asked for";
    EXPECT_EQ(droplet(R"("gpu_info":{"model":"nvidia_h100"})").gpu, "nvidia_h100");
    EXPECT_EQ(droplet(R"("gpu_info":{"count":1,"model":"nvidia_h100"})").gpu, "nvidia_h100");
}

TEST(DigitalOceanWire, F09ANameThatIsInUseMayBeOurs) {
    const auto refused = [](std::string_view message) {
        return parse_created(
                   {422, fmt::format(R"({{"id":"unprocessable_entity","message":"{}"}})", message)},
                   spec)
            .error()
            .code;
    };
    EXPECT_EQ(refused("Name is already in use by another Droplet."), Errc::conflict);
    EXPECT_EQ(refused("Name is invalid"), Errc::rejected);
}

TEST(DigitalOceanWire, F24OffIsStoppedAndStillBills) {
    EXPECT_TRUE(droplet(R"("status":"off")").stopped);
    EXPECT_TRUE(droplet(R"("status":"archive")").stopped);
    EXPECT_FALSE(droplet(R"("status":"new")").stopped);
    EXPECT_FALSE(droplet(R"("status":"new")").running);
    EXPECT_TRUE(droplet(R"("status":"active")").running);
}

TEST(DigitalOceanWire, F26OurMarkIsATagOfOurForm) {
    EXPECT_EQ(
        droplet(R"("name":"ek-99999999-01","tags":["web","ek-99999999"])").owner_mark,
        "ek-99999999");
    EXPECT_EQ(droplet(R"("name":"firewalled","tags":["ek-99999999"])").owner_mark, "")
        << "people tag machines of theirs too";
    EXPECT_EQ(
        droplet(R"("name":"ek-1a2b3c4d-01","tags":["ek-99999999","ek-1a2b3c4d","ek-88888888"])")
            .owner_mark,
        "ek-1a2b3c4d");
    EXPECT_EQ(
        droplet(R"("name":"ek-1a2b3c4d-01","tags":["evenkeel","ek-expires-1","EK-1A2B3C4D"])")
            .owner_mark,
        "")
        << "a name alone is no mark";
    EXPECT_EQ(droplet(R"("tags":[1,null,"ek-port-9443"])").port, 9'443);
    EXPECT_EQ(droplet(R"("tags":["ek-port-0","ek-port-x"])").port, default_port);
}

TEST(DigitalOceanWire, APriceOfManyDecimalsIsRoundedOnce) {
    EXPECT_EQ(
        droplet(R"("size":{"price_hourly":4.40999984741211})").price,
        Price::per_hour(Money{4'409'999'847, usd}));
}

TEST(DigitalOceanWire, ReadsTheStanding) {
    const auto standing = parse_standing(
        {200, R"({"account":{"droplet_limit":10,"status":"warning","email":"a@b.example"}})"});
    ASSERT_TRUE(standing);
    EXPECT_EQ(standing->status, "warning");
    EXPECT_EQ(standing->droplet_limit, 10);
}

}  // namespace
}  // namespace evenkeel::providers::digitalocean
