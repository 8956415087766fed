#include "policies/capacity/service_model.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <limits>

namespace evenkeel::capacity {

namespace {

/// Two moments closer than this are the same one: virtual nanoseconds round.
constexpr double same_moment_s = 2e-9;
constexpr double never = std::numeric_limits<double>::infinity();

constexpr std::array<Profile, 5> table{{
    {.name = "h100-32b-fp8",
     .alpha_s = 0.016,
     .beta_s = 0.00022,
     .prefill_tok_s = 7'000,
     .kv_tokens = 137'000,
     .seqs = 128},
    {.name = "5090-32b-awq",
     .alpha_s = 0.016,
     .beta_s = 0.00070,
     .prefill_tok_s = 3'000,
     .kv_tokens = 60'000,
     .seqs = 48},
    {.name = "h100-70b-awq",
     .alpha_s = 0.024,
     .beta_s = 0.00055,
     .prefill_tok_s = 3'000,
     .kv_tokens = 90'000,
     .seqs = 96},
    {.name = "2x5090-70b-awq",
     .alpha_s = 0.028,
     .beta_s = 0.00120,
     .prefill_tok_s = 1'600,
     .kv_tokens = 60'000,
     .seqs = 32},
    {.name = "api-standin",
     .alpha_s = 0.025,
     .beta_s = 0.0,
     .prefill_tok_s = 1e9,
     .kv_tokens = std::numeric_limits<std::int64_t>::max(),
     .seqs = std::numeric_limits<int>::max(),
     .fixed_first_token_s = 1.5},
}};

}  // namespace

std::span<const Profile> profiles() noexcept {
    return table;
}

std::optional<Profile> find_profile(std::string_view name) noexcept {
    for (const Profile& profile : table) {
        if (profile.name == name) {
            return profile;
        }
    }
    return std::nullopt;
}

double least_seconds(
    const Profile& profile, std::int64_t tokens_in, std::int64_t tokens_out) noexcept {
    return static_cast<double>(tokens_in) / profile.prefill_tok_s +
           static_cast<double>(tokens_out) * (profile.alpha_s / profile.seqs + profile.beta_s);
}

struct EngineModel::State {
    enum class Stage : std::uint8_t { free, waiting, prefill, decode };
    struct Seq {
        std::uint32_t generation{0};
        Stage stage{Stage::free};
        double prompt{0};
        double output{0};
        double join_v{0};  ///< value of `v` at its first token
        Time arrived{};
        Time first{};
        bool has_first{false};
    };
    struct End {
        double v{0};
        SeqId id{0};
        /// Heap order: least `v` on top; equal ones by id, so that runs repeat exactly.
        friend bool operator<(const End& a, const End& b) {
            return a.v != b.v ? a.v > b.v : a.id > b.id;
        }
    };

    Profile profile{};
    Time start{};
    Time now{};
    double t{0};  ///< seconds since `start`
    double v{0};  ///< tokens every decoding sequence has got since the batch was last empty
    std::vector<Seq> seqs{};
    std::vector<std::uint32_t> unused{};
    std::deque<SeqId> queue{};  ///< not admitted; may hold dead ids
    std::deque<SeqId>
        prompts{};            ///< admitted, prefilling in order (an API: before the first token)
    double head_left{0};      ///< prompt tokens left of prompts.front()
    double backlog{0};        ///< prompt tokens of `prompts` and `queue` not yet processed
    std::vector<End> ends{};  ///< heap; may hold dead ids
    double ends_v{0};         ///< sum of the end values of decoding sequences
    int decoding{0};
    int prefilling{0};
    int queued{0};
    double room_used{0};
    double busy{0};
    std::vector<Ended> ended{};

