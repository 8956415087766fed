#include "tests/unit/metrics/full_view.hpp"

#include "agent/metrics/collect.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace evenkeel::agent::metrics::test {

namespace {

constexpr UtcTime now{
    std::chrono::sys_days{std::chrono::November / 23 / 2026} + std::chrono::hours{12}};

Money dollars(std::int64_t nanos) {
    return Money{nanos, usd};
}

inference::gpu::GpuReading a_gpu(int index) {
    inference::gpu::GpuReading reading;
    reading.info.index = index;
    reading.info.uuid = "GPU-1";
    reading.sample.index = index;
    reading.sample.power_milliwatts = 571'500;
    reading.sample.energy_millijoules = 9'000;
    reading.sample.memory_used_bytes = 27'900'000'000;
    reading.sample.utilisation_percent = 97;
    reading.sample.temperature_c = 74;
    return reading;
}

}  // namespace

View full_view() {
    View view;
    view.version = "0.1.0";
    view.made = now;
    view.policy_revision = 37;
    view.policy_loaded = now - std::chrono::hours{3};
    view.state = "serving";
    view.currency.report = usd;
    view.currency.rates[aud] = {};
    view.currency.rates[aud].rate_nanos = 702'000'000;
    view.currency.rates[aud].as_of = std::chrono::June / 30 / 2026;
    view.cost_rate = dollars(4'410'000'000);
    view.own_rate = dollars(190'000'000);
    view.max_per_day = dollars(60'000'000'000);
    view.sources = {
        {.name = "desk", .kind = "own", .model = "qwq-32b", .busy = 4, .slots = 4},
        {.name = "runpod-1", .kind = "rental", .model = "qwq-32b", .busy = 11, .slots = 16},
        {.name = "claude", .kind = "api", .model = "opus", .busy = 2, .slots = 50}};
    view.queues = {{.model = "qwq-32b", .depth = 3}, {.model = "r1-70b", .depth = 2}};
    view.machines = {
        {.id = "1",
         .name = "runpod-1",
         .provider = "runpod",
         .state = "serving",
         .age_ms = 860'000,
         .rate = dollars(4'410'000'000),
         .phase = "serve"},
        {.id = "2",
         .name = "runpod-2",
         .provider = "runpod",
         .state = "serving",
         .age_ms = 21'600'500,
         .rate = dollars(4'410'000'000),
         .phase = "serve",
         .overdue = true},
        {.id = "3",
         .name = "x-1",
         .provider = "gone-from-the-files",
         .state = "deleting",
         .rate = dollars(1),
         .phase = "delete"}};
    view.unknown = {
        {.provider = "runpod", .remote_id = "k3x9", .ours = true},
        {.provider = "runpod", .remote_id = "somebody", .ours = false}};
    view.providers = {
        {.name = "runpod",
         .known = true,
         .balance = dollars(41'200'000'000),
         .figures =
             {.calls = {{"ok", 1'234}, {"rate_limited", 5}},
              .destroy_failures = 2,
              .listed = now - std::chrono::seconds{40},
              .bill_differences = {dollars(-14'500'001)},
              .bill_alarms = 1}},
        {.name = "keyless"}};
    view.budgets = {
        {.name = "everything",
         .per = "day",
         .limit = dollars(100'000'000'000),
         .spent = dollars(30'000'000'000),
         .from = now - std::chrono::hours{12},
         .until = now + std::chrono::hours{12}}};
    view.prices = {
        {.offer = "h100",
         .prices = {{"hour", Price::per_hour(dollars(2'890'000'000))}},
         .seen = now - std::chrono::hours{26},
         .age_max = std::chrono::hours{24}},
        {.offer = "claude",
         .prices = {
             {"in", Price::per_mtok(dollars(4'000'000'000))},
             {"cache_write", Price::per_mtok(dollars(5'000'000'000))},
             {"out over 200000", Price::per_mtok(dollars(30'000'000'000))}}}};
    auto gpus = std::make_shared<inference::gpu::Snapshot>();
    gpus->round = 1;
    gpus->gpus = {a_gpu(0)};
    view.gpus = std::move(gpus);
    return view;
}

ledger::Figures full_figures() {
    const ledger::NameTexts names{
        {NameIx{1}, "default"},
        {NameIx{2}, "qwq-32b"},
        {NameIx{3}, "desk"},
        {NameIx{4}, "claude"},
        {NameIx{5}, "runpod-1"},
        {NameIx{6}, "runpod"},
        {NameIx{7}, "hard"}};
    const auto usage = [](std::int64_t prompt, std::int64_t cached, std::int64_t out) {
        return Usage{.prompt = prompt, .cached = cached, .cache_write = 0, .completion = out};
    };
    ledger::Activity activity;
    activity.add(
        {.requests =
             {{.route = NameIx{1},
               .model = NameIx{2},
               .source = NameIx{3},
               .reason = ReasonCode::own_free,
               .wait_ms = 3,
               .ttft_ms = 260,
               .total_ms = 4'000,
               .usage = usage(100, 40, 20)},
              {.route = NameIx{1},
               .model = NameIx{2},
               .source = NameIx{3},
               .outcome = Outcome::cut,
               .reason = ReasonCode::own_waited,
               .wait_ms = 900,
               .ttft_ms = 1'200,
               .total_ms = 9'000,
               .usage = usage(50, 0, 5)},
              {.route = NameIx{7},
               .model = NameIx{2},
               .source = NameIx{4},
               .kind = SourceKind::api,
               .reason = ReasonCode::api_overflow,
               .total_ms = 2'000,
               .usage = usage(10, 0, 10)},
              {.route = NameIx{1},
               .model = NameIx{2},
               .outcome = Outcome::refused,
               .reason = ReasonCode::queue_full}},
         .money =
             {{.source = NameIx{4},
               .kind = SourceKind::api,
               .phase = "request",
               .amount = dollars(12'300'000)},
              {.source = NameIx{5},
               .kind = SourceKind::rental,
               .phase = "boot",
               .amount = dollars(514'500'000),
               .provider = NameIx{6},
               .time = std::chrono::seconds{420}},
              {.source = NameIx{5},
               .kind = SourceKind::rental,
               .phase = "adjust",
               .amount = dollars(-14'500'001),
               .provider = NameIx{6}}}},
        names,
        6,
        std::chrono::microseconds{4'200});
    return activity.read();
}

std::string full_text() {
    const View view = full_view();
    const ledger::Figures figures = full_figures();
    Families families;
    collect(
        {.view = view, .booked = figures, .commit = "abc123", .gpu_millijoules = {{0, 9'000}}},
        families);
    return families.text();
}

void Answer::read(const std::string& text) {
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words{line};
        std::string hash;
        std::string kind;
        std::string name;
        if (line.starts_with("# ")) {
            words >> hash >> kind >> name;
            std::string rest;
            std::getline(words >> std::ws, rest);
            (kind == "TYPE" ? types : helps)[name] = rest;
            continue;
        }
        const std::size_t end_of_name = line.find_first_of("{ ");
        const std::size_t space = line.rfind(' ');
        ASSERT_NE(end_of_name, std::string::npos) << line;
        Sample sample{.name = line.substr(0, end_of_name)};
        std::size_t at = end_of_name + 1;
        while (line[end_of_name] == '{' && line[at] != '}') {
            const std::size_t equals = line.find("=\"", at);
            ASSERT_NE(equals, std::string::npos) << line;
            const std::string label = line.substr(at, equals - at);
            std::string value;
            for (at = equals + 2; line[at] != '"'; ++at) {
                if (line[at] == '\\') {
                    ++at;
                    value += line[at] == 'n' ? '\n' : line[at];
                } else {
                    value += line[at];
                }
            }
            EXPECT_TRUE(sample.labels.emplace(label, value).second) << "twice in " << line;
            ++at;
            at += line[at] == ',' ? 1 : 0;
        }
        sample.value = std::stod(line.substr(space + 1));
        samples.push_back(std::move(sample));
    }
}

bool Answer::has(const std::string& name, const std::map<std::string, std::string>& labels) const {
    for (const Sample& sample : samples) {
        if (sample.name == name && sample.labels == labels) {
            return true;
        }
    }
    return false;
}

double Answer::value(
    const std::string& name, const std::map<std::string, std::string>& labels) const {
    double found = std::nan("");
    int times = 0;
    for (const Sample& sample : samples) {
        if (sample.name == name && sample.labels == labels) {
            found = sample.value;
            ++times;
        }
    }
    EXPECT_EQ(times, 1) << name;
    return found;
}

double Answer::sum(const std::string& name) const {
    double sum = 0;
    for (const Sample& sample : samples) {
        sum += sample.name == name ? sample.value : 0;
    }
    return sum;
}

std::string Answer::family_of(const std::string& sample) const {
    for (const char* end : {"_bucket", "_sum", "_count"}) {
        if (sample.ends_with(end)) {
            const std::string base = sample.substr(0, sample.size() - std::string{end}.size());
            const auto type = types.find(base);
            if (type != types.end() && type->second == "histogram") {
                return base;
            }
        }
    }
    return sample;
}

std::set<std::string> Answer::families() const {
    std::set<std::string> names;
    for (const Sample& sample : samples) {
        names.insert(family_of(sample.name));
    }
    return names;
}

std::string file_text(const std::string& path_in_source) {
    const auto path = std::filesystem::path{EVENKEEL_SOURCE_DIR} / path_in_source;
    std::ifstream file{path};
    EXPECT_TRUE(file) << path;
    return {std::istreambuf_iterator<char>{file}, {}};
}

}  // namespace evenkeel::agent::metrics::test
