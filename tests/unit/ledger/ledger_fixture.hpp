#pragma once

#include "agent/ledger/ledger.hpp"
#include "agent/ledger/reader.hpp"
#include "agent/ledger/sqlite.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

namespace evenkeel::ledger {

inline constexpr UtcTime test_start{
    std::chrono::sys_days{std::chrono::November / 23 / 2026} + std::chrono::hours{10}};

/// Where a sync costs nothing, if there is such a place with room: these tests sync thousands of
/// times, and what they check does not depend on the disk (power cuts are played by FaultVfs).
inline std::filesystem::path quick_folder() {
    constexpr std::uintmax_t room = 48u << 20;
    std::error_code error;
    const std::filesystem::path memory{"/dev/shm"};
    const auto space = std::filesystem::space(memory, error);
    return !error && space.available >= room && ::access(memory.c_str(), W_OK) == 0
               ? memory
               : std::filesystem::temp_directory_path();
}

/// A folder of its own, gone at the end of the test.
class TemporaryFolder {
public:
    explicit TemporaryFolder(const std::filesystem::path& in = quick_folder()) {
        std::string pattern = (in / "evenkeel-ledger-XXXXXX").string();
        path_ = ::mkdtemp(pattern.data());
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

/// Collects one answer of the ledger.
template <class T>
class Answer {
public:
    [[nodiscard]] Done<T> done() {
        return [promise = promise_](Result<T> result) { promise->set_value(std::move(result)); };
    }
    [[nodiscard]] Result<T> get() { return future_.get(); }
    [[nodiscard]] bool within(std::chrono::milliseconds limit) {
        return future_.wait_for(limit) == std::future_status::ready;
    }

private:
    std::shared_ptr<std::promise<Result<T>>> promise_ = std::make_shared<std::promise<Result<T>>>();
    std::future<Result<T>> future_ = promise_->get_future();
};

/// A state folder under a clock that stands still.
class LedgerTest : public testing::Test {
protected:
    [[nodiscard]] Options options() const {
        Options options{.dir = dir_.path() / "state", .clock = &clock_};
        options.limits.ballast_bytes = 64 * 1024;
        options.limits.retry = std::chrono::milliseconds{5};
        return options;
    }
    void open(Options with) {
        auto opened = Ledger::open(std::move(with));
        ASSERT_TRUE(opened) << opened.error().message;
        ledger_ = *std::move(opened);
    }
    void open() { open(options()); }
    void close() {
        const auto closed = ledger_->close();
        EXPECT_TRUE(closed) << closed.error().message;
        ledger_.reset();
    }
    void reopen() {
        close();
        open();
    }
    [[nodiscard]] Result<HoldId> hold(Hold wanted) {
        Answer<HoldId> answer;
        ledger_->hold(std::move(wanted), answer.done());
        return answer.get();
    }
    [[nodiscard]] Result<void> step(MachineStep wanted) {
        Answer<void> answer;
        ledger_->machine_step(std::move(wanted), answer.done());
        return answer.get();
    }
    [[nodiscard]] Reader reader() const {
        auto opened = Reader::open(dir_.path() / "state");
        if (!opened) {
            throw std::runtime_error{opened.error().message};
        }
        return *std::move(opened);
    }
    /// Runs SQL past the ledger, as a person with a shell would.
    void shell(const std::string& sql) const {
        Database database{file(), Database::Mode::read_write};
        database.exec(sql);
    }
    [[nodiscard]] std::int64_t count(const std::string& sql) const {
        Database database{file(), Database::Mode::read_only};
        return database.integer(sql);
    }
    void expect_sound() {
        ASSERT_TRUE(!ledger_ || ledger_->flush());
        const auto found = reader().verify();
        ASSERT_TRUE(found) << found.error().message;
        for (const std::string& problem : found->problems) {
            ADD_FAILURE() << problem;
        }
    }
    [[nodiscard]] std::filesystem::path file() const { return dir_.path() / "state" / ledger_file; }

    TemporaryFolder dir_;
    ManualClock clock_{{BootTime{std::chrono::hours{1}}, test_start}};
    std::unique_ptr<Ledger> ledger_;
};

inline const NameIx key_me{1};
inline const NameIx route_default{2};
inline const NameIx model_qwq{3};
inline const NameIx source_claude{4};
inline const NameIx source_desk{5};
inline const NameIx provider_claude{6};
inline const NameIx provider_cloud{7};
inline const NameIx offer_cloud{8};
inline const NameIx source_rented{9};
inline const NameIx budget_all{10};
inline const NameIx budget_api{11};

inline void store_names(Ledger& ledger) {
    using enum routing::NameKind;
    ledger.name({key_me, key, "me"});
    ledger.name({route_default, route, "default"});
    ledger.name({model_qwq, model, "qwq-32b"});
    ledger.name({source_claude, source, "claude"});
    ledger.name({source_desk, source, "desk"});
    ledger.name({provider_claude, provider, "claude"});
    ledger.name({provider_cloud, provider, "sandbox"});
    ledger.name({offer_cloud, offer, "sandbox"});
    ledger.name({source_rented, source, "sandbox-h100"});
    ledger.name({budget_all, budget, "all"});
    ledger.name({budget_api, budget, "api"});
}

inline Money dollars(std::int64_t nanos) {
    return Money{nanos, usd};
}

inline std::vector<BudgetShare> shares_of(std::int64_t nanos) {
    return {{budget_all, test_start, nanos}, {budget_api, test_start, nanos}};
}

inline Hold hold_for(std::int64_t request, std::int64_t nanos) {
    return {
        .request = RequestId{request},
        .source = source_claude,
        .amount = dollars(nanos),
        .budgets = shares_of(nanos)};
}

inline Request api_request(std::int64_t id, std::int64_t paid, std::optional<HoldId> hold = {}) {
    Request request{
        .id = RequestId{id},
        .at = test_start,
        .key = key_me,
        .route = route_default,
        .model = model_qwq,
        .source = source_claude,
        .kind = SourceKind::api,
        .provider = provider_claude,
        .wait_ms = 3,
        .usage = {.prompt = 100, .completion = 20},
        .paid = dollars(paid),
        .charged = dollars(paid),
        .charged_report = paid,
        .hold = hold};
    if (!hold) {
        request.budgets = shares_of(paid);
    }
    return request;
}

inline Request own_request(std::int64_t id) {
    return {
        .id = RequestId{id},
        .at = test_start,
        .key = key_me,
        .route = route_default,
        .model = model_qwq,
        .source = source_desk,
        .kind = SourceKind::own,
        .usage = {.prompt = 50, .completion = 10}};
}

/// The intent of a machine at 4.41 USD/h.
inline MachineStep intent(std::int64_t id, Now now) {
    return {
        .machine =
            {.id = MachineId{id},
             .provider = provider_cloud,
             .name = "ek-0011aabb-" + std::to_string(id),
             .offer = offer_cloud,
             .model = model_qwq,
             .source = source_rented,
             .gpu = "H100 80GB",
             .price = Price::per_hour(dollars(4'410'000'000)),
             .created = now.utc,
             .expires = now.utc + std::chrono::hours{6},
             .synthetic = true,
             .detail = "v1"},
        .expected_step = -1,
        .event = "order",
        .now = now,
        .boot_id = "boot-1"};
}

/// The step after `before` into `state`.
inline MachineStep next_step(const MachineStep& before, MachineState state, Now now) {
    MachineStep step = before;
    step.expected_step = before.machine.step;
    step.machine.step = before.machine.step + 1;
    step.from = before.machine.state;
    step.machine.state = state;
    step.event = std::string{to_text(state)};
    step.now = now;
    step.phases.clear();
    step.decision.reset();
    return step;
}

}  // namespace evenkeel::ledger
