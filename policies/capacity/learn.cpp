#include "policies/capacity/learn.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <span>

namespace evenkeel::capacity {

namespace {

using Vector = std::array<double, 3>;

/// What a window counts for once the next has come: about the last 200 matter.
constexpr double keep = 0.995;
/// How far off a seed may be before it is believed less than the windows: half of itself.
constexpr double prior_spread = 0.5;
constexpr double spread_least = 0.02;
constexpr double spread_most = 1.0;
constexpr double spread_gain = 0.05;
/// Windows further off than so many spreads lose weight.
constexpr double huber = 2.5;
/// No engine is further from its seed than this, either way.
constexpr double factor_most = 20;
/// Nor does a window say so.
constexpr double misfit_most = 50;
constexpr std::int64_t tokens_min = 16;

constexpr double window_s = 10;
constexpr double window_most_s = 900;
constexpr double gap_most_s = 10;
constexpr std::int64_t window_tokens = 64;
constexpr std::int64_t finished_least = 8;
constexpr double finished_per_stream = 4;
constexpr std::int64_t whole_burst_finished = 2;

/// Place of row r, column c in the upper triangle.
constexpr std::size_t at(std::size_t r, std::size_t c) noexcept {
    constexpr std::array<std::array<std::size_t, 3>, 3> places{{{0, 1, 2}, {1, 3, 4}, {2, 4, 5}}};
    return places[r][c];
}

/// Solves the symmetric, positive definite system for the unknowns that are not fixed, whose values
/// `x` holds already.
void solve(
    const std::array<double, 6>& matrix,
    const Vector& right,
    const std::array<bool, 3>& fixed,
    Vector& x) noexcept {
    std::array<std::size_t, 3> free{};
    std::size_t n = 0;
    for (std::size_t i = 0; i < 3; ++i) {
        if (!fixed[i]) {
            free[n++] = i;
        }
    }
    std::array<Vector, 3> m{};
    Vector b{};
    for (std::size_t r = 0; r < n; ++r) {
        b[r] = right[free[r]];
        for (std::size_t c = 0; c < 3; ++c) {
            b[r] -= fixed[c] ? matrix[at(free[r], c)] * x[c] : 0;
        }
        for (std::size_t c = 0; c < n; ++c) {
            m[r][c] = matrix[at(free[r], free[c])];
        }
    }
    // Elimination without pivoting: stable for positive definite matrices.
    for (std::size_t r = 0; r < n; ++r) {
        for (std::size_t below = r + 1; below < n; ++below) {
            const double share = m[below][r] / m[r][r];
            for (std::size_t c = r; c < n; ++c) {
                m[below][c] -= share * m[r][c];
            }
            b[below] -= share * b[r];
        }
    }
    for (std::size_t r = n; r-- > 0;) {
        double sum = b[r];
        for (std::size_t c = r + 1; c < n; ++c) {
            sum -= m[r][c] * x[free[c]];
        }
        x[free[r]] = sum / m[r][r];
    }
}

/// The factors that fit the windows best, held at `prior` as firmly as the windows are uncertain.
void estimate(Learned& learned) noexcept {
    const double hold = learned.spread * learned.spread / (prior_spread * prior_spread);
    std::array<double, 6> matrix = learned.information;
    Vector right = learned.moment;
    for (std::size_t i = 0; i < 3; ++i) {
        matrix[at(i, i)] += hold;
        right[i] += hold * learned.prior[i];
    }
    std::array<bool, 3> fixed{};
    Vector x{};
    for (int round = 0; round < 3; ++round) {
        solve(matrix, right, fixed, x);
        bool moved = false;
        for (std::size_t i = 0; i < 3; ++i) {
            const double within = std::clamp(x[i], 1 / factor_most, factor_most);
            if (within != x[i]) {
                x[i] = within;
                fixed[i] = true;
                moved = true;
            }
        }
        if (!moved) {
            break;
        }
    }
    learned.factor = x;
    for (std::size_t i = 0; i < 3; ++i) {
        // What is forgotten of the windows has become the prior.
        learned.prior[i] += (1 - keep) * (x[i] - learned.prior[i]);
    }
}

void begin(Watch& watch, const Look& now) noexcept {
    const bool from_idle = watch.first && watch.last.in_flight == 0;
    watch = {.first = now, .last = now, .from_idle = from_idle};
}

bool fell(const Look& before, const Look& now) noexcept {
    return now.finished < before.finished || now.tokens_in < before.tokens_in ||
           now.tokens_out < before.tokens_out || now.at_s < before.at_s;
}

bool is_full(const Watch& watch, const Look& now, Counting counting, double batch) noexcept {
    const std::int64_t finished = now.finished - watch.first->finished;
    if (now.at_s - watch.first->at_s < window_s ||
        now.tokens_out - watch.first->tokens_out < window_tokens) {
        return false;
    }
    if (counting == Counting::live) {
        return true;
    }
    // What was begun before the window and ends in it, and the other way round, must be few.
    const double enough =
        std::max(static_cast<double>(finished_least), finished_per_stream * batch);
    const bool whole_burst =
        watch.from_idle && now.in_flight == 0 && finished >= whole_burst_finished;
    return whole_burst || static_cast<double>(finished) >= enough;
}

/// Adds what those in flight have had by now that was not at the beginning: `more` requests of the
/// window's mean size, with their prompt read and most of their answer given (longer ones are in
/// flight longer, so it is more than half).
void count_in_flight(Sample& sample, std::int64_t finished, int more) noexcept {
    constexpr double answered = 0.75;
    if (finished <= 0) {
        return;
    }
    const double share = static_cast<double>(more) / static_cast<double>(finished);
    const auto grown = [share](std::int64_t tokens, double part) {
        return std::llround(static_cast<double>(tokens) * std::max(0.0, 1 + share * part));
    };
    sample.tokens_in = grown(sample.tokens_in, 1.0);
    sample.tokens_out = grown(sample.tokens_out, answered);
}

/// Sequences that decoded at once, while any did. The others waited for their prompt: it is read at
/// the full rate when nobody decodes, else with the share that prompts get.
double decoding(const Sample& sample, double stream_seconds, const Learned& known) noexcept {
    const double reading = static_cast<double>(sample.tokens_in) * known.seed[2] * known.factor[2];
    const double beside = 1 - std::exp(-sample.batch);
    const double waited = reading * (beside / prefill_share + 1 - beside);
    const double seconds = std::max(sample.seconds - reading * (1 - beside), sample.seconds / 4);
    return std::max({1.0, sample.batch / 2, (stream_seconds - waited) / seconds});
}

// ---- text -------------------------------------------------------------------------------------

constexpr std::string_view text_version = "learned2";

/// All numbers of a state, in the order of its text.
template <class State, class Visit>
void each_number(State& state, const Visit& visit) {
    for (auto* const list : {&state.seed, &state.factor, &state.prior, &state.moment}) {
        for (auto& number : *list) {
            visit(number);
        }
    }
    for (auto& number : state.information) {
        visit(number);
    }
    visit(state.spread);
    visit(state.samples);
    visit(state.kv_tokens);
}

bool is_sound(const Learned& learned) noexcept {
    const auto positive = [](double number) { return number > 0; };
    // A symmetric matrix of sums of squares: no product is larger than its diagonal allows.
    const auto& m = learned.information;
    const auto bounded = [&m](std::size_t r, std::size_t c) {
        return m[at(r, c)] * m[at(r, c)] <= m[at(r, r)] * m[at(c, c)] * (1 + 1e-9);
    };
    return std::ranges::all_of(learned.seed, positive) &&
           std::ranges::all_of(learned.factor, positive) &&
           std::ranges::all_of(learned.prior, positive) && learned.spread >= spread_least &&
           learned.spread <= spread_most && learned.samples >= 0 && learned.kv_tokens >= 0 &&
           m[0] >= 0 && m[3] >= 0 && m[5] >= 0 && bounded(0, 1) && bounded(0, 2) && bounded(1, 2);
}

}  // namespace

Learned start(const Profile& seed) noexcept {
    Learned learned;
    learned.seed = {
        std::max(seed.alpha_s, 1e-6),
        // A seed without slope must not forbid one.
        std::max(seed.beta_s, std::max(seed.alpha_s, 1e-6) / 1'000),
        1 / std::max(seed.prefill_tok_s, 1.0)};
    return learned;
}

bool add(Learned& learned, const Sample& sample) noexcept {
    if (!(sample.seconds > 0) || !(sample.batch > 0) || !std::isfinite(sample.seconds) ||
        !std::isfinite(sample.batch) || sample.tokens_out < tokens_min || sample.tokens_in < 0) {
        return false;
    }
    // Seconds per token on one side, what is known without error on the other: the token counts of
    // a window are the least certain of its numbers.
    const auto out = static_cast<double>(sample.tokens_out);
    const Vector work{
        1 / std::max(sample.batch, 1.0), 1.0, static_cast<double>(sample.tokens_in) / out};
    double seed_says = 0;
    double known_says = 0;
    for (std::size_t i = 0; i < 3; ++i) {
        seed_says += work[i] * learned.seed[i];
        known_says += work[i] * learned.seed[i] * learned.factor[i];
    }
    const double seconds = sample.seconds / out;
    if (!(seconds > seed_says / misfit_most && seconds < seed_says * misfit_most)) {
        return false;
    }
    // As shares of what is known, so that fast and slow windows are off by the same measure.
    const double said = seconds / known_says;
    Vector share{};
    for (std::size_t i = 0; i < 3; ++i) {
        share[i] = work[i] * learned.seed[i] / known_says;
    }
    const double off = std::abs(said - 1);
    const double limit = huber * learned.spread;
    const double weight = off <= limit ? 1 : limit / off;
    const double felt = std::min(off, 3 * learned.spread);
    learned.spread = std::clamp(
        std::sqrt((1 - spread_gain) * learned.spread * learned.spread + spread_gain * felt * felt),
        spread_least,
        spread_most);
    for (std::size_t r = 0; r < 3; ++r) {
        learned.moment[r] = keep * learned.moment[r] + weight * said * share[r];
        for (std::size_t c = r; c < 3; ++c) {
            double& sum = learned.information[at(r, c)];
            sum = keep * sum + weight * share[r] * share[c];
        }
    }
    ++learned.samples;
    estimate(learned);
    return true;
}

bool is_measured(const Learned& learned) noexcept {
    return learned.samples >= learned_samples_min;
}

Profile profile_of(const Learned& learned, const Profile& seed) noexcept {
    Profile out = seed;
    if (is_measured(learned)) {
        out.alpha_s = learned.seed[0] * learned.factor[0];
        out.beta_s = learned.seed[1] * learned.factor[1];
        out.prefill_tok_s = 1 / (learned.seed[2] * learned.factor[2]);
    }
    if (learned.kv_tokens > 0) {
        out.kv_tokens = learned.kv_tokens;
    }
    return out;
}

std::string to_text(const Learned& learned) {
    std::string out{text_version};
    each_number(learned, [&out](const auto& number) { out += fmt::format(" {}", number); });
    return out;
}

Result<Learned> learned_from_text(std::string_view text) {
    const auto broken = [] {
        return fail(Errc::corrupt, "what was learnt of a worker's speed cannot be read");
    };
    if (!text.starts_with(text_version)) {
        return broken();
    }
    text.remove_prefix(text_version.size());
    Learned learned;
    bool good = true;
    each_number(learned, [&](auto& number) {
        if (!good || !text.starts_with(' ')) {
            good = false;
            return;
        }
        const char* const end = text.data() + text.size();
        const auto [next, problem] = std::from_chars(text.data() + 1, end, number);
        good = problem == std::errc{} && std::isfinite(static_cast<double>(number));
        text.remove_prefix(static_cast<std::size_t>(next - text.data()));
    });
    if (!good || !text.empty() || !is_sound(learned)) {
        return broken();
    }
    return learned;
}

std::optional<Sample> look(
    Watch& watch, const Look& now, Counting counting, const Learned& now_known) noexcept {
    const bool broken = !watch.first || fell(watch.last, now) ||
                        now.at_s - watch.last.at_s > gap_most_s || watch.last.in_flight <= 0;
    if (broken) {
        begin(watch, now);
        return std::nullopt;
    }
    watch.stream_seconds +=
        (watch.last.in_flight + now.in_flight) / 2.0 * (now.at_s - watch.last.at_s);
    watch.last = now;
    const double seconds = now.at_s - watch.first->at_s;
    const double batch = seconds > 0 ? watch.stream_seconds / seconds : 0;
    const bool full = is_full(watch, now, counting, batch);
    if (!full && now.in_flight > 0 && seconds < window_most_s) {
        return std::nullopt;
    }
    Sample sample{
        .seconds = seconds,
        .batch = batch,
        .tokens_in = now.tokens_in - watch.first->tokens_in,
        .tokens_out = now.tokens_out - watch.first->tokens_out};
    if (counting == Counting::at_end) {
        // Those of a fresh start had nothing yet.
        const int before = watch.from_idle ? 0 : watch.first->in_flight;
        count_in_flight(sample, now.finished - watch.first->finished, now.in_flight - before);
    }
    sample.batch = decoding(sample, watch.stream_seconds, now_known);
    begin(watch, now);
    return full ? std::optional{sample} : std::nullopt;
}

}  // namespace evenkeel::capacity
