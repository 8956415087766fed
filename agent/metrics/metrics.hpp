#pragma once

#include "agent/control/view.hpp"
#include "agent/ledger/activity.hpp"
#include "agent/ledger/chain_check.hpp"
#include "policies/domain/time.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace evenkeel::agent::metrics {

/// The content type of the text.
inline constexpr std::string_view content_type = "text/plain; version=0.0.4; charset=utf-8";

/// Git's short name of the commit that was built; "unknown" outside a checkout.
[[nodiscard]] std::string_view commit() noexcept;

/// A counter of somebody else that begins anew now and then, made to grow only.
class GrowingSum {
public:
    /// What it has counted in all, now that it shows `value`.
    [[nodiscard]] std::int64_t next(std::int64_t value) noexcept;

private:
    std::int64_t last_{0};
    std::int64_t before_{0};
};

/// Whether the ledger's hash chain holds; looks again when asked and the last look is a minute old.
class ChainWatch {
public:
    explicit ChainWatch(std::filesystem::path state) : state_{std::move(state)} {}
    /// Once something was found wrong it stays so. A ledger that cannot be read now says nothing.
    [[nodiscard]] bool ok(BootTime now);

private:
    std::filesystem::path state_;
    ledger::ChainPosition at_{};
    BootTime next_{};
    bool ok_{true};
};

/// What GET /metrics answers. One thread (admin).
class Metrics {
public:
    explicit Metrics(std::filesystem::path state) : chain_{std::move(state)} {}
    [[nodiscard]] std::string text(
        const View& view, const ledger::Figures& booked, bool files_taken, BootTime now);

private:
    ChainWatch chain_;
    std::map<int, GrowingSum> energy_{};
};

}  // namespace evenkeel::agent::metrics
