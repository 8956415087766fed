#include "lab/cloud/machine.hpp"

#include "tests/unit/cloud/world_fixture.hpp"

#include <gtest/gtest.h>

namespace evenkeel::lab::cloud {
namespace {

using testing::t0;

const Machine machine{
    .id = "m-7f3a9c-000001",
    .name = "ek-1a2b3c4d-01",
    .owner_mark = "ek-1a2b3c4d",
    .sku = "sandbox-h100",
    .region = "local",
    .image = "vllm/vllm-openai:v0.11.0",
    .model = "qwq-\"32b\"",
    .gpu = "H100 80GB (synthetic)",
    .gpu_count = 1,
    .hourly = Money{132'300'000'001, usd},
    .min_bill = Micros{2'000'001},
    .created = t0,
    .boots_at = t0 + Micros{14'000'000},
    .expires = t0 + std::chrono::hours{1},
    .boot_fails = true};

TEST(CloudRecords, ComeBackFromTheirLine) {
    for (const Record& record : std::initializer_list<Record>{
             Opened{t0, "7f3a9c"},
             Created{machine},
             Started{t0, "m-1", 40'123},
             Stopped{t0, "m-1", true},
             Stopped{t0, "m-1", false},
             DeleteAccepted{t0, "m-1"},
             Vanished{t0, "m-1"},
             Ended{t0, "m-1", EndReason::deleted},
             Ended{t0, "m-1", EndReason::vanished},
             Ended{t0, "m-1", EndReason::closed},
             Ended{t0, "m-1", EndReason::restart},
             Alive{t0}}) {
        const std::string line = to_json(record);
        EXPECT_EQ(line.find('\n'), std::string::npos);
        const auto back = parse_record(line);
        ASSERT_TRUE(back) << line << ": " << back.error().message;
        EXPECT_EQ(back->index(), record.index());
        EXPECT_EQ(to_json(*back), line);
    }
    const auto created = std::get<Created>(*parse_record(to_json(Created{machine}))).machine;
    EXPECT_EQ(created.hourly, machine.hourly);
    EXPECT_EQ(created.min_bill, machine.min_bill);
    EXPECT_EQ(created.created, machine.created);
    EXPECT_EQ(created.boots_at, machine.boots_at);
    EXPECT_EQ(created.model, machine.model);
    EXPECT_TRUE(created.boot_fails);
}

TEST(CloudRecords, EveryMissingFieldIsCorrupt) {
    const std::string line = to_json(Created{machine});
    std::size_t fields = 0;
    for (std::size_t at = line.find(",\""); at != line.npos; at = line.find(",\"", at + 1)) {
        std::string broken = line;
        broken.insert(at + 2, "not_");
        const auto record = parse_record(broken);
        ASSERT_FALSE(record) << broken;
        EXPECT_EQ(record.error().code, Errc::corrupt);
        ++fields;
    }
    EXPECT_EQ(fields, 16u);
}

TEST(CloudRecords, BrokenLinesAreCorrupt) {
    for (const char* line : {
             "",
             "{}",
             R"({"type":"alive"})",
             R"({"type":"alive","at":"yesterday"})",
             R"({"type":"born","at":"2026-03-04T05:06:07Z"})",
             R"({"type":"ended","at":"2026-03-04T05:06:07Z","id":"m-1","why":"bored"})",
             R"({"type":"started","at":"2026-03-04T05:06:07Z","id":"m-1","port":70000})",
             R"({"type":"alive","at":"2026-03-04T05:06:07Z","at":"2026-03-04T05:06:08Z"})",
         }) {
        const auto record = parse_record(line);
        ASSERT_FALSE(record) << line;
        EXPECT_EQ(record.error().code, Errc::corrupt);
    }
}

}  // namespace
}  // namespace evenkeel::lab::cloud
