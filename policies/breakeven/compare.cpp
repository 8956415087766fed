#include "policies/breakeven/compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

namespace evenkeel::breakeven {

namespace {

const Exact third{1, 3};
const Exact two_thirds{2, 3};
const Exact four_thirds{4, 3};
const Exact resale_high{35, 100};
const Exact tenth{1, 10};

std::string percent(const Exact& share) {
    return to_fixed(share * 100, 0) + " %";
}

Terms terms_of(const Situation& s) {
    Terms terms;
    terms.report_currency = s.report;
    terms.rates = s.rates;
    terms.hours_per_month = s.hours_per_month;
    if (s.machine) {
        terms.capex = s.machine->price;
        terms.capex_currency = s.machine->currency;
        terms.residual_fraction = s.machine->residual;
        terms.active_w = s.machine->active_w;
        terms.idle_w = s.machine->idle_w;
    }
    terms.active_fraction = s.use;
    terms.billed_fraction = s.use;
    terms.tariff = s.tariff;
    terms.tariff_currency = s.tariff_currency;
    return terms;
}

Terms with(Terms terms, const RentalOption& rental) {
    terms.rent_rate = rental.rate;
    terms.rent_currency = rental.currency;
    terms.capacity_tps = rental.capacity_tps;
    return terms;
}

Terms with(Terms terms, const ApiOption& api, const Tokens& tokens) {
    terms.api_in = api.in;
    terms.api_out = api.out;
    terms.api_cache_read = api.cached;
    terms.api_currency = api.currency;
    terms.in_mtok = tokens.in_mtok;
    terms.out_mtok = tokens.out_mtok;
    terms.cached_fraction = api.cached ? tokens.cached_fraction : Exact{0};
    return terms;
}

bool comes_before(const Row& a, const Row& b) {
    if (a.stale != b.stale) {
        return b.stale;
    }
    return a.stale && a.seen != b.seen ? a.seen > b.seen : a.monthly < b.monthly;
}

/// Collects the comparison; the first error stands for all.
class Comparer {
public:
    explicit Comparer(const Situation& situation) : s_{situation}, base_terms_{terms_of(s_)} {}

    Result<Comparison> run() {
        own();
        rows();
        base();
        swings();
        reserved();
        versus();
        horizon();
        return error_ ? Result<Comparison>{std::unexpected{*error_}}
                      : Result<Comparison>{std::move(out_)};
    }

private:
    /// Nothing, and the error is kept, when it cannot be solved.
    std::optional<Answer> ask(Kind kind, const Terms& terms) {
        auto answer = solve(kind, terms);
        if (!answer) {
            error_ = error_ ? error_ : std::optional{answer.error()};
            return std::nullopt;
        }
        return std::move(*answer);
    }

    void own() {
        if (s_.machine) {
            if (const auto answer = ask(Kind::own_monthly, base_terms_)) {
                out_.power_monthly = answer->own_monthly;
            }
        }
    }

    void add_row(Row row, Kind kind, const Terms& terms) {
        auto answer =
            ask(s_.machine   ? kind
                : row.rental ? Kind::rent_monthly
                             : Kind::api_cost,
                terms);
        if (!answer) {
            return;
        }
        row.monthly = row.rental ? *answer->rent_monthly : *answer->api_monthly;
        row.answer = std::move(*answer);
        out_.rows.push_back(std::move(row));
    }

    void rows() {
        for (const RentalOption& rental : s_.rentals) {
            add_row(
                {.what = "renting " + rental.what,
                 .rental = true,
                 .seen = rental.seen,
                 .stale = rental.stale},
                Kind::buy_vs_rent,
                with(base_terms_, rental));
        }
        if (!s_.tokens) {
            return;
        }
        for (const ApiOption& api : s_.apis) {
            add_row(
                {.what = "the same tokens, " + api.what, .seen = api.seen},
                Kind::local_vs_api,
                with(base_terms_, api, *s_.tokens));
        }
    }

    /// A rental that pays at all: of fresh prices the cheapest, else the one seen last.
    void base() {
        if (!s_.machine) {
            return;
        }
        for (std::size_t i = 0; i < out_.rows.size() && i < s_.rentals.size(); ++i) {
            const Row& row = out_.rows[i];
            if (row.answer.status != "ok") {
                continue;
            }
            const bool better = !out_.base || comes_before(row, out_.rows[*out_.base]);
            if (better) {
                out_.base = i;
            }
        }
    }

    std::optional<Exact> months_with(const std::function<void(Terms&)>& change) {
        Terms terms = with(base_terms_, s_.rentals[*out_.base]);
        change(terms);
        const auto answer = ask(Kind::buy_vs_rent, terms);
        return answer ? answer->expected : std::nullopt;
    }

