#pragma once

#include "policies/domain/error.hpp"
#include "policies/domain/money.hpp"
#include "policies/domain/price.hpp"
#include "policies/domain/time.hpp"

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace evenkeel::providers {

/// One machine type in one place that could be rented now.
struct MarketOffer {
    std::string sku{};  ///< what `MachineSpec::sku` wants, for example "sandbox-h100"
    std::string region{};
    std::string gpu{};
    int gpu_count{1};
    Price price{};  ///< per hour
    std::chrono::milliseconds min_bill{0};
    bool in_stock{false};
    UtcTime seen{};
};

/// How a machine of a provider is told what to run.
enum class StartForm : std::uint8_t {
    own,         ///< the provider starts the engine itself (the sandbox cloud)
    cloud_init,  ///< a whole machine, by MachineSpec::user_data
    container,   ///< an image, by MachineSpec::args and env
};

/// Where a machine's front listens unless its spec, and what is written on it, say otherwise.
inline constexpr int default_port = 8443;
/// Where a container finds the volume with its weights.
inline constexpr std::string_view volume_path = "/models";

/// Where a machine finds `MachineSpec::volume`.
struct VolumePlace {
    std::string path{};
    std::string device{};  ///< what to mount there, '*' allowed; empty: it is there already
};

/// One create call. Written to the ledger as an intent before it is sent.
struct MachineSpec {
    std::string name{};  ///< unique per intent: how a lost create is found again
    std::string sku{};
    std::string region{};
    int gpu_count{1};
    std::string image{};       ///< container image of the engine or pod, pinned by the owner
    std::string model{};       ///< what its engine is to serve
    std::string engine_key{};  ///< secret of this one machine; dies with it. Never logged.
    std::string owner_mark{};  ///< "ek-<agent id>": which machines are ours
    UtcTime expires{};         ///< written on the machine for the reaper
    std::string user_data{};   ///< cloud-init text; holds secrets of this one machine
    std::string args{};        ///< arguments of a container's entry point; holds secrets too
    std::vector<std::pair<std::string, std::string>> env{};  ///< of a container
    int port{0};                                             ///< where its TLS front listens
    int disk_gb{0};                                          ///< 0: the driver's own choice
    std::string volume{};  ///< the provider's volume with the weights, or empty
};

/// A machine as the provider describes it.
struct RemoteMachine {
    std::string remote_id{};
    std::string name{};
    std::string owner_mark{};  ///< empty: not marked as ours
    std::string status{};      ///< the provider's own word
    bool running{false};       ///< the provider says it runs (says nothing about the engine)
    bool stopped{false};       ///< switched off, or failed for good: it bills and serves nothing
    std::string gpu{};
    int gpu_count{0};
    Price price{};       ///< per hour, as the provider bills it
    std::string host{};  ///< empty until it has an address
    int port{0};
    UtcTime created{};
    UtcTime expires{};  ///< the end written on it when it was made; epoch: not stated
};

/// What the provider says one machine cost so far, in its own books.
struct BillLine {
    std::string remote_id{};
    Money amount{};
    bool final{false};  ///< nothing will be added
};

/// The account as its provider shows it.
struct Account {
    std::optional<Money> balance{};  ///< prepaid money left; nothing where bills come afterwards
    std::string trouble{};           ///< a sentence when it may not create machines, or soon not
};

/// What every seller of machines can do. Calls block for at most their HTTP limit and end early
/// with Errc::cancelled when `stop` is requested. Each provider is called from two threads, one for
/// spending (offers, create) and one for safety (the rest); an implementation is safe for that.
class Provider {
public:
    virtual ~Provider() = default;
    [[nodiscard]] virtual std::string_view name() const noexcept = 0;
    [[nodiscard]] virtual StartForm start_form() const noexcept = 0;
    [[nodiscard]] virtual VolumePlace volume_place(std::string_view /*volume*/) const {
        return {.path = std::string{volume_path}};
    }
    [[nodiscard]] virtual Result<std::vector<MarketOffer>> offers(std::stop_token stop) = 0;
    /// Starts one machine; billing may begin at once. Exactly one request is sent, never a retry.
    /// On Errc::outcome_unknown the machine may exist: look it up by `spec.name`. `cancelled` is
    /// returned only when nothing was sent.
    [[nodiscard]] virtual Result<RemoteMachine> create(
        const MachineSpec& spec, std::stop_token stop) = 0;
    /// Every machine of the account, complete, or an error: a partial list is never returned.
    [[nodiscard]] virtual Result<std::vector<RemoteMachine>> list(std::stop_token stop) = 0;
    /// Errc::not_found when the provider says it does not exist.
    [[nodiscard]] virtual Result<RemoteMachine> get(
        const std::string& remote_id, std::stop_token stop) = 0;
    /// Asks for the end of a machine. Success and Errc::not_found both mean "now prove it".
    [[nodiscard]] virtual Result<void> destroy(
        const std::string& remote_id, std::stop_token stop) = 0;
    /// The provider's own books about our machines, ended ones included.
    [[nodiscard]] virtual Result<std::vector<BillLine>> billing(std::stop_token stop) = 0;
    /// Balance and standing of the account. A provider that tells neither answers an empty one.
    [[nodiscard]] virtual Result<Account> account(std::stop_token stop) = 0;
};

}  // namespace evenkeel::providers
