#include "tests/simulator/agent_run.hpp"

#include "agent/ledger/reader.hpp"
#include "policies/config/load.hpp"
#include "tests/simulator/lifecycle_story.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace evenkeel::simulator {

namespace {

/// A driver whose provider is in the same thread and the same virtual time.
class CloudDriver final : public providers::Provider {
public:
    CloudDriver(Cloud& cloud, std::function<nanoseconds()> now)
        : cloud_{cloud}, now_{std::move(now)} {}
    std::string_view name() const noexcept override { return cloud_.name(); }
    providers::StartForm start_form() const noexcept override { return providers::StartForm::own; }
    Result<std::vector<providers::MarketOffer>> offers(std::stop_token) override {
        return cloud_.offers(now_());
    }
    Result<providers::RemoteMachine> create(
        const providers::MachineSpec& spec, std::stop_token) override {
        return cloud_.create(spec, now_());
    }
    Result<std::vector<providers::RemoteMachine>> list(std::stop_token) override {
        return cloud_.list(now_());
    }
    Result<providers::RemoteMachine> get(const std::string& id, std::stop_token) override {
        return cloud_.get(id, now_());
    }
    Result<void> destroy(const std::string& id, std::stop_token) override {
        return cloud_.destroy(id, now_());
    }
    Result<std::vector<providers::BillLine>> billing(std::stop_token) override {
        return cloud_.billing(now_());
    }
    Result<providers::Account> account(std::stop_token) override { return providers::Account{}; }

private:
    Cloud& cloud_;
    std::function<nanoseconds()> now_;
};

}  // namespace

// ---- requests and engines -----------------------------------------------------------------------

void PlayedGateway::budget_booked(NameIx budget, std::int64_t report, UtcTime /*resets*/) {
    for (gate::BudgetLimit& limit : budgets_) {
        limit.settled = limit.name == budget ? report : limit.settled;
    }
}

void PlayedGateway::budget_added(NameIx budget, std::int64_t report) {
    for (gate::BudgetLimit& limit : budgets_) {
        limit.settled += limit.name == budget ? report : 0;
    }
}

Result<void> PlayedGateway::source_up(inference::SourceInfo source) {
    sources_[source.source] = {
        .source = source.source,
        .kind = source.kind,
        .model = source.model,
        .slots = 4,
        .last_busy = clock_.read().boot};
    return {};
}

void PlayedGateway::work() {
    int busy = 0;
    for (auto& [ix, source] : sources_) {
        const bool works = source.takes_work && busy < busy_machines;
        busy += works ? 1 : 0;
        if (source.in_flight > 0 && !works) {
            source.last_busy = clock_.read().boot;
        }
        source.in_flight = works ? 2 : 0;
    }
}

int PlayedGateway::serving() const {
    return static_cast<int>(
        std::ranges::count_if(sources_, [](const auto& entry) { return entry.second.takes_work; }));
}

inference::GatewayCounters PlayedGateway::counters() const {
    inference::GatewayCounters all;
    int serving = 0;
    for (const auto& [ix, source] : sources_) {
        all.gate.sources.push_back(source);
        serving += source.takes_work ? 1 : 0;
    }
    gate::ModelCounters demand{.model = model};
    if (serving < busy_machines) {
        const int missing = busy_machines - serving;
        demand.queued = 50 * missing;
        demand.queued_tokens_in = 500'000 * missing;
        demand.queued_tokens_out = 200'000 * missing;
    }
    all.gate.models.push_back(demand);
    all.gate.budgets = budgets_;
    return all;
}

void PlayedProber::health(
    agent::EngineAt engine,
    std::chrono::milliseconds,
    std::function<void(Result<inference::engine::Health>)> done) {
    ask_(Kind::health, engine.port, [done = std::move(done)](bool well) {
        done(well ? inference::engine::Health::ready : inference::engine::Health::refused);
    });
}

void PlayedProber::accept(
    agent::EngineAt engine,
    inference::engine::Expected,
    std::chrono::milliseconds,
    std::function<void(Result<inference::engine::Acceptance>)> done) {
    ask_(Kind::accept, engine.port, [done = std::move(done)](bool well) {
        if (well) {
            done(inference::engine::Acceptance{});
        } else {
            done(fail(Errc::invalid_response, "no tokens came back"));
        }
    });
}

// ---- the agent ----------------------------------------------------------------------------------

