#include "lab/cloud/machine.hpp"

#include "providers/http/exact_json.hpp"
#include "providers/http/rfc3339.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace evenkeel::lab::cloud {

using providers::format_rfc3339;
using providers::parse_rfc3339;
using providers::exact_json::quote;
using providers::exact_json::Value;

std::string_view to_text(Status status) noexcept {
    switch (status) {
        case Status::creating:
            return "creating";
        case Status::running:
            return "running";
        case Status::stopped:
            return "stopped";
        case Status::deleting:
            return "deleting";
    }
    return "";
}

std::string_view to_text(EndReason why) noexcept {
    switch (why) {
        case EndReason::deleted:
            return "deleted";
        case EndReason::vanished:
            return "vanished";
        case EndReason::closed:
            return "closed";
        case EndReason::restart:
            return "restart";
    }
    return "";
}

Micros Machine::elapsed(UtcTime now) const {
    return std::max(billed_until.value_or(now) - created, Micros{0});
}

Money Machine::amount(UtcTime now) const {
    return Price::per_hour(hourly).cost_of(std::max(elapsed(now), min_bill), Rounding::half_even);
}

namespace {

std::string seconds_text(Micros duration) {
    return format_decimal(duration.count(), 6, 6);
}

std::string event(std::string_view type, UtcTime at, std::string_view id, std::string_view more) {
    return fmt::format(
        R"({{"type":"{}","at":"{}","id":{}{}}})", type, format_rfc3339(at), quote(id), more);
}

struct Writer {
    std::string operator()(const Opened& record) const {
        return fmt::format(
            R"({{"type":"opened","at":"{}","mark":{},"synthetic":true}})",
            format_rfc3339(record.at),
            quote(record.mark));
    }
    std::string operator()(const Created& record) const {
        const Machine& m = record.machine;
        return event(
            "created",
            m.created,
            m.id,
            fmt::format(
                R"(,"name":{},"owner_mark":{},"sku":{},"region":{},"image":{},"model":{},)"
                R"("gpu":{},"gpu_count":{},"price_per_hour":"{}","currency":"{}",)"
                R"("min_bill_s":"{}","boots_at":"{}","expires":"{}","boot_fails":{})",
                quote(m.name),
                quote(m.owner_mark),
                quote(m.sku),
                quote(m.region),
                quote(m.image),
                quote(m.model),
                quote(m.gpu),
                m.gpu_count,
                amount_text(m.hourly),
                m.hourly.currency().text(),
                seconds_text(m.min_bill),
                format_rfc3339(m.boots_at),
                format_rfc3339(m.expires),
                m.boot_fails));
    }
    std::string operator()(const Started& record) const {
        return event("started", record.at, record.id, fmt::format(R"(,"port":{})", record.port));
    }
    std::string operator()(const Stopped& record) const {
        return event(
            "stopped",
            record.at,
            record.id,
            fmt::format(R"(,"process_ended":{})", record.process_ended));
    }
    std::string operator()(const DeleteAccepted& record) const {
        return event("delete_accepted", record.at, record.id, "");
    }
    std::string operator()(const Vanished& record) const {
        return event("vanished", record.at, record.id, "");
    }
    std::string operator()(const Ended& record) const {
        return event(
            "ended", record.at, record.id, fmt::format(R"(,"why":"{}")", to_text(record.why)));
    }
    std::string operator()(const Alive& record) const {
        return fmt::format(R"({{"type":"alive","at":"{}"}})", format_rfc3339(record.at));
    }
};

/// Takes members out of a record; remembers the first that is missing or wrong.
class Fields {
public:
    explicit Fields(const Value& object) : object_{object} {}

