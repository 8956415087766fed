#include "policies/replay/bound.hpp"

#include <algorithm>
#include <cmath>

namespace evenkeel::replay {

namespace {

using std::chrono::nanoseconds;

constexpr double slot_longest_s = 120;
constexpr double slot_shortest_s = 10;  ///< whatever the boot: a start may then cost less than zero
constexpr int rounds_max = 400;
constexpr int patience = 12;  ///< rounds without a better bound until steps are halved
constexpr double first_step = 1.0;
constexpr double least_step = 1e-3;

double seconds(nanoseconds time) {
    return std::chrono::duration<double>(time).count();
}

/// One request of the relaxed problem. Money in nano-units.
struct Job {
    double api{0};    ///< what not serving it costs
    double own_s{0};  ///< least seconds of an own engine
    double rented_s{0};
    std::uint32_t first{0};  ///< its slots
    std::uint32_t last{0};
};

/// The relaxed problem and its dual.
class Dual {
public:
    explicit Dual(const Options& options) : options_{options} {
        const double boot_s = seconds(options.boot);
        slot_s_ = std::clamp(boot_s / 2, slot_shortest_s, slot_longest_s);
        price_s_ = static_cast<double>(options.machine_price.per_display_unit().nanos()) / 3'600;
        start_ = price_s_ * (boot_s - 2 * slot_s_);
        machines_ = std::max(0, options.scaling.max);
        own_ = static_cast<int>(options.own.size());
        if (options.power_price.num() > 0) {
            // mW x s = mJ; a price is for a microjoule
            power_s_ = static_cast<double>(options.power_price.num()) /
                       static_cast<double>(options.power_price.den()) * 1e3 *
                       static_cast<double>(options.own_busy_milliwatts);
        }
    }

    void add(const TraceRow& row) {
        if (jobs_.empty()) {
            begin_ = row.at;
        }
        const config::Slo& slo = options_.slo;
        const double from = seconds(row.at - begin_);
        const nanoseconds allowed = slo.first_token +
                                    nanoseconds{slo.first_token_per_1k} * row.tokens_in / 1'000 +
                                    nanoseconds{slo.per_output_token} * row.tokens_out;
        // The first token comes with the end of the prompt.
        const std::int64_t decoded = std::max<std::int64_t>(0, row.tokens_out - 1);
        const double api = static_cast<double>(
            options_.api_price.in.cost(row.tokens_in, Rounding::down).nanos() +
            options_.api_price.out.cost(row.tokens_out, Rounding::down).nanos());
        Job job{
            .api = api * static_cast<double>(std::min<std::int64_t>(1, options_.slo.miss_costs)),
            .rented_s = capacity::least_seconds(options_.rented, row.tokens_in, decoded),
            .first = static_cast<std::uint32_t>(from / slot_s_),
            .last = static_cast<std::uint32_t>((from + seconds(allowed)) / slot_s_)};
        for (const capacity::Profile& own : options_.own) {
            const double least = capacity::least_seconds(own, row.tokens_in, decoded);
            job.own_s = job.own_s == 0 ? least : std::min(job.own_s, least);
        }
        slots_ = std::max<std::size_t>(slots_, job.last + 1);
        jobs_.push_back(job);
    }

    /// The best bound found, nano-units.
    [[nodiscard]] double maximise() {
        rented_price_.assign(slots_, price_s_);
        own_price_.assign(slots_, 0.0);
        double api = 0;
        for (const Job& job : jobs_) {
            api += job.api;
        }
        double best = value();
        double aim = api;  // no bound is higher
        double step = first_step;
        int since = 0;
        std::vector<double> best_rented = rented_price_;
        std::vector<double> best_own = own_price_;
        for (int round = 0; round < rounds_max && step > least_step; ++round) {
            double norm = 0;
            for (std::size_t t = 0; t < slots_; ++t) {
                norm += rented_slope_[t] * rented_slope_[t] + own_slope_[t] * own_slope_[t];
            }
            if (norm <= 0) {
                break;
            }
            const double width = step * std::max(aim - best, best * 1e-3) / norm;
            for (std::size_t t = 0; t < slots_; ++t) {
                rented_price_[t] = std::max(0.0, rented_price_[t] + width * rented_slope_[t]);
                own_price_[t] = std::max(0.0, own_price_[t] + width * own_slope_[t]);
            }
            if (const double now = value(); now > best) {
                best = now;
                best_rented = rented_price_;
                best_own = own_price_;
                since = 0;
            } else if (++since == patience) {
                since = 0;
                step /= 2;
                aim = std::min(aim, best + (aim - best) / 2);
                rented_price_ = best_rented;
                own_price_ = best_own;
                static_cast<void>(value());
            }
        }
        return std::max(0.0, best);
    }

private:
    /// The dual at the present prices; sets the slopes.
    double value() {
        rented_slope_.assign(slots_, 0.0);
        own_slope_.assign(slots_, -slot_s_ * own_);
        double sum = machines();
        for (const double price : own_price_) {
            sum -= slot_s_ * own_ * price;
        }
        for (const Job& job : jobs_) {
            sum += serve(job);
        }
        return sum;
    }

