#pragma once

#include "providers/provider.hpp"
#include "tests/simulator/lifecycle_world.hpp"
#include "tests/simulator/personality.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// A provider in virtual time that keeps its own books, in its own arithmetic. What it has and what
/// it charges is the truth that the agent's ledger is held against.
namespace evenkeel::simulator {

inline const UtcTime epoch =
    UtcTime{std::chrono::sys_days{std::chrono::year{2026} / 11 / 23}} + std::chrono::hours{3};

enum class Api : std::uint8_t { offers, create, list, get, destroy, billing };
inline constexpr std::size_t api_count = 6;
[[nodiscard]] std::string_view to_text(Api api) noexcept;

/// One machine of the account, ours or not.
struct Box {
    std::string id{};
    std::string name{};
    std::string mark{};
    std::string gpu{"H100"};
    int gpu_count{1};
    int port{0};
    std::int64_t hour_nanos{0};
    bool billed{true};  ///< false: a placement that failed, which nobody is charged for
    nanoseconds born{};
    std::optional<nanoseconds> ended{};
    std::optional<nanoseconds> told{};     ///< a delete was answered that said that it has ended
    std::optional<nanoseconds> dies{};     ///< a person or the provider ends it then
    std::optional<nanoseconds> stopped{};  ///< from then on it bills and serves nothing
    nanoseconds got_from{};                ///< GET knows it
    nanoseconds listed_from{};             ///< lists show it
    nanoseconds list_drag{};               ///< lists show it so long after its end
    nanoseconds boots{};
    bool healthy{true};  ///< its engine ever answers
    bool useful{true};   ///< and says something sensible
    nanoseconds cut_from{nanoseconds::max()};
    nanoseconds cut_to{nanoseconds::max()};
    int deletes_ignored{0};
    int deletes_missing{0};
    nanoseconds locked_to{};
};

/// One call that fails, whatever the personality: "every step fails once".
struct CallFault {
    std::int64_t number{-1};  ///< of the call, counted over all providers of a life; -1: none
    bool has_effect{false};   ///< its effect happens all the same
};

/// Numbers the calls of all providers of one life.
struct CallTap {
    CallFault fault{};
    std::int64_t calls{0};
    std::vector<Api> made{};
};

class Cloud {
public:
    /// `tap` and `dice` outlive the cloud.
    Cloud(
        std::string name,
        Personality who,
        std::string mark,
        nanoseconds faults_end,
        CallTap& tap,
        Dice& dice);

    static constexpr std::int64_t hour_price = 4'410'000'000;
    static constexpr std::chrono::seconds min_bill{60};

    // ---- the API: each call has its effect at `t`; then `answer_after` says when it is answered
    Result<std::vector<providers::MarketOffer>> offers(nanoseconds t);
    Result<providers::RemoteMachine> create(const providers::MachineSpec& spec, nanoseconds t);
    Result<std::vector<providers::RemoteMachine>> list(nanoseconds t);
    Result<providers::RemoteMachine> get(const std::string& id, nanoseconds t);
    Result<void> destroy(const std::string& id, nanoseconds t);
    Result<std::vector<providers::BillLine>> billing(nanoseconds t);
    /// From the request being sent to its effect, drawn anew for each call.
    [[nodiscard]] nanoseconds effect_after(nanoseconds t);
    /// From the effect of the newest call to its answer.
    [[nodiscard]] nanoseconds answer_after() const { return answer_after_; }

    // ---- the world
    /// When an outage, a storm or a revoked key begins and ends; drawn otherwise.
    void bad_spell(nanoseconds from, nanoseconds to) {
        bad_from_ = from;
        bad_to_ = to;
    }
    /// Ends what ends by itself, lets strays appear.
    void settle(nanoseconds t);
    [[nodiscard]] nanoseconds next_change(nanoseconds t) const;
    /// Answers from `t` on find nobody who reads them.
    void unread(nanoseconds t);
    [[nodiscard]] Box* by_port(int port);
    [[nodiscard]] Box* by_id(const std::string& id);
    [[nodiscard]] bool engine_answers(const Box& box, nanoseconds t) const;

    // ---- the books
    [[nodiscard]] const std::vector<Box>& boxes() const { return boxes_; }
    [[nodiscard]] const std::string& name() const { return name_; }
    /// What `box` has cost until `until`, nano-units.
    [[nodiscard]] std::int64_t bill(const Box& box, nanoseconds until) const;
    [[nodiscard]] bool is_ours(const Box& box) const { return box.mark == mark_; }
    /// Create calls per name that may have had an effect.
    [[nodiscard]] const std::map<std::string, int>& creates() const { return creates_; }
    [[nodiscard]] int creates_seen() const { return creates_seen_; }
    /// Remote ids of others that a delete was asked for.
    [[nodiscard]] const std::vector<std::string>& touched() const { return touched_; }
    [[nodiscard]] std::int64_t calls(Api api) const {
        return calls_[static_cast<std::size_t>(api)];
    }
    [[nodiscard]] std::int64_t calls() const;
    /// Most calls within one minute.
    [[nodiscard]] std::int64_t most_in_a_minute() const { return most_in_a_minute_; }

    bool works_always{false};  ///< a second, well-behaved provider

private:
    struct Verdict {
        std::optional<Error> error{};
        bool has_effect{true};
    };
    [[nodiscard]] bool faulty(nanoseconds t) const { return !works_always && t < faults_end_; }
    [[nodiscard]] bool plays(Personality who, nanoseconds t) const {
        return who_ == who && faulty(t);
    }
    [[nodiscard]] Verdict arrive(Api api, nanoseconds t);
    [[nodiscard]] Box make_box(const providers::MachineSpec& spec, nanoseconds t);
    [[nodiscard]] providers::RemoteMachine seen(const Box& box, nanoseconds t) const;
    [[nodiscard]] bool is_listed(const Box& box, nanoseconds t) const;
    void add_stranger(std::string name, std::string mark, nanoseconds t);
    nanoseconds pause(std::chrono::milliseconds a, std::chrono::milliseconds b);

    std::string name_;
    Personality who_;
    std::string mark_;
    nanoseconds faults_end_;
    CallTap& tap_;
    Dice& dice_;
    nanoseconds answer_after_{};
    nanoseconds bad_from_{};  ///< of an outage, a storm, a revoked key
    nanoseconds bad_to_{};
    nanoseconds stray_at_{nanoseconds::max()};
    int empty_lists_{0};
    std::vector<Box> boxes_{};
    std::map<std::string, int> creates_{};
    int creates_seen_{0};
    std::vector<std::string> touched_{};
    std::array<std::int64_t, api_count> calls_{};
    std::int64_t minute_{-1};
    std::int64_t in_minute_{0};
    std::int64_t most_in_a_minute_{0};
    int next_{1};
};

}  // namespace evenkeel::simulator
