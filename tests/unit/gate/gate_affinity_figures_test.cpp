#include "policies/capacity/service_model.hpp"
#include "tests/unit/gate/desk.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <list>
#include <map>
#include <queue>
#include <random>

/// What affinity is worth: conversations on two engines whose caches work like vLLM's.
namespace evenkeel::gate {
namespace {

using namespace desk;
using capacity::EngineModel;
using std::chrono::nanoseconds;

constexpr int workers = 2;
constexpr int slots = 48;
constexpr int turns = 8;
constexpr int at_once = 24;
constexpr int conversations = 120;
constexpr std::int64_t system_tokens = 1'500;  ///< the same for all
constexpr std::int64_t first_tokens = 4'500;
constexpr std::int64_t question_tokens = 300;
constexpr std::int64_t answer_tokens = 300;

/// Prefixes in one engine's cache, by conversation, the one used longest ago dropped first.
class Cache {
public:
    explicit Cache(std::int64_t room) : room_{room} {}

    /// How much of the conversation's prompt is there.
    [[nodiscard]] std::int64_t hit(int conversation) const {
        const auto found = std::ranges::find(kept_, conversation, &Kept::conversation);
        return found != kept_.end() ? found->tokens : kept_.empty() ? 0 : system_tokens;
    }
    void use(int conversation, std::int64_t tokens) {
        std::erase_if(kept_, [=](const Kept& one) { return one.conversation == conversation; });
        kept_.push_back({conversation, tokens});
        std::int64_t all = system_tokens;
        for (const Kept& one : kept_) {
            all += one.tokens - system_tokens;
        }
        for (; all > room_ && kept_.size() > 1; kept_.pop_front()) {
            all -= kept_.front().tokens - system_tokens;
        }
    }

private:
    struct Kept {
        int conversation{0};
        std::int64_t tokens{0};
    };
    std::list<Kept> kept_{};
    std::int64_t room_;
};

struct Figures {
    double first_token_s{0};  ///< mean
    double read_share{0};     ///< prompt tokens that an engine had to read
    std::array<int, workers> served{};
};

class Talks {
public:
    Talks(bool affinity, bool known_speed)
        : profile_{*capacity::find_profile("h100-32b-fp8")},
          desk_{Policy{.routing = {.affinity = affinity}}} {
        for (int i = 0; i < workers; ++i) {
            engines_.push_back(
                Engine{.model = EngineModel{profile_}, .cache = Cache{profile_.kv_tokens}});
            const Speed speed{
                .prefill_tok_s = profile_.prefill_tok_s,
                .step_s = profile_.alpha_s,
                .step_per_seq_s = profile_.beta_s,
                .kv_tokens = profile_.kv_tokens};
            desk_.gate.worker_changed(
                {.source = NameIx{20 + i},
                 .model = qwq,
                 .slots = slots,
                 .speed = known_speed ? speed : Speed{}},
                desk_.now,
                desk_.effects);
        }
    }

    Figures run() {
        for (int i = 0; i < at_once; ++i) {
            due_.push({900ms * i, begun_++, 0});
        }
        while (!due_.empty() || !live_.empty()) {
            nanoseconds next = due_.empty() ? nanoseconds::max() : due_.top().at;
            for (const Engine& engine : engines_) {
                next = std::min(next, engine.model.next_event());
            }
            desk_.now.boot = at(next);
            desk_.effects.clear();
            desk_.gate.due(desk_.now, desk_.effects);
            take();
            for (Engine& engine : engines_) {
                advance(engine, next);
            }
            if (!due_.empty() && due_.top().at <= next) {
                const Turn turn = due_.top();
                due_.pop();
                ask_for(turn);
            }
        }
        figures_.first_token_s /= conversations * turns;
        figures_.read_share /= static_cast<double>(asked_tokens_);
        return figures_;
    }

private:
    struct Engine {
        EngineModel model;
        Cache cache;
        std::map<EngineModel::SeqId, std::uint64_t> running{};  ///< cookie
    };
    struct Turn {
        nanoseconds at{};
        int conversation{0};
        int number{0};
        bool operator<(const Turn& other) const { return at > other.at; }
        [[nodiscard]] std::int64_t tokens() const {
            return system_tokens + first_tokens + number * (question_tokens + answer_tokens);
        }
    };
    struct Live {
        Turn turn{};
        Handle handle{};
        bool begun{false};
    };