    std::string text(std::string_view key) {
        const Value* const value = object_.find(key);
        return std::string{checked(value == nullptr ? std::nullopt : value->string(), key)};
    }
    UtcTime time(std::string_view key) { return checked(parse_rfc3339(text(key)), key); }
    std::int64_t decimal(std::string_view key, int scale) {
        const auto value = parse_decimal(text(key), scale);
        return checked(value ? std::optional{*value} : std::nullopt, key);
    }
    Currency currency(std::string_view key) { return checked(Currency::parse(text(key)), key); }
    int whole(std::string_view key) {
        const Value* const value = object_.find(key);
        const auto number = value == nullptr ? std::nullopt : value->integer();
        constexpr std::int64_t largest = 65'535;
        const bool fits = number && *number >= 0 && *number <= largest;
        return static_cast<int>(checked(fits ? number : std::nullopt, key));
    }
    bool boolean(std::string_view key) {
        const Value* const value = object_.find(key);
        return checked(value == nullptr ? std::nullopt : value->boolean(), key);
    }
    template <class T>
    T checked(std::optional<T> value, std::string_view key) {
        if (!value && wrong_.empty()) {
            wrong_ = key;
        }
        return value.value_or(T{});
    }
    [[nodiscard]] const std::string& wrong() const noexcept { return wrong_; }

private:
    const Value& object_;
    std::string wrong_{};
};

Created read_created(Fields& fields) {
    Machine machine{
        .id = fields.text("id"),
        .name = fields.text("name"),
        .owner_mark = fields.text("owner_mark"),
        .sku = fields.text("sku"),
        .region = fields.text("region"),
        .image = fields.text("image"),
        .model = fields.text("model"),
        .gpu = fields.text("gpu"),
        .gpu_count = fields.whole("gpu_count"),
        .min_bill = Micros{fields.decimal("min_bill_s", 6)},
        .created = fields.time("at"),
        .boots_at = fields.time("boots_at"),
        .expires = fields.time("expires"),
        .boot_fails = fields.boolean("boot_fails")};
    const std::int64_t nanos = fields.decimal("price_per_hour", 9);
    machine.hourly = Money{nanos, fields.currency("currency")};
    return {std::move(machine)};
}

std::optional<EndReason> end_reason(std::string_view text) {
    constexpr std::array all{
        EndReason::deleted, EndReason::vanished, EndReason::closed, EndReason::restart};
    const auto found = std::ranges::find(all, text, [](EndReason why) { return to_text(why); });
    return found == all.end() ? std::nullopt : std::optional{*found};
}

std::optional<Record> read(std::string_view type, Fields& fields) {
    if (type == "opened") {
        return Opened{.at = fields.time("at"), .mark = fields.text("mark")};
    }
    if (type == "created") {
        return read_created(fields);
    }
    if (type == "started") {
        return Started{
            .at = fields.time("at"), .id = fields.text("id"), .port = fields.whole("port")};
    }
    if (type == "stopped") {
        return Stopped{
            .at = fields.time("at"),
            .id = fields.text("id"),
            .process_ended = fields.boolean("process_ended")};
    }
    if (type == "delete_accepted") {
        return DeleteAccepted{.at = fields.time("at"), .id = fields.text("id")};
    }
    if (type == "vanished") {
        return Vanished{.at = fields.time("at"), .id = fields.text("id")};
    }
    if (type == "ended") {
        const EndReason why = fields.checked(end_reason(fields.text("why")), "why");
        return Ended{.at = fields.time("at"), .id = fields.text("id"), .why = why};
    }
    if (type == "alive") {
        return Alive{.at = fields.time("at")};
    }
    return std::nullopt;
}

}  // namespace

std::string to_json(const Record& record) {
    return std::visit(Writer{}, record);
}

Result<Record> parse_record(std::string_view line) {
    const auto value = providers::exact_json::parse(line);
    if (!value) {
        return fail(Errc::corrupt, value.error().message);
    }
    Fields fields{*value};
    const std::string type = fields.text("type");
    auto record = read(type, fields);
    if (!fields.wrong().empty()) {
        return fail(Errc::corrupt, fmt::format("'{}' is missing or not readable", fields.wrong()));
    }
    if (!record) {
        return fail(Errc::corrupt, fmt::format("'{}' is not a kind of record", type));
    }
    return *std::move(record);
}

}  // namespace evenkeel::lab::cloud
