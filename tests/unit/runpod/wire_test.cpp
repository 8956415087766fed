#include "providers/runpod/wire.hpp"

#include "providers/http/exact_json.hpp"
#include "tests/unit/provider_http/test_data.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace evenkeel::providers::runpod {
namespace {

using namespace std::chrono_literals;

const MachineSpec spec{
    .name = "ek-1a2b3c4d-01",
    .sku = "NVIDIA H100 80GB HBM3",
    .region = "us-ks-2",
    .image = "ghcr.io/example/evenkeel-pod:1",
    .owner_mark = "ek-1a2b3c4d",
    .expires = UtcTime{1'772'600'767s},
    .args = "-c \"echo aGk= | base64 -d | bash\"",
    .env = {{"HF_TOKEN", "{{ RUNPOD_SECRET_hf }}"}}};

TEST(RunPodWire, CreateBodyIsExact) {
    const HttpRequest request = make_create_request(spec, "SECURE");
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.target, "/v2/pods");
    EXPECT_EQ(
        request.body,
        R"({"name":"ek-1a2b3c4d-01","image":"ghcr.io/example/evenkeel-pod:1","cloud":"SECURE",)"
        R"("gpu":{"id":"NVIDIA H100 80GB HBM3","count":1,"minCudaVersion":"12.8"},)"
        R"("dataCenterIds":["US-KS-2"],"disk":120,"ports":["8443/tcp"],)"
        R"("args":"-c \"echo aGk= | base64 -d | bash\"",)"
        R"("env":{"HF_TOKEN":"{{ RUNPOD_SECRET_hf }}",)"
        R"("EVENKEEL_EXPIRES":"2026-03-04T05:06:07.000000Z"}})")
        << "data-centre ids are upper case, no unknown field";
}

TEST(RunPodWire, OptionalPartsAreLeftOutOrAsAsked) {
    MachineSpec other = spec;
    other.region.clear();
    other.args.clear();
    other.env = {{"EVENKEEL_EXPIRES", "mine"}};
    other.volume = "vol_x";
    other.disk_gb = 60;
    other.port = 443;
    other.gpu_count = 2;
    const auto body = exact_json::parse(make_create_request(other, "COMMUNITY").body);
    ASSERT_TRUE(body) << body.error().message;
    EXPECT_EQ(body->find("dataCenterIds"), nullptr) << "the scheduler chooses";
    EXPECT_EQ(body->find("args"), nullptr);
    EXPECT_EQ(body->find("disk")->integer(), 60);
    EXPECT_EQ(body->find("ports")->items().at(0).string(), "443/tcp");
    EXPECT_EQ(body->find("gpu")->find("count")->integer(), 2);
    EXPECT_EQ(body->find("env")->members().size(), 1u);
    EXPECT_EQ(body->find("mounts")->find("network")->items().at(0).text("volumeId"), "vol_x");
    EXPECT_EQ(body->find("mounts")->find("network")->items().at(0).text("path"), "/models");
    EXPECT_EQ(body->text("cloud"), "COMMUNITY");
}

std::string summary(const Result<std::vector<MarketOffer>>& list) {
    std::string out = list ? "" : list.error().message;
    for (const MarketOffer& offer : list ? *list : std::vector<MarketOffer>{}) {
        out += fmt::format(
            "{}|{}|{}|{}\n",
            offer.sku,
            offer.region,
            to_text(offer.price),
            offer.in_stock ? "yes" : "no");
    }
    return out;
}

TEST(RunPodWire, CatalogueBecomesOffersByPlace) {
    const HttpResponse answer{200, testing::provider_data("runpod-catalog.json")};
    EXPECT_EQ(
        summary(parse_catalog(answer, "SECURE", {}, {})),
        "NVIDIA H100 80GB HBM3|US-KS-2|3.99 USD/h|yes\n"
        "NVIDIA H100 80GB HBM3|EU-NL-1|3.99 USD/h|no\n"
        "NVIDIA H100 PCIe||2.89 USD/h|yes\n")
        << "an H200 for nothing is an H200 of unknown price";
    EXPECT_EQ(
        summary(parse_catalog(answer, "COMMUNITY", {}, {})),
        "NVIDIA H100 80GB HBM3|US-KS-2|2.69 USD/h|yes\n"
        "NVIDIA H100 80GB HBM3|EU-NL-1|2.69 USD/h|no\n"
        "NVIDIA H200|US-KS-2|3.59 USD/h|yes\n")
        << "the PCIe card is not sold there";
    const std::vector<std::string> wanted{"us-ks-2", "US-TX-3"};
    EXPECT_EQ(
        summary(parse_catalog(answer, "SECURE", wanted, {})),
        "NVIDIA H100 80GB HBM3|US-KS-2|3.99 USD/h|yes\n"
        "NVIDIA H100 80GB HBM3|EU-NL-1|3.99 USD/h|no\n"
        "NVIDIA H100 80GB HBM3|US-TX-3|3.99 USD/h|no\n"
        "NVIDIA H100 PCIe|US-KS-2|2.89 USD/h|no\n"
        "NVIDIA H100 PCIe|US-TX-3|2.89 USD/h|no\n");
}

