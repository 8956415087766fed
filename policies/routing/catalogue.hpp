#pragma once

#include "policies/config/config.hpp"
#include "policies/config/pattern.hpp"
#include "policies/domain/id.hpp"
#include "policies/gate/gate.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace evenkeel::routing {

enum class NameKind : std::uint8_t { model, route, key, source, provider, offer, budget };

/// Text <-> dense number, one counter for all kinds, append-only: a number is never reused, so rows
/// and counters stay readable across reloads. Seeded from the ledger's `name` table; numbers run
/// from 1 to size(), so the new ones since an earlier look are those above the size of then.
/// Not thread-safe (the control thread owns it).
class NameTable {
public:
    struct Entry {
        NameKind kind{};
        std::string text{};
    };
    /// The number of `text`, making one if needed.
    NameIx intern(NameKind kind, std::string_view text);
    /// The number of `text`, or none when it has never been given out.
    [[nodiscard]] NameIx find(NameKind kind, std::string_view text) const;
    /// Restores a stored row. Precondition: numbers come in ascending order without holes from 1;
    /// otherwise throws std::logic_error, since rows would be read under wrong names.
    void restore(NameIx ix, NameKind kind, std::string_view text);
    [[nodiscard]] const Entry& entry(NameIx ix) const;  ///< precondition: given out by us
    [[nodiscard]] std::string_view text(NameIx ix) const { return entry(ix).text; }
    [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
    /// Told of every number given out from now on (not of restored ones), so that it can be stored.
    using NewName = std::function<void(NameIx ix, NameKind kind, std::string_view text)>;
    void on_new(NewName listener) { on_new_ = std::move(listener); }

private:
    NameIx append(NameKind kind, std::string_view text);

    std::vector<Entry> entries_{};
    std::map<std::pair<NameKind, std::string>, NameIx, std::less<>> index_{};
    NewName on_new_{};
};

/// An API offer ready to be priced.
struct ApiOffer {
    NameIx source{};
    std::string offer{};  ///< its name in the configuration
    NameIx provider{};
    NameIx model{};
    std::string seller_model{};  ///< what the API calls it
    bool is_anthropic{false};    ///< it speaks Anthropic's dialect, else OpenAI's
    std::int64_t context{0};     ///< tokens of prompt and answer together; 0 = not stated
    std::uint64_t budgets{0};    ///< budgets of this provider or this model, as bits
    config::TokenPrices price{};
    int max_in_flight{64};
    std::chrono::sys_days retires{
        std::chrono::sys_days::max()};  ///< from this day on it is not used
    [[nodiscard]] bool is_retired(std::chrono::sys_days today) const noexcept {
        return today >= retires;
    }
};

/// One immutable, compiled policy: what a request is admitted under. Requests keep it alive.
struct Catalogue {
    std::int64_t revision{0};
    config::Config config{};
    struct ModelEntry {
        NameIx ix{};
        const config::Model* model{nullptr};
        bool has_own{false};      ///< own offers exist
        bool has_workers{false};  ///< own or rental offers exist
        /// What its workers are charged, in a currency with a rate; null: nothing.
        const config::TokenPrices* internal_price{nullptr};
        std::uint64_t budgets{0};      ///< whose scope names this model, as bits
        std::vector<ApiOffer> apis{};  ///< usable ones, as listed
    };
    std::vector<ModelEntry> models{};  ///< same order as config.models
    std::vector<NameIx> routes{};      ///< same order as config.routes
    /// match.text of each route, in the order of config.routes; null: none. Shared by all threads.
    std::vector<std::shared_ptr<const config::Pattern>> texts{};
    std::vector<NameIx> budgets{};  ///< same order as config.budgets; bit i of Arrival::budgets
    /// Sentences for the owner about what was left out: API offers without a price or in a currency
    /// without a rate (never free, never guessed), amounts that cannot be compared.
    std::vector<std::string> notes{};

