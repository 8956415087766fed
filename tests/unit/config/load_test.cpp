#include "tests/unit/config/support.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace evenkeel::config::test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

std::vector<SourceFile> read_folder(const fs::path& folder) {
    std::vector<SourceFile> files;
    for (const File file : all_files) {
        const fs::path path = folder / file_name(file);
        std::ifstream input{path};
        std::stringstream text;
        text << input.rdbuf();
        files.push_back({.path = path.string(), .text = text.str()});
    }
    return files;
}

TEST(Load, TheExampleIsClean) {
    const auto loaded =
        load(read_folder(fs::path{EVENKEEL_SOURCE_DIR} / "examples/desk-5090"), today);
    ASSERT_TRUE(loaded.has_value()) << render_all(loaded.error());
    EXPECT_TRUE(loaded->warnings.empty()) << render_all(loaded->warnings);
    const Config& config = loaded->config;
    EXPECT_EQ(config.providers.size(), 4u);
    ASSERT_NE(config.model("claude-opus-4-1"), nullptr);
    EXPECT_EQ(config.model("claude-opus-4-1")->name, "opus");
    EXPECT_EQ(config.offer("do").offer->hour_price, *parse_price("4.41 USD/h"));
}

/// One of everything, as the design of the files shows it, split into its four files.
std::vector<SourceFile> everything() {
    return {
        {"evenkeel.yaml",
         R"(# yaml-language-server: $schema=/usr/share/evenkeel/schema/evenkeel-v1.json
version: 1
listen: {api: "127.0.0.1:8180", admin: "[::1]:8081"}
dashboard: {control: true}
currency:
  report: AUD
  rates:
    USD: {rate: 1.4235, as_of: 2026-11-20, warn_after: 7d}
energy:
  tariff:
    - {price: 0.08 AUD/kWh, when: "22:00-06:00"}
    - {price: 0.33 AUD/kWh}
  host_overhead: 150 W
hardware:
  - {name: desk, gpus: [0, 2], bought: 2025-12-01, price: 6800 AUD, residual: 0.35, wear_over: 48mo,
     gpu: RTX 5090, vram: 48 GiB, power: {busy: 0.725 kW, idle: 90 W}}
report_zone: Australia/Sydney
limits: {header_bytes: 16 KiB, body_bytes: 8MiB, connections: 100, connections_per_address: 10,
         header_time: 5s, body_time: 20s, idle_time: 30s, stall_time: 40s, queue_requests: 7,
         stream_drain: 2m}
speed: 30
)"},
        {"providers.yaml", R"(version: 1
providers:
  desk-llama: {kind: local, hardware: desk, engine: llama.cpp, url: "http://127.0.0.1:8091",
               start: {command: [llama-server, --port, "8091"], env: {HF_HOME: /srv/hf},
                       memory: 22 GB, load_limit: 5m, load_guess: 40s, least_stay: 2m, drain: 30s,
                       stop_grace: 3s, sleep: false}}
  runpod: {kind: runpod, credential: runpod.key, cloud: community, max_machines: 2}
  do: {kind: digitalocean, credential: do.token, regions: [tor1, nyc2], tag: mine, max_machines: 3,
       ca_file: /etc/ssl/proxy.pem, ssh_keys: [512190, "aa:bb"], allow_from: 203.0.113.7,
       base_url: "https://do.example"}
  sand: {kind: sandbox, base_url: "http://localhost:9000", credential: sand.token, synthetic: true}
  nano: {kind: openai-compatible, credential: nano.key, url: "https://nano.example/v1",
         max_in_flight: 9}
  claude: {kind: anthropic, credential: anthropic.key, base_url: "https://proxy.example"}
)"},
        {"models.yaml", R"(version: 1
models:
  qwq-32b:
    context: 32k
    kv_per_token: 256 KiB
    aliases: [qwq, reasoning-small]
    internal_price: {in: 0.20 USD/Mtok, out: 0.80 USD/Mtok}
    offers:
      - {on: desk-llama, slots: 4, weights: qwq-32b-q4_k_m.gguf,
         weights_size: 19.85 GB, kv_cache: fp8}
      - {on: runpod, gpu: H100 PCIe, engine: vllm, weights: Qwen/QwQ-32B, image: "vllm:1",
         args: [--kv-cache-dtype, fp8],
         volume: vol-1, hub_secret: hf, disk: 120, vram: 139.8 GiB,
         slots: 16, price: 2.89 USD/h, seen: 2026-11-09}
      - {name: do-h100, on: do, gpu: gpu-h100x1-80gb, price: 4.41 USD/h, seen: 2026-08-22}
      - {on: sand, price: 4 USD/h, seen: 2026-11-09}
      - {on: nano, model: qwq, price: {in: 0.256 USD/Mtok, out: 0.305 USD/Mtok}, seen: 2026-07-02}
  opus:
    aliases: [claude-opus-4, claude-opus-4-1]
    offers:
      - on: claude
        model: claude-opus-5-5
        price:
          in: 4 USD/Mtok
          out: 20 USD/Mtok
          cached: 0.20 USD/Mtok
          cache_write: 5 USD/Mtok
          tiers:
            - {over: 200k, in: 8 USD/Mtok, out: 30 USD/Mtok, cached: 0.40 USD/Mtok}
            - {over: 1M, in: 9 USD/Mtok, out: 31 USD/Mtok, cache_write: 12 USD/Mtok}
          batch: 0.5
        seen: 2026-09-23
        retires: 2027-09-01
)"},
        {"policy.yaml", R"(version: 1
routes:
  - {name: hard, match: {model: [claude-opus-4]}, use: [opus]}
  - name: night-batch
    match: {header: {x-evenkeel-class: batch}, key: [me], tokens_over: 1k, tokens_under: 32k,
            tools: false, images: true, text: '(?i)\bnight\b'}
    use: [qwq]
    prefer: fastest
    max_wait: 6h
    stay: own
    continue_on_failure: true
  - {name: default, match: {}, use: [qwq-32b, opus], max_wait: 20s, max_cost: 0.50 AUD}
slo: {first_token: 4s, first_token_per_1k: 2s, per_output_token: 90ms, patience: 0.75,
      miss_costs: 3}
budgets:
  - name: all
    limit: 400 AUD
    at: {"60%": warn, "90%": local-only, "100%": refuse}
  - {name: rent, scope: {kind: rental}, limit: 60 AUD, per: day, at: {"100%": no-new-machines}}
  - {name: team-b, scope: {key: team-b}, limit: 100 USD, per: hour}
  - {name: q, scope: {model: qwq}, limit: 1 AUD}
scaling:
  - name: h100-burst
    model: qwq
    offers: [runpod, do, sand]
    rule: never
    trust: 0.9
    efficiency: 0.55
    max_order: 3
    boot: 5m
    min_bill: auto
    keep_warm: 1.5
    start_when: {wait_over: 10s, for: 45s}
    worth_it: {against: opus, queue_tokens_at_least: 286k}
    min: 1
    max: 4
    max_price: 4.50 USD/h
    max_price_age: 12h
    idle_stop: 5m
    max_life: 5h
    drain: 2m
    warm_up: 20m
breakeven:
  horizon: 12mo
  window: 14d
  hours_per_month: 720
  compare: [buy, api]
  commitments: [{on: do, gpu: H100, price: 1.91 USD/h, from: 2026-12-01, months: 12}]
safety:
  max_machines: 5
  max_rate: 15 USD/h
  max_per_day: 99.5 USD
  max_creates_per_hour: 7
  leak_scan: 61s
  proof_gap: 62s
  orphan_grace: 63s
  unknown_machine: alert
  on_stop: keep
  low_balance: 5 USD
)"}};
}

TEST(Load, ReadsEveryKeyOfTheDaemonFile) {
    const auto loaded = load(everything(), today);
    ASSERT_TRUE(loaded.has_value()) << render_all(loaded.error());
    const Config& c = loaded->config;
    EXPECT_EQ(c.listen, (Listen{.api = "127.0.0.1:8180", .admin = "[::1]:8081"}));
    EXPECT_EQ(c.currency.report, aud);
    ASSERT_TRUE(c.currency.rates.contains(usd));
    EXPECT_EQ(c.currency.rates.at(usd).rate_nanos, 1'423'500'000);
    EXPECT_EQ(c.currency.rates.at(usd).as_of, Date(2026y / 11 / 20));
    EXPECT_EQ(c.currency.rates.at(usd).warn_after, 7 * 24h);
    ASSERT_EQ(c.energy.tariff.size(), 2u);
    EXPECT_EQ(c.energy.tariff[0].price, *parse_price("0.08 AUD/kWh"));
    EXPECT_EQ(c.energy.tariff[0].when, "22:00-06:00");
    EXPECT_EQ(c.energy.tariff[1].when, std::nullopt);
    EXPECT_EQ(c.energy.host_overhead_milliwatts, 150'000);
    const Hardware desk{
        .name = "desk",
        .gpus = {0, 2},
        .gpu = "RTX 5090",
        .vram_bytes = 51'539'607'552,
        .busy_milliwatts = 725'000,
        .idle_milliwatts = 90'000,
        .bought = Date(2025y / 12 / 1),
        .price = *parse_money("6800 AUD"),
        .residual_millis = 350,
        .wear_months = 48};
    EXPECT_EQ(c.hardware, std::vector{desk});
    EXPECT_EQ(c.report_zone, "Australia/Sydney");
    EXPECT_EQ(c.speed, 30);
    const Limits limits{
        .header_bytes = 16'384,
        .body_bytes = 8'388'608,
        .connections = 100,
        .connections_per_address = 10,
        .header_time = 5s,
        .body_time = 20s,
        .idle_time = 30s,
        .stall_time = 40s,
        .queue_requests = 7,
        .stream_drain = 2min};
    EXPECT_EQ(c.limits, limits);
}

TEST(Load, ReadsEveryKeyOfProvidersAndModels) {
    const auto loaded = load(everything(), today);
    ASSERT_TRUE(loaded.has_value()) << render_all(loaded.error());
    const Config& c = loaded->config;
    ASSERT_EQ(c.providers.size(), 6u);
    const Provider desk{
        .name = "desk-llama",
        .kind = ProviderKind::local,
        .url = "http://127.0.0.1:8091",
        .hardware = "desk",
        .engine = "llama.cpp",
        .start = {
            .command = {"llama-server", "--port", "8091"},
            .env = {{"HF_HOME", "/srv/hf"}},
            .memory_bytes = 22'000'000'000,
            .load_limit = 5min,
            .drain = 30s,
            .stop_grace = 3s,
            .least_stay = 2min,
            .load_guess = 40s}};
    EXPECT_EQ(c.providers[0], desk);
    EXPECT_EQ(c.providers[1].kind, ProviderKind::rental);
    EXPECT_EQ(c.providers[1].driver, "runpod");
    EXPECT_EQ(c.providers[1].cloud, "community");
    const Provider ocean{
        .name = "do",
        .kind = ProviderKind::rental,
        .driver = "digitalocean",
        .credential = "do.token",
        .base_url = "https://do.example",
        .ca_file = "/etc/ssl/proxy.pem",
        .regions = {"tor1", "nyc2"},
        .tag = "mine",
        .ssh_keys = {"512190", "aa:bb"},
        .allow_from = "203.0.113.7",
        .max_machines = 3};
    EXPECT_EQ(c.providers[2], ocean);
    EXPECT_EQ(c.providers[3].driver, "sandbox");
    EXPECT_TRUE(c.providers[3].synthetic);
    EXPECT_EQ(c.providers[3].base_url, "http://localhost:9000");
    EXPECT_EQ(c.providers[4].kind, ProviderKind::openai_compatible);
    EXPECT_EQ(c.providers[4].max_in_flight, 9);
    EXPECT_EQ(c.providers[5].kind, ProviderKind::anthropic);
    ASSERT_EQ(c.models.size(), 2u);
    EXPECT_EQ(c.models[0].context, 32'000);
    EXPECT_EQ(c.models[0].kv_per_token_bytes, 262'144);
    EXPECT_EQ(c.models[0].offers[0].weights_bytes, 19'850'000'000);
    EXPECT_EQ(c.models[0].offers[0].kv_cache, "fp8");
    EXPECT_EQ(c.models[0].aliases, (std::vector<std::string>{"qwq", "reasoning-small"}));
    const TokenPrices internal{
        .in = *parse_price("0.20 USD/Mtok"), .out = *parse_price("0.80 USD/Mtok")};
    EXPECT_EQ(c.models[0].internal_price, internal);
    EXPECT_EQ(c.models[1].internal_price, std::nullopt);
    const Offer rented{
        .name = "runpod",
        .on = "runpod",
        .model = "qwq-32b",
        .gpu = "H100 PCIe",
        .engine = "vllm",
        .weights = "Qwen/QwQ-32B",
        .vram_bytes = 150'109'106'995,
        .image = "vllm:1",
        .args = {"--kv-cache-dtype", "fp8"},
        .volume = "vol-1",
        .hub_secret = "hf",
        .disk_gb = 120,
        .slots = 16,
        .hour_price = *parse_price("2.89 USD/h"),
        .seen = Date(2026y / 11 / 9)};
    ASSERT_EQ(c.models[0].offers.size(), 5u);
    EXPECT_EQ(c.models[0].offers[1], rented);
    EXPECT_EQ(c.models[0].offers[2].name, "do-h100");
    EXPECT_EQ(c.models[0].offers[4].model, "qwq");
    const TokenPrices prices{
        .in = *parse_price("4 USD/Mtok"),
        .out = *parse_price("20 USD/Mtok"),
        .cached = *parse_price("0.20 USD/Mtok"),
        .cache_write = *parse_price("5 USD/Mtok"),
        .tiers =
            {{.over = 200'000,
              .in = *parse_price("8 USD/Mtok"),
              .out = *parse_price("30 USD/Mtok"),
              .cached = *parse_price("0.40 USD/Mtok")},
             {.over = 1'000'000,
              .in = *parse_price("9 USD/Mtok"),
              .out = *parse_price("31 USD/Mtok"),
              .cache_write = *parse_price("12 USD/Mtok")}},
        .batch_millis = 500};
    EXPECT_EQ(c.models[1].offers[0].token_price, prices);
    EXPECT_EQ(c.models[1].offers[0].hour_price, std::nullopt);
    EXPECT_EQ(c.models[1].offers[0].retires, Date(2027y / 9 / 1));
}

TEST(Load, ReadsEveryKeyOfThePolicy) {
    const auto loaded = load(everything(), today);
    ASSERT_TRUE(loaded.has_value()) << render_all(loaded.error());
    const Config& c = loaded->config;
    ASSERT_EQ(c.routes.size(), 3u);
    EXPECT_EQ(c.routes[0].match.models, std::vector<std::string>{"claude-opus-4"});
    const Route batch{
        .name = "night-batch",
        .match =
            {.keys = {"me"},
             .headers = {{"x-evenkeel-class", "batch"}},
             .tokens_over = 1'000,
             .tokens_under = 32'000,
             .tools = false,
             .images = true,
             .text = R"((?i)\bnight\b)"},
        .use = {"qwq-32b"},
        .prefer = Prefer::fastest,
        .max_wait = 6h,
        .stay_own = true,
        .continue_on_failure = true};
    EXPECT_EQ(c.routes[1], batch);
    EXPECT_FALSE(c.routes[2].continue_on_failure);
    EXPECT_EQ(c.routes[2].max_cost, *parse_money("0.50 AUD"));
    const Slo slo{
        .first_token = 4s,
        .first_token_per_1k = 2s,
        .per_output_token = 90ms,
        .patience_millis = 750,
        .miss_costs = 3};
    EXPECT_EQ(c.slo, slo);
    ASSERT_EQ(c.budgets.size(), 4u);
    EXPECT_EQ(
        c.budgets[0].at,
        (std::map<int, BudgetAction>{
            {60, BudgetAction::warn},
            {90, BudgetAction::local_only},
            {100, BudgetAction::refuse}}));
    EXPECT_EQ(c.budgets[1].scope.kind, "rental");
    EXPECT_EQ(c.budgets[1].per, BudgetPer::day);
    EXPECT_EQ(c.budgets[1].at, (std::map{std::pair{100, BudgetAction::no_new_machines}}));
    EXPECT_EQ(c.budgets[2].limit, *parse_money("100 USD"));
    EXPECT_EQ(c.budgets[2].at, (std::map{std::pair{100, BudgetAction::refuse}}));
    EXPECT_EQ(c.budgets[3].scope.model, "qwq-32b");
    const Scaling scaling{
        .name = "h100-burst",
        .model = "qwq-32b",
        .offers = {"runpod", "do-h100", "sand"},
        .rule = RentRule::never,
        .trust_millis = 900,
        .efficiency_millis = 550,
        .max_order = 3,
        .boot = 5min,
        .keep_warm_millis = 1'500,
        .min = 1,
        .max = 4,
        .max_price = *parse_price("4.50 USD/h"),
        .max_price_age = 12h,
        .idle_stop = 5min,
        .max_life = 5h,
        .drain = 2min,
        .warm_up = 20min,
        .start_when = StartWhen{10s, 45s},
        .worth_it = WorthIt{"opus", 286'000}};
    EXPECT_EQ(c.scaling, std::vector{scaling});
    const BreakEven breakeven{
        .horizon_months = 12,
        .window = 14 * 24h,
        .hours_per_month = 720,
        .rent = false,
        .reserve = false,
        .commitments = {
            {.on = "do",
             .gpu = "H100",
             .price = *parse_price("1.91 USD/h"),
             .from = Date(2026y / 12 / 1),
             .months = 12}}};
    EXPECT_EQ(c.breakeven, breakeven);
    const Safety safety{
        .max_machines = 5,
        .max_rate_per_hour = *parse_money("15 USD"),
        .max_per_day = *parse_money("99.50 USD"),
        .max_creates_per_hour = 7,
        .leak_scan = 61s,
        .proof_gap = 62s,
        .orphan_grace = 63s,
        .unknown_machine = UnknownMachine::alert,
        .on_stop = OnStop::keep,
        .low_balance = *parse_money("5 USD")};
    EXPECT_EQ(c.safety, safety);
    EXPECT_TRUE(c.dashboard.control);
}

TEST(Load, HasAnEffectForEveryKey) {
    const auto loaded = load(everything(), today);
    ASSERT_TRUE(loaded.has_value()) << render_all(loaded.error());
    for (const Diagnostic& warning : loaded->warnings) {
        ADD_FAILURE() << render(warning);
    }
}

TEST(Load, SaysWhichFileIsMissingAndWhatItIsFor) {
    EXPECT_TRUE(load(base_files(), today)->warnings.empty());
    for (std::size_t missing = 0; missing < 4; ++missing) {
        auto files = base_files();
        files.erase(files.begin() + static_cast<std::ptrdiff_t>(missing));
        const auto found = findings(files);
        ASSERT_EQ(found.size(), 1u) << render_all(found);
        EXPECT_EQ(found[0].file, "etc/" + std::string{file_name(all_files[missing])});
        EXPECT_EQ(found[0].code, missing == 0 ? "EK-W041" : "EK-C010");
        EXPECT_NE(found[0].message.find("missing; it says"), std::string::npos);
    }
    const auto none = findings({});
    EXPECT_EQ(none.size(), 4u);
    EXPECT_EQ(none[0].file, "evenkeel.yaml");
}

TEST(Load, TellsFilesByTheirNames) {
    auto files = base_files();
    files.push_back({.path = "etc/policy.test.yaml", .text = "not read: ["});
    files.push_back({.path = "etc/polcy.yaml", .text = "not read: ["});
    files.push_back(files.front());
    const auto found = findings(files);
    ASSERT_EQ(found.size(), 2u) << render_all(found);
    EXPECT_EQ(found[0].code, "EK-C040");
    EXPECT_EQ(found[1].code, "EK-W040");
    EXPECT_EQ(found[1].message, "this file is not read; did you mean policy.yaml?");
}

TEST(Load, OrderOfFilesDoesNotMatter) {
    auto files = everything();
    const auto forward = load(files, today);
    std::ranges::reverse(files);
    const auto backward = load(files, today);
    ASSERT_TRUE(forward && backward);
    EXPECT_EQ(forward->config, backward->config);
    EXPECT_EQ(forward->warnings, backward->warnings);
}

/// A writer was caught half way: whatever the length, the loader says so or gives the same as ever,
/// and never something in between.
TEST(F104, HalfWrittenFileIsNeverHalfLoaded) {
    const auto whole = load(base_files(), today);
    ASSERT_TRUE(whole.has_value());
    for (const File file : all_files) {
        const std::string& text = base_texts[static_cast<std::size_t>(file)];
        for (std::size_t length = 0; length < text.size(); ++length) {
            const auto half = load(base_with(file, text.substr(0, length)), today);
            if (half && file != File::policy && file != File::models) {
                EXPECT_EQ(half->config, whole->config) << text.substr(0, length);
            }
        }
    }
}

}  // namespace
}  // namespace evenkeel::config::test
