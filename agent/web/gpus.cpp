// Own GPUs, now and before.
#include "agent/web/documents.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <fstream>
#include <optional>
#include <utility>

namespace evenkeel::web {

namespace json = boost::json;
namespace gpu = inference::gpu;

namespace {

constexpr std::chrono::hours hours_by_default{7 * 24};
constexpr std::chrono::hours hours_back_max{400 * 24};

template <class T>
json::value or_null(const std::optional<T>& value) {
    return value ? json::value(*value) : json::value(nullptr);
}

/// "571.2": a measure, from thousandths.
json::value watts(const std::optional<std::int64_t>& milliwatts) {
    return milliwatts ? json::value(static_cast<double>(*milliwatts / 100) / 10)
                      : json::value(nullptr);
}

/// The name of a process as the system shows it; empty where it shows none.
std::string process_name(std::int64_t pid) {
    std::ifstream file{"/proc/" + std::to_string(pid) + "/comm"};
    std::string name;
    std::getline(file, name);
    return name;
}

json::object now_of(const gpu::GpuReading& reading) {
    json::array processes;
    for (const gpu::GpuProcess& process :
         reading.sample.processes.value_or(std::vector<gpu::GpuProcess>{})) {
        processes.emplace_back(json::object{
            {"pid", process.pid},
            {"name", process_name(process.pid)},
            {"bytes", or_null(process.memory_bytes)}});
    }
    return {
        {"uuid", reading.info.uuid},
        {"index", reading.info.index},
        {"name", reading.info.name},
        {"state", gpu::to_text(reading.sample.state)},
        {"sick", reading.verdict.sick},
        {"why", reading.verdict.why},
        {"memory_total", reading.info.memory_bytes},
        {"memory_used", or_null(reading.sample.memory_used_bytes)},
        {"watts", watts(reading.sample.power_milliwatts)},
        {"watts_limit", watts(reading.info.power_limit_milliwatts)},
        {"temperature", or_null(reading.sample.temperature_c)},
        {"utilisation", or_null(reading.sample.utilisation_percent)},
        {"throttled", gpu::throttle_text(reading.sample.throttle.value_or(0))},
        {"processes", std::move(processes)}};
}

/// Means over the samples; the highest of temperature and memory.
json::array rollups(const std::vector<ledger::GpuRollup>& rows, std::string_view at) {
    json::array array;
    for (const ledger::GpuRollup& row : rows) {
        const std::int64_t samples = std::max<std::int64_t>(row.samples, 1);
        array.emplace_back(json::object{
            {"gpu", row.gpu},
            {at, to_us(row.at)},
            {"samples", row.samples},
            {"watts", watts(row.power_milliwatts / samples)},
            {"utilisation", row.utilisation / samples},
            {"temperature", row.temperature_c},
            {"memory", row.memory_bytes},
            {"throttled", row.throttle > 0},
            {"sick", row.sick}});
    }
    return array;
}

/// Energy of each of the booking days, by hardware and currency.
Result<json::array> energy_of(ledger::Reader& reader, const Desk& desk, UtcTime since) {
    json::array days;
    const std::chrono::sys_days last{desk.zone.day(desk.now)};
    const std::chrono::sys_days first = std::max(
        std::chrono::sys_days{desk.zone.day(since)}, last - std::chrono::days{energy_days_max - 1});
    for (std::chrono::sys_days day = first; day <= last; day += std::chrono::days{1}) {
        const std::int64_t number = ledger::day_number(std::chrono::year_month_day{day});
        const auto rows = reader.energy(number, number);
        if (!rows) {
            return std::unexpected{rows.error()};
        }
        for (const ledger::EnergyRow& row : *rows) {
            days.emplace_back(json::object{
                {"day", config::to_text(std::chrono::year_month_day{day})},
                {"hardware", row.hardware},
                {"idle_microjoules", row.idle_microjoules},
                {"work_microjoules", row.work_microjoules},
                {"host_microjoules", row.host_microjoules},
                {"estimated_microjoules", row.estimated_microjoules},
                {"idle", amount_text(row.idle)},
                {"work", amount_text(row.work)},
                {"host", amount_text(row.host)},
                {"currency", row.idle.currency().text()},
                {"wear", amount_text(row.wear)},
                {"wear_currency", row.wear.currency().text()}});
        }
    }
    return days;
}

}  // namespace

Result<std::string> gpus_document(const Desk& desk, const Query& query) {
    auto since = query.instant("since", desk.now, hours_by_default, desk.zone);
    if (!since) {
        return std::unexpected{since.error()};
    }
    *since = std::max(*since, desk.now - hours_back_max);
    auto reader = desk.reader();
    if (!reader) {
        return std::unexpected{reader.error()};
    }
    const UtcTime minutes_since = std::max(*since, desk.now - gpu_minutes_back_max);
    const auto minutes = reader->gpu_minutes(minutes_since);
    const auto hours = reader->gpu_hours(*since);
    auto energy = energy_of(*reader, desk, *since);
    if (!minutes || !hours || !energy) {
        return std::unexpected{
            !minutes ? minutes.error()
            : !hours ? hours.error()
                     : energy.error()};
    }
    json::array gpus;
    for (const gpu::GpuReading& reading : desk.view->gpus->gpus) {
        gpus.emplace_back(now_of(reading));
    }
    return json::serialize(json::object{
        {"schema", "evenkeel.gpus/1"},
        {"since_us", to_us(*since)},
        {"minutes_since_us", to_us(minutes_since)},
        {"trouble", desk.view->gpus->trouble},
        {"gpus", std::move(gpus)},
        {"minutes", rollups(*minutes, "minute_us")},
        {"hours", rollups(*hours, "hour_us")},
        {"energy", *std::move(energy)}});
}

}  // namespace evenkeel::web
