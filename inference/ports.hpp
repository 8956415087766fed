#pragma once

#include "policies/domain/error.hpp"
#include "policies/domain/id.hpp"
#include "policies/domain/money.hpp"
#include "policies/domain/reason.hpp"
#include "policies/domain/source.hpp"
#include "policies/domain/time.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What serving requests needs from above; agent/ implements it, tests fake it.
namespace evenkeel::inference {

/// Money set aside for one paid call.
struct HoldRequest {
    RequestId request{};
    NameIx key{};  ///< whose own budget counts it too
    NameIx source{};
    Money amount{};                 ///< billed currency
    std::int64_t amount_report{0};  ///< report-currency nanos
    std::uint64_t budgets{0};       ///< bit i of the catalogue's budgets
    std::int64_t policy{0};         ///< catalogue revision
};

/// One finished request: the ledger's `request` row and, when `hold` is set, its settlement.
/// Carries no prompt, no answer text.
struct RequestRecord {
    RequestId id{};
    UtcTime at{};
    std::int64_t policy{0};
    NameIx key{};
    NameIx route{};
    NameIx model{};
    NameIx source{};
    SourceKind kind{SourceKind::own};
    NameIx provider{};
    MachineId machine{};
    std::string tags{};  ///< "team=search,job=7" (gateway/tags.hpp); empty: none
    std::int64_t wait_ms{0};
    std::int64_t ttft_ms{0};
    std::int64_t total_ms{0};
    Usage usage{};
    Money paid{};     ///< external money, settled half-even once
    Money charged{};  ///< that, or the internal price of a worker's tokens, rounded likewise
    std::int64_t charged_report{0};
    std::uint64_t budgets{0};
    std::optional<HoldId> hold{};
    Outcome outcome{Outcome::answered};
    Reason reason{};
    bool continued{false};  ///< a second worker went on with an answer that the first had begun
};

/// The books, as the data path sees them. Called from any data-path thread; never blocks on disk.
class Books {
public:
    virtual ~Books() = default;
    /// Puts the hold on disk; `done` runs on the ledger's thread after the commit (post to your
    /// own loop), or with an error when nothing was set aside. The paid call's first byte is
    /// written only after success.
    virtual void hold(const HoldRequest& request, std::function<void(Result<HoldId>)> done) = 0;
    /// Sets more aside for a hold that is on disk, in the same budgets; `done` as for `hold`.
    virtual void top_up(
        HoldId hold,
        Money more,
        std::int64_t more_report,
        std::function<void(Result<void>)> done) = 0;
    /// Gives an unused hold back (nothing was sent).
    virtual void release(HoldId hold) = 0;
    /// Books the end of a request: settles its hold, writes its row. Lazy, never lost once
    /// accepted. False: the queue is full; the caller keeps the record and tries again.
    [[nodiscard]] virtual bool record(const RequestRecord& record) = 0;
    /// False when no new paid work may start (disk full, queue nearly full, frozen).
    [[nodiscard]] virtual bool accepts_paid_work() const noexcept = 0;
};

struct ClientKey {
    NameIx ix{};
    std::string name{};
    std::string team{};                 ///< empty: none
    std::vector<std::string> routes{};  ///< the only ones it may use; empty: all
};

/// Client keys by SHA-256; revoked and expired ones are not found. Thread-safe; `find` compares in
/// constant time.
class KeyRing {
public:
    virtual ~KeyRing() = default;
    [[nodiscard]] virtual std::optional<ClientKey> find(std::string_view presented) const = 0;
};

}  // namespace evenkeel::inference
