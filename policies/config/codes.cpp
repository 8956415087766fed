#include "policies/config/diagnostic.hpp"

#include <algorithm>
#include <array>

namespace evenkeel::config {
namespace {

struct CodeText {
    std::string_view code{};
    std::string_view text{};
};

constexpr std::array code_texts{
    CodeText{
        "EK-C001",
        "A line is indented with a tab. YAML allows only spaces there, because tabs are wide or "
        "narrow depending on the editor. Replace it by spaces; set the editor to do so."},
    CodeText{
        "EK-C002",
        "The text is not YAML of the plain kind used here: a bracket or quote is not closed, a "
        "colon is missing, or lines of one map do not stand in one column. The place named is "
        "where reading failed; the mistake is often in the line before."},
    CodeText{
        "EK-C003",
        "A key stands twice in one map. YAML readers silently take one of the two, and not all "
        "the same one. Keep the one that is meant."},
    CodeText{
        "EK-C004",
        "Anchors (&name) and aliases (*name) are refused: what a line says must stand on that "
        "line, and a few nested aliases can blow up to gigabytes. Write the values out."},
    CodeText{
        "EK-C005",
        "Merge keys (<<) are refused, for the same reason as aliases. Write the keys out."},
    CodeText{
        "EK-C006",
        "A tag (!something) tries to say how a value is to be read. Here the key alone decides. "
        "Remove the tag."},
    CodeText{
        "EK-C007",
        "A file is one YAML document. A second one behind '---', or a directive (%YAML), would be "
        "ignored by many readers. Remove it, or move its keys up."},
    CodeText{
        "EK-C008",
        "The file holds a byte that is not UTF-8, or an invisible character (NUL, control "
        "characters, characters that reverse the direction of text). Save it as UTF-8 and remove "
        "the character."},
    CodeText{
        "EK-C009",
        "The file is too large (1 MiB), nested too deeply (32 levels) or holds too many values "
        "(20,000). These limits keep a broken or hostile file from taking the daemon's memory."},
    CodeText{
        "EK-C010",
        "A file is missing or holds nothing. providers.yaml, models.yaml and policy.yaml are "
        "needed, because without them nobody could answer a request."},
    CodeText{
        "EK-C011",
        "Each file begins with 'version: 1'. Without it, or with another number, the same keys "
        "could mean something else."},
    CodeText{
        "EK-C012",
        "The key is not known at this place. A key that is silently ignored is a limit that is "
        "not there, so it is refused. Look for a typing error, or for the file it belongs into."},
    CodeText{
        "EK-C013",
        "A key is missing that has no sensible default, or a list is empty that needs an entry."},
    CodeText{
        "EK-C014",
        "A list stands where a single value is meant, a map where a list is meant, quotes around "
        "a number, or a key has no value at all. The message says what is meant."},
    CodeText{"EK-C015", "The value must be one of a few words, which the message lists."},
    CodeText{
        "EK-C016",
        "The value is not a number of the kind that is meant: it has letters, too many decimals, "
        "a leading zero (which some readers take for octal), or is NaN or infinite."},
    CodeText{
        "EK-C017",
        "Only true and false are truth values. 'yes', 'no', 'on' and 'off' are text to some YAML "
        "readers and truth values to others."},
    CodeText{"EK-C018", "The value is outside the range that makes sense at this key."},
    CodeText{
        "EK-C019",
        "A duration needs a whole number and a unit: 80ms, 45s, 5m, 6h, 3d. For parts of a unit "
        "take the smaller one: 90m. Months (24mo) are for horizons only, as they have no fixed "
        "length."},
    CodeText{
        "EK-C020",
        "An amount of money needs its currency: 400 AUD. A number alone would be read as whatever "
        "currency the reader has in mind."},
    CodeText{
        "EK-C021",
        "A price needs its currency and what it buys: 4.41 USD/h, 25 USD/Mtok, 0.33 AUD/kWh. The "
        "unit must be the one that this key wants."},
    CodeText{
        "EK-C022",
        "A power (150 W, 1.35 kW), a size (32 KiB, 32 MiB), a percentage (60%) or a number of "
        "tokens (32k) has a wrong unit or none."},
    CodeText{"EK-C023", "A date is written year-month-day, as in 2026-11-09, and must exist."},
    CodeText{
        "EK-C024",
        "An address, URL or time of day is not of the right form or not allowed. Addresses are "
        "host:port; URLs are https, or http to this host, and hold no user name or query; times "
        "are \"10:00-15:00\". The admin address must stay on this host: it asks for no login."},
    CodeText{
        "EK-C025",
        "A name, code or text has characters that are not allowed at this key, is empty, or is "
        "too long. Names end up in reports, metrics and paths."},
    CodeText{
        "EK-C026",
        "The value looks like an API key, token or other secret. Configuration files are shown, "
        "copied and put under version control. Write the secret into a file of its own below "
        "credentials/ (mode 0600) and name that file with 'credential:'. Then replace the secret "
        "at the provider, for it may have been seen."},
    CodeText{
        "EK-C027",
        "The price does not fit the provider: rented machines cost per hour (4.41 USD/h), APIs "
        "cost per token ({in: 4 USD/Mtok, out: 20 USD/Mtok}), own machines have no price. "
        "The two prices of one offer are in one currency, those of 'internal_price' too; that "
        "is for models that own or rented machines serve."},
    CodeText{
        "EK-C028",
        "Every price needs 'seen', the day it was read. Prices change; an old one must be "
        "recognisable as old."},
    CodeText{
        "EK-C029",
        "An offer that costs money has no price. It could not be compared, nor held against a "
        "budget, and would look free."},
    CodeText{
        "EK-C031",
        "The provider lacks a key that its kind needs (a URL, the name of a credential), or has "
        "one that means nothing for its kind."},
    CodeText{"EK-C040", "A name, address, GPU or entry is used twice where it must be unique."},
    CodeText{"EK-C041", "The model is not defined in models.yaml, neither as name nor as alias."},
    CodeText{
        "EK-C042", "An offer or a contract is on a provider that providers.yaml does not define."},
    CodeText{
        "EK-C043",
        "scaling.offers must name offers of its own model that can be rented: by the provider's "
        "name, or by the offer's name where the provider has several."},
    CodeText{"EK-C044", "The provider runs on hardware that evenkeel.yaml does not define."},
    CodeText{
        "EK-C045",
        "An alias is the name or alias of another model, so a request for it could mean either."},
    CodeText{
        "EK-C046",
        "An offer is called after its provider unless it has a name. Where a provider has several "
        "offers, each further one needs a 'name'."},
    CodeText{
        "EK-C047",
        "The scope of a budget names something that does not exist, or more than one thing."},
    CodeText{
        "EK-C048",
        "A provider of kind local is one running server with one model. Describe each server as a "
        "provider of its own."},
    CodeText{
        "EK-C050",
        "The amount is in a currency that has no entry under currency.rates in evenkeel.yaml, so "
        "it could not be compared with budgets."},
    CodeText{"EK-C051", "The report currency cannot have an exchange rate to itself."},
    CodeText{
        "EK-C052",
        "A time within a machine's life is longer than max_life, the latest end of that life."},
    CodeText{
        "EK-C053",
        "A route with 'stay: own' may only be answered at home, and none of its models is served "
        "there. Every request would be refused."},
    CodeText{"EK-C054", "Of two values the one that must be smaller is larger."},
    CodeText{
        "EK-C055",
        "No line of the tariff applies at all times, so at some hours power would look free. Add "
        "a last line without 'when'."},
    CodeText{
        "EK-C056",
        "A pattern is not one that RE2 can read, is longer than 256 bytes, or compiles to more "
        "than 500 steps, so that it could take long: counted repetitions and classes of Unicode "
        "(\\pL) are large. RE2 has no look-around and no back-references. In YAML put a pattern in "
        "single quotes: there a backslash is a backslash."},
    CodeText{
        "EK-C057",
        "More than 32 routes match on text. Each looks through the text of every request that "
        "comes to it; join patterns with | or use the routes' other conditions."},
    CodeText{
        "EK-C058",
        "Only a model that somebody else serves can be retired by them. Own and rented machines "
        "run weights of one's own for as long as one likes."},
    CodeText{
        "EK-C060",
        "The model does not fit the GPU: its weights, the KV cache of its requests and 1.5 GiB for "
        "each GPU are more than 90 % of the memory (or --gpu-memory-utilization of it). vLLM "
        "must hold one request of the whole 'context'; llama.cpp sets 'context' aside for each of "
        "'slots' when it starts. Take fewer slots, a smaller context, smaller weights (AWQ, "
        "Q4_K_M), an 8-bit cache (--kv-cache-dtype fp8, -ctk q8_0 -ctv q8_0) or more memory. Sizes "
        "come from the names of GPU, model and weights, or from 'vram', 'kv_per_token' and "
        "'weights_size'; where one is not known, nothing is checked."},
    CodeText{
        "EK-C063",
        "An engine that the daemon starts is its child on this host and must be reached there: "
        "its 'url' is plain http on 127.0.0.1 or [::1], with a port that no other started engine "
        "has. Engines stand behind the daemon, never beside it on the network."},
    CodeText{
        "EK-C064",
        "The environment of an engine can be read by every process of the account, and its "
        "command line by everybody: neither is a place for keys, tokens and passwords. On loopback "
        "an engine needs no key; weights that need a token are downloaded beforehand."},
    CodeText{
        "EK-C065",
        "Only vLLM can be put to sleep by its API, and only when it was started with "
        "--enable-sleep-mode. Other engines are ended and started again."},
    CodeText{
        "EK-W030",
        "An exchange rate is older than its 'warn_after'. Reports may be off; the ledger keeps "
        "the billed currency. Write the current rate and its date."},
    CodeText{
        "EK-W031",
        "The vendor has retired this model: requests for it fail. Offer its successor, and keep "
        "the old name as an alias for old clients."},
    CodeText{"EK-W033", "A date is more than a day ahead: a typing error, or a wrong clock."},
    CodeText{
        "EK-W034",
        "The offer's price is above the max_price of the scaling entry that names it, so it would "
        "not be rented unless it becomes cheaper."},
    CodeText{
        "EK-W035",
        "An offer that can be rented is named by no scaling entry, so it is never rented."},
    CodeText{
        "EK-W036",
        "The budget is smaller than the smallest bill of something it covers, so it forbids it "
        "altogether. If that is meant, 'max: 0' says it more clearly."},
    CodeText{
        "EK-W037",
        "An earlier route matches every request, so this one is never reached. Routes are tried "
        "in order; put the general one last."},
    CodeText{
        "EK-W038",
        "An earlier line of the tariff applies at all times, so this one never does. Put the line "
        "without 'when' last."},
    CodeText{
        "EK-W039",
        "The API listens beyond this host without TLS. Keys and prompts can be read on the way. "
        "Put a proxy with TLS in front."},
    CodeText{"EK-W040", "The file is none of the four that are read."},
    CodeText{
        "EK-W041",
        "evenkeel.yaml is missing, so all its defaults apply. Write one with 'version: 1' to say "
        "that this is meant."},
    CodeText{
        "EK-W042",
        "The seller stops serving this model on that day, at most 60 days ahead. From then on "
        "the offer is not used. Offer its successor in time, and keep the old name as an alias."},
    CodeText{
        "EK-W045",
        "Fewer requests of the whole 'context' fit the GPU's memory than the offer has 'slots'. "
        "vLLM shares the cache among all, so shorter ones still fit together; when they grow, some "
        "are put off and computed again, which costs time. See EK-C060 for what can be changed."},
};

}  // namespace

std::string explain(std::string_view code) {
    std::string wanted;
    for (const char c : code.substr(0, 16)) {
        wanted += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
    if (!wanted.starts_with("EK-")) {
        wanted.insert(0, "EK-");
    }
    const auto it = std::ranges::find(code_texts, wanted, &CodeText::code);
    return it == code_texts.end() ? std::string{} : std::string{it->text};
}

std::vector<std::string_view> all_codes() {
    std::vector<std::string_view> out;
    for (const CodeText& each : code_texts) {
        out.push_back(each.code);
    }
    return out;
}

}  // namespace evenkeel::config
