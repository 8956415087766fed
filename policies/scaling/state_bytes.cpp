#include "policies/scaling/state_bytes.hpp"

#include <array>
#include <utility>

/// The gathered signals and the memory of levels as bytes.
namespace evenkeel::scaling {

namespace {

constexpr std::int64_t amount_max = std::int64_t{1} << 61;
constexpr std::size_t levels_most = 1'000;
constexpr nanoseconds gathered_most = std::chrono::hours{24 * 366};

template <class Sums>
auto fields(Sums& sums) {
    return std::array{
        &sums.overflow,
        &sums.overflow_in,
        &sums.overflow_out,
        &sums.refused_in,
        &sums.refused_out,
        &sums.rented,
        &sums.rented_in,
        &sums.rented_out,
        &sums.own_in,
        &sums.own_out};
}

std::int64_t amount(Reader& reader) {
    const std::int64_t value = reader.number();
    reader.ok = reader.ok && value > -amount_max && value < amount_max;
    return reader.ok ? value : 0;
}

std::int64_t positive(Reader& reader) {
    const std::int64_t value = amount(reader);
    reader.ok = reader.ok && value >= 0;
    return value;
}

double average(Reader& reader) {
    const double value = reader.real();
    reader.ok = reader.ok && value >= 0 && value < 1e18;
    return reader.ok ? value : 0.0;
}

nanoseconds span(Reader& reader) {
    const nanoseconds value{reader.number()};
    reader.ok = reader.ok && value >= nanoseconds::zero() && value <= gathered_most;
    return value;
}

std::size_t level_count(Reader& reader) {
    const std::size_t count = reader.length();
    reader.ok = reader.ok && count <= levels_most;
    return reader.ok ? count : 0;
}

void put_level(std::string& out, const Level& level) {
    put(out, level.debt);
    put(out, level.idle);
    put(out, level.bare);
    put(out, static_cast<std::int64_t>(std::to_underlying(level.shadow)));
    put(out, level.shadow_debt);
    put(out, level.shadow_idle);
    put(out, static_cast<std::int64_t>(level.shadow_boot_left.count()));
    put(out, static_cast<std::uint64_t>(level.cells.size()));
    for (const LevelCell& cell : level.cells) {
        put(out, cell.seen);
        put(out, cell.sum);
    }
}

Level read_level(Reader& reader) {
    Level level;
    level.debt = positive(reader);
    level.idle = positive(reader);
    level.bare = positive(reader);
    const std::int64_t shadow = reader.number();
    reader.ok = reader.ok && shadow >= 0 && shadow <= std::to_underlying(ShadowPhase::ready);
    level.shadow = reader.ok ? static_cast<ShadowPhase>(shadow) : ShadowPhase::off;
    level.shadow_debt = positive(reader);
    level.shadow_idle = positive(reader);
    level.shadow_boot_left = milliseconds{amount(reader)};
    for (std::size_t left = level_count(reader); left > 0 && reader.ok; --left) {
        LevelCell& cell = level.cells.emplace_back();
        cell.seen = average(reader);
        cell.sum = average(reader);
    }
    return level;
}

}  // namespace

void put_signals(std::string& out, const RentState& state) {
    put(out, to_us(state.at));
    put(out, static_cast<std::int64_t>(state.gathered.time.count()));
    for (const std::int64_t* field : fields(state.gathered)) {
        put(out, *field);
    }
    put(out, static_cast<std::uint64_t>(state.gathered.worth.size()));
    for (const auto& [machine, worth] : state.gathered.worth) {
        put(out, machine.value());
        put(out, worth);
    }
    put(out, static_cast<std::uint64_t>(state.backlog_for ? 1 : 0));
    put(out, static_cast<std::int64_t>(state.backlog_for.value_or(nanoseconds{0}).count()));
}

void read_signals(Reader& reader, RentState& state) {
    state.at = from_us(reader.number());
    state.gathered.time = span(reader);
    for (std::int64_t* field : fields(state.gathered)) {
        *field = amount(reader);
    }
    for (std::size_t left = reader.length(); left > 0 && reader.ok; --left) {
        const MachineId machine{reader.number()};
        state.gathered.worth[machine] = amount(reader);
    }
    const bool waits = reader.word() == 1;
    const nanoseconds backlog_for = span(reader);
    if (waits && reader.ok) {
        state.backlog_for = backlog_for;
    }
}

void put_memory(std::string& out, const LevelMemory& memory) {
    put(out, memory.money);
    put(out, memory.work);
    put(out, memory.load);
    put(out, memory.missed_money);
    put(out, memory.missed_work);
    put(out, memory.account);
    put(out, static_cast<std::uint64_t>(memory.levels.size()));
    for (const Level& level : memory.levels) {
        put_level(out, level);
    }
    put(out, static_cast<std::uint64_t>(memory.earned.size()));
    for (const std::int64_t earned : memory.earned) {
        put(out, earned);
    }
    put(out, static_cast<std::uint64_t>(memory.seen.size()));
    for (const std::int32_t band : memory.seen) {
        put(out, static_cast<std::int64_t>(band));
    }
    put(out, static_cast<std::uint64_t>(memory.seen_earned.size()));
    for (const std::int64_t earned : memory.seen_earned) {
        put(out, earned);
    }
}

void read_memory(Reader& reader, LevelMemory& memory, int version) {
    memory.money = average(reader);
    memory.work = average(reader);
    memory.load = average(reader);
    if (version >= 4) {
        memory.missed_money = average(reader);
        memory.missed_work = average(reader);
    }
    memory.account = amount(reader);
    for (std::size_t left = level_count(reader); left > 0 && reader.ok; --left) {
        memory.levels.push_back(read_level(reader));
    }
    for (std::size_t left = level_count(reader); left > 0 && reader.ok; --left) {
        memory.earned.push_back(amount(reader));
    }
    for (std::size_t left = reader.length(); left > 0 && reader.ok; --left) {
        memory.seen.push_back(static_cast<std::int32_t>(reader.number()));
    }
    const std::size_t most = memory.seen.size() * memory.levels.size();
    for (std::size_t left = reader.length(most); left > 0 && reader.ok; --left) {
        memory.seen_earned.push_back(amount(reader));
    }
}

}  // namespace evenkeel::scaling
