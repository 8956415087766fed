#include "agent/control/machine_row.hpp"

#include "agent/ledger/price_json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <exception>

namespace evenkeel::agent {

namespace json = boost::json;

namespace {

json::value to_json(Now now) {
    return json::array{now.boot.time_since_epoch().count(), to_us(now.utc)};
}

json::value to_json(const std::optional<Now>& now) {
    return now ? to_json(*now) : json::value(nullptr);
}

Now now_from(const json::value& value) {
    const json::array& pair = value.as_array();
    return {
        .boot = BootTime{std::chrono::nanoseconds{pair.at(0).to_number<std::int64_t>()}},
        .utc = from_us(pair.at(1).to_number<std::int64_t>())};
}

std::optional<Now> optional_now_from(const json::value& value) {
    return value.is_null() ? std::nullopt : std::optional{now_from(value)};
}

std::string text(const json::object& object, std::string_view key) {
    return json::value_to<std::string>(object.at(key));
}

std::int64_t number(const json::object& object, std::string_view key) {
    return object.at(key).to_number<std::int64_t>();
}

json::object to_json(const lifecycle::Machine& machine) {
    return {
        {"remote_id", machine.remote_id},
        {"sku", machine.sku},
        {ledger::MachineRow::region_key, machine.region},
        {"gpu_wanted", machine.gpu_wanted},
        {ledger::MachineRow::gpus_ordered_key, machine.gpu_count_wanted},
        {"boot_id", machine.boot_id},
        {"intent_price", ledger::price_json(machine.intent_price)},
        {"real_price", ledger::price_json(machine.real_price)},
        {"min_bill_ms", machine.min_bill.count()},
        {"host", machine.host},
        {"port", machine.port},
        {"gpu", machine.gpu},
        {ledger::MachineRow::gpus_seen_key, machine.gpu_count},
        {"wanted_at", to_json(machine.wanted_at)},
        {"billed_from", to_json(machine.billed_from)},
        {"state_at", to_json(machine.state_at)},
        {"serving_at", to_json(machine.serving_at)},
        {"end_asked", to_json(machine.end_asked)},
        {"delete_asked", to_json(machine.delete_asked)},
        {"delete_answered", to_json(machine.delete_answered)},
        {"gone_at", to_json(machine.gone_at)},
        {"phase",
         machine.phase ? json::value(static_cast<int>(*machine.phase)) : json::value(nullptr)},
        {"phase_no", machine.phase_no},
        {"phase_at", to_json(machine.phase_at)},
        {"posted", json::array{machine.posted.nanos(), machine.posted.currency().text()}},
        {"confirmed", machine.confirmed},
        {"alive_at", to_json(machine.alive_at)},
        {"missing_get", to_json(machine.missing_get)},
        {"omitted_first", to_json(machine.omitted_first)},
        {"omitted_last", to_json(machine.omitted_last)},
        {"alarmed", machine.alarmed},
    };
}

void read_detail(const json::object& detail, lifecycle::Machine& machine) {
    if (machine.remote_id.empty() && detail.contains("remote_id")) {
        machine.remote_id = text(detail, "remote_id");  // its column may belong to an older row
    }
    machine.sku = text(detail, "sku");
    machine.region = text(detail, ledger::MachineRow::region_key);
    machine.gpu_wanted = text(detail, "gpu_wanted");
    machine.gpu_count_wanted =
        static_cast<int>(number(detail, ledger::MachineRow::gpus_ordered_key));
    machine.boot_id = text(detail, "boot_id");
    machine.intent_price =
        ledger::price_from(detail.at("intent_price")).value_or(machine.intent_price);
    machine.real_price = ledger::price_from(detail.at("real_price"));
    machine.min_bill = std::chrono::milliseconds{number(detail, "min_bill_ms")};
    machine.host = text(detail, "host");
    machine.port = static_cast<int>(number(detail, "port"));
    machine.gpu = text(detail, "gpu");
    machine.gpu_count = static_cast<int>(number(detail, ledger::MachineRow::gpus_seen_key));
    machine.wanted_at = now_from(detail.at("wanted_at"));
    machine.billed_from = optional_now_from(detail.at("billed_from"));
    machine.state_at = now_from(detail.at("state_at"));
    machine.serving_at = optional_now_from(detail.at("serving_at"));
    machine.end_asked = optional_now_from(detail.at("end_asked"));
    machine.delete_asked = optional_now_from(detail.at("delete_asked"));
    machine.delete_answered = optional_now_from(detail.at("delete_answered"));
    machine.gone_at = optional_now_from(detail.at("gone_at"));
    if (!detail.at("phase").is_null()) {
        machine.phase = static_cast<Phase>(number(detail, "phase"));
    }
    machine.phase_no = number(detail, "phase_no");
    machine.phase_at = now_from(detail.at("phase_at"));
    const json::array& posted = detail.at("posted").as_array();
    machine.posted = Money{
        posted.at(0).to_number<std::int64_t>(),
        Currency::parse(json::value_to<std::string>(posted.at(1))).value_or(Currency{})};
    machine.confirmed = !detail.contains("confirmed") || detail.at("confirmed").as_bool();
    machine.alive_at = now_from(detail.at("alive_at"));
    machine.missing_get = optional_now_from(detail.at("missing_get"));
    machine.omitted_first = optional_now_from(detail.at("omitted_first"));
    machine.omitted_last = optional_now_from(detail.at("omitted_last"));
    machine.alarmed = detail.at("alarmed").as_bool();
}

}  // namespace

std::string plain_gpu(std::string_view gpu) {
    constexpr std::string_view mark = " (synthetic)";
    if (gpu.ends_with(mark)) {
        gpu.remove_suffix(mark.size());
    }
    return std::string{gpu};
}

bool names_gpu(std::string_view written, std::string_view sold) {
    constexpr std::string_view maker = "NVIDIA ";
    return written == sold || (sold.starts_with(maker) && written == sold.substr(maker.size()));
}

ledger::MachineRow to_row(const lifecycle::Machine& machine, const MachineNames& names) {
    ledger::MachineRow row{
        .id = machine.id,
        .provider = names.provider,
        .name = machine.name,
        .remote_id = machine.remote_id,
        .offer = names.offer,
        .model = names.model,
        .source = names.source,
        .gpu = plain_gpu(machine.gpu.empty() ? machine.gpu_wanted : machine.gpu),
        .price = machine.real_price.value_or(machine.intent_price),
        .state = machine.state,
        .step = machine.step,
        .created = machine.wanted_at.utc,
        .expires = machine.expires,
        .reason = machine.end_reason,
        .synthetic = names.synthetic,
        .detail = json::serialize(to_json(machine)),
    };
    if (machine.gone_at) {
        row.gone = machine.gone_at->utc;
        row.gone_how = machine.gone_how;
    }
    return row;
}

namespace {

lifecycle::Machine from_columns(
    const ledger::MachineRow& row, const routing::NameTable& names, std::string_view owner_mark) {
    lifecycle::Machine machine;
    machine.id = row.id;
    machine.name = row.name;
    machine.owner_mark = owner_mark;
    machine.provider = names.text(row.provider);
    machine.offer = names.text(row.offer);
    machine.model = names.text(row.model);
    machine.remote_id = row.remote_id;
    machine.state = row.state;
    machine.step = row.step;
    machine.intent_price = row.price;
    machine.expires = row.expires;
    machine.end_reason = row.reason;
    if (row.gone_how) {
        machine.gone_how = *row.gone_how;
    }
    return machine;
}

}  // namespace

Result<lifecycle::Machine> from_row(
    const ledger::MachineRow& row, const routing::NameTable& names, std::string_view owner_mark) {
    lifecycle::Machine machine = from_columns(row, names, owner_mark);
    try {
        read_detail(json::parse(row.detail).as_object(), machine);
    } catch (const std::exception&) {
        return fail(
            Errc::corrupt, fmt::format("machine {}: its stored detail cannot be read", row.name));
    }
    return machine;
}

lifecycle::Machine salvage(
    const ledger::Recovered::Machine& stored,
    const routing::NameTable& names,
    std::string_view owner_mark,
    std::string_view boot_id,
    Now now) {
    lifecycle::Machine machine = from_columns(stored.row, names, owner_mark);
    const auto at = [now](UtcTime utc) {
        const auto age = std::max(std::chrono::microseconds{0}, now.utc - utc);
        return Now{.boot = now.boot - age, .utc = now.utc - age};
    };
    machine.boot_id = boot_id;
    machine.wanted_at = at(stored.row.created);
    machine.billed_from = machine.wanted_at;
    machine.state_at = now;
    machine.confirmed = true;
    machine.alive_at = at(stored.last.at);
    if (machine.state == MachineState::deleting || machine.state == MachineState::verifying) {
        machine.end_asked = now;
        machine.delete_asked = now;
    }
    if (machine.state == MachineState::verifying) {
        machine.delete_answered = now;
    }
    if (machine.state == MachineState::draining) {
        machine.end_asked = now;
    }
    machine.posted = stored.paid;
    for (const ledger::PhaseRow& phase : stored.phases) {
        machine.phase_no = std::max(machine.phase_no, phase.no);
        if (!phase.to) {
            machine.phase = phase.phase;
            machine.phase_at = at(phase.from);
        }
    }
    return machine;
}

}  // namespace evenkeel::agent