    void swing(
        std::string what,
        const Exact& low,
        const Exact& high,
        const std::function<std::string(const Exact&)>& text,
        const std::function<void(Terms&, const Exact&)>& set) {
        out_.swings.push_back(
            {.what = std::move(what),
             .low = text(low),
             .high = text(high),
             .low_months = months_with([&](Terms& terms) { set(terms, low); }),
             .high_months = months_with([&](Terms& terms) { set(terms, high); })});
    }

    void swings() {
        if (!out_.base) {
            return;
        }
        const auto two = [](const Exact& value) { return to_fixed(value); };
        const auto use = [](Terms& terms, const Exact& value) {
            terms.active_fraction = value;
            terms.billed_fraction = value;
        };
        swing("use", s_.use * third, std::min(Exact{s_.use * 2}, Exact{1}), percent, use);
        const RentalOption& rental = s_.rentals[*out_.base];
        Exact least = rental.rate;
        Exact most = rental.rate;
        for (const RentalOption& other : s_.rentals) {
            if (other.currency == rental.currency) {
                least = std::min(least, other.rate);
                most = std::max(most, other.rate);
            }
        }
        if (least == most) {
            least = rental.rate * two_thirds;
            most = rental.rate * four_thirds;
        }
        swing("rent", least, most, two, [](Terms& terms, const Exact& v) { terms.rent_rate = v; });
        swing(
            "resale",
            0,
            std::max(s_.machine->residual, resale_high),
            percent,
            [](Terms& terms, const Exact& v) { terms.residual_fraction = v; });
        swing_rates(two);
        if (s_.tariff > 0) {
            swing(
                "tariff",
                s_.tariff * two_thirds,
                s_.tariff * four_thirds,
                two,
                [](Terms& terms, const Exact& v) { terms.tariff = v; });
        }
    }

    /// Every rate that takes part: a tenth less and a tenth more.
    void swing_rates(const std::function<std::string(const Exact&)>& text) {
        for (const auto& [pair, rate] : s_.rates) {
            const Currency rent = s_.rentals[*out_.base].currency;
            const bool used = pair.second == s_.report &&
                              (pair.first == rent || pair.first == s_.machine->currency);
            if (used) {
                swing(
                    fmt::format("{} rate", pair.first.text()),
                    rate * (1 - tenth),
                    rate * (1 + tenth),
                    text,
                    [key = pair](Terms& terms, const Exact& v) { terms.rates[key] = v; });
            }
        }
    }

    void reserved() {
        for (const Reservation& reservation : s_.reservations) {
            for (const RentalOption& rental : s_.rentals) {
                const bool same = rental.provider == reservation.provider &&
                                  rental.gpu == reservation.gpu &&
                                  rental.currency == reservation.currency;
                if (!same) {
                    continue;
                }
                Terms terms = base_terms_;
                terms.rent_rate = reservation.rate;
                terms.ondemand_rate = rental.rate;
                if (auto answer = ask(Kind::reserved_vs_ondemand, terms)) {
                    out_.reserved.push_back(
                        {.reservation = reservation,
                         .against = rental.what,
                         .list_rate = rental.rate,
                         .answer = std::move(*answer)});
                }
            }
        }
    }

    /// A machine that is rented all month, and for one burst, against every API.
    void versus() {
        const Exact in = s_.tokens ? s_.tokens->in_mtok : Exact{4};
        const Exact out = s_.tokens ? s_.tokens->out_mtok : Exact{1};
        if (in + out <= 0) {
            return;
        }
        for (const RentalOption& rental : s_.rentals) {
            for (const ApiOption& api : s_.apis) {
                Terms terms = with(base_terms_, rental);
                terms.billed_fraction = 1;
                terms.api_in = api.in;
                terms.api_out = api.out;
                terms.api_currency = api.currency;
                terms.in_share = in / (in + out);
                terms.boot_s = s_.boot_s;
                terms.busy_s = s_.busy_s;
                terms.drain_s = s_.drain_s;
                terms.min_billed_s = s_.min_billed_s;
                auto month = ask(Kind::rent_vs_api, terms);
                auto burst = ask(Kind::burst_rent_vs_api, terms);
                if (month && burst) {
                    out_.versus.push_back(
                        {.rental = rental.what,
                         .api = api.what,
                         .month = std::move(*month),
                         .burst = std::move(*burst)});
                }
            }
        }
    }

    void horizon() {
        if (!s_.machine || !out_.base) {
            return;
        }
        Terms terms = with(base_terms_, s_.rentals[*out_.base]);
        if (s_.tokens && !s_.apis.empty()) {
            terms = with(std::move(terms), s_.apis.front(), *s_.tokens);
        }
        terms.horizon_months = s_.horizon_months;
        out_.horizon = ask(Kind::horizon_cheapest, terms);
    }

    const Situation& s_;
    Terms base_terms_;
    Comparison out_{};
    std::optional<Error> error_{};
};

}  // namespace

Result<Comparison> compare(const Situation& situation) {
    return Comparer{situation}.run();
}

}  // namespace evenkeel::breakeven
