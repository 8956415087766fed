#include "providers/sandbox/wire.hpp"

#include "providers/http/exact_json.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace evenkeel::providers::sandbox {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view machine_body =
    R"j({"id":"m-1","name":"ek-1a2b3c4d-01","owner_mark":"ek-1a2b3c4d","status":"running",)j"
    R"j("sku":"sandbox-h100","gpu":"H100 80GB (synthetic)","gpu_count":1,)j"
    R"j("price_per_hour":"4.41","currency":"USD","host":"127.0.0.1","port":40123,)j"
    R"j("created":"2026-03-04T05:06:07.000008Z","expires":"2026-03-04T11:00:00Z",)j"
    R"j("extra":{"ignored":[1,2]}})j";

const MachineSpec spec{
    .name = "ek-1a2b3c4d-01",
    .sku = "sandbox-h100",
    .region = "local",
    .image = "vllm/vllm-openai:v0.11.0",
    .model = "qwq-32b",
    .engine_key = "key-\"marked\"",
    .owner_mark = "ek-1a2b3c4d",
    .expires = from_us(1'772'600'767'000'008)};

TEST(SandboxWire, CreateRequestNamesEverything) {
    const HttpRequest request = make_create_request(spec);
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.target, "/v1/machines");
    const auto body = exact_json::parse(request.body);
    ASSERT_TRUE(body) << body.error().message;
    EXPECT_EQ(body->members().size(), 8u);
    EXPECT_EQ(body->text("name"), spec.name);
    EXPECT_EQ(body->text("sku"), spec.sku);
    EXPECT_EQ(body->text("region"), "local");
    EXPECT_EQ(body->text("image"), spec.image);
    EXPECT_EQ(body->text("model"), "qwq-32b");
    EXPECT_EQ(body->text("engine_key"), spec.engine_key);
    EXPECT_EQ(body->text("owner_mark"), spec.owner_mark);
    EXPECT_EQ(body->text("expires"), "2026-03-04T05:06:07.000008Z");
}

TEST(SandboxWire, OtherRequests) {
    EXPECT_EQ(make_offers_request().target, "/v1/offers");
    EXPECT_EQ(make_list_request("").target, "/v1/machines?limit=100");
    EXPECT_EQ(make_list_request("m-1").target, "/v1/machines?limit=100&after=m-1");
    EXPECT_EQ(make_get_request("m-1").target, "/v1/machines/m-1");
    EXPECT_EQ(make_destroy_request("m-1").method, "DELETE");
    EXPECT_EQ(make_bill_request("ek-1a&x=y").target, "/v1/bill?owner_mark=ek-1a%26x%3Dy");
}

TEST(SandboxWire, ReadsAMachine) {
    const auto machine = parse_machine({200, std::string{machine_body}});
    ASSERT_TRUE(machine) << machine.error().message;
    EXPECT_EQ(machine->remote_id, "m-1");
    EXPECT_EQ(machine->name, "ek-1a2b3c4d-01");
    EXPECT_EQ(machine->owner_mark, "ek-1a2b3c4d");
    EXPECT_EQ(machine->status, "running");
    EXPECT_TRUE(machine->running);
    EXPECT_EQ(to_us(machine->expires), 1'772'622'000'000'000);
    EXPECT_EQ(machine->gpu, "H100 80GB (synthetic)");
    EXPECT_EQ(machine->gpu_count, 1);
    EXPECT_EQ(machine->price, Price::per_hour(Money{4'410'000'000, usd}));
    EXPECT_EQ(machine->host, "127.0.0.1");
    EXPECT_EQ(machine->port, 40'123);
    EXPECT_EQ(machine->created, from_us(1'772'600'767'000'008));
}

TEST(SandboxWire, F30KeepsWhatIsStrangeAndDeletable) {
    const auto odd = parse_machine({200, R"({"id":"m-2","status":"hibernating","new":1})"});
    ASSERT_TRUE(odd) << odd.error().message;
    EXPECT_EQ(odd->status, "hibernating");
    EXPECT_FALSE(odd->running);
    EXPECT_TRUE(odd->price.currency().is_none()) << "a missing price is unknown, never free";
    EXPECT_EQ(odd->host, "");
    const auto booting =
        parse_machine({200, R"({"id":"m-3","status":"creating","host":"127.0.0.1","port":0})"});
    EXPECT_EQ(booting->host, "") << "no address before it has a port";
    for (const char* price : {R"("4.41x")", R"("-1")", R"(null)", R"(1e99)", R"("0.0000000001")"}) {
        const auto machine = parse_machine(
            {200, fmt::format(R"({{"id":"m-4","currency":"USD","price_per_hour":{}}})", price)});
        ASSERT_TRUE(machine) << price;
        EXPECT_TRUE(machine->price.currency().is_none()) << price;
    }
    const auto number =
        parse_machine({200, R"({"id":"m-4","currency":"USD","price_per_hour":4.41})"});
    EXPECT_EQ(number->price, Price::per_hour(Money{4'410'000'000, usd}));
    EXPECT_FALSE(parse_machine({200, R"({"name":"x"})"})) << "without id it cannot be deleted";
}

TEST(SandboxWire, ReadsOffersExactly) {
    const auto offers = parse_offers(
        {200,
         R"({"offers":[{"sku":"sandbox-h100","region":"local","gpu":"H100","gpu_count":1,)"
         R"("price_per_hour":"132.30","currency":"USD","min_bill_s":8.5714286,"stock":3},)"
         R"({"sku":"sold-out","price_per_hour":0.1,"currency":"AUD","min_bill_s":60,"stock":0},)"
         R"({"sku":"no-price","stock":3}],"synthetic":true})"},
        from_us(5));
    ASSERT_TRUE(offers) << offers.error().message;
    ASSERT_EQ(offers->size(), 2u) << "nothing is bought without a price";
    EXPECT_EQ(offers->at(0).price, Price::per_hour(Money{132'300'000'000, usd}));
    EXPECT_EQ(offers->at(0).min_bill, 8572ms) << "rounded up";
    EXPECT_TRUE(offers->at(0).in_stock);
    EXPECT_EQ(offers->at(0).seen, from_us(5));
    EXPECT_EQ(offers->at(1).price, Price::per_hour(Money{100'000'000, aud}));
    EXPECT_FALSE(offers->at(1).in_stock);
}

TEST(SandboxWire, F05AnUnreadableCreateMayHaveHappened) {
    for (const char* body :
         {"",
          "{",
          "[]",
          "{}",
          R"({"id":""})",
          R"({"id":"m-1"})",
          R"({"id":"../m","name":"ek-1a2b3c4d-01"})",
          R"({"id":"m-1","id":"m-2","name":"ek-1a2b3c4d-01"})",
          R"({"id":"m-1","name":"another"})"}) {
        for (const int status : {200, 201, 202}) {
            const auto machine = parse_created({status, body}, spec);
            ASSERT_FALSE(machine) << body;
            EXPECT_EQ(machine.error().code, Errc::outcome_unknown) << body;
        }
    }
    EXPECT_TRUE(parse_created({201, std::string{machine_body}}, spec));
    EXPECT_TRUE(parse_created({202, std::string{machine_body}}, spec));
}

struct StatusCase {
    int status;
    const char* code;
    Errc create;
    Errc read;
    Errc destroy;
};

TEST(SandboxWire, F02F09F19F22EveryStatusHasItsClass) {
    for (const StatusCase& c : {
             StatusCase{301, "", Errc::rejected, Errc::rejected, Errc::rejected},
             StatusCase{400, "invalid", Errc::rejected, Errc::rejected, Errc::rejected},
             StatusCase{
                 401, "unauthorized", Errc::unauthorized, Errc::unauthorized, Errc::unauthorized},
             StatusCase{403, "", Errc::unauthorized, Errc::unauthorized, Errc::unauthorized},
             StatusCase{404, "not_found", Errc::rejected, Errc::not_found, Errc::not_found},
             StatusCase{404, "", Errc::rejected, Errc::invalid_response, Errc::invalid_response},
             StatusCase{408, "", Errc::outcome_unknown, Errc::unavailable, Errc::outcome_unknown},
             StatusCase{409, "name_exists", Errc::conflict, Errc::conflict, Errc::conflict},
             StatusCase{409, "no_stock", Errc::no_capacity, Errc::conflict, Errc::conflict},
             StatusCase{409, "busy", Errc::conflict, Errc::conflict, Errc::conflict},
             StatusCase{422, "invalid", Errc::rejected, Errc::rejected, Errc::rejected},
             StatusCase{423, "", Errc::conflict, Errc::conflict, Errc::conflict},
             StatusCase{429, "", Errc::rate_limited, Errc::rate_limited, Errc::rate_limited},
             StatusCase{500, "", Errc::outcome_unknown, Errc::unavailable, Errc::outcome_unknown},
             StatusCase{502, "", Errc::outcome_unknown, Errc::unavailable, Errc::outcome_unknown},
             StatusCase{
                 503, "busy", Errc::outcome_unknown, Errc::unavailable, Errc::outcome_unknown},
         }) {
        const std::string body =
            *c.code == '\0' ? "<html>marked upstream body</html>"
                            : fmt::format(R"({{"error":{{"code":"{}","message":"x"}}}})", c.code);
        const HttpResponse response{c.status, body, 12s};
        const Error errors[] = {
            parse_created(response, spec).error(),
            parse_machine(response).error(),
            parse_destroyed(response).error()};
        const Errc expected[] = {c.create, c.read, c.destroy};
        for (int i = 0; i < 3; ++i) {
            EXPECT_EQ(errors[i].code, expected[i])
                << c.status << ' ' << c.code << " call " << i << ": " << errors[i].message;
            EXPECT_EQ(errors[i].message.find("marked"), std::string::npos) << errors[i].message;
        }
        if (c.status == 429) {
            EXPECT_EQ(errors[0].retry_after, 12s);
        }
        const Errc read = c.status == 404 ? Errc::invalid_response : c.read;
        EXPECT_EQ(parse_page(response).error().code, read) << c.status;
        EXPECT_EQ(parse_offers(response, {}).error().code, read) << c.status;
        EXPECT_EQ(parse_bill(response).error().code, read) << c.status;
    }
    for (const int status : {200, 202, 204}) {
        EXPECT_TRUE(parse_destroyed({status, ""}));
    }
}

TEST(SandboxWire, PagesMustBeWhole) {
    const auto page = parse_page(
        {200, fmt::format(R"({{"machines":[{}],"next":"m-1","total":7}})", machine_body)});
    ASSERT_TRUE(page) << page.error().message;
    EXPECT_EQ(page->items.size(), 1u);
    EXPECT_EQ(page->next, "m-1");
    EXPECT_EQ(page->total, 7);
    EXPECT_EQ(parse_page({200, R"({"machines":[],"next":null,"total":0})"})->next, "");
    for (const char* body :
         {"",
          "[]",
          R"({"machines":[],"next":null})",
          R"({"machines":[],"total":0})",
          R"({"machines":{},"next":null,"total":0})",
          R"({"machines":[],"next":"","total":0})",
          R"({"machines":[],"next":5,"total":0})",
          R"({"machines":[],"next":null,"total":-1})",
          R"({"machines":[],"next":null,"total":"0"})",
          R"({"machines":[{"name":"x"}],"next":null,"total":1})",
          R"({"machines":[],"machines":[],"next":null,"total":0})"}) {
        const auto broken = parse_page({200, body});
        ASSERT_FALSE(broken) << body;
        EXPECT_EQ(broken.error().code, Errc::invalid_response) << body;
    }
}

TEST(SandboxWire, I3TheBillIsReadToTheUnitOrNotAtAll) {
    const auto bill = parse_bill(
        {200,
         R"({"currency":"USD","lines":[)"
         R"({"id":"m-1","name":"a","amount":"0.514500001","seconds":"420.000001","final":true},)"
         R"({"id":"m-2","name":"b","amount":"0.073500000","seconds":"60.000000","final":false}],)"
         R"("total":"0.588000001"})"});
    ASSERT_TRUE(bill) << bill.error().message;
    ASSERT_EQ(bill->size(), 2u);
    EXPECT_EQ(bill->at(0).remote_id, "m-1");
    EXPECT_EQ(bill->at(0).amount, (Money{514'500'001, usd}));
    EXPECT_TRUE(bill->at(0).final);
    EXPECT_FALSE(bill->at(1).final);
    EXPECT_TRUE(parse_bill({200, R"({"currency":"USD","lines":[],"total":"0.000000000"})"}));
    for (const char* body :
         {"",
          R"({"currency":"USD","lines":[{"id":"m-1","amount":"1","final":true}],"total":"2"})",
          R"({"currency":"usd","lines":[],"total":"0"})",
          R"({"lines":[],"total":"0"})",
          R"({"currency":"USD","total":"0"})",
          R"({"currency":"USD","lines":[]})",
          R"({"currency":"USD","lines":[{"id":"m-1","amount":"1"}],"total":"1"})",
          R"({"currency":"USD","lines":[{"amount":"1","final":true}],"total":"1"})",
          R"({"currency":"USD","lines":[{"id":"m-1","final":true}],"total":"0"})",
          R"({"currency":"USD","lines":[{"id":"m-1","amount":"1","amount":"1","final":true}],)"
          R"("total":"1"})",
          R"({"currency":"USD","lines":[{"id":"m-1","amount":"1","final":true},)"
          R"({"id":"m-1","amount":"1","final":true}],"total":"2"})"}) {
        const auto broken = parse_bill({200, body});
        ASSERT_FALSE(broken) << body;
        EXPECT_EQ(broken.error().code, Errc::invalid_response) << body;
    }
}

}  // namespace
}  // namespace evenkeel::providers::sandbox
