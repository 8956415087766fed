#include "tests/fakes/cloud/world.hpp"

#include "tests/fakes/cloud/contains.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::fakes::cloud {

namespace {

constexpr std::int64_t cent = 10'000'000;  // nano-dollars
constexpr std::array node_kinds{
    Trouble::engine_never_healthy,
    Trouble::wrong_model,
    Trouble::garbage_completion,
    Trouble::wrong_pin,
    Trouble::dies_mid_stream,
    Trouble::no_gpu};

/// What RunPod starts with; the others bill afterwards.
constexpr Money first_credit{std::int64_t{1'000'000} * 1'000'000'000, usd};

Money share(Money amount, std::int64_t num, std::int64_t den) {
    const auto part = mul_div(amount.nanos(), num, den, Rounding::half_even);
    return Money{part.value_or(amount.nanos()), amount.currency()};
}

/// Distinct and without pattern, but the same in every run.
std::uint64_t mixed(std::uint64_t number) {
    number = (number ^ (number >> 30U)) * 0xbf58'476d'1ce4'e5b9U;
    number = (number ^ (number >> 27U)) * 0x94d0'49bb'1331'11ebU;
    return number ^ (number >> 31U);
}

std::string id_of(Vendor vendor, std::size_t number) {
    switch (vendor) {
        case Vendor::digitalocean:
            return fmt::format("{}", 500'000'001 + number);
        case Vendor::runpod:
            return fmt::format("{:014x}", mixed(number + 1) & 0xff'ffff'ffff'ffffU);
        case Vendor::lambda:
            return fmt::format("{:016x}{:016x}", mixed(number + 1), mixed(number + 7'000'000));
    }
    return {};
}

}  // namespace

std::string_view to_text(Phase phase) noexcept {
    switch (phase) {
        case Phase::placing:
            return "placing";
        case Phase::starting:
            return "starting";
        case Phase::running:
            return "running";
        case Phase::off:
            return "off";
    }
    return "";
}

std::string_view to_text(Creator creator) noexcept {
    switch (creator) {
        case Creator::client:
            return "client";
        case Creator::duplicate:
            return "duplicate";
        case Creator::orphan:
            return "orphan";
        case Creator::foreign:
            return "foreign";
    }
    return "";
}

Phase Machine::phase(UtcTime now) const noexcept {
    if (off) {
        return Phase::off;
    }
    if (vanishes_at || now < placed_at) {
        return Phase::placing;
    }
    return now < running_at ? Phase::starting : Phase::running;
}

bool Machine::has(Trouble trouble) const noexcept {
    return contains(node_troubles, trouble);
}

World::World(WorldOptions options) : options_{options} {
    credit_[static_cast<std::size_t>(Vendor::runpod)] = first_credit;
}

void World::put_on(Vendor vendor, Trouble trouble, int times, std::int64_t value, UtcTime now) {
    personality(vendor).put_on(trouble, times, value);
    if (trouble == Trouble::stopped || trouble == Trouble::human_deletes) {
        for (Machine* const machine : live(vendor)) {
            befall(*machine, now);
        }
    }
    if (trouble == Trouble::orphan || trouble == Trouble::foreign) {
        conjure(vendor, now);
    }
}

Money World::listed(const Sku& sku, int gpus, bool community) const {
    const bool per_gpu = sku.vendor == Vendor::runpod;
    const std::int64_t one = community ? sku.community_nanos_per_hour : sku.nanos_per_hour;
    return Money{one * (per_gpu ? gpus : 1) * options_.speed, usd};
}

int World::stock_left(const Sku& sku, std::string_view region) const {
    const auto taken = std::ranges::count_if(machines_, [&](const Machine& machine) {
        return !machine.gone && machine.vendor == sku.vendor && machine.sku == sku.slug &&
               machine.region == region &&
               (machine.creator == Creator::client || machine.creator == Creator::duplicate);
    });
    return contains(sku.regions, region) ? std::max(options_.stock - static_cast<int>(taken), 0)
                                         : 0;
}

Machine& World::make(const Order& order, UtcTime now) {
    const std::size_t number = machines_.size();
    Personality& troubles = personality(order.vendor);
    const bool ours = order.creator == Creator::client || order.creator == Creator::duplicate;
    Machine machine{
        .vendor = order.vendor,
        .creator = order.creator,
        .id = id_of(order.vendor, number),
        .name = order.name,
        .sku = std::string{order.sku->slug},
        .region = order.region,
        .gpu = std::string{order.sku->gpu},
        .gpu_count = order.gpu_count,
        .community = order.community,
        .hourly = listed(*order.sku, order.gpu_count, order.community),
        .image = order.image,
        .tags = order.tags,
        .echo = order.echo,
        .created = now,
        .placed_at = now + scaled(options_.placing),
        .running_at = now + scaled(std::max(options_.boot, options_.placing)),
        .address = fmt::format(
            "127.{}.{}.{}",
            options_.address_group,
            static_cast<unsigned>(order.vendor) * 80 + number / 250 % 80,
            number % 250 + 1)};
    machine.front_at = machine.running_at + scaled(options_.loading);
    if (ours) {
        if (const auto percent = troubles.strike(Trouble::dearer)) {
            machine.hourly = share(machine.hourly, 100 + *percent, 100);
            if (order.vendor == Vendor::lambda) {
                machine.hourly = Money{machine.hourly.nanos() / cent * cent, usd};
            }
        }
        if (troubles.strike(Trouble::wrong_gpu)) {
            machine.gpu = other_gpu(order.vendor);
        }
        if (troubles.strike(Trouble::fewer_gpus)) {
            machine.gpu_count = std::max(machine.gpu_count - 1, 0);
        }
        if (const auto life = troubles.strike(Trouble::vanishing_placement)) {
            machine.vanishes_at = now + scaled(Milliseconds{*life});
        }
        if (order.doomed) {
            machine.vanishes_at = machine.placed_at;
        }
        machine.node = read_node_data(order.start_text);
        if (machine.node && order.port != 0) {
            machine.node->port = order.port;
        }
        for (const Trouble trouble : node_kinds) {
            if (const auto value = troubles.strike(trouble)) {
                machine.node_troubles.push_back(trouble);
                if (trouble == Trouble::dies_mid_stream) {
                    machine.die_after_tokens = *value;
                }
            }
        }
    }
    return machines_.emplace_back(std::move(machine));
}

/// What happens to a machine later on.
void World::befall(Machine& machine, UtcTime now) {
    if (machine.creator != Creator::client || machine.gone) {
        return;
    }
    Personality& troubles = personality(machine.vendor);
    const auto due = [&](Milliseconds age) { return std::max(machine.created + scaled(age), now); };
    if (!machine.stops_at && !machine.off) {
        if (const auto age = troubles.strike(Trouble::stopped)) {
            machine.stops_at = std::max(due(Milliseconds{*age}), machine.running_at);
        }
    }
    if (!machine.human_at) {
        if (const auto age = troubles.strike(Trouble::human_deletes)) {
            machine.human_at = due(Milliseconds{*age});
        }
    }
}

/// Machines that no client asked for.
void World::conjure(Vendor vendor, UtcTime now) {
    const auto& last = last_order_[static_cast<std::size_t>(vendor)];
    if (!last) {
        return;  // with the next create: only then is the client's mark known
    }
    Personality& troubles = personality(vendor);
    Order order = *last;
    order.start_text.clear();
    const std::string kept =
        last->name.substr(0, last->name.size() - std::min(last->name.size(), std::size_t{6}));
    if (troubles.strike(Trouble::orphan)) {
        order.creator = Creator::orphan;
        order.name = fmt::format("{}{:06}", kept, 900'000 + machines_.size() % 100'000);
        make(order, now);
    }
    if (troubles.strike(Trouble::foreign)) {
        order.creator = Creator::foreign;
        const std::string mark = last->name.substr(0, std::min<std::size_t>(11, last->name.size()));
        // Another agent's machine, one that only looks like ours, and somebody's web server.
        for (const std::string& name :
             {"ek-ffffffff" + last->name.substr(mark.size()),
              "my-" + last->name,
              std::string{"web-1"}}) {
            order.name = name;
            order.tags = name.starts_with("ek-")
                             ? std::vector<std::string>{"evenkeel", "ek-ffffffff"}
                             : std::vector<std::string>{};
            make(order, now);
        }
    }
}

Machine& World::create(const Order& order, UtcTime now) {
    Machine& machine = make(order, now);
    if (order.creator == Creator::client) {
        last_order_[static_cast<std::size_t>(order.vendor)] = order;
        befall(machine, now);
        if (personality(order.vendor).strike(Trouble::create_twice)) {
            Order again = order;
            again.creator = Creator::duplicate;
            make(again, now);
        }
        conjure(order.vendor, now);
    }
    return machine;
}

void World::end(Machine& machine, std::string_view how, UtcTime at) {
    machine.gone = true;
    machine.gone_at = at;
    machine.gone_how = how;
    machine.port = 0;
    if (machine.front_asked) {
        effects_.push_back({Effect::Kind::end_front, machine.id});
        machine.front_asked = false;
    }
}

void World::remove(Machine& machine, std::string_view how, UtcTime now) {
    if (machine.gone || machine.gone_at) {
        return;
    }
    machine.delete_accepted = now;
    machine.gone_at = now + scaled(options_.deleting);
    machine.gone_how = how;
    if (machine.front_asked) {
        effects_.push_back({Effect::Kind::end_front, machine.id});
        machine.front_asked = false;
        machine.port = 0;
    }
    if (*machine.gone_at <= now) {
        end(machine, how, now);
    }
}

void World::switch_off(Machine& machine, UtcTime /*now*/) {
    machine.off = true;
    machine.port = 0;
    if (machine.front_asked) {
        effects_.push_back({Effect::Kind::end_front, machine.id});
        machine.front_asked = false;
    }
}

void World::tick(UtcTime now) {
    for (Machine& machine : machines_) {
        if (machine.gone) {
            continue;
        }
        if (machine.vanishes_at && *machine.vanishes_at <= now) {
            end(machine, "never_placed", *machine.vanishes_at);
        } else if (machine.human_at && *machine.human_at <= now) {
            end(machine, "console", *machine.human_at);
        } else if (machine.gone_at && *machine.gone_at <= now) {
            end(machine, machine.gone_how, *machine.gone_at);
        } else if (machine.stops_at && *machine.stops_at <= now) {
            machine.stops_at.reset();
            switch_off(machine, now);
        } else if (
            machine.node && !machine.front_asked && !machine.off && !machine.gone_at &&
            !machine.vanishes_at && machine.front_at <= now) {
            machine.front_asked = true;
            effects_.push_back({Effect::Kind::start_front, machine.id});
        }
    }
    const auto spent_out = [&](const Machine& machine) {
        return machine.vendor == Vendor::runpod && !machine.gone;
    };
    if (std::ranges::any_of(machines_, spent_out) && balance(Vendor::runpod, now).nanos() <= 0) {
        for (Machine* const machine : live(Vendor::runpod)) {
            end(*machine, "balance", now);
        }
    }
}

std::optional<UtcTime> World::next_due() const {
    std::optional<UtcTime> due;
    const auto consider = [&](std::optional<UtcTime> time) {
        if (time) {
            due = std::min(due.value_or(*time), *time);
        }
    };
    for (const Machine& machine : machines_) {
        if (machine.gone) {
            continue;
        }
        consider(machine.vanishes_at);
        consider(machine.human_at);
        consider(machine.gone_at);
        consider(machine.stops_at);
        if (machine.node && !machine.front_asked && !machine.off && !machine.gone_at &&
            !machine.vanishes_at) {
            consider(machine.front_at);
        }
    }
    return due;
}

std::vector<Effect> World::take_effects() {
    return std::exchange(effects_, {});
}

void World::close(UtcTime now) {
    for (Machine& machine : machines_) {
        if (!machine.gone) {
            end(machine, "closed", now);
        }
    }
}

Machine* World::find(Vendor vendor, std::string_view id) {
    Machine* const machine = any(id);
    return machine != nullptr && machine->vendor == vendor && !machine->gone ? machine : nullptr;
}

Machine* World::any(std::string_view id) {
    const auto found = std::ranges::find(machines_, id, &Machine::id);
    return found == machines_.end() ? nullptr : &*found;
}

std::vector<Machine*> World::live(Vendor vendor) {
    std::vector<Machine*> live;
    for (Machine& machine : machines_) {
        if (machine.vendor == vendor && !machine.gone) {
            live.push_back(&machine);
        }
    }
    return live;
}

BillingRule World::billing_rule(Vendor vendor) const noexcept {
    const Micros minute = scaled(Milliseconds{60'000});
    switch (vendor) {
        case Vendor::digitalocean:
            return {.minimum = minute};
        case Vendor::runpod:
            return {};
        case Vendor::lambda:
            return {.step = minute, .from_running = true};
    }
    return {};
}

Micros World::elapsed(const Machine& machine, UtcTime until) const {
    if (machine.vanishes_at) {
        return Micros{0};
    }
    const UtcTime from =
        billing_rule(machine.vendor).from_running ? machine.running_at : machine.created;
    const UtcTime to = machine.gone ? std::min(until, *machine.gone_at) : until;
    return std::max(to - from, Micros{0});
}

Money World::cost(const Machine& machine, UtcTime until) const {
    const BillingRule rule = billing_rule(machine.vendor);
    Micros charged = elapsed(machine, until);
    const bool begun = !machine.vanishes_at && !rule.from_running && until > machine.created;
    if (begun) {
        charged = std::max(charged, rule.minimum);
    }
    charged = (charged + rule.step - Micros{1}) / rule.step * rule.step;
    return Price::per_hour(machine.hourly).cost_of(charged, Rounding::half_even);
}

Money World::billed(const Machine& machine, UtcTime until) const {
    const Personality& troubles = personality(machine.vendor);
    Money amount = cost(machine, until);
    if (const auto percent = troubles.value(Trouble::bill_more)) {
        amount = share(amount, 100 + *percent, 100);
    }
    if (const auto percent = troubles.value(Trouble::bill_less)) {
        amount = share(amount, 100 - *percent, 100);
    }
    if (troubles.is_on(Trouble::bill_cents)) {
        amount = Money{
            mul_div(amount.nanos(), 1, cent, Rounding::half_even).value_or(0) * cent,
            amount.currency()};
    }
    return amount;
}

Money World::billed_total(Vendor vendor, UtcTime now) const {
    Money total{0, usd};
    for (const Machine& machine : machines_) {
        if (machine.vendor == vendor) {
            total += billed(machine, now);
        }
    }
    return total;
}

Money World::balance(Vendor vendor, UtcTime now) const {
    return credit_[static_cast<std::size_t>(vendor)] - billed_total(vendor, now);
}

void World::set_balance(Vendor vendor, Money left, UtcTime now) {
    credit_[static_cast<std::size_t>(vendor)] = left + billed_total(vendor, now);
}

}  // namespace evenkeel::fakes::cloud
