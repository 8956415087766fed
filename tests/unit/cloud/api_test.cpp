#include "lab/cloud/api.hpp"

#include "providers/http/exact_json.hpp"
#include "providers/sandbox/sandbox.hpp"
#include "tests/unit/cloud/world_fixture.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace evenkeel::lab::cloud {
namespace {

using namespace std::chrono_literals;
using providers::HttpRequest;
using providers::HttpResponse;
using testing::t0;
using testing::test_shelf;
using testing::WorldHarness;

constexpr std::string_view token = "tok-5e94";

constexpr std::string_view create_body =
    R"j({"name":"ek-1","sku":"sandbox-h100","region":"local","image":"i","model":"qwq-32b",)j"
    R"j("engine_key":"key-1","owner_mark":"ek-1a2b3c4d","expires":"2026-03-04T06:00:00Z"})j";

struct CloudApi : ::testing::Test {
    Reply call(
        std::string_view method,
        std::string_view target,
        std::string_view body = "",
        std::string_view authorization = "Bearer tok-5e94") {
        const auto mark = target.find('?');
        Reply reply = answer(
            h.world,
            token,
            {.method = method,
             .path = target.substr(0, mark),
             .query = mark == target.npos ? "" : target.substr(mark + 1),
             .authorization = authorization,
             .body = body},
            h.now);
        h.keep(reply.step);
        return reply;
    }
    static std::string code(const Reply& reply) {
        const auto body = providers::exact_json::parse(reply.body);
        return std::string{body->find("error")->text("code")};
    }
    WorldHarness h{};
};

TEST_F(CloudApi, AnswersInTheShapesOfItsContract) {
    EXPECT_EQ(
        call("GET", "/v1/offers").body,
        R"j({"offers":[{"sku":"sandbox-h100","region":"local","gpu":"H100 80GB (synthetic)",)j"
        R"j("gpu_count":1,"price_per_hour":"4.41","currency":"USD","min_bill_s":60.0,"stock":3}],)j"
        R"j("synthetic":true})j");
    const Reply created = call("POST", "/v1/machines", create_body);
    EXPECT_EQ(created.status, 201);
    EXPECT_EQ(created.created, "m-7f3a9c-000001");
    EXPECT_EQ(created.engine_key, "key-1");
    EXPECT_EQ(created.body.find("key-1"), std::string::npos) << "the key is not shown again";
    EXPECT_EQ(
        created.body,
        R"j({"id":"m-7f3a9c-000001","name":"ek-1","owner_mark":"ek-1a2b3c4d",)j"
        R"j("status":"creating","sku":"sandbox-h100","region":"local","model":"qwq-32b",)j"
        R"j("gpu":"H100 80GB (synthetic)","gpu_count":1,"price_per_hour":"4.41",)j"
        R"j("currency":"USD","host":"127.0.0.1","port":0,)j"
        R"j("created":"2026-03-04T05:06:07.000008Z","expires":"2026-03-04T06:00:00.000000Z",)j"
        R"j("synthetic":true})j");
    EXPECT_EQ(call("GET", "/v1/machines/m-7f3a9c-000001").body, created.body);
    EXPECT_EQ(
        call("GET", "/v1/machines").body,
        R"({"machines":[)" + created.body + R"(],"next":null,"total":1})");
    h.now += 420s;
    EXPECT_EQ(
        call("GET", "/v1/bill?owner_mark=ek-1a2b3c4d").body,
        R"j({"currency":"USD","lines":[{"id":"m-7f3a9c-000001","name":"ek-1",)j"
        R"j("amount":"0.514500000","seconds":"420.000000","final":false}],)j"
        R"j("total":"0.514500000","synthetic":true})j");
    const Reply removed = call("DELETE", "/v1/machines/m-7f3a9c-000001");
    EXPECT_EQ(removed.status, 204);
    EXPECT_EQ(removed.body, "");
    EXPECT_EQ(code(call("GET", "/v1/machines/m-7f3a9c-000001")), "not_found");
    EXPECT_EQ(code(call("DELETE", "/v1/machines/m-7f3a9c-000001")), "not_found");
}

TEST_F(CloudApi, WantsItsToken) {
    for (const char* bad :
         {"",
          "tok-5e94",
          "Bearer",
          "Bearer ",
          "Bearer tok-5e9",
          "Bearer tok-5e94x",
          "Basic tok-5e94",
          "Bearer TOK-5E94"}) {
        for (const char* target : {"/v1/offers", "/v1/machines", "/v1/bill", "/v1/_switch", "/x"}) {
            const Reply reply = call("GET", target, "", bad);
            EXPECT_EQ(reply.status, 401) << bad;
            EXPECT_EQ(code(reply), "unauthorized");
        }
    }
}

TEST_F(CloudApi, RefusesInItsOneShape) {
    struct Case {
        const char* method;
        const char* target;
        const char* body;
        int status;
        const char* code;
    };
    for (const Case& c : {
             Case{"GET", "/", "", 404, "no_such_path"},
             Case{"GET", "/v1/machines/", "", 404, "not_found"},
             Case{"GET", "/v1/machines/m-1", "", 404, "not_found"},
             Case{"PUT", "/v1/machines", "", 405, "method_not_allowed"},
             Case{"POST", "/v1/offers", "", 405, "method_not_allowed"},
             Case{"POST", "/v1/machines/m-1", "", 405, "method_not_allowed"},
             Case{"DELETE", "/v1/bill", "", 405, "method_not_allowed"},
             Case{"GET", "/v1/machines?limit=0", "", 422, "invalid"},
             Case{"GET", "/v1/machines?limit=501", "", 422, "invalid"},
             Case{"GET", "/v1/machines?limit=1x", "", 422, "invalid"},
             Case{"POST", "/v1/machines", "", 422, "invalid"},
             Case{"POST", "/v1/machines", "[]", 422, "invalid"},
             Case{"POST", "/v1/machines", "{}", 422, "invalid"},
             Case{"POST", "/v1/machines", R"({"expires":"2026-03-04T06:00:00Z"})", 422, "invalid"},
             Case{
                 "POST",
                 "/v1/machines",
                 R"({"expires":"2026-03-04T06:00:00Z","engine_key":"a b"})",
                 422,
                 "invalid"},
             Case{"POST", "/v1/_switch", R"({"x":1})", 422, "invalid"},
             Case{"DELETE", "/v1/_switch", "", 405, "method_not_allowed"},
         }) {
        const Reply reply = call(c.method, c.target, c.body);
        EXPECT_EQ(reply.status, c.status) << c.method << ' ' << c.target << ' ' << c.body;
        EXPECT_EQ(code(reply), c.code) << c.method << ' ' << c.target << ' ' << c.body;
        EXPECT_TRUE(reply.step.records.empty());
    }
    EXPECT_EQ(call("POST", "/v1/machines", create_body).status, 201);
    EXPECT_EQ(code(call("POST", "/v1/machines", create_body)), "name_exists");
}

TEST_F(CloudApi, TheSwitchboardWorksWhileTheApiIsDown) {
    EXPECT_EQ(call("POST", "/v1/_switch", R"({"api_down":true})").status, 200);
    EXPECT_EQ(call("GET", "/v1/offers").delivery, Delivery::lost);
    EXPECT_EQ(call("GET", "/v1/offers", "", "").delivery, Delivery::lost);
    EXPECT_NE(call("GET", "/v1/_switch").body.find(R"("api_down":true)"), std::string::npos);
    EXPECT_EQ(call("POST", "/v1/_switch", R"({"api_down":false})").delivery, Delivery::normal);
    EXPECT_EQ(call("GET", "/v1/offers").delivery, Delivery::normal);
}

TEST_F(CloudApi, WhatABillSaysIsProvenFirst) {
    call("POST", "/v1/machines", create_body);
    h.now += 100s;
    const Reply bill = call("GET", "/v1/bill");
    ASSERT_EQ(bill.step.records.size(), 1u);
    EXPECT_EQ(std::get<Alive>(bill.step.records[0]).at, h.now);
}

/// A wire without a wire: hands requests to the world, as the service would.
class DirectClient final : public providers::HttpClient {
public:
    explicit DirectClient(WorldHarness& harness) : h_{harness} {}
    Result<HttpResponse> send(const HttpRequest& request, std::stop_token) override {
        const auto mark = request.target.find('?');
        const std::string path = request.target.substr(0, mark);
        const std::string query =
            mark == request.target.npos ? "" : request.target.substr(mark + 1);
        Reply reply = answer(
            h_.world,
            token,
            {.method = request.method,
             .path = path,
             .query = query,
             .authorization = "Bearer tok-5e94",
             .body = request.body},
            h_.now);
        for (const Effect& effect : h_.keep(reply.step)) {
            h_.keep(h_.world.exited(effect.id, h_.now));
        }
        if (reply.delivery == Delivery::lost) {
            return fail(Errc::outcome_unknown, "no answer");
        }
        return HttpResponse{reply.status, reply.body};
    }

private:
    WorldHarness& h_;
};

struct DriverOnCloud : ::testing::Test {
    DriverOnCloud() {
        Shelf shelf = test_shelf();
        shelf.stock = 250;
        h = std::make_unique<WorldHarness>(shelf);
        driver = providers::make_sandbox(
            "sandbox",
            "ek-1a2b3c4d",
            std::make_unique<DirectClient>(*h),
            std::make_unique<DirectClient>(*h),
            clock);
    }
    providers::MachineSpec spec(std::string name) {
        return {
            .name = std::move(name),
            .sku = "sandbox-h100",
            .region = "local",
            .image = "i",
            .model = "qwq-32b",
            .engine_key = "key-1",
            .owner_mark = "ek-1a2b3c4d",
            .expires = t0 + 1h};
    }
    ManualClock clock{Now{.utc = t0}};
    std::unique_ptr<WorldHarness> h{};
    std::unique_ptr<providers::Provider> driver{};
};

TEST_F(DriverOnCloud, AWholeLifeInBothTongues) {
    const auto offers = driver->offers({});
    ASSERT_TRUE(offers) << offers.error().message;
    EXPECT_EQ(offers->at(0).price, Price::per_hour(Money{4'410'000'000, usd}));
    EXPECT_EQ(offers->at(0).min_bill, 60s);

    const auto made = driver->create(spec("ek-1"), {});
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ(made->created, t0);
    EXPECT_FALSE(made->running);

    h->now += 420s;
    h->keep(h->world.tick(h->now));
    h->keep(h->world.started(made->remote_id, 40'123, h->now));
    const auto running = driver->get(made->remote_id, {});
    ASSERT_TRUE(running) << running.error().message;
    EXPECT_TRUE(running->running);
    EXPECT_EQ(running->host, "127.0.0.1");
    EXPECT_EQ(running->port, 40'123);
    EXPECT_EQ(running->owner_mark, "ek-1a2b3c4d");

    h->now += 580s;
    EXPECT_TRUE(driver->destroy(made->remote_id, {}));
    EXPECT_EQ(driver->get(made->remote_id, {}).error().code, Errc::not_found);
    EXPECT_EQ(driver->destroy(made->remote_id, {}).error().code, Errc::not_found);
    const auto list = driver->list({});
    ASSERT_TRUE(list) << list.error().message;
    EXPECT_TRUE(list->empty());
    const auto bill = driver->billing({});
    ASSERT_TRUE(bill) << bill.error().message;
    ASSERT_EQ(bill->size(), 1u);
    EXPECT_EQ(bill->at(0).remote_id, made->remote_id);
    EXPECT_EQ(bill->at(0).amount, (Money{1'225'000'000, usd}));
    EXPECT_TRUE(bill->at(0).final);
}

TEST_F(DriverOnCloud, ReadsALongListWhole) {
    for (int i = 0; i < 250; ++i) {
        ASSERT_TRUE(driver->create(spec(fmt::format("ek-{}", i)), {}));
    }
    const auto list = driver->list({});
    ASSERT_TRUE(list) << list.error().message;
    EXPECT_EQ(list->size(), 250u);
    EXPECT_EQ(driver->create(spec("ek-250"), {}).error().code, Errc::no_capacity);
}

TEST_F(DriverOnCloud, F01F02F09F11ErrorsArriveAsTheirClass) {
    h->world.switches() = {.create_lost = 1, .create_5xx_after_effect = 1};
    EXPECT_EQ(driver->create(spec("a"), {}).error().code, Errc::outcome_unknown);
    EXPECT_EQ(driver->create(spec("b"), {}).error().code, Errc::outcome_unknown);
    EXPECT_EQ(driver->list({})->size(), 2u) << "both exist";
    EXPECT_EQ(driver->create(spec("a"), {}).error().code, Errc::conflict);
    h->world.switches() = {.no_stock = 1};
    EXPECT_EQ(driver->create(spec("c"), {}).error().code, Errc::no_capacity);
    providers::MachineSpec wrong = spec("c");
    wrong.sku = "h200";
    EXPECT_EQ(driver->create(wrong, {}).error().code, Errc::rejected);
    h->world.switches() = {.delete_busy = 1};
    const auto list = driver->list({});
    EXPECT_EQ(driver->destroy(list->at(0).remote_id, {}).error().code, Errc::conflict);
}

}  // namespace
}  // namespace evenkeel::lab::cloud