TEST(RunPodWire, CatalogueIsAskedForPodsOfOneGpu) {
    EXPECT_EQ(
        make_catalog_request("SECURE").target,
        "/v2/catalog/gpus?include=AVAILABILITY&product=POD&count=1&cloud=SECURE"
        "&minCudaVersion=12.8");
}

RemoteMachine pod(std::string_view members) {
    const auto machine = parse_machine({200, fmt::format(R"({{"id":"p",{}}})", members)});
    return machine ? *machine : RemoteMachine{.status = std::string{to_text(machine.error().code)}};
}

TEST(RunPodWire, F24StatusTable) {
    for (const char* word : {"PROVISIONING", "STARTING", "MIGRATING"}) {
        const RemoteMachine machine = pod(fmt::format(R"("status":"{}")", word));
        EXPECT_FALSE(machine.running) << word;
        EXPECT_FALSE(machine.stopped) << word;
    }
    EXPECT_TRUE(pod(R"("status":"RUNNING")").running);
    EXPECT_TRUE(pod(R"("status":"EXITED","cost":0.0)").stopped);
    EXPECT_TRUE(pod(R"("status":"ERROR")").stopped);
    EXPECT_TRUE(pod(R"("status":"EXITED","cost":0.0)").price.currency().is_none())
        << "stopped is not free";
    EXPECT_EQ(pod(R"("status":"TERMINATED")").status, "not_found");
}

TEST(RunPodWire, TerminatedPodsAreNoMachines) {
    const auto list = parse_list(
        {200, R"({"pods":[{"id":"a","status":"RUNNING"},{"id":"b","status":"TERMINATED"}]})"});
    ASSERT_TRUE(list) << list.error().message;
    ASSERT_EQ(list->size(), 1u);
    EXPECT_EQ(list->front().remote_id, "a");
}

TEST(RunPodWire, TheAddressComesLate) {
    const auto with = [](std::string_view status, std::string_view runtime) {
        return pod(fmt::format(R"("status":"{}","runtime":{})", status, runtime));
    };
    EXPECT_EQ(with("RUNNING", "null").host, "");
    EXPECT_EQ(with("RUNNING", "{}").host, "");
    EXPECT_EQ(with("RUNNING", R"({"ports":[]})").host, "");
    const std::string_view ports =
        R"({"ports":[{"private":8888,"public":60001,"type":"http","ip":"100.65.0.1"},)"
        R"({"private":8443,"public":43210,"type":"tcp","ip":"203.0.113.9"}]})";
    EXPECT_EQ(with("RUNNING", ports).host, "203.0.113.9") << "not the http proxy";
    EXPECT_EQ(with("RUNNING", ports).port, 43'210);
    EXPECT_EQ(with("STARTING", ports).host, "") << "an old mapping";
}

TEST(RunPodWire, F26AMachineIsOursByItsName) {
    EXPECT_EQ(pod(R"("name":"ek-1a2b3c4d-01jd")").owner_mark, "ek-1a2b3c4d");
    EXPECT_EQ(pod(R"("name":"ek-1a2b3c4d-01jd copy")").owner_mark, "");
    EXPECT_EQ(pod(R"("name":"my-ek-1a2b3c4d-01")").owner_mark, "");
}

TEST(RunPodWire, ABlockAtTheEdgeIsNotABadKey) {
    const Error edge = failure({403, "error code: 1010"}, Errc::unavailable);
    EXPECT_EQ(edge.code, Errc::rejected);
    EXPECT_EQ(edge.message.find("credential"), std::string::npos);
    const Error key =
        failure({403, R"({"title":"Forbidden","status":403,"detail":"x"})"}, Errc::unavailable);
    EXPECT_EQ(key.code, Errc::unauthorized);
}

TEST(RunPodWire, BalanceOfGraphQl) {
    const auto read = parse_balance(
        {200, R"({"data":{"myself":{"clientBalance":12.34,"currentSpendPerHr":3.99}}})"});
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->left, (Money{12'340'000'000, usd}));
    EXPECT_EQ(read->spend_per_hour, (Money{3'990'000'000, usd}));
    for (const HttpResponse& gone :
         {HttpResponse{404, ""},
          HttpResponse{410, "{}"},
          HttpResponse{200, R"({"errors":[{"message":"no"}],"data":{"myself":null}})"},
          HttpResponse{200, R"({"data":{"myself":{}}})"},
          HttpResponse{200, "<html>"},
          HttpResponse{302, ""}}) {
        EXPECT_EQ(parse_balance(gone).error().code, Errc::invalid_response) << gone.status;
    }
    EXPECT_EQ(parse_balance({500, ""}).error().code, Errc::unavailable);
    EXPECT_EQ(parse_balance({401, ""}).error().code, Errc::unauthorized);
}

}  // namespace
}  // namespace evenkeel::providers::runpod
