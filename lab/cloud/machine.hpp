#pragma once

#include "policies/domain/price.hpp"
#include "policies/domain/time.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

/// What the sandbox cloud knows of a machine, and the journal records it is made of.
namespace evenkeel::lab::cloud {

using Micros = std::chrono::microseconds;

/// What a customer sees as `status`.
enum class Status : std::uint8_t {
    creating,  ///< accepted, billed, not yet started
    running,   ///< its process runs
    stopped,   ///< the boot failed, or the process ended by itself; still there until deleted
    deleting,  ///< a delete was accepted, its process has not ended yet
};

/// Why a machine is no longer there.
enum class EndReason : std::uint8_t {
    deleted,   ///< by its owner
    vanished,  ///< by the switchboard
    closed,    ///< the cloud was stopped in order
    restart,   ///< the cloud died, and its machines with it
};

struct Machine {
    std::string id{};
    std::string name{};
    std::string owner_mark{};
    std::string sku{};
    std::string region{};
    std::string image{};
    std::string model{};
    std::string gpu{};
    int gpu_count{1};
    Money hourly{};
    Micros min_bill{0};
    UtcTime created{};  ///< acceptance of the create: the bill runs from here
    UtcTime boots_at{};
    UtcTime expires{};
    bool boot_fails{false};

    Status status{Status::creating};
    int port{0};
    bool has_process{false};
    bool hidden{false};                     ///< vanished; its process is still ending
    std::optional<UtcTime> billed_until{};  ///< the end of its bill, once known
    std::optional<EndReason> ended{};       ///< set: gone, and only the bill remembers it

    /// What it costs if it ends at `billed_until`, or at `now` while it has not.
    [[nodiscard]] Money amount(UtcTime now) const;
    /// How long it was billed for, without regard to the minimum.
    [[nodiscard]] Micros elapsed(UtcTime now) const;
};

/// First record of a journal: the machines' ids carry `mark`, so that two clouds never share one.
struct Opened {
    UtcTime at{};
    std::string mark{};
};
struct Created {
    Machine machine{};  ///< as it was at `machine.created`
};
struct Started {
    UtcTime at{};
    std::string id{};
    int port{0};
};
/// The boot failed (`process_ended` false: the bill runs on) or the process ended by itself.
struct Stopped {
    UtcTime at{};
    std::string id{};
    bool process_ended{false};
};
struct DeleteAccepted {
    UtcTime at{};
    std::string id{};
};
struct Vanished {
    UtcTime at{};
    std::string id{};
};
struct Ended {
    UtcTime at{};
    std::string id{};
    EndReason why{EndReason::deleted};
};
/// Proof of life: the cloud, and so its machines, lived at `at`.
struct Alive {
    UtcTime at{};
};

using Record =
    std::variant<Opened, Created, Started, Stopped, DeleteAccepted, Vanished, Ended, Alive>;

[[nodiscard]] std::string_view to_text(Status status) noexcept;
[[nodiscard]] std::string_view to_text(EndReason why) noexcept;

/// One line of JSON, without a line end. Money and durations are decimal text.
[[nodiscard]] std::string to_json(const Record& record);
/// Reads it back. Errors: corrupt, with what is wrong.
[[nodiscard]] Result<Record> parse_record(std::string_view line);

}  // namespace evenkeel::lab::cloud
