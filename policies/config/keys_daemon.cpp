#include "policies/config/key_tables.hpp"

#include <array>

namespace evenkeel::config {

// One row a key, read like a page: the formatter would put every call on a line of its own.
// clang-format off
namespace {
constexpr std::array daemon_rows{
    Key{"version", Type::integer, "Version of the file format; always 1."}
        .required("a later version could mean something else by the same keys").example("1"),

    Key{"listen", Type::map, "Where the daemon listens."},
    Key{"listen.api", Type::address, "Address of the API that clients use."}
        .def("127.0.0.1:8080"),
    Key{"listen.admin", Type::address,
        "Address of the web page, its JSON and health checks; reading asks for no login, so only "
        "this host."}
        .def("127.0.0.1:8081"),

    Key{"dashboard", Type::map, "The web page at listen.admin."},
    Key{"dashboard.control", Type::boolean,
        "Whether the page may drain, destroy, freeze, thaw, apply; after evenkeel dashboard login."}
        .def("false"),

    Key{"currency", Type::map, "Which money is reported, and what other money is worth."},
    Key{"currency.report", Type::currency,
        "Currency of reports and budgets; the ledger keeps what was billed."}
        .def("USD"),
    Key{"currency.rates.*", Type::map, "One entry for each other currency that prices use."}
        .named(Type::currency),
    Key{"currency.rates.*.rate", Type::rate, "Report currency for one unit of this one."}
        .required("amounts in this currency could not be compared with budgets")
        .between("0.000001", "1000000").example("1.4235"),
    Key{"currency.rates.*.as_of", Type::date, "The day of the rate."}
        .required("a rate without a date cannot be seen to grow old").example("2026-06-30"),
    Key{"currency.rates.*.warn_after", Type::duration, "Age from which the rate is warned about."}
        .between("1h", "3650d").def("7d"),

    Key{"report_zone", Type::zone, "Time zone of booking days, budget windows and tariffs."}
        .def("UTC"),

    Key{"energy", Type::map, "What electricity costs."},
    Key{"energy.tariff[]", Type::map, "Prices of power; the first line that applies wins."}
        .ordered().without("own power is booked at nothing"),
    Key{"energy.tariff[].price", Type::price_kwh, "Price of one kilowatt-hour."}
        .required("a tariff without a price says nothing")
        .between("0", "1000").example("0.33 AUD/kWh"),
    Key{"energy.tariff[].when", Type::time_window,
        "Time of day in report_zone; may pass midnight. Without it: always."}
        .example("\"10:00-15:00\""),
    Key{"energy.host_overhead", Type::power, "What the host draws and the GPU does not report."}
        .between("0 W", "100 kW").def("0 W").example("150 W"),

    Key{"hardware[]", Type::map, "Own machines: what they draw, which GPUs they hold."},
    Key{"hardware[].name", Type::name, "Name of the machine; providers refer to it."}
        .required("providers could not refer to it").example("desk"),
    Key{"hardware[].gpus[]", Type::integer, "Indices of its GPUs, as nvidia-smi counts them."}
        .between("0", "63").example("[0]"),
    Key{"hardware[].gpu", Type::text, "Kind of its GPUs, all alike."}
        .example("RTX 5090").without("nobody checks whether its models fit"),
    Key{"hardware[].vram", Type::memory, "Memory of each GPU, where its kind does not tell it."}
        .between("1 GiB", "1024 GiB").example("31.84 GiB"),
    Key{"hardware[].power", Type::map, "Draw of the whole machine where nothing measures it."},
    Key{"hardware[].power.busy", Type::power, "Draw while it serves requests."}
        .between("0 W", "100 kW").def("0 W").example("725 W"),
    Key{"hardware[].power.idle", Type::power, "Draw while it waits."}
        .between("0 W", "100 kW").def("0 W").example("90 W"),
    Key{"hardware[].bought", Type::date, "Day of purchase."}.example("2025-12-01"),
    Key{"hardware[].price", Type::money, "What it cost."}
        .between("0", "10000000").example("6800 AUD")
        .without("evenkeel breakeven cannot say when it pays"),
    Key{"hardware[].residual", Type::ratio, "Share of the price it will be worth at the end."}
        .between("0", "2").def("0").example("0.35"),
    Key{"hardware[].wear_over", Type::months, "How long it is meant to last."}
        .between("1mo", "240mo").def("36mo"),

    Key{"limits", Type::map, "Limits of the listener; each refuses with a clear error."},
    Key{"limits.header_bytes", Type::bytes, "Longest request head."}
        .between("1 KiB", "1 MiB").def("32 KiB"),
    Key{"limits.body_bytes", Type::bytes, "Longest request body."}
        .between("1 KiB", "512 MiB").def("32 MiB"),
    Key{"limits.connections", Type::integer, "Open client connections in all."}
        .between("1", "1000000").def("10000"),
    Key{"limits.connections_per_address", Type::integer, "Open connections of one address."}
        .between("1", "1000000").def("4096"),
    Key{"limits.header_time", Type::duration, "Time for a client to send its request head."}
        .between("10ms", "10m").def("10s"),
    Key{"limits.body_time", Type::duration, "Time for a client to send its request body."}
        .between("10ms", "1h").def("60s"),
    Key{"limits.idle_time", Type::duration, "How long a connection may wait for its next request."}
        .between("10ms", "1h").def("75s"),
    Key{"limits.stall_time", Type::duration,
        "How long a client or source may move no byte in the middle of an answer."}
        .between("10ms", "1h").def("60s"),
    Key{"limits.queue_requests", Type::integer, "Requests that may wait for workers, in all."}
        .between("0", "1000000").def("10000"),
    Key{"limits.stream_drain", Type::duration, "How long answers may run on when the daemon stops."}
        .between("0s", "1h").def("30s"),

    Key{"ledger", Type::map, "How long the books keep detail. Sums, transactions and prices stay."},
    Key{"ledger.keep_requests", Type::duration,
        "Age from which single requests, ended holds and steps of machines are deleted."}
        .between("35d", "36500d").def("400d"),

    Key{"speed", Type::integer,
        "Written by the demo: every duration was divided and every hourly price multiplied by it."}
        .between("1", "100000").def("1"),
};
}  // namespace
// clang-format on

std::span<const Key> daemon_keys() noexcept {
    return daemon_rows;
}

}  // namespace evenkeel::config
