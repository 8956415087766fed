#include "tests/unit/control/rig.hpp"

#include <algorithm>
#include <thread>

namespace evenkeel::agent::control_rig {

namespace {

constexpr const char* boot_id = "boot-1";

providers::RemoteMachine machine_of(
    const std::string& id, const std::string& name, const std::string& mark, UtcTime at) {
    return {
        .remote_id = id,
        .name = name,
        .owner_mark = mark,
        .status = "booting",
        .gpu = "H100",
        .gpu_count = 1,
        .price = Price::per_hour(Money{4'410'000'000, usd}),
        .created = at};
}

}  // namespace

void Cloud::put(
    const std::string& id, const std::string& name, const std::string& mark, UtcTime at) {
    const std::lock_guard lock{mutex};
    machines[id] = machine_of(id, name, mark, at);
    if (!names_prices) {
        machines[id].price = {};
    }
}

Result<std::vector<providers::MarketOffer>> CloudDriver::offers(std::stop_token) {
    const std::lock_guard lock{cloud_.mutex};
    return std::vector<providers::MarketOffer>{
        {.sku = "h100",
         .region = "here",
         .gpu = cloud_.gpu,
         .price = Price::per_hour(Money{4'410'000'000, usd}),
         .min_bill = 60s,
         .in_stock = true,
         .seen = clock_.read().utc}};
}

Result<providers::RemoteMachine> CloudDriver::create(
    const providers::MachineSpec& spec, std::stop_token) {
    const std::lock_guard lock{cloud_.mutex};
    const std::string id = "r-" + std::to_string(cloud_.created.size() + 1);
    cloud_.created.push_back(spec.name);
    cloud_.machines[id] = machine_of(id, spec.name, spec.owner_mark, clock_.read().utc);
    if (cloud_.throws_on_create) {
        throw std::runtime_error{"the library gave up"};
    }
    return cloud_.machines[id];
}

Result<std::vector<providers::RemoteMachine>> CloudDriver::list(std::stop_token) {
    const std::lock_guard lock{cloud_.mutex};
    ++cloud_.lists;
    if (cloud_.list_fails) {
        return fail(Errc::unavailable, "the list cannot be had");
    }
    std::vector<providers::RemoteMachine> all;
    for (const auto& [id, machine] : cloud_.machines) {
        all.push_back(machine);
    }
    return all;
}

Result<providers::RemoteMachine> CloudDriver::get(const std::string& id, std::stop_token) {
    const std::lock_guard lock{cloud_.mutex};
    const auto found = cloud_.machines.find(id);
    if (found == cloud_.machines.end()) {
        return fail(Errc::not_found, "no such machine");
    }
    return found->second;
}

Result<void> CloudDriver::destroy(const std::string& id, std::stop_token) {
    const std::lock_guard lock{cloud_.mutex};
    cloud_.destroyed.push_back(id);
    if (cloud_.destroy_fails) {
        return fail(Errc::unavailable, "the delete was not taken");
    }
    if (cloud_.machines.count(id) == 0) {
        return fail(Errc::not_found, "no such machine");
    }
    if (cloud_.deletes) {
        cloud_.machines.erase(id);
    }
    return {};
}

Result<std::vector<providers::BillLine>> CloudDriver::billing(std::stop_token) {
    const std::lock_guard lock{cloud_.mutex};
    if (cloud_.bill_fails) {
        return fail(*cloud_.bill_fails, "no bill for this key");
    }
    return cloud_.bill;
}

Result<providers::Account> CloudDriver::account(std::stop_token) {
    const std::lock_guard lock{cloud_.mutex};
    return cloud_.account;
}

config::Config small_config() {
    const std::vector<config::SourceFile> files{
        {"evenkeel.yaml", "version: 1\n"},
        {"providers.yaml", R"(version: 1
providers:
  cloud: {kind: sandbox, base_url: "http://127.0.0.1:9", max_machines: 4}
  cloud-two: {kind: sandbox, base_url: "http://127.0.0.1:9", max_machines: 4}
)"},
        {"models.yaml", R"(version: 1
models:
  m:
    offers:
      - {on: cloud, gpu: H100, price: 4.41 USD/h, seen: 2026-11-23}
      - {on: cloud-two, gpu: H100, price: 4.41 USD/h, seen: 2026-11-23}
)"},
        {"policy.yaml", R"(version: 1
routes:
  - {name: default, match: {}, use: [m]}
budgets:
  - {name: all, limit: 400 USD, per: day}
scaling:
  - {name: burst, model: m, offers: [cloud, cloud-two], max_price: 5 USD/h, max_life: 6h, max: 4}
safety: {max_machines: 4}
)"}};
    auto loaded =
        config::load(files, std::chrono::year_month_day{std::chrono::November / 23 / 2026});
    if (!loaded) {
        throw std::runtime_error{config::render_all(loaded.error())};
    }
    return std::move(loaded->config);
}

Rig::Rig(World& of, config::Config config) : world{of} {
    ledger::Options options{.dir = world.state(), .clock = &clock};
    options.limits.ballast_bytes = 64 * 1024;
    options.limits.retry = 5ms;
    options.limits.awaited_wait = 50ms;
    auto opened = ledger::Ledger::open(options);
    if (!opened) {
        throw std::runtime_error{opened.error().message};
    }
    books = std::move(*opened);
    adapter = std::make_unique<ledger::LedgerBooks>(*books, clock, ledger::Zone{});
    for (const ledger::NameRow& name : books->recovered().names) {
        names.restore(name.ix, name.kind, name.text);
    }
    names.on_new([this](NameIx ix, routing::NameKind kind, std::string_view text) {
        books->name({.ix = ix, .kind = kind, .text = std::string{text}});
    });
    fleet = std::make_unique<Fleet>(
        Fleet::Parts{inbox, clock, *books, *adapter, gateway, prober, names},
        Fleet::Settings{
            .owner_mark = "ek-1a2b3c4d",
            .engine_secret = "secret",
            .boot_id = boot_id,
            .ids = IdGenerator{1, books->recovered().last_id},
            .run_job =
                [](const std::string&, ProviderRunner::Lane, ProviderRunner::Job job) { job({}); }},
        [this](const lifecycle::Step& step) { events.emplace_back(step.event); });
    catalogue = routing::compile(std::move(config), 1, names);
    adapter->use(*catalogue);
    fleet->apply(catalogue);
    for (const char* provider : {"cloud", "cloud-two"}) {
        fleet->use_provider(provider, std::make_unique<CloudDriver>(cloud, clock));
    }
    fleet->recover(books->recovered());
}

Rig::~Rig() {
    fleet.reset();
    static_cast<void>(books->close());
}

void Rig::settle() {
    // Providers answer at once (run_job below); what is left is the ledger, and probes, whose
    // answers come when they come.
    for (int quiet = 0; quiet < 2;) {
        static_cast<void>(books->flush());
        auto items = inbox.take(std::chrono::nanoseconds{0});
        quiet = items.empty() ? quiet + 1 : 0;
        for (const Inbox::Item& item : items) {
            item();
        }
    }
}

void Rig::rounds(int n, std::chrono::nanoseconds pause) {
    for (int i = 0; i < n; ++i) {
        settle();
        fleet->tick({});
        settle();
        clock.advance(pause);
    }
}

bool Rig::until(const std::function<bool()>& done, int limit) {
    for (int i = 0; i < limit && !done(); i += 10) {
        rounds(1, 10s);
    }
    return done();
}

Order Rig::order_of(const std::string& provider) const {
    return {
        .provider = provider,
        .offer = provider,
        .sku = "h100",
        .region = "here",
        .gpu = "H100",
        .model = "m",
        .price = Price::per_hour(Money{4'410'000'000, usd}),
        .min_bill = 60s,
        .commit = Money{600'000'000, usd},
        .reason = Reason{ReasonCode::rent_debt}};
}

void Rig::order(const std::string& provider) {
    fleet->order(
        order_of(provider), [this](const Error& error) { refused.push_back(error.message); });
}

std::int64_t Rig::open_holds() const {
    static_cast<void>(books->flush());
    return ledger::Reader::open(world.state())->summary()->open_holds;
}

std::optional<ledger::MachineView> Rig::row(const std::string& remote_id) const {
    static_cast<void>(books->flush());
    auto reader = ledger::Reader::open(world.state());
    const auto machines = reader->machines(UtcTime{});
    const auto found = std::ranges::find_if(
        *machines, [&](const auto& view) { return view.row.remote_id == remote_id; });
    return found == machines->end() ? std::nullopt : std::optional{*found};
}

}  // namespace evenkeel::agent::control_rig
