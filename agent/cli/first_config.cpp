#include "agent/cli/first_config.hpp"

#include "policies/capacity/fit.hpp"
#include "policies/capacity/known.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace evenkeel::cli {

namespace {

constexpr const char* schema_line =
    "# yaml-language-server: $schema=/usr/share/evenkeel/schema/evenkeel-v1.json\n";
constexpr int slots_of_batching = 16;
constexpr std::int64_t idle_watts_of_gpu = 20;
constexpr std::uint16_t port_to_start = 8091;

/// A text in YAML that nothing in it can leave.
std::string quoted(std::string_view text) {
    std::string out{"\""};
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        out += c == '"' || c == '\\'         ? std::string{'\\', c}
               : byte < 0x20 || byte == 0x7F ? fmt::format("\\x{:02X}", byte)
                                             : std::string(1, c);
    }
    return out + "\"";
}

/// A comment must not end early.
std::string remark(std::string_view text) {
    std::string out{text};
    std::ranges::replace_if(
        out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, ' ');
    return out;
}

/// Engines with the names of their providers; those that want a key are left out. Where there is
/// none, one that is to be started.
struct Worker {
    std::string provider{};
    FoundEngine engine{};
    bool found{true};
};
std::vector<Worker> workers_of(const FirstFacts& facts) {
    std::vector<Worker> workers;
    std::map<std::string, int> used;
    for (const FoundEngine& engine : facts.engines) {
        if (engine.wants_key || engine.models.empty()) {
            continue;
        }
        const std::string base =
            "desk-" + (engine.kind == "llama.cpp" ? std::string{"llama"} : engine.kind);
        const int number = ++used[base];
        workers.push_back(
            {.provider = number == 1 ? base : fmt::format("{}-{}", base, number),
             .engine = engine});
    }
    if (workers.empty()) {
        workers.push_back(
            {.provider = "desk-llama",
             .engine =
                 {.kind = "llama.cpp",
                  .port = port_to_start,
                  .models = {{.id = "local-model"}},
                  .slots = 1},
             .found = false});
    }
    return workers;
}

/// Whether the loader takes it as the name of a model at its seller.
bool is_seller_name(std::string_view id) {
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    return !id.empty() && id.size() <= 128 && plain(id[0]) &&
           std::ranges::all_of(id, [&plain](char c) {
               return plain(c) || std::string_view{"._-/:+@"}.contains(c);
           });
}

/// The name of all GPUs when they are alike and known, else empty.
std::string kind_of_gpus(const std::vector<FoundGpu>& gpus) {
    std::string name;
    for (const FoundGpu& gpu : gpus) {
        const auto known = capacity::find_gpu(gpu.name);
        if (!known || (!name.empty() && name != known->gpu.name)) {
            return {};
        }
        name = known->gpu.name;
    }
    return name;
}

