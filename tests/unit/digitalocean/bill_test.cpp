#include "providers/digitalocean/bill.hpp"

#include <gtest/gtest.h>

namespace evenkeel::providers::digitalocean {
namespace {

using namespace std::chrono_literals;

const UtcTime noon = std::chrono::sys_days{2026y / 11 / 23} + 12h;

Invoice preview_of(UtcTime made) {
    return {.uuid = "p", .period = "2026-11", .updated = made};
}
InvoiceItem item(std::string id, std::int64_t cents, std::optional<UtcTime> end) {
    return {.resource_id = std::move(id), .amount = Money{cents * 10'000'000, usd}, .end = end};
}

TEST(DigitalOceanBill, F102ReadsItemsOfDropletsOnly) {
    const auto page = parse_items(
        {200,
         R"j({"invoice_items":[)j"
         R"j({"product":"Droplets","resource_id":"2353624","amount":"12.34",)j"
         R"j("description":"ek-1a2b3c4d-01 (gpu-h100x1-80gb)","duration":"10000",)j"
         R"j("duration_unit":"Seconds","start_time":"2026-11-23T09:00:00Z",)j"
         R"j("end_time":"2026-11-23T11:46:40Z"},)j"
         R"j({"product":"GPU Droplets","resource_id":"2353625","amount":"0.073500"},)j"
         R"j({"product":"Droplet Snapshots","resource_id":"2353626","amount":"9"},)j"
         R"j({"product":"Spaces","resource_id":"","amount":"5.00"},)j"
         R"j({"product":"Taxes","amount":"x"}],"links":{},"meta":{"total":5}})j"},
        "1");
    ASSERT_TRUE(page) << page.error().message;
    EXPECT_EQ(page->total, 5);
    ASSERT_EQ(page->items.size(), 5u) << "all of them, so that the total can be compared";
    EXPECT_EQ(page->items[0].resource_id, "2353624");
    EXPECT_EQ(page->items[0].amount, (Money{12'340'000'000, usd}));
    EXPECT_EQ(page->items[0].end, noon - 13min - 20s);
    EXPECT_EQ(page->items[1].amount, (Money{73'500'000, usd}));
    EXPECT_EQ(page->items[2].resource_id, "") << "a snapshot has ids of its own";
}

TEST(DigitalOceanBill, AnUnreadableAmountIsNoBill) {
    const HttpResponse answer{
        200,
        R"({"invoice_items":[{"product":"Droplets","resource_id":"7","amount":"?"}],)"
        R"("meta":{"total":1}})"};
    EXPECT_EQ(parse_items(answer, "1").error().code, Errc::invalid_response);
}

TEST(DigitalOceanBill, ReadsInvoicesAndThePreview) {
    const auto read = parse_invoices(
        {200,
         R"({"invoices":[{"invoice_uuid":"u1","invoice_period":"2026-09"},)"
         R"({"invoice_uuid":"u2","invoice_period":"2026-10"}],)"
         R"("invoice_preview":{"invoice_uuid":"u3","invoice_period":"2026-11",)"
         R"("updated_at":"2026-11-23T12:00:00Z"},"links":{},"meta":{"total":2}})"},
        "1");
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->closed.items.size(), 2u);
    ASSERT_TRUE(read->preview);
    EXPECT_EQ(read->preview->uuid, "u3");
    EXPECT_EQ(read->preview->updated, noon);
}

TEST(DigitalOceanBill, TheNewestClosedInvoicesMatter) {
    const auto kept = newest(
        {{.uuid = "a", .period = "2025-12"},
         {.uuid = "b", .period = "2026-10"},
         {.uuid = "c", .period = "2026-09"}});
    ASSERT_EQ(kept.size(), 2u);
    EXPECT_EQ(kept[0].uuid, "b");
    EXPECT_EQ(kept[1].uuid, "c");
}

TEST(DigitalOceanBill, F102FinalOnlyWhenTheBooksAreWellPastTheEnd) {
    const auto final_with = [](std::optional<UtcTime> end, std::optional<UtcTime> made) {
        Bill bill;
        Invoice invoice{.uuid = "p", .updated = made};
        bill.add(invoice, std::array{item("7", 100, end)});
        return bill.lines().at(0).final;
    };
    EXPECT_TRUE(final_with(noon, noon + 1h));
    EXPECT_FALSE(final_with(noon, noon + 1h - 1us)) << "the end may be cut down to the hour";
    EXPECT_FALSE(final_with(noon, noon)) << "it may still run";
    EXPECT_FALSE(final_with({}, noon + 9h)) << "an item without an end";
    EXPECT_FALSE(final_with(noon, {})) << "no preview: how far do the books go?";
    Bill fast{1s};
    fast.add(preview_of(noon + 1s), std::array{item("7", 100, noon)});
    EXPECT_TRUE(fast.lines().at(0).final);
}

/// On the first of December the preview is December's, and November is not closed yet.
TEST(DigitalOceanBill, F102HalfOfAMachineIsNoBillWhileItsFirstMonthIsMissing) {
    const UtcTime december = std::chrono::sys_days{2026y / 12 / 1};
    const Invoice preview{.uuid = "p", .period = "2026-12", .updated = december + 9h};
    InvoiceItem half = item("7", 882, december + 2h);
    half.start = december;
    InvoiceItem young = item("8", 441, december + 2h);
    young.start = december + 1h;
    Bill alone;
    alone.add(preview, std::array{half, young});
    EXPECT_FALSE(alone.lines().at(0).final) << "its November is missing";
    EXPECT_TRUE(alone.lines().at(1).final) << "it began in December";
    Bill both;
    both.add({.uuid = "n", .period = "2026-11"}, std::array{item("7", 882, december)});
    both.add(preview, std::array{half});
    EXPECT_TRUE(both.lines().at(0).final);
    EXPECT_EQ(both.lines().at(0).amount, (Money{17'640'000'000, usd}));
    Bill january;
    const UtcTime new_year = std::chrono::sys_days{2027y / 1 / 1};
    InvoiceItem over = item("9", 100, new_year + 1h);
    over.start = new_year;
    january.add({.uuid = "d", .period = "2026-12"}, std::array{item("9", 100, new_year)});
    january.add({.uuid = "j", .period = "2027-01", .updated = new_year + 9h}, std::array{over});
    EXPECT_TRUE(january.lines().at(0).final) << "the month before January is December";
}

TEST(DigitalOceanBill, AMachineOverTheEndOfAMonthIsAddedUp) {
    Bill bill;
    const Invoice october{.uuid = "o", .period = "2026-10"};
    bill.add(october, std::array{item("7", 441, noon - 24h), item("8", 100, noon - 24h)});
    bill.add(
        preview_of(noon),
        std::array{item("7", 59, noon - 10min), item("", 999, noon), item("9", 3, noon - 2h)});
    const auto lines = bill.lines();
    ASSERT_EQ(lines.size(), 3u);
    EXPECT_EQ(lines[0].remote_id, "7");
    EXPECT_EQ(lines[0].amount, (Money{5'000'000'000, usd}));
    EXPECT_FALSE(lines[0].final) << "it went on into the new month";
    EXPECT_TRUE(lines[1].final);
    EXPECT_TRUE(lines[2].final);
}

}  // namespace
}  // namespace evenkeel::providers::digitalocean
