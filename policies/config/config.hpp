#pragma once

#include "policies/domain/money.hpp"
#include "policies/domain/price.hpp"
#include "policies/domain/time.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The four YAML files as plain data: already checked, units resolved, names verified to exist.
/// Everything here has the default a user gets by leaving the key out. docs/configuration.md says
/// what each key means; the table in keys.cpp is the one list of keys.
namespace evenkeel::config {

using Milliseconds = std::chrono::milliseconds;
using Date = std::chrono::year_month_day;
/// "2026-11-09".
[[nodiscard]] std::string to_text(const Date& date);

// ---- evenkeel.yaml ------------------------------------------------------------------------

struct Listen {
    std::string api{"127.0.0.1:8080"};
    std::string admin{"127.0.0.1:8081"};
    friend bool operator==(const Listen&, const Listen&) = default;
};

struct FxRate {
    std::int64_t rate_nanos{0};  ///< report currency for one unit of this one, times 1e9
    Date as_of{};
    Milliseconds warn_after{std::chrono::days{7}};
    friend bool operator==(const FxRate&, const FxRate&) = default;
};

struct CurrencyRules {
    Currency report{usd};
    std::map<Currency, FxRate> rates{};
    friend bool operator==(const CurrencyRules&, const CurrencyRules&) = default;
};

struct Tariff {
    Price price{};
    std::optional<std::string> when{};  ///< "10:00-15:00", local time of `report_zone`
    friend bool operator==(const Tariff&, const Tariff&) = default;
};

struct Energy {
    std::vector<Tariff> tariff{};
    std::int64_t host_overhead_milliwatts{0};
    friend bool operator==(const Energy&, const Energy&) = default;
};

struct Hardware {
    std::string name{};
    std::vector<int> gpus{};
    std::string gpu{};           ///< kind of its GPUs: "RTX 5090"
    std::int64_t vram_bytes{0};  ///< of each GPU; 0 = by its kind
    std::int64_t busy_milliwatts{0};
    std::int64_t idle_milliwatts{0};
    std::optional<Date> bought{};
    std::optional<Money> price{};
    std::int64_t residual_millis{0};  ///< share of the price it is worth at the end; may pass 1
    int wear_months{36};              ///< how long it is meant to last
    friend bool operator==(const Hardware&, const Hardware&) = default;
};

/// Limits of the listener; every one has a name and a default (FAULTS F62-F68).
struct Limits {
    std::int64_t header_bytes{32 * 1024};
    std::int64_t body_bytes{32 * 1024 * 1024};
    int connections{10'000};
    int connections_per_address{4'096};
    Milliseconds header_time{10'000};
    Milliseconds body_time{60'000};
    Milliseconds idle_time{75'000};
    Milliseconds stall_time{60'000};  ///< a source or client that moves no byte for this long
    int queue_requests{10'000};
    Milliseconds stream_drain{30'000};  ///< how long streams may run on after SIGTERM
    friend bool operator==(const Limits&, const Limits&) = default;
};

/// How long the books keep what no sum needs any more.
struct LedgerRules {
    Milliseconds keep_requests{std::chrono::hours{24 * 400}};
    friend bool operator==(const LedgerRules&, const LedgerRules&) = default;
};

// ---- providers.yaml -----------------------------------------------------------------------

enum class ProviderKind { local, rental, openai_compatible, anthropic };

/// How the daemon starts an own engine as its child. Without a command it is somebody else's.
struct Start {
    std::vector<std::string> command{};        ///< program and arguments; no shell
    std::map<std::string, std::string> env{};  ///< beside the few variables passed on
    std::int64_t memory_bytes{0};              ///< of all its GPUs; 0 = by its offers' weights
    Milliseconds load_limit{900'000};          ///< from start to ready, then it is ended
    Milliseconds drain{180'000};               ///< for its requests, before it is swapped out
    Milliseconds stop_grace{15'000};           ///< from SIGTERM to SIGKILL
    Milliseconds least_stay{60'000};           ///< ready for so long before it is swapped out
    std::optional<Milliseconds> load_guess{};  ///< until one has been measured
    bool sleeps{false};                        ///< vLLM with --enable-sleep-mode
    friend bool operator==(const Start&, const Start&) = default;
};

struct Provider {
    std::string name{};
    ProviderKind kind{ProviderKind::local};
    std::string driver{};      ///< rental: the word of rental_kinds.hpp, "runpod"
    std::string credential{};  ///< file name below the credentials folder, or empty
    std::string url{};         ///< local and openai-compatible: where the server is
    std::string base_url{};    ///< replaces a vendor's own host
    std::string ca_file{};     ///< PEM of the authorities to trust instead of the system's
    std::string hardware{};    ///< local: which machine pays the power
    /// local: vllm | llama.cpp | sglang | ollama | openai | synthetic
    std::string engine{"openai"};
    Start start{};          ///< local: nothing in it attaches to a running one
    bool synthetic{false};  ///< shown everywhere: this is not a real GPU, API or cloud
    std::vector<std::string> regions{};
    std::string cloud{"secure"};
    std::string tag{"evenkeel"};
    std::vector<std::string> ssh_keys{};  ///< as the provider names them, put on new machines
    std::string allow_from{};  ///< address or block that whole machines answer; empty: any
    int max_machines{1};
    int max_in_flight{64};  ///< api: requests at once
    friend bool operator==(const Provider&, const Provider&) = default;
};

// ---- models.yaml --------------------------------------------------------------------------

/// Tiers of one offer's prices.
inline constexpr std::size_t price_tiers_max = 8;
/// How long before an offer retires it is warned about.
inline constexpr std::chrono::days retirement_warning{60};

/// Prices of requests with more prompt tokens than `over`: of all their tokens, not only of those
/// beyond.
struct PriceTier {
    std::int64_t over{0};
    Price in{};
    Price out{};
    std::optional<Price> cached{};       ///< nothing: `in` of this tier
    std::optional<Price> cache_write{};  ///< the same
    friend bool operator==(const PriceTier&, const PriceTier&) = default;
};

struct TokenPrices {
    Price in{};
    Price out{};
    std::optional<Price> cached{};       ///< nothing: `in`
    std::optional<Price> cache_write{};  ///< nothing: `in`
    std::vector<PriceTier> tiers{};      ///< `over` ascending
    std::int64_t batch_millis{1'000};    ///< share of these prices that the seller's batches cost
    friend bool operator==(const TokenPrices&, const TokenPrices&) = default;
};

/// What one request pays for each kind of token.
struct TokenRates {
    Price in{};
    Price cached{};
    Price cache_write{};
    Price out{};
};
/// Of a request with so many prompt tokens, cached and written ones among them.
[[nodiscard]] TokenRates rates_of(const TokenPrices& prices, std::int64_t prompt_tokens) noexcept;

struct Offer {
    std::string name{};   ///< unique; the provider's name unless given
    std::string on{};     ///< provider
    std::string model{};  ///< name at the seller; the model's own name if left out
    std::string gpu{};
    std::string engine{};
    std::string weights{};
    std::int64_t weights_bytes{0};  ///< in GPU memory; 0 = by their name
    std::string kv_cache{};         ///< fp16 | fp8; empty: by the arguments
    std::int64_t vram_bytes{0};     ///< of each GPU; 0 = by `gpu`
    std::string image{};
    std::vector<std::string> args{};           ///< further arguments of the engine
    std::string volume{};                      ///< the provider's volume that holds the weights
    std::string hub_secret{};                  ///< the provider's secret with a Hugging Face token
    int disk_gb{0};                            ///< 0: the provider's or driver's own choice
    int slots{1};                              ///< sequences at once on one worker
    std::optional<TokenPrices> token_price{};  ///< api offers
    std::optional<Price> hour_price{};         ///< rental offers
    std::optional<Date> seen{};                ///< when the price was read; required with a price
    std::optional<Date> retires{};             ///< api offers: first day (UTC) it is not used
    /// Whether it is not used any more on that day.
    [[nodiscard]] bool is_retired(std::chrono::sys_days today) const noexcept {
        return retires && today >= std::chrono::sys_days{*retires};
    }
    friend bool operator==(const Offer&, const Offer&) = default;
};

struct Model {
    std::string name{};
    std::int64_t context{0};             ///< tokens; 0 = not stated
    std::int64_t kv_per_token_bytes{0};  ///< at 16 bits a number; 0 = by its name
    std::vector<std::string> aliases{};
    /// What own and rented work is charged inside the house; of it only `in` and `out` are set.
    std::optional<TokenPrices> internal_price{};
    std::vector<Offer> offers{};
    friend bool operator==(const Model&, const Model&) = default;
};

// ---- policy.yaml --------------------------------------------------------------------------

enum class Prefer { cheapest, fastest, listed };

struct Match {
    std::vector<std::string> models{};             ///< empty: any
    std::vector<std::string> keys{};               ///< empty: any
    std::map<std::string, std::string> headers{};  ///< lower-case name -> exact value
    std::optional<std::int64_t> tokens_over{};     ///< estimated prompt tokens, more than this
    std::optional<std::int64_t> tokens_under{};    ///< fewer than this
    std::optional<bool> tools{};                   ///< whether it defines tools
    std::optional<bool> images{};                  ///< whether it holds images
    std::string text{};                            ///< pattern (pattern.hpp); empty: any
    friend bool operator==(const Match&, const Match&) = default;
};

/// What all requests of a route, or of a client key, together may be; 0 = any number.
struct RequestLimit {
    std::int64_t requests_min{0};  ///< a minute
    std::int64_t tokens_min{0};    ///< a minute, prompts and answers
    std::int64_t in_flight{0};     ///< at once, those that wait included
    friend bool operator==(const RequestLimit&, const RequestLimit&) = default;
};

struct Route {
    std::string name{};
    Match match{};
    std::vector<std::string> use{};  ///< models, in order; later ones only if earlier ones fail
    Prefer prefer{Prefer::cheapest};
    std::optional<Milliseconds> max_wait{};
    std::optional<Money> max_cost{};
    bool stay_own{false};
    bool continue_on_failure{false};  ///< a stream whose worker dies goes on at another
    RequestLimit limit{};
    friend bool operator==(const Route&, const Route&) = default;
};

struct Slo {
    Milliseconds first_token{5'000};
    Milliseconds first_token_per_1k{1'000};
    Milliseconds per_output_token{80};
    std::int64_t patience_millis{800};  ///< share of the first-token budget, in thousandths
    std::int64_t miss_costs{2};
    friend bool operator==(const Slo&, const Slo&) = default;
};

enum class BudgetAction { warn, local_only, no_new_machines, refuse };
enum class BudgetPer { hour, day, month };

struct BudgetScope {     ///< at most one is set; none = everything
    std::string kind{};  ///< own | rental | api
    std::string provider{};
    std::string key{};
    std::string model{};
    std::string route{};
    std::string team{};  ///< of client keys
    friend bool operator==(const BudgetScope&, const BudgetScope&) = default;
};

struct Budget {
    std::string name{};
    BudgetScope scope{};
    Money limit{};
    BudgetPer per{BudgetPer::month};
    /// Percent of the limit -> action, ascending. Left out: 100 % refuse.
    std::map<int, BudgetAction> at{{100, BudgetAction::refuse}};
    friend bool operator==(const Budget&, const Budget&) = default;
};

enum class RentRule { never, break_even, break_even_k, level_memory };
/// Those that a scaling entry may name, least renting first.
inline constexpr std::array rent_rules{
    RentRule::never, RentRule::break_even, RentRule::break_even_k, RentRule::level_memory};
/// As the file writes it: "break-even+k".
[[nodiscard]] std::string_view to_text(RentRule rule) noexcept;
[[nodiscard]] std::optional<RentRule> rent_rule_from(std::string_view text) noexcept;

/// No machine is ordered before somebody has waited longer than `wait_over` for so long.
struct StartWhen {
    Milliseconds wait_over{0};
    Milliseconds holds_for{0};
    friend bool operator==(const StartWhen&, const StartWhen&) = default;
};

/// Nor for less work than this.
struct WorthIt {
    /// What waits must cost at this model's cheapest API as much as a machine commits; empty: not
    /// compared.
    std::string against{};
    std::int64_t queue_tokens{0};  ///< so many must wait, prompts and expected answers
    friend bool operator==(const WorthIt&, const WorthIt&) = default;
};

struct Scaling {
    std::string name{};
    std::string model{};
    std::vector<std::string> offers{};  ///< offer names, tried in this order
    RentRule rule{RentRule::level_memory};
    bool rule_auto{false};  ///< `auto`: `rule` only until the nightly replay recommends one
    std::int64_t trust_millis{1'000};
    std::int64_t efficiency_millis{600};
    int max_order{2};
    std::optional<Milliseconds> boot{};      ///< nothing = auto: measured p80, 420 s until measured
    std::optional<Milliseconds> min_bill{};  ///< nothing = auto: the provider's minimum
    std::int64_t keep_warm_millis{1'000};    ///< boots that idling may cost before release
    int min{0};
    int max{1};
    Price max_price{};  ///< required
    Milliseconds max_price_age{std::chrono::hours{24}};
    std::optional<Milliseconds> idle_stop{};
    Milliseconds max_life{std::chrono::hours{6}};  ///< required in the file
    Milliseconds drain{std::chrono::minutes{3}};
    Milliseconds warm_up{std::chrono::minutes{15}};  ///< latest time from order to serving
    std::optional<StartWhen> start_when{};           ///< beside the rule
    std::optional<WorthIt> worth_it{};               ///< beside the rule
    friend bool operator==(const Scaling&, const Scaling&) = default;
};

/// A contract that is paid whether it is used or not. No program can buy one.
struct Commitment {
    std::string on{};  ///< provider
    std::string gpu{};
    Price price{};  ///< per hour
    Date from{};
    int months{1};
    friend bool operator==(const Commitment&, const Commitment&) = default;
};

/// Assumptions of the break-even report.
struct BreakEven {
    int horizon_months{24};
    Milliseconds window{std::chrono::days{30}};  ///< of measured use
    int hours_per_month{730};
    bool buy{true};
    bool rent{true};
    bool reserve{true};
    bool api{true};
    std::vector<Commitment> commitments{};
    friend bool operator==(const BreakEven&, const BreakEven&) = default;
};

enum class UnknownMachine { destroy, alert };
enum class OnStop { destroy, keep };
/// What is set aside for an answer that is streamed; others always get their ceiling.
enum class Reserve {
    /// Its likely length; more before the stream passes it, else the stream ends. What a model
    /// thinks unseen is seen only in the bill, so a budget may be passed by it.
    learned,
    ceiling,  ///< the most it may cost
};

struct Safety {
    int max_machines{2};
    std::optional<Money> max_rate_per_hour{};
    std::optional<Money> max_per_day{};
    int max_creates_per_hour{6};
    Milliseconds leak_scan{60'000};
    Milliseconds proof_gap{60'000};
    Milliseconds orphan_grace{60'000};
    UnknownMachine unknown_machine{UnknownMachine::destroy};
    OnStop on_stop{OnStop::destroy};
    std::optional<Money> low_balance{};  ///< a prepaid account below this is a warning
    Reserve reserve{Reserve::ceiling};
    friend bool operator==(const Safety&, const Safety&) = default;
};

/// The web page on the admin listener.
struct Dashboard {
    bool control{false};  ///< after a login it may drain, destroy, freeze, thaw, apply
    friend bool operator==(const Dashboard&, const Dashboard&) = default;
};

/// Everything the daemon needs, from one consistent reading of the four files.
struct Config {
    Listen listen{};
    Dashboard dashboard{};
    Limits limits{};
    LedgerRules ledger{};
    CurrencyRules currency{};
    std::string report_zone{"UTC"};
    Energy energy{};
    std::vector<Hardware> hardware{};
    std::vector<Provider> providers{};
    std::vector<Model> models{};
    std::vector<Route> routes{};
    Slo slo{};
    std::vector<Budget> budgets{};
    std::vector<Scaling> scaling{};
    BreakEven breakeven{};
    Safety safety{};
    /// One number that the demo's generated configuration states: every duration in it was divided,
    /// every hourly price multiplied by this. 1 means real time. Shown, never computed with.
    std::int64_t speed{1};

    [[nodiscard]] const Provider* provider(std::string_view name) const noexcept;
    [[nodiscard]] const Model* model(std::string_view name_or_alias) const noexcept;
    /// The offer of that name and the model it belongs to.
    struct OfferRef {
        const Model* model{nullptr};
        const Offer* offer{nullptr};
    };
    [[nodiscard]] OfferRef offer(std::string_view name) const noexcept;
    friend bool operator==(const Config&, const Config&) = default;
};

}  // namespace evenkeel::config