std::string daemon_file(const FirstFacts& facts, bool hardware) {
    std::string out = schema_line;
    out +=
        "# Where the daemon listens, what money and power are worth, what hardware there is. "
        "Every\n"
        "# key is explained by: evenkeel policy explain KEY. After a change: evenkeel policy "
        "check\n"
        "version: 1\n\n"
        "listen:\n"
        "  api: \"127.0.0.1:8080\"        # clients: base URL http://127.0.0.1:8080/v1\n"
        "  admin: \"127.0.0.1:8081\"      # status JSON, /healthz, /readyz; this host only\n\n";
    out += fmt::format(
        "currency:\n"
        "  report: {:<20} # reports and budgets; the ledger keeps what was billed\n"
        "  # rates:                     # one for each other currency that a price has\n"
        "  #   {}: {{rate: 1.00, as_of: 2026-01-31}}    # {} for one {}\n\n",
        facts.currency,
        facts.currency == "USD" ? "EUR" : "USD",
        facts.currency,
        facts.currency == "USD" ? "EUR" : "USD");
    out += fmt::format(
        "report_zone: {:<16} # booking days, budget windows and tariffs go by this clock\n\n",
        facts.zone);
    if (facts.tariff.empty()) {
        out += fmt::format(
            "# energy:                      # without it own power is booked at nothing\n"
            "#   tariff:\n"
            "#     - {{price: 0.30 {}/kWh}}   # from your bill\n"
            "#   host_overhead: 100 W       # board, CPU, fans: what the GPU does not report\n",
            facts.currency);
    } else {
        out += fmt::format(
            "energy:\n"
            "  tariff:                      # the first line that applies wins\n"
            "    - {{price: {}}}\n"
            "  # host_overhead: 100 W       # board, CPU, fans: what the GPU does not report\n",
            facts.tariff);
    }
    if (!hardware) {
        return out + "\n# No GPU was found here; hardware: would say what an own machine draws.\n";
    }
    out += "\nhardware:\n  - name: desk\n";
    std::string indices;
    std::int64_t limit_watts = 0;
    bool limits_known = true;
    for (const FoundGpu& gpu : facts.gpus) {
        indices += (indices.empty() ? "" : ", ") + std::to_string(gpu.index);
        limit_watts += gpu.power_limit_milliwatts / 1'000;
        limits_known = limits_known && gpu.power_limit_milliwatts > 0;
    }
    out += fmt::format("    gpus: [{}]\n", indices);
    if (const std::string kind = kind_of_gpus(facts.gpus); !kind.empty()) {
        out += fmt::format("    gpu: {}\n", kind);
    }
    if (limits_known && limit_watts > 0) {
        out += fmt::format(
            "    power: {{busy: {} W, idle: {} W}}    # estimate, from the GPUs' power limits\n",
            limit_watts,
            idle_watts_of_gpu * static_cast<std::int64_t>(facts.gpus.size()));
    }
    return out + fmt::format(
                     "    # bought: 2026-01-31       # with these three 'evenkeel breakeven' says "
                     "when it has\n"
                     "    # price: 3000 {}          # paid for itself, and reports show its wear\n"
                     "    # wear_over: 36mo\n",
                     facts.currency);
}

std::string providers_file(
    const FirstFacts& facts, const std::vector<Worker>& workers, bool hardware) {
    std::string out = schema_line;
    out +=
        "# Who serves, rents and sells. Keys are never written here: 'credential' names a file in "
        "the\n"
        "# folder credentials/ beside this one, for example\n"
        "#   install -m600 key.txt /etc/evenkeel/credentials/runpod.key\n"
        "version: 1\n\n";
    out += "providers:\n";
    for (const Worker& worker : workers) {
        if (!worker.found) {
            out +=
                "  # No engine answered when this was written. Start one, for example\n"
                "  #   llama-server -m MODEL.gguf -c 16384 --port 8091 --metrics\n";
        }
        out += fmt::format(
            "  {}:\n    kind: local\n{}    engine: {}\n    url: \"http://127.0.0.1:{}\"\n{}",
            worker.provider,
            hardware ? "    hardware: desk\n" : "",
            worker.engine.kind,
            worker.engine.port,
            worker.engine.kind == "synthetic"
                ? "    synthetic: true            # not a real GPU: shown so everywhere\n"
                : "");
    }
    for (const FoundEngine& engine : facts.engines) {
        if (engine.wants_key) {
            out += fmt::format(
                "  # An engine at http://127.0.0.1:{} answers only with a key.\n", engine.port);
        }
    }
    constexpr const char* indent = "  # ";
    return out +
           fmt::format(
               "\n{0}runpod:                      # rented GPUs for peaks; also digitalocean, "
               "lambda\n"
               "{0}  kind: runpod\n"
               "{0}  credential: runpod.key\n"
               "{0}  max_machines: 1\n",
               indent);
}

struct Served {
    std::string name{};
    std::int64_t context{0};  ///< the least of its offers; 0 = none says
    std::string offers{};
};

std::string offer_text(const FirstFacts& facts, const Worker& worker, bool predict) {
    const FoundEngine& engine = worker.engine;
    const FoundModel& model = engine.models.front();
    const int slots = engine.slots > 0             ? engine.slots
                      : engine.kind != "llama.cpp" ? slots_of_batching
                                                   : 1;
    std::string out = fmt::format(
        "      - {{on: {}, slots: {}{}}}    # {}\n",
        worker.provider,
        slots,
        is_seller_name(model.id) ? ", model: " + quoted(model.id) : "",
        !worker.found      ? "requests at once"
        : engine.slots > 0 ? "requests at once, as it says"
                           : "requests at once: a guess");
    if (engine.models.size() > 1) {
        out += "        # It lists more models; one provider serves one, so each needs its own.\n";
    }
    const std::string known = worker.found ? model.id : "qwq-32b-q4_k_m.gguf";
    const auto work = capacity::work_of(known);
    if (predict && facts.card && work) {
        const std::int64_t length =
            std::min<std::int64_t>(model.context > 0 ? model.context : 8'192, 8'192);
        out += fmt::format(
            "        # {}{}\n",
            worker.found ? "" : "With " + known + " it would make ",
            remark(capacity::to_text(
                capacity::predict(*facts.card, *work, length, slots), *facts.card)));
    }
    return out;
}