    static std::uint64_t mark_of(int conversation, int turn) {
        constexpr std::uint64_t spread = 0x9E3779B97F4A7C15;  // as hashes are
        return spread * (1 + static_cast<std::uint64_t>(conversation * 100 + turn));
    }

    void ask_for(Turn turn) {
        Arrival arrival = ask();
        arrival.tokens_in = turn.tokens();
        arrival.tokens_out = answer_tokens;
        arrival.give_up_at = BootTime::max();
        arrival.streams = true;
        std::size_t count = 0;
        for (int i = turn.number; i >= 0 && i > turn.number - 3; --i) {
            arrival.marks[count++] = {
                .hash = mark_of(turn.conversation, i), .tokens = Turn{.number = i}.tokens()};
        }
        arrival.marks[count] = {.hash = 7, .tokens = system_tokens};
        asked_tokens_ += arrival.tokens_in;
        const std::uint64_t cookie = desk_.cookies + 1;
        live_[cookie] = {.turn = turn};
        live_[cookie].handle = desk_.arrive(arrival);
        take();
    }

    void take() {
        for (const Effect& effect : desk_.effects) {
            if (effect.kind != EffectKind::grant) {
                continue;
            }
            const auto to = static_cast<std::size_t>(effect.source.value() - 20);
            Engine& engine = engines_[to];
            const Turn& turn = live_.at(effect.cookie).turn;
            // At least the last token is read again.
            const std::int64_t hit =
                std::min(engine.cache.hit(turn.conversation), turn.tokens() - 1);
            engine.cache.use(turn.conversation, turn.tokens() + answer_tokens);
            figures_.read_share += static_cast<double>(turn.tokens() - hit);
            ++figures_.served[to];
            const auto id =
                engine.model.add(turn.tokens() - hit, answer_tokens, desk_.now.boot - at(0s));
            engine.running[id] = effect.cookie;
        }
    }

    void advance(Engine& engine, nanoseconds to) {
        std::vector<EngineModel::Ended> ended;
        engine.model.advance(to, ended);
        for (const auto& [id, cookie] : engine.running) {
            const auto first = engine.model.first_token(id);
            if (first && !live_.at(cookie).begun) {
                begin(cookie, *first);
            }
        }
        for (const EngineModel::Ended& end : ended) {
            const std::uint64_t cookie = engine.running.at(end.id);
            engine.running.erase(end.id);
            if (!live_.at(cookie).begun) {
                begin(cookie, end.first_token);
            }
            const Live live = live_.at(cookie);
            live_.erase(cookie);
            desk_.finish(live.handle);
            take();
            follow(live.turn, to);
        }
    }

    void begin(std::uint64_t cookie, nanoseconds first) {
        Live& live = live_.at(cookie);
        live.begun = true;
        figures_.first_token_s += std::chrono::duration<double>(first - live.turn.at).count();
        desk_.effects.clear();
        desk_.gate.first_token(live.handle, desk_.now, desk_.effects);
    }

    /// The next turn after 5 to 25 s of reading and writing, or the next conversation.
    void follow(Turn turn, nanoseconds now) {
        turn.at = now + 5s + std::chrono::milliseconds{random_() % 20'000};
        if (++turn.number == turns) {
            if (begun_ == conversations) {
                return;
            }
            turn.conversation = begun_++;
            turn.number = 0;
        }
        due_.push(turn);
    }

    capacity::Profile profile_;
    Desk desk_;
    std::vector<Engine> engines_{};
    std::map<std::uint64_t, Live> live_{};
    std::priority_queue<Turn> due_{};
    std::mt19937 random_{7};
    int begun_{0};
    std::int64_t asked_tokens_{0};
    Figures figures_{};
};

TEST(GateAffinityFigures, ConversationsWaitLessForTheirFirstToken) {
    for (const bool known_speed : {false, true}) {
        const Figures without = Talks{false, known_speed}.run();
        const Figures with = Talks{true, known_speed}.run();
        const std::string name = known_speed ? "known_" : "unknown_";
        RecordProperty(name + "without_ms", static_cast<int>(without.first_token_s * 1e3));
        RecordProperty(name + "with_ms", static_cast<int>(with.first_token_s * 1e3));
        EXPECT_LT(with.first_token_s, 0.5 * without.first_token_s) << name;
        EXPECT_LT(with.read_share, 0.5 * without.read_share) << name;
        const auto [least, most] = std::ranges::minmax(with.served);
        EXPECT_LT(most, 1.25 * least) << "nobody is crowded";
    }
}

}  // namespace
}  // namespace evenkeel::gate