    /// The cheapest way to serve one request.
    double serve(const Job& job) {
        const auto cheapest = [&](const std::vector<double>& prices) {
            std::size_t best = job.first;
            for (std::size_t t = job.first + 1; t <= job.last; ++t) {
                best = prices[t] < prices[best] ? t : best;
            }
            return best;
        };
        double cost = job.api;
        std::vector<double>* slope = nullptr;
        std::size_t slot = 0;
        double work = 0;
        if (machines_ > 0) {
            const std::size_t t = cheapest(rented_price_);
            if (const double there = rented_price_[t] * job.rented_s; there < cost) {
                cost = there;
                slope = &rented_slope_;
                slot = t;
                work = job.rented_s;
            }
        }
        if (own_ > 0) {
            const std::size_t t = cheapest(own_price_);
            if (const double there = (own_price_[t] + power_s_) * job.own_s; there < cost) {
                cost = there;
                slope = &own_slope_;
                slot = t;
                work = job.own_s;
            }
        }
        if (slope != nullptr) {
            (*slope)[slot] += work;
        }
        return cost;
    }

    /// The cheapest life of one machine, times as many as there may be: all are alike.
    double machines() {
        if (machines_ == 0) {
            return 0;
        }
        double off = 0;
        double on = start_ + slot_s_ * (price_s_ - rented_price_[0]);
        started_.assign(slots_, 1);  // whether `on` in this slot begins there
        from_on_.assign(slots_, 0);  // whether `off` in this slot follows `on`
        for (std::size_t t = 1; t < slots_; ++t) {
            const double stay = on;
            const double start = off + start_;
            from_on_[t] = on < off ? 1 : 0;
            off = std::min(off, on);
            started_[t] = start < stay ? 1 : 0;
            on = std::min(stay, start) + slot_s_ * (price_s_ - rented_price_[t]);
        }
        bool runs = on < off;
        for (std::size_t t = slots_; t-- > 0;) {
            if (runs) {
                rented_slope_[t] -= slot_s_ * machines_;
                runs = started_[t] == 0;
            } else {
                runs = from_on_[t] != 0;
            }
        }
        return machines_ * std::min(on, off);
    }

    const Options& options_;
    std::vector<Job> jobs_{};
    nanoseconds begin_{};
    double slot_s_{0};
    double price_s_{0};
    double power_s_{0};
    double start_{0};
    int machines_{0};
    int own_{0};
    std::size_t slots_{0};
    std::vector<double> rented_price_{};
    std::vector<double> own_price_{};
    std::vector<double> rented_slope_{};
    std::vector<double> own_slope_{};
    std::vector<std::uint8_t> started_{};
    std::vector<std::uint8_t> from_on_{};
};

}  // namespace

Result<Money> lower_bound(const OpenRows& rows, const Options& options) {
    if (options.machine_price.num() <= 0) {
        return fail(Errc::invalid_argument, "a bound needs a machine price");
    }
    Dual dual{options};
    std::size_t count = 0;
    const Result<void> read = for_each_row(rows, [&](const TraceRow& row) {
        if (++count <= trace_rows_max) {
            dual.add(row);
        }
    });
    if (!read) {
        return std::unexpected{read.error()};
    }
    // Rows left out would only raise it, so it stays valid.
    const double best = count == 0 ? 0.0 : std::floor(dual.maximise());
    return Money{static_cast<std::int64_t>(best), options.machine_price.currency()};
}

}  // namespace evenkeel::replay