    [[nodiscard]] const ModelEntry* model(std::string_view name_or_alias) const noexcept;
    [[nodiscard]] const ApiOffer* api(NameIx source) const noexcept;
};

/// Compiles `config`; every name gets its number from `names`. API sources are named after their
/// offer; models, routes, providers and budgets by name. Precondition, checked by the
/// configuration: at most gate::budgets_max budgets (else std::length_error).
[[nodiscard]] std::shared_ptr<const Catalogue> compile(
    config::Config config, std::int64_t revision, NameTable& names);

/// Of a request's text so many bytes are put against `match.text`: the last ones, since what a
/// request is about stands at its end.
inline constexpr std::size_t match_text_bytes_max = 32 * 1024;

/// Sentences about API offers that retire within config::retirement_warning, or have.
[[nodiscard]] std::vector<std::string> retirement_notes(
    const config::Config& config, std::chrono::sys_days today);

struct Ask {
    std::string_view model{};  ///< as the client wrote it
    std::string_view key_name{};
    NameIx key{};
    std::string_view team{};                    ///< of the key; empty: none
    std::span<const std::string> key_routes{};  ///< the only ones the key may use; empty: all
    /// Looks up a request header by lower-case name; empty view when absent.
    std::string_view (*header)(const void* context, std::string_view name){nullptr};
    const void* header_context{nullptr};
    std::int64_t tokens_in{0};   ///< estimate
    std::int64_t max_tokens{0};  ///< the client's ceiling, all answers together; 0 = not stated
    std::int64_t answers{1};  ///< wanted at once (`n`); each may fill what is left of the context
    std::int64_t tokens_out_guess{256};    ///< learned mean of the model
    std::int64_t tokens_out_deviation{0};  ///< how far answers are from it, on average
    bool streams{false};                   ///< the answer is streamed
    bool tools{false};                     ///< it defines tools
    bool images{false};                    ///< its messages hold images
    /// Output tokens, all answers together, to set aside at first, where more can be set aside
    /// while the answer is streamed; 0 = the ceiling.
    std::int64_t reserve_tokens{0};
    bool openai_only{false};  ///< what is asked for has no counterpart in Anthropic's dialect
    /// The text of its messages; called only when a route that fits otherwise has `match.text`.
    /// Null: the text is not known, and no such route matches.
    std::string_view (*text)(void* context){nullptr};
    void* text_context{nullptr};
    /// What an API lately needed for its first token; nothing measured is zero.
    std::chrono::nanoseconds (*api_first_token)(const void* context, NameIx api){nullptr};
    const void* api_first_token_context{nullptr};
    BootTime now{};
    std::chrono::sys_days today{};  ///< UTC; left out: before every retirement
};

/// How one request may be served; feeds straight into Gate::arrive.
struct RoutePlan {
    const config::Route* route{nullptr};
    const Catalogue::ModelEntry* model{nullptr};  ///< first model of `use` that applies
    std::int64_t internal_tokens_out{0};          ///< output tokens that the internal hold pays for
    gate::Arrival arrival{};
};

/// Tokens set aside for an answer when neither the client nor the model's context bounds it.
inline constexpr std::int64_t answer_tokens_default = 8'192;
/// An estimate takes four bytes for one token; a tokenizer may make as many as there are bytes.
inline constexpr std::int64_t tokens_per_estimated_max = 4;
/// Models of one route that are looked at.
inline constexpr std::size_t route_models_max = 16;
/// No request counts as more tokens than this in prices, whatever the client says.
inline constexpr std::int64_t tokens_max = 100'000'000;
/// What a request with APIs waits beyond its limit, so that it is not refused in the instant in
/// which its API happens to be full. Divided by Config::speed.
inline constexpr std::chrono::milliseconds api_full_grace{2'000};

/// Headers by which one request asks for less than its route allows.
inline constexpr std::string_view max_cost_header = "x-evenkeel-max-cost";  ///< "0.05 USD"
inline constexpr std::string_view deadline_header = "x-evenkeel-deadline";  ///< "20s"

/// First matching route wins, of those that the key may use.
///
/// Sources. The models of the route are taken in the order of `use` (left out: the model asked
/// for); a model in `use` that the client asked for by name or alias moves to the front. The queue
/// is that of the first model in this order that has workers (own ones under `stay: own`). APIs:
/// those of all these models in this order; within one model cheapest first under
/// `prefer: cheapest`, by what they lately needed for a first token under `fastest`, else as
/// listed; at most gate::api_choices_max. APIs of models before the queue's model come before its
/// workers (apis_first): a later model only answers when the earlier cannot. `stay: own` drops APIs
/// and rented workers, `max_cost` drops APIs with a larger hold; of the route's and the request's
/// own (`max_cost_header`) the lower one counts.
///
/// Money. hold = input price x tokens_in + output price x ceiling, both rounded up; the input price
/// is the dearest of plain input and cache write; the ceiling is max_tokens, else (context
/// - tokens_in, else `answer_tokens_default`) for each answer, or `reserve_tokens` when that is
/// less; max_cost is compared with that of the ceiling. expected = the same with min(guess,
/// max_tokens). Of tiers, expected takes the one of tokens_in, hold the dearest that the request
/// may reach: by `tokens_per_estimated_max` times tokens_in, any with images, none beyond the
/// context.
///
/// Internal price of the queue's model: the work of a worker is held by the same rule at that price
/// (internal_hold), in the budgets of its key, team, model and route. `max_cost` is about external
/// money and does not look at it.
///
/// Retired: an API is not used from its `retires` on, by `today`. Nor is one whose dialect has no
/// counterpart for what is asked (`openai_only`).
///
/// Times. max_wait is the route's; the request's own (`deadline_header`) shortens each wait and
/// lengthens none. first = slo.first_token + slo.first_token_per_1k x tokens_in / 1000.
/// left = first - what the API next in turn needs for its first token; first where that is longer.
///   overflow_at = now + (max_wait, else patience x left); now without workers; never without APIs
///   first_token_by = now + max(first, max_wait); per_output_token = slo.per_output_token
///   give_up_at  = now + (max_wait, else 2 x first) + (with APIs: api_full_grace / speed)
///
/// Errors: not_found (no such model, message names near ones and all), refused (no route;
/// `max_cost` or `stay: own` leave no source), unavailable (the model has no usable offer at all),
/// invalid_argument (negative token counts, a header of these two that cannot be read).
[[nodiscard]] Result<RoutePlan> plan(const Catalogue& catalogue, const Ask& ask);

/// Amount in the report currency, rounded once; fails (not_found) when the currency has no rate,
/// and (invalid_argument) beyond 9.2 billion. Zero needs no rate.
[[nodiscard]] Result<std::int64_t> to_report(
    const config::CurrencyRules& rules, Money amount, Rounding rounding);

/// What `tokens_out` more output tokens of an answer may cost at `price`, by the tiers that the
/// request may reach (none beyond `context`, if that is stated), rounded up; nothing when it cannot
/// be expressed in the report currency.
struct MoreMoney {
    Money amount{};
    std::int64_t report{0};
};
[[nodiscard]] std::optional<MoreMoney> output_cost(
    const Catalogue& catalogue,
    const config::TokenPrices& price,
    std::int64_t context,
    const Ask& ask,
    std::int64_t tokens_out);

/// Whether a model's budget counts the internal price of its work, and so not its machines as well.
[[nodiscard]] bool is_charged_internally(const config::Config& config, std::string_view model);

/// The limits of routes, and the budgets' as the gate needs them, in report nanos rounded down,
/// with nothing settled yet. Of several percents with one action the lowest counts. A limit in a
/// currency without a rate is 0: closed, not open (see Catalogue::notes).
[[nodiscard]] gate::Policy gate_policy(const Catalogue& catalogue);

}  // namespace evenkeel::routing