/// One model a name; engines that serve the same are its offers.
std::vector<Served> models_of(const FirstFacts& facts, const std::vector<Worker>& workers) {
    std::vector<Served> served;
    for (const Worker& worker : workers) {
        const FoundModel& model = worker.engine.models.front();
        const std::string name = model_name(model.id);
        auto entry = std::ranges::find(served, name, &Served::name);
        const bool fresh = entry == served.end();
        if (fresh) {
            served.push_back({.name = name});
            entry = served.end() - 1;
        }
        if (model.context > 0 && (entry->context == 0 || model.context < entry->context)) {
            entry->context = model.context;
        }
        entry->offers += offer_text(facts, worker, fresh);
    }
    return served;
}

std::string block_of(const Served& model) {
    return fmt::format("  {}:\n", quoted(model.name)) +
           (model.context > 0
                ? fmt::format(
                      "    context: {:<18} # of each request, prompt and answer\n", model.context)
                : std::string{}) +
           "    offers:\n" + model.offers;
}

std::string models_file(const std::vector<Served>& models, const std::string& today) {
    std::string out = schema_line;
    out +=
        "# The catalogue: which names clients may ask for, and who can answer at what price.\n"
        "version: 1\n\n";
    out += "models:\n";
    for (const Served& model : models) {
        out += block_of(model);
    }
    constexpr const char* indent = "  # ";
    return out + fmt::format(
                     "\n{0}opus:                        # a paid API, once providers.yaml has it\n"
                     "{0}  offers:\n"
                     "{0}    - {{on: claude, model: NAME, price: {{in: 4 USD/Mtok, out: 20 "
                     "USD/Mtok}}, seen: {1}}}\n",
                     indent,
                     today);
}

std::string policy_file(const FirstFacts& facts, const std::vector<Served>& models) {
    std::string out = schema_line;
    out +=
        "# Which requests go where, and what may be spent. Try a change before it is in force:\n"
        "#   evenkeel policy plan\n"
        "version: 1\n\n";
    out += "routes:                        # the first match wins\n";
    for (const Served& model : models) {
        out += fmt::format(
            "  - {{name: {0}, match: {{model: [{0}]}}, use: [{0}], max_wait: 60s}}\n",
            quoted(model.name));
    }
    return out + fmt::format(
                     "\n# budgets:                     # limits of what costs money\n"
                     "#   - {{name: all, limit: 100 {}, per: month, at: {{\"80%\": warn, \"100%\": "
                     "refuse}}}}\n"
                     "\nsafety:                        # nothing is rented without an entry in "
                     "scaling:\n"
                     "  max_machines: 1              # all providers together\n"
                     "  max_creates_per_hour: 4\n"
                     "  on_stop: destroy             # when the daemon stops, so does the bill\n",
                     facts.currency);
}

}  // namespace

std::string model_name(std::string_view id) {
    const std::size_t slash = id.find_last_of('/');
    std::string_view base = slash == std::string_view::npos ? id : id.substr(slash + 1);
    if (base.ends_with(".gguf")) {
        base.remove_suffix(5);
    }
    std::string name;
    for (const char c : base) {
        const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        const bool fine = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9') ||
                          lower == '.' || lower == '_' || lower == '-';
        name += fine ? lower : '-';
    }
    name.erase(0, name.find_first_not_of("-._"));
    name.resize(std::min<std::size_t>(name.size(), 64));
    return name.empty() ? "model" : name;
}

std::vector<config::SourceFile> first_configuration(const FirstFacts& facts, config::Date today) {
    const bool hardware = !facts.gpus.empty();
    const std::vector<Worker> workers = workers_of(facts);
    const std::vector<Served> models = models_of(facts, workers);
    return {
        {.path = "evenkeel.yaml", .text = daemon_file(facts, hardware)},
        {.path = "providers.yaml", .text = providers_file(facts, workers, hardware)},
        {.path = "models.yaml", .text = models_file(models, config::to_text(today))},
        {.path = "policy.yaml", .text = policy_file(facts, models)}};
}

}  // namespace evenkeel::cli
