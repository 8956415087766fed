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
/// Without measured tokens: so many read for one written.
const Exact in_for_one_out{4};

std::string percent(const Exact& share) {
    return to_fixed(share * 100, 0) + " %";
}

Terms terms_of(const Situation& s) {
    Terms terms;
    terms.report_currency = s.report;
    terms.rates = s.rates;
    terms.hours_per_month = s.hours_per_month;
    terms.horizon_months = s.horizon_months;
    if (s.own) {
        terms.capex = s.own->price;
        terms.capex_currency = s.own->currency;
        terms.residual_fraction = s.own->residual;
        terms.active_w = s.own->active_w;
        terms.idle_w = s.own->idle_w;
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

class Comparer {
public:
    explicit Comparer(const Situation& situation) : s_{situation}, terms_{terms_of(s_)} {}

    Result<Comparison> run() {
        if (const auto own = add_own(); !own) {
            return std::unexpected{own.error()};
        }
        add_rows();
        choose_base();
        if (out_.base) {
            add_swings(s_.rentals[*out_.rows[*out_.base].rental]);
        }
        add_reserved();
        add_versus();
        std::ranges::sort(out_.ways, {}, &Way::cost);
        return std::move(out_);
    }

private:
    /// Nothing, and a note, when `what` cannot be reckoned.
    std::optional<Answer> ask(Kind kind, const Terms& terms, const std::string& what) {
        auto answer = solve(kind, terms);
        if (answer) {
            return std::move(*answer);
        }
        std::string note = fmt::format("{} is left out: {}", what, answer.error().message);
        if (std::ranges::find(out_.notes, note) == out_.notes.end()) {
            out_.notes.push_back(std::move(note));
        }
        return std::nullopt;
    }

    Result<void> add_own() {
        if (!s_.own) {
            return {};
        }
        const auto power = solve(Kind::own_monthly, terms_);
        const auto all = solve(Kind::horizon_cheapest, terms_);  // of one way: buying
        if (!power || !all) {
            return std::unexpected{power ? all.error() : power.error()};
        }
        out_.power_monthly = power->own_monthly;
        out_.ways.push_back(
            {.what = fmt::format("buying '{}'", s_.own->name), .cost = *all->expected});
        return {};
    }

    void add_row(Row row, Kind kind, const Terms& terms) {
        auto answer =
            ask(s_.own       ? kind
                : row.rental ? Kind::rent_monthly
                             : Kind::api_cost,
                terms,
                row.what);
        if (!answer) {
            return;
        }
        row.monthly = row.rental ? *answer->rent_monthly : *answer->api_monthly;
        row.answer = std::move(*answer);
        out_.ways.push_back({.what = row.what, .cost = row.monthly * s_.horizon_months});
        out_.rows.push_back(std::move(row));
    }

    void add_rows() {
        for (std::size_t i = 0; i < s_.rentals.size(); ++i) {
            const RentalOption& rental = s_.rentals[i];
            add_row(
                {.what = "renting " + rental.what,
                 .rental = i,
                 .seen = rental.seen,
                 .stale = rental.stale},
                Kind::buy_vs_rent,
                with(terms_, rental));
        }
        if (!s_.tokens) {
            return;
        }
        for (const ApiOption& api : s_.apis) {
            add_row(
                {.what = "the same tokens, " + api.what, .seen = api.seen},
                Kind::local_vs_api,
                with(terms_, api, *s_.tokens));
            if (api.batch < 1) {
                Terms terms = with(terms_, api, *s_.tokens);
                terms.batch_discount = 1 - api.batch;
                add_row(
                    {.what = fmt::format("the same tokens, {}, in batches", api.what),
                     .seen = api.seen},
                    Kind::local_vs_api,
                    terms);
            }
        }
    }

    /// A rental against which the hardware pays at all: of fresh prices the cheapest, else the one
    /// seen last.
    void choose_base() {
        for (std::size_t i = 0; s_.own && i < out_.rows.size(); ++i) {
            const Row& row = out_.rows[i];
            const bool better = !out_.base || comes_before(row, out_.rows[*out_.base]);
            if (row.rental && row.answer.status == "ok" && better) {
                out_.base = i;
            }
        }
    }

    std::optional<Exact> months_with(const RentalOption& base, const auto& change) {
        Terms terms = with(terms_, base);
        change(terms);
        const auto answer = solve(Kind::buy_vs_rent, terms);
        return answer ? answer->expected : std::nullopt;
    }

    void swing(
        const RentalOption& base,
        std::string what,
        const std::pair<Exact, Exact>& ends,
        const std::function<std::string(const Exact&)>& text,
        const std::function<void(Terms&, const Exact&)>& set) {
        const auto& [low, high] = ends;
        out_.swings.push_back(
            {.what = std::move(what),
             .low = text(low),
             .high = text(high),
             .low_months = months_with(base, [&](Terms& terms) { set(terms, low); }),
             .high_months = months_with(base, [&](Terms& terms) { set(terms, high); })});
    }

    /// What the same GPU costs elsewhere, else a third less and more.
    [[nodiscard]] std::pair<Exact, Exact> rents_beside(const RentalOption& base) const {
        Exact least = base.rate;
        Exact most = base.rate;
        for (const RentalOption& other : s_.rentals) {
            if (other.currency == base.currency && other.gpu == base.gpu) {
                least = std::min(least, other.rate);
                most = std::max(most, other.rate);
            }
        }
        return least < most
                   ? std::pair{least, most}
                   : std::pair{Exact{base.rate * two_thirds}, Exact{base.rate * four_thirds}};
    }

    void add_swings(const RentalOption& base) {
        const auto two = [](const Exact& value) { return to_fixed(value); };
        swing(
            base,
            "use",
            {s_.use * third, std::min(Exact{s_.use * 2}, Exact{1})},
            percent,
            [](Terms& terms, const Exact& value) {
                terms.active_fraction = value;
                terms.billed_fraction = value;
            });
        swing(base, "rent", rents_beside(base), two, [](Terms& terms, const Exact& value) {
            terms.rent_rate = value;
        });
        swing(
            base,
            "resale",
            {0, std::max(s_.own->residual, resale_high)},
            percent,
            [](Terms& terms, const Exact& value) { terms.residual_fraction = value; });
        for (const auto& [pair, rate] : s_.rates) {
            const bool used = pair.second == s_.report &&
                              (pair.first == base.currency || pair.first == s_.own->currency ||
                               pair.first == s_.tariff_currency);
            if (used) {
                swing(
                    base,
                    fmt::format("{} rate", pair.first.text()),
                    {rate * (1 - tenth), rate * (1 + tenth)},
                    two,
                    [key = pair](Terms& terms, const Exact& value) { terms.rates[key] = value; });
            }
        }
        if (s_.tariff > 0) {
            swing(
                base,
                "tariff",
                {s_.tariff * two_thirds, s_.tariff * four_thirds},
                two,
                [](Terms& terms, const Exact& value) { terms.tariff = value; });
        }
    }

    void add_reserved() {
        for (const Reservation& reservation : s_.reservations) {
            Terms terms = terms_;
            terms.rent_rate = reservation.rate;
            terms.ondemand_rate = reservation.list_rate;
            if (auto answer = ask(Kind::reserved_vs_ondemand, terms, reservation.what)) {
                out_.reserved.push_back({.reservation = reservation, .answer = std::move(*answer)});
            }
        }
    }

    /// A machine that is rented all month, and for one burst, against every API.
    void add_versus() {
        const Exact in = s_.tokens ? s_.tokens->in_mtok : in_for_one_out;
        const Exact out = s_.tokens ? s_.tokens->out_mtok : Exact{1};
        if (in + out <= 0) {
            return;
        }
        for (const RentalOption& rental : s_.rentals) {
            for (const ApiOption& api : s_.apis) {
                const std::string what = fmt::format("{} against {}", rental.what, api.what);
                Terms terms = with(terms_, rental);
                terms.billed_fraction = 1;
                terms.api_in = api.in;
                terms.api_out = api.out;
                terms.api_currency = api.currency;
                terms.in_share = in / (in + out);
                terms.boot_s = rental.boot_s;
                terms.busy_s = s_.burst_busy_s;
                terms.drain_s = rental.drain_s;
                terms.min_billed_s = rental.min_billed_s;
                auto month = ask(Kind::rent_vs_api, terms, what);
                auto burst = ask(Kind::burst_rent_vs_api, terms, what);
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

    const Situation& s_;
    Terms terms_;
    Comparison out_{};
};

}  // namespace

Result<Comparison> compare(const Situation& situation) {
    return Comparer{situation}.run();
}

}  // namespace evenkeel::breakeven
