#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace evenkeel::fakes::cloud {

/// The sellers that are played.
enum class Vendor : std::uint8_t { digitalocean, runpod, lambda };
inline constexpr std::array vendors{Vendor::digitalocean, Vendor::runpod, Vendor::lambda};

[[nodiscard]] std::string_view to_text(Vendor vendor) noexcept;
[[nodiscard]] std::optional<Vendor> find_vendor(std::string_view name) noexcept;

/// Everything that can go wrong on purpose. What each one does stands beside its name in
/// personality.cpp, in one table, which the inspection port also shows.
enum class Trouble : std::uint8_t {
    // creating
    create_500_before,
    create_500_after,
    create_lost,
    create_broken_json,
    create_twice,
    vanishing_placement,
    no_stock,
    name_taken,
    wrong_gpu,
    fewer_gpus,
    dearer,
    // looking
    list_lag,
    get_lag,
    empty_list_once,
    partial_page,
    unknown_status,
    extra_fields,
    missing_field,
    // destroying
    delete_204_noop,
    delete_500_done,
    delete_lost,
    delete_404_existing,
    delete_locked,
    // the world moves
    stopped,
    human_deletes,
    orphan,
    foreign,
    // the whole API
    storm_429,
    slow,
    outage,
    flapping,
    auth_revoked,
    redirect,
    huge_body,
    gzip_bomb,
    endless_body,
    html_403,
    // the bill
    bill_more,
    bill_less,
    bill_cents,
    // the node
    engine_never_healthy,
    wrong_model,
    garbage_completion,
    wrong_pin,
    dies_mid_stream,
    no_gpu,
};
inline constexpr std::size_t trouble_count = static_cast<std::size_t>(Trouble::no_gpu) + 1;

/// One row of the table.
struct TroubleKind {
    Trouble trouble{};
    std::string_view name{};
    std::string_view unit{};   ///< of the value: "ms", "s", "percent", "which", "tokens" or ""
    std::int64_t standard{0};  ///< the value when none is given
    int times{-1};             ///< how often it strikes when not told; -1 = until taken off
    std::string_view what{};   ///< one sentence
};

/// All of them, in the order of the enumeration.
[[nodiscard]] std::span<const TroubleKind> trouble_kinds() noexcept;
[[nodiscard]] const TroubleKind& kind_of(Trouble trouble) noexcept;
/// Nothing when there is none of that name.
[[nodiscard]] std::optional<Trouble> find_trouble(std::string_view name) noexcept;

/// What is wrong with one vendor at present. Troubles combine freely. Durations are those of the
/// real world; the fake divides them by its speed.
class Personality {
public:
    /// `times` < 0: until taken off.
    void put_on(Trouble trouble, int times, std::int64_t value) noexcept;
    /// With its standard times and value.
    void put_on(Trouble trouble) noexcept;
    void take_off(Trouble trouble) noexcept;
    void take_off_all() noexcept { worn_ = {}; }

    /// The value, if the trouble is on; uses up one of its times.
    [[nodiscard]] std::optional<std::int64_t> strike(Trouble trouble) noexcept;
    /// The value, if the trouble is on.
    [[nodiscard]] std::optional<std::int64_t> value(Trouble trouble) const noexcept;
    [[nodiscard]] bool is_on(Trouble trouble) const noexcept { return times(trouble) != 0; }
    [[nodiscard]] int times(Trouble trouble) const noexcept { return at(trouble).times; }

private:
    struct Worn {
        int times{0};
        std::int64_t value{0};
    };
    [[nodiscard]] const Worn& at(Trouble trouble) const noexcept {
        return worn_[static_cast<std::size_t>(trouble)];
    }
    std::array<Worn, trouble_count> worn_{};
};

}  // namespace evenkeel::fakes::cloud
