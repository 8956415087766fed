// Power and wear of own hardware, and what its GPUs did.
#include "agent/ledger/store.hpp"
#include "policies/energy/cost.hpp"

#include <fmt/format.h>

#include <utility>

namespace evenkeel::ledger {

namespace {

constexpr std::int64_t minutes_kept = 7 * 24 * 60;
constexpr std::int64_t hours_kept = 400 * 24;

}  // namespace

void Store::apply_power(const PowerPost& post_of, UtcTime at) {
    Statement known{database_, "SELECT 1 FROM energy WHERE hardware = ?1 AND at_us = ?2"};
    known.query(post_of.hardware, to_us(post_of.hour));
    if (known.next()) {
        return;
    }
    known.reset();
    const std::string idem = fmt::format("power:{}:{}", post_of.hardware, to_us(post_of.hour));
    if (chain_.contains(idem)) {
        return;
    }
    const energy::Split split{
        .idle = post_of.microjoules - post_of.work_microjoules - post_of.host_microjoules,
        .work = post_of.work_microjoules,
        .host = post_of.host_microjoules,
        .estimated = post_of.estimated_microjoules};
    energy::Cost cost;
    std::vector<Posting> postings;
    ensure_source(post_of.source, SourceKind::own, NameIx{}, false);
    if (post_of.price) {
        cost = energy::cost_of(split, *post_of.price);
    }
    const Money amount = cost.total();
    if (!amount.is_zero()) {
        postings.push_back(
            {.account = fmt::format("expense:power:{}", post_of.hardware),
             .amount = amount,
             .quantity = post_of.microjoules,
             .unit = "uJ",
             .price = price_id(post_of.source, "power", *post_of.price, at)});
        postings.push_back({.account = "payable:electricity", .amount = -amount});
        roll_up(
            post_of.hour,
            {.source = post_of.source.value(), .phase = "power", .currency = amount.currency()},
            {.paid = amount.nanos(), .charged = amount.nanos()});
        booked_.money.push_back(
            {.source = post_of.source,
             .kind = SourceKind::own,
             .phase = "power",
             .amount = amount});
        settle_windows(post_of.budgets);
    }
    if (!post_of.wear.is_zero()) {
        postings.push_back(
            {.account = fmt::format("wear:{}", post_of.hardware),
             .amount = post_of.wear,
             .quantity = post_of.on.count(),
             .unit = "ns"});
        postings.push_back(
            {.account = fmt::format("asset:{}", post_of.hardware), .amount = -post_of.wear});
    }
    std::int64_t tx = 0;
    if (!postings.empty()) {
        tx = fresh_id(at);
        static_cast<void>(post(
            {.id = tx,
             .at_us = to_us(at),
             .kind = "power",
             .idem = idem,
             .postings = std::move(postings)},
            post_of.hour));
    }
    Statement insert{
        database_,
        "INSERT INTO energy(hardware, at_us, day, source, idle_uj, work_uj, host_uj, estimated_uj,"
        " on_ns, worked_ns, currency, idle, work, host, wear_currency, wear, wear_worked, tx)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,"
        " nullif(?18, 0))"};
    insert.run(
        post_of.hardware,
        to_us(post_of.hour),
        day_number(zone_, post_of.hour),
        post_of.source.value(),
        split.idle,
        split.work,
        split.host,
        split.estimated,
        post_of.on.count(),
        post_of.worked.count(),
        amount.is_zero() ? std::string_view{} : amount.currency().text(),
        cost.idle.nanos(),
        cost.work.nanos(),
        cost.host.nanos(),
        post_of.wear.is_zero() ? std::string_view{} : post_of.wear.currency().text(),
        post_of.wear.nanos(),
        post_of.wear_worked.nanos(),
        tx);
}

void Store::apply_gpu_minute(const GpuRollup& minute) {
    const auto since_1970 = minute.at.time_since_epoch();
    const auto no = std::chrono::floor<std::chrono::minutes>(since_1970).count();
    const auto hour = std::chrono::floor<std::chrono::hours>(since_1970).count();
    const auto put = [&](const char* sql, std::int64_t at) {
        Statement statement{database_, sql};
        return statement.run(
            minute.gpu,
            at,
            minute.samples,
            minute.power_milliwatts,
            minute.energy_millijoules,
            minute.utilisation,
            minute.temperature_c,
            minute.memory_bytes,
            minute.throttle,
            minute.xids,
            minute.sick);
    };
    if (put("INSERT OR IGNORE INTO gpu_minute VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            no) == 0) {
        return;
    }
    Statement known{database_, "SELECT 1 FROM gpu_hour WHERE gpu = ?1 AND hour = ?2"};
    known.query(minute.gpu, hour);
    const bool is_new_hour = !known.next();
    known.reset();
    put("INSERT INTO gpu_hour VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
        " ON CONFLICT(gpu, hour) DO UPDATE SET samples = samples + excluded.samples,"
        " power_mw = power_mw + excluded.power_mw, energy_mj = energy_mj + excluded.energy_mj,"
        " utilisation = utilisation + excluded.utilisation,"
        " temperature = max(temperature, excluded.temperature),"
        " memory = max(memory, excluded.memory), throttle = throttle | excluded.throttle,"
        " xids = xids + excluded.xids, sick = sick + excluded.sick",
        hour);
    if (is_new_hour) {
        Statement minutes{database_, "DELETE FROM gpu_minute WHERE gpu = ?1 AND minute < ?2"};
        minutes.run(minute.gpu, no - minutes_kept);
        Statement hours{database_, "DELETE FROM gpu_hour WHERE gpu = ?1 AND hour < ?2"};
        hours.run(minute.gpu, hour - hours_kept);
    }
}

}  // namespace evenkeel::ledger