config::Config simulated_config(int machines_max, std::string_view safety) {
    // Reading YAML costs more than living.
    static std::map<std::pair<int, std::string>, config::Config> read;
    const std::pair key{machines_max, std::string{safety}};
    if (const auto known = read.find(key); known != read.end()) {
        return known->second;
    }
    const std::vector<config::SourceFile> files{
        {"evenkeel.yaml", "version: 1\n"},
        {"providers.yaml", R"(version: 1
providers:
  near: {kind: sandbox, base_url: "http://127.0.0.1:9", max_machines: 20}
  far: {kind: sandbox, base_url: "http://127.0.0.1:9", max_machines: 20}
)"},
        {"models.yaml", R"(version: 1
models:
  m:
    offers:
      - {on: near, gpu: H100, price: 4.41 USD/h, seen: 2026-11-23}
      - {on: far, gpu: H100, price: 4.41 USD/h, seen: 2026-11-23}
)"},
        {"policy.yaml",
         fmt::format(
             R"(version: 1
routes:
  - {{name: default, match: {{}}, use: [m]}}
budgets:
  - {{name: all, limit: 400 USD, per: day}}
scaling:
  - {{name: burst, model: m, offers: [near, far], max_price: 5 USD/h, max_life: 2h, max: {0},
     boot: 90s, warm_up: {3}s, idle_stop: 2m, max_order: {2}}}
safety: {{max_machines: {0}, max_creates_per_hour: 12{1}}}
)",
             machines_max,
             safety,
             std::min(machines_max, 16),
             bound::warm_up.count())}};
    auto loaded =
        config::load(files, std::chrono::year_month_day{std::chrono::November / 23 / 2026});
    if (!loaded) {
        throw std::runtime_error{config::render_all(loaded.error())};
    }
    return read.emplace(key, std::move(loaded->config)).first->second;
}

AgentRun::AgentRun(World world, std::filesystem::path state, const config::Config& config)
    : gateway{world.clock}, prober{world.ask}, world_{std::move(world)} {
    ledger::Options options{.dir = state, .clock = &world_.clock};
    options.limits.ballast_bytes = 64 * 1024;
    // Rows that nobody waits for go with the next awaited commit, so that what a crash loses does
    // not depend on real time.
    options.limits.batch_time = 1h;
    options.limits.checkpoint_after = 1h;
    auto opened = ledger::Ledger::open(options);
    if (!opened) {
        throw std::runtime_error{opened.error().message};
    }
    books = std::move(*opened);
    adapter = std::make_unique<ledger::LedgerBooks>(*books, world_.clock, ledger::Zone{});
    for (const ledger::NameRow& name : books->recovered().names) {
        names.restore(name.ix, name.kind, name.text);
    }
    names.on_new([this](NameIx ix, routing::NameKind kind, std::string_view text) {
        books->name({.ix = ix, .kind = kind, .text = std::string{text}});
    });
    fleet = std::make_unique<agent::Fleet>(
        agent::Fleet::Parts{inbox, world_.clock, *books, *adapter, gateway, prober, names},
        agent::Fleet::Settings{
            .owner_mark = std::string{mark},
            .engine_secret = "secret",
            .boot_id = world_.boot_id,
            .ids = IdGenerator{1, books->recovered().last_id},
            .run_job = world_.run_job},
        [this](const lifecycle::Step& step) {
            renter->stepped(step);
            world_.stepped(step);
        });
    market = std::make_unique<agent::Market>(*fleet, world_.clock, *books, names);
    exposure = std::make_unique<agent::Exposure>(gateway, ledger::Zone{});
    renter = std::make_unique<agent::Renter>(
        agent::Renter::Parts{world_.clock, *books, *fleet, *market, *exposure, names});
    catalogue = routing::compile(config, 1, names);
    gateway.model = names.intern(routing::NameKind::model, "m");
    adapter->use(*catalogue);
    fleet->apply(catalogue);
    exposure->apply(catalogue, world_.clock.read());
    gateway.apply(catalogue, routing::gate_policy(*catalogue));
    for (Cloud* cloud : world_.clouds) {
        fleet->use_provider(cloud->name(), std::make_unique<CloudDriver>(*cloud, world_.now));
    }
    renter->apply(catalogue);
    recover(state);
    market->apply(catalogue);
}

/// As Control::recover does.
void AgentRun::recover(const std::filesystem::path& state) {
    const Now now = world_.clock.read();
    const ledger::Recovered& recovered = books->recovered();
    renter->recover(recovered.rent_states);
    renter->apply(catalogue);
    if (!recovered.created) {
        auto reader = ledger::Reader::open(state);
        if (!reader) {
            throw std::runtime_error{reader.error().message};
        }
        fleet->remember_gone(*reader->machines(now.utc - std::chrono::days{2}));
    }
    exposure->start_day(0, now);
    fleet->recover(recovered);
    fleet->sweep();
    fleet->want_bills();
    next_sweep_ = now.boot + catalogue->config.safety.leak_scan;
    next_bill_ = now.boot + 1h;
}

AgentRun::~AgentRun() {
    fleet.reset();
    static_cast<void>(books->close());
}

void AgentRun::tick() {
    const Now now = world_.clock.read();
    gateway.work();
    const gate::Counters counters = gateway.counters().gate;
    market->tick();
    fleet->tick(counters);
    exposure->tick(*fleet, now);
    if (now.boot >= next_sweep_) {
        next_sweep_ = now.boot + catalogue->config.safety.leak_scan;
        fleet->sweep();
    }
    if (now.boot >= next_bill_) {
        next_bill_ = now.boot + 1h;
        fleet->want_bills();
    }
    renter->tick(counters, {.frozen = false, .ledger_ok = true, .stopping = !fleet->listed_once()});
}

bool AgentRun::commits_wait() const {
    return fleet->ordering() > 0 || std::ranges::any_of(fleet->seats(), [](const auto& entry) {
               return entry.second.committing;
           });
}

}  // namespace evenkeel::simulator
