#include "policies/config/key_tables.hpp"
#include "policies/domain/rental_kinds.hpp"

#include <array>

namespace evenkeel::config {

// clang-format off
namespace {
#define EVENKEEL_RENTAL_CHOICE(word) #word "|"
constexpr std::string_view provider_kinds{
    "local|" EVENKEEL_RENTAL_KINDS(EVENKEEL_RENTAL_CHOICE) "openai-compatible|anthropic"};
#undef EVENKEEL_RENTAL_CHOICE

constexpr std::array provider_rows{
    Key{"version", Type::integer, "Version of the file format; always 1."}
        .required("a later version could mean something else by the same keys").example("1"),

    Key{"providers.*", Type::map, "Who serves, rents or sells; one entry for each, by its name."}
        .required("there is nobody to serve a model").filled(),
    Key{"providers.*.kind", Type::choice, "What it is, and so how it is spoken to and paid."}
        .one_of(provider_kinds)
        .required("nothing else of the entry can be understood").example("local"),
    Key{"providers.*.credential", Type::file_name,
        "Name of the file with its key, below credentials/; never the key itself."}
        .example("runpod.key"),
    Key{"providers.*.url", Type::url,
        "Where the server is (local, openai-compatible)."}
        .example("\"http://127.0.0.1:8091\""),
    Key{"providers.*.base_url", Type::url,
        "Stands in for the vendor's own host (proxies, tests; sandbox: where the cloud listens)."}
        .example("\"https://proxy.example\""),
    Key{"providers.*.ca_file", Type::text,
        "File with the authorities (PEM) to trust there instead of the system's."}
        .example("/etc/evenkeel/proxy-ca.pem"),
    Key{"providers.*.hardware", Type::name, "Which own machine it runs on (local)."}
        .example("desk").without("its power costs nothing in the ledger"),
    Key{"providers.*.engine", Type::choice, "Which engine answers there (local)."}
        .one_of("vllm|llama.cpp|sglang|ollama|openai|synthetic").def("openai"),
    Key{"providers.*.start", Type::map,
        "The daemon starts the engine, watches it and ends it (local). Left out: it runs already."}
        .example("{command: [llama-server, -m, /srv/qwq-32b-q4_k_m.gguf, --port, \"8091\"]}"),
    Key{"providers.*.start.command[]", Type::text,
        "Program and arguments, as they are: there is no shell."}
        .required("there is nothing to start").filled().ordered()
        .example("[llama-server, -m, /srv/qwq-32b-q4_k_m.gguf, --port, \"8091\"]"),
    Key{"providers.*.start.env.*", Type::text,
        "More of its environment; of the daemon's own it gets only the few variables named in "
        "docs/engines.md. No place for secrets: every process of the account can read it."}
        .example("{HF_HOME: /srv/hf}"),
    Key{"providers.*.start.memory", Type::memory,
        "GPU memory it takes in all; left out: by weights and context of its offers. Where neither "
        "tells, it is not started beside another on the same hardware."}
        .between("1 MiB", "10000 GB").example("22 GB"),
    Key{"providers.*.start.load_limit", Type::duration,
        "From start to the first answer; then it is ended and tried again."}
        .between("1s", "6h").def("15m"),
    Key{"providers.*.start.load_guess", Type::duration,
        "How long it takes to load, until one start has been measured; left out: 60 s."}
        .between("1ms", "6h").example("40s"),
    Key{"providers.*.start.least_stay", Type::duration,
        "Once ready it serves so long before another model may take its place."}
        .between("0s", "1d").def("1m"),
    Key{"providers.*.start.drain", Type::duration,
        "How long its requests may go on when it is to give way; then they are cut."}
        .between("0s", "6h").def("3m"),
    Key{"providers.*.start.stop_grace", Type::duration,
        "From SIGTERM to SIGKILL."}
        .between("100ms", "10m").def("15s"),
    Key{"providers.*.start.sleep", Type::boolean,
        "It is put to sleep instead of ended when it gives way (vLLM with --enable-sleep-mode and "
        "VLLM_SERVER_DEV_MODE=1, on loopback only)."}
        .def("false"),
    Key{"providers.*.synthetic", Type::boolean,
        "Not a real GPU, API or cloud; said wherever it is shown."}
        .def("false"),
    Key{"providers.*.regions[]", Type::name,
        "Regions to rent in; left out: any. Of those with stock the cheapest is taken."}
        .example("[tor1, nyc2]"),
    Key{"providers.*.cloud", Type::choice, "Which of RunPod's clouds."}
        .one_of("secure|community").def("secure"),
    Key{"providers.*.tag", Type::name,
        "One more tag on new machines, for people; ours are known by another one (DigitalOcean)."}
        .def("evenkeel"),
    Key{"providers.*.ssh_keys[]", Type::text,
        "SSH keys of the account to put on new machines: ids or fingerprints (DigitalOcean), or "
        "the name of exactly one, without which nothing is launched (Lambda). Pods take none."}
        .example("[512190]"),
    Key{"providers.*.allow_from", Type::text,
        "Our address or block, as its machines see it: their own firewall admits nobody else, to "
        "the engine and to SSH (DigitalOcean, Lambda). Pods have no firewall."}
        .example("203.0.113.7").without("only the key and the pinned certificate guard the engine"),
    Key{"providers.*.max_machines", Type::integer, "Machines rented there at once."}
        .between("0", "64").def("1"),
    Key{"providers.*.max_in_flight", Type::integer, "Requests sent there at once (APIs)."}
        .between("1", "100000").def("64"),
};

constexpr std::array model_rows{
    Key{"version", Type::integer, "Version of the file format; always 1."}
        .required("a later version could mean something else by the same keys").example("1"),

    Key{"models.*", Type::map,
        "The catalogue: one entry for each model, by the name clients ask for."}
        .required("there is nothing clients could ask for").filled().named(Type::model_name),
    Key{"models.*.context", Type::tokens, "Longest prompt and answer together, in tokens."}
        .between("1", "100M").example("32k"),
    Key{"models.*.kv_per_token", Type::memory,
        "KV cache of one token at 16 bits a number, where the model's name does not tell it."}
        .between("1 B", "64 MiB").example("256 KiB"),
    Key{"models.*.aliases[]", Type::model_name, "Other names clients may send for it."}
        .example("[qwq, reasoning-small]"),
    Key{"models.*.internal_price", Type::map,
        "What budgets and limits of keys, teams, models and routes are charged for work of own and "
        "rented machines; left out: nothing."}
        .example("{in: 0.20 USD/Mtok, out: 0.80 USD/Mtok}"),
    Key{"models.*.internal_price.in", Type::price_mtok, "Price of prompt tokens, cached or not."}
        .required("prompt tokens would look free").between("0", "100000")
        .example("0.20 USD/Mtok"),
    Key{"models.*.internal_price.out", Type::price_mtok, "Price of answer tokens."}
        .required("answer tokens would look free").between("0", "100000")
        .example("0.80 USD/Mtok"),
    Key{"models.*.offers[]", Type::map, "Ways to get the model served."}
        .required("nobody would serve this model").filled().ordered()
        .example("[{on: desk, slots: 4}]"),
    Key{"models.*.offers[].name", Type::name,
        "Name of the offer; needed where one provider has several. Left out: the provider's name."}
        .example("do-h100"),
    Key{"models.*.offers[].on", Type::name, "The provider."}
        .required("an offer needs a provider").example("desk-llama"),
    Key{"models.*.offers[].model", Type::model_name,
        "What the provider calls the model; left out: the same name."}
        .example("claude-opus-5-5"),
    Key{"models.*.offers[].gpu", Type::text,
        "GPU or machine size to rent, in the provider's words; a leading NVIDIA may be left out."}
        .example("H100 PCIe"),
    Key{"models.*.offers[].engine", Type::choice, "Engine to run on the rented machine."}
        .one_of("vllm|llama.cpp|synthetic").example("vllm"),
    Key{"models.*.offers[].weights", Type::text, "Weights the engine loads."}
        .example("Qwen/QwQ-32B"),
    Key{"models.*.offers[].weights_size", Type::memory,
        "What the weights take of the GPUs' memory, where their name does not tell it."}
        .between("1 MiB", "10000 GB").example("19.85 GB"),
    Key{"models.*.offers[].kv_cache", Type::choice,
        "Numbers in the KV cache; left out: by the arguments. fp8 stands for q8_0, too."}
        .one_of("fp16|fp8").example("fp16"),
    Key{"models.*.offers[].vram", Type::memory,
        "Memory of each GPU of a rented machine, where 'gpu' does not tell it."}
        .between("1 GiB", "1024 GiB").example("79.65 GiB"),
    Key{"models.*.offers[].image", Type::text,
        "Container image of the engine, with its version; on RunPod the pod's image "
        "(packaging/pod)."}
        .example("vllm/vllm-openai:v0.11.0"),
    Key{"models.*.offers[].args[]", Type::text, "Further arguments of the rented engine."}
        .ordered().example("[--reasoning-parser, deepseek_r1]"),
    Key{"models.*.offers[].volume", Type::name,
        "The provider's volume that holds the weights (Lambda: the name of a file system); left "
        "out: downloaded at each boot."}
        .example("vol-1a2b3c"),
    Key{"models.*.offers[].hub_secret", Type::name,
        "The provider's stored secret that holds a Hugging Face token, for gated weights (RunPod)."}
        .example("hf_token"),
    Key{"models.*.offers[].disk", Type::integer, "Disk of a rented pod, in GB; 0: by its weights."}
        .between("0", "10000").def("0"),
    Key{"models.*.offers[].slots", Type::integer, "Requests one worker answers at once."}
        .between("1", "4096").def("1"),
    Key{"models.*.offers[].price", Type::price_hour,
        "Per hour for rented machines, or {in, out} per Mtok for APIs; none for own ones."}
        .between("0", "100000").example("4.41 USD/h"),
    Key{"models.*.offers[].price.in", Type::price_mtok, "Price of prompt tokens."}
        .required("prompt tokens would look free").between("0", "100000")
        .example("4 USD/Mtok"),
    Key{"models.*.offers[].price.out", Type::price_mtok, "Price of answer tokens."}
        .required("answer tokens would look free").between("0", "100000")
        .example("20 USD/Mtok"),
    Key{"models.*.offers[].price.cached", Type::price_mtok,
        "Price of prompt tokens read from a cache."}
        .between("0", "100000").example("0.20 USD/Mtok"),
    Key{"models.*.offers[].price.cache_write", Type::price_mtok,
        "Price of prompt tokens written to a cache."}
        .between("0", "100000").example("5 USD/Mtok"),
    Key{"models.*.offers[].price.tiers[]", Type::map,
        "Prices of longer prompts, for the whole request; the last tier that applies."}
        .ordered().example("[{over: 200k, in: 8 USD/Mtok, out: 30 USD/Mtok}]"),
    Key{"models.*.offers[].price.tiers[].over", Type::tokens,
        "For requests of more prompt tokens than this, those of a cache among them."}
        .required("it is not known where the tier begins").between("1", "100M").example("200k"),
    Key{"models.*.offers[].price.tiers[].in", Type::price_mtok, "Price of prompt tokens."}
        .required("prompt tokens would look free").between("0", "100000")
        .example("8 USD/Mtok"),
    Key{"models.*.offers[].price.tiers[].out", Type::price_mtok, "Price of answer tokens."}
        .required("answer tokens would look free").between("0", "100000")
        .example("30 USD/Mtok"),
    Key{"models.*.offers[].price.tiers[].cached", Type::price_mtok,
        "Price of prompt tokens read from a cache; left out: this tier's 'in'."}
        .between("0", "100000").example("0.40 USD/Mtok"),
    Key{"models.*.offers[].price.tiers[].cache_write", Type::price_mtok,
        "Price of prompt tokens written to a cache; left out: this tier's 'in'."}
        .between("0", "100000").example("10 USD/Mtok"),
    Key{"models.*.offers[].price.batch", Type::ratio,
        "Share of these prices that the seller's batches cost; evenkeel breakeven shows what the "
        "same work would cost there. No batches are sent."}
        .between("0.001", "1").example("0.5"),
    Key{"models.*.offers[].retires", Type::date,
        "The day (UTC) from which the seller no longer serves the model (APIs): then it is not "
        "used; warned about from 60 days before."}
        .example("2027-01-01"),
    Key{"models.*.offers[].seen", Type::date, "The day the price was read."}
        .example("2026-11-09").without("nobody could tell how old the price is"),
};
}  // namespace
// clang-format on

std::span<const Key> provider_keys() noexcept {
    return provider_rows;
}
std::span<const Key> model_keys() noexcept {
    return model_rows;
}

}  // namespace evenkeel::config