    [[nodiscard]] bool is_api() const { return profile.fixed_first_token_s > 0; }
    [[nodiscard]] static double room_of(const Seq& seq) { return seq.prompt + seq.output / 2; }
    [[nodiscard]] Seq* find(SeqId id) {
        const std::uint64_t index = (id & 0xFFFF'FFFFu) - 1;
        if (index >= seqs.size()) {
            return nullptr;
        }
        Seq& seq = seqs[index];
        return seq.stage != Stage::free && seq.generation == id >> 32 ? &seq : nullptr;
    }
    [[nodiscard]] double step_seconds() const {
        return profile.alpha_s + profile.beta_s * decoding;
    }
    /// Tokens per second that every decoding sequence gets.
    [[nodiscard]] double decode_rate() const {
        const bool shared = !is_api() && prefilling > 0;
        return (shared ? 1 - prefill_share : 1.0) / step_seconds();
    }
    [[nodiscard]] double prefill_rate() const {
        return profile.prefill_tok_s * (decoding > 0 ? prefill_share : 1.0);
    }
    [[nodiscard]] Time time_at(double seconds) const {
        return start + Time{static_cast<std::int64_t>(std::llround(seconds * 1e9))};
    }

    void release(SeqId id) {
        const std::uint32_t index = static_cast<std::uint32_t>(id & 0xFFFF'FFFFu) - 1;
        Seq& seq = seqs[index];
        room_used -= room_of(seq);
        seq.stage = Stage::free;
        ++seq.generation;
        unused.push_back(index);
        if (decoding == 0 && prefilling == 0) {
            room_used = 0;  // rounding must not accumulate
            v = 0;
            ends_v = 0;
            ends.clear();
            prompts.clear();
            if (queued == 0) {
                backlog = 0;
            }
        }
    }

    void drop_dead() {
        while (!ends.empty() && find(ends.front().id) == nullptr) {
            std::pop_heap(ends.begin(), ends.end());
            ends.pop_back();
        }
        while (!prompts.empty() && find(prompts.front()) == nullptr) {
            prompts.pop_front();
            head_left = prompts.empty() || find(prompts.front()) == nullptr
                            ? 0
                            : find(prompts.front())->prompt;
        }
    }

    void admit() {
        while (!queue.empty()) {
            const SeqId id = queue.front();
            Seq* seq = find(id);
            if (seq == nullptr) {
                queue.pop_front();
                continue;
            }
            const int running = decoding + prefilling;
            const bool fits = running < profile.seqs &&
                              room_used + room_of(*seq) <= static_cast<double>(profile.kv_tokens);
            if (!fits && running > 0) {
                return;
            }
            queue.pop_front();
            --queued;
            ++prefilling;
            seq->stage = Stage::prefill;
            room_used += room_of(*seq);
            drop_dead();
            if (prompts.empty()) {
                head_left = seq->prompt;
            }
            if (is_api()) {
                seq->join_v = v + profile.fixed_first_token_s / profile.alpha_s;
            }
            prompts.push_back(id);
        }
    }

    void end(SeqId id) {
        Seq& seq = *find(id);
        ended.push_back(
            {.id = id,
             .arrived = seq.arrived,
             .first_token = seq.first,
             .finished = std::max(time_at(t), seq.first)});
        release(id);
    }

    /// The prompt at the head is done: its first token exists.
    void first_token() {
        const SeqId id = prompts.front();
        Seq& seq = *find(id);
        prompts.pop_front();
        --prefilling;
        backlog = std::max(0.0, backlog - head_left);
        seq.first = time_at(t);
        seq.has_first = true;
        seq.stage = Stage::decode;
        ++decoding;
        if (!is_api()) {
            seq.join_v = v;
        }
        const double end_v = seq.join_v + seq.output - 1;
        ends.push_back({.v = end_v, .id = id});
        ends_v += end_v;
        std::push_heap(ends.begin(), ends.end());
        drop_dead();
        Seq* head = prompts.empty() ? nullptr : find(prompts.front());
        head_left = head != nullptr ? head->prompt : 0;
    }

    [[nodiscard]] double prefill_end() {
        if (prompts.empty()) {
            return never;
        }
        if (is_api()) {
            return t + std::max(0.0, find(prompts.front())->join_v - v) / decode_rate();
        }
        return t + head_left / prefill_rate();
    }
    [[nodiscard]] double decode_end() const {
        return ends.empty() ? never : t + std::max(0.0, ends.front().v - v) / decode_rate();
    }

    /// Moves to `when` with no event between.
    void move(double when) {
        const double span = std::max(0.0, when - t);
        if (prefilling + decoding > 0) {
            busy += span;
            v += span * (decoding > 0 || is_api() ? decode_rate() : 0.0);
        }
        if (!is_api() && !prompts.empty()) {
            const double done = std::min(head_left, span * prefill_rate());
            head_left -= done;
            backlog = std::max(0.0, backlog - done);
        }
        t = std::max(t, when);
    }

    void run(Time until) {
        const double target = std::chrono::duration<double>(until - start).count();
        for (;;) {
            drop_dead();
            const double first = prefill_end();
            const double last = decode_end();
            const double next = std::min(first, last);
            if (next > target + same_moment_s) {
                break;
            }
            move(std::min(next, std::max(t, target)));
            if (last <= first) {
                const End top = ends.front();
                std::pop_heap(ends.begin(), ends.end());
                ends.pop_back();
                v = std::max(v, top.v);
                ends_v -= top.v;
                --decoding;
                end(top.id);
            } else {
                head_left = 0;
                first_token();
            }
            admit();
        }
        move(target);
        now = std::max(now, until);
    }
};

EngineModel::EngineModel(const Profile& profile, Time start) : state_{std::make_unique<State>()} {
    state_->profile = profile;
    state_->start = start;
    state_->now = start;
}
EngineModel::~EngineModel() = default;
EngineModel::EngineModel(EngineModel&&) noexcept = default;
EngineModel& EngineModel::operator=(EngineModel&&) noexcept = default;

EngineModel::SeqId EngineModel::add(std::int64_t tokens_in, std::int64_t tokens_out, Time at) {
    State& s = *state_;
    s.run(std::max(at, s.now));
    std::uint32_t index = 0;
    if (s.unused.empty()) {
        index = static_cast<std::uint32_t>(s.seqs.size());
        s.seqs.emplace_back();
    } else {
        index = s.unused.back();
        s.unused.pop_back();
    }
    State::Seq& seq = s.seqs[index];
    seq = {
        .generation = seq.generation,
        .stage = State::Stage::waiting,
        .prompt = static_cast<double>(std::max<std::int64_t>(1, tokens_in)),
        .output = static_cast<double>(std::max<std::int64_t>(1, tokens_out)),
        .arrived = s.now};
    const SeqId id = (static_cast<SeqId>(seq.generation) << 32) | (index + 1);
    s.backlog += seq.prompt;
    s.queue.push_back(id);
    ++s.queued;
    s.admit();
    return id;
}

void EngineModel::cancel(SeqId id, Time at) {
    State& s = *state_;
    s.run(std::max(at, s.now));
    State::Seq* seq = s.find(id);
    if (seq == nullptr) {
        return;
    }
    switch (seq->stage) {
        case State::Stage::waiting:
            --s.queued;
            s.backlog = std::max(0.0, s.backlog - seq->prompt);
            s.room_used += State::room_of(*seq);  // release() gives back what it never took
            break;
        case State::Stage::prefill: {
            const bool head = s.prompts.front() == id;
            s.backlog = std::max(0.0, s.backlog - (head ? s.head_left : seq->prompt));
            --s.prefilling;
            break;
        }
        case State::Stage::decode:
            --s.decoding;
            s.ends_v -= seq->join_v + seq->output - 1;
            break;
        case State::Stage::free:
            return;
    }
    s.release(id);
    s.drop_dead();
    s.admit();
}

void EngineModel::advance(Time until, std::vector<Ended>& ended) {
    State& s = *state_;
    s.run(std::max(until, s.now));
    ended.insert(ended.end(), s.ended.begin(), s.ended.end());
    s.ended.clear();
}

EngineModel::Time EngineModel::next_event() const {
    State& s = *state_;
    if (!s.ended.empty()) {
        return s.now;
    }
    s.drop_dead();
    const double next = std::min(s.prefill_end(), s.decode_end());
    if (next == never) {
        return Time::max();
    }
    return std::max(s.now, s.start + Time{static_cast<std::int64_t>(std::ceil(next * 1e9))});
}

EngineModel::Time EngineModel::now() const noexcept {
    return state_->now;
}

std::int64_t EngineModel::tokens(SeqId id) const noexcept {
    const State::Seq* seq = state_->find(id);
    if (seq == nullptr || seq->stage != State::Stage::decode) {
        return 0;
    }
    const double got = 1 + std::floor(state_->v - seq->join_v + 1e-6);
    return static_cast<std::int64_t>(std::clamp(got, 1.0, seq->output));
}

std::optional<EngineModel::Time> EngineModel::first_token(SeqId id) const noexcept {
    const State::Seq* seq = state_->find(id);
    return seq != nullptr && seq->has_first ? std::optional{seq->first} : std::nullopt;
}

EngineModel::Time EngineModel::expected_first_token(
    std::int64_t tokens_in, std::int64_t tokens_out) const {
    const State& s = *state_;
    if (s.is_api()) {
        return s.time_at(s.t + s.profile.fixed_first_token_s);
    }
    const double prompt = static_cast<double>(std::max<std::int64_t>(1, tokens_in));
    double seconds = (s.backlog + prompt) / s.prefill_rate();
    const double room = prompt + static_cast<double>(tokens_out) / 2;
    const bool full = s.decoding + s.prefilling >= s.profile.seqs ||
                      s.room_used + room > static_cast<double>(s.profile.kv_tokens) || s.queued > 0;
    if (full && s.decoding > 0) {
        // Remaining outputs taken as spread evenly from zero to twice their mean.
        const double mean_left = std::max(0.0, s.ends_v / s.decoding - s.v);
        const double share = std::min(1.0, static_cast<double>(s.queued + 1) / s.decoding);
        seconds =
            std::max(seconds, 2 * mean_left * share / s.decode_rate() + prompt / s.prefill_rate());
    }
    return s.time_at(s.t + seconds);
}

int EngineModel::running() const noexcept {
    return state_->decoding + state_->prefilling;
}
int EngineModel::waiting() const noexcept {
    return state_->queued;
}
double EngineModel::kv_usage() const noexcept {
    return std::clamp(state_->room_used / static_cast<double>(state_->profile.kv_tokens), 0.0, 1.0);
}
double EngineModel::busy_seconds() const noexcept {
    return state_->busy;
}
const Profile& EngineModel::profile() const noexcept {
    return state_->profile;
}

}  // namespace evenkeel::capacity
