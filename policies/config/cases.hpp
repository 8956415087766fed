#pragma once

#include "policies/config/config.hpp"
#include "policies/config/diagnostic.hpp"
#include "policies/config/load.hpp"
#include "policies/domain/money.hpp"
#include "policies/domain/price.hpp"

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// policy.test.yaml as plain data: what a policy is expected to do. Names of sources, budgets and
/// entries are as written; whoever plays a case looks them up.
namespace evenkeel::config {

struct CaseRequest {
    std::string model{};
    std::string key{};
    std::map<std::string, std::string> headers{};  ///< lower-case names
    std::int64_t tokens_in{1'000};
    std::int64_t tokens_out{256};
    std::int64_t max_tokens{0};
    bool tools{false};
    bool images{false};
    std::string text{};
};

struct CaseOffer {
    std::string name{};
    std::optional<Price> price{};  ///< nothing: that of models.yaml
    Milliseconds min_bill{60'000};
    Milliseconds price_age{60'000};
    bool in_stock{true};
    int room{8};
    std::string closed{};  ///< name of a reason, or empty
    std::string gpu_profile{"h100-32b-fp8"};
};

struct CaseMachine {
    int id{0};  ///< 0: its place in the list, from 1
    std::string state{"serving"};
    Milliseconds ordered{0};  ///< ago
    Milliseconds serving_for{0};
    std::optional<Price> price{};  ///< nothing: that of the first offer
    int in_flight{0};
    Milliseconds idle_for{0};
    bool ending{false};
    bool failed{false};
};

/// The world of a case.
struct CaseWorld {
    // for requests
    std::map<std::string, int> busy{};
    std::optional<Milliseconds> free_after{};
    std::vector<std::string> down{};
    std::vector<std::string> rented{};
    std::map<std::string, Money> spent{};
    // for renting
    bool api{true};
    Milliseconds boot{420'000};
    Milliseconds patience{4'000};
    std::int64_t own_rate_millis{0};
    std::vector<CaseOffer> offers{};
    std::vector<CaseMachine> machines{};
    std::optional<Money> budget_left{};
    std::optional<Money> day_left{};
    std::optional<Price> rate_left{};
    int creates_last_hour{0};
    std::optional<int> machines_total{};
    bool frozen{false};
    bool budget_blocks{false};
    bool ledger_ok{true};
    int failed_orders{0};
    std::vector<std::string> sold_out{};
    std::map<std::string, int> failed_machines{};
};

/// Rates of what goes on for some time; see scaling::Phase.
struct CasePhase {
    Milliseconds length{0};
    std::optional<Price> overflow{};
    std::int64_t overflow_machines_millis{0};
    std::optional<Price> refused{};
    std::int64_t refused_machines_millis{0};
    std::optional<Price> rented{};
    std::int64_t rented_machines_millis{0};
    std::int64_t own_machines_millis{0};
    std::int64_t waiting{0};
    std::int64_t waiting_tokens_in{0};
    std::int64_t waiting_tokens_out{0};
};

/// One thing that is to happen; what is empty is not looked at.
struct Expected {
    std::string source{};
    std::string refused{};
    std::string route{};
    std::string decision{};
    std::string offer{};
    std::string reason{};
    std::optional<int> count{};
    std::optional<int> machine{};
    std::optional<Milliseconds> after{};
    std::optional<Milliseconds> before{};
};

struct PolicyCase {
    std::string name{};
    int line{1};  ///< of `expect`: where a failure is reported
    std::optional<CaseRequest> request{};
    std::string scaling{};  ///< the entry; empty for a request
    CaseWorld world{};
    std::vector<CasePhase> traffic{};
    std::vector<Expected> expected{};  ///< empty: none
};

/// Reads the text of policy.test.yaml as strictly as the configuration. `currency` is the report
/// currency, for suggestions. Errors: every finding, sorted by line.
[[nodiscard]] std::expected<std::vector<PolicyCase>, std::vector<Diagnostic>> load_cases(
    const SourceFile& file, Currency currency);

}  // namespace evenkeel::config
