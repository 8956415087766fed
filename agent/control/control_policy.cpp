#include "agent/control/budget_figures.hpp"
#include "agent/control/control.hpp"
#include "agent/ledger/reader.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

/// A policy is stored, put in force as a whole, and stays the newest row.
namespace evenkeel::agent {

namespace {

/// More than any limit, and far from overflowing when more is added.
constexpr std::int64_t budget_closed = std::numeric_limits<std::int64_t>::max() / 4;

}  // namespace

Result<std::int64_t> Control::apply(
    config::Config config, std::string text, std::string author, std::chrono::milliseconds limit) {
    enum class Stage : std::uint8_t { waiting, applying, given_up };
    struct Attempt {
        std::atomic<Stage> stage{Stage::waiting};
        std::promise<Result<std::int64_t>> answer{};
    };
    auto attempt = std::make_shared<Attempt>();
    auto future = attempt->answer.get_future();
    std::string stored = text;
    ++policies_under_way_;
    parts_.ledger.policy(
        std::move(stored),
        std::move(author),
        [this, attempt, inbox = inbox_, config = std::move(config), text = std::move(text)](
            Result<std::int64_t> revision) mutable {
            if (!revision) {
                inbox.post([this] { policy_stored(0); });
                attempt->answer.set_value(std::move(revision));
                return;
            }
            inbox.post([this,
                        attempt,
                        config = std::move(config),
                        text = std::move(text),
                        number = *revision]() mutable {
                Stage expected = Stage::waiting;
                if (attempt->stage.compare_exchange_strong(expected, Stage::applying)) {
                    apply_revision(std::move(config), number);
                    text_ = std::move(text);
                    text_row_ = number;
                    attempt->answer.set_value(number);
                }
                policy_stored(number);
            });
        });
    if (future.wait_for(limit) != std::future_status::ready) {
        Stage expected = Stage::waiting;
        if (attempt->stage.compare_exchange_strong(expected, Stage::given_up)) {
            return fail(
                Errc::timed_out,
                "the ledger did not store the policy in time; nothing changed. Look at the disk, "
                "then try again");
        }
    }
    return future.get();
}

/// The newest row is to be the policy in force, also after one that was stored when nobody waited
/// for it any more.
void Control::policy_stored(std::int64_t row) {
    newest_policy_ = std::max(newest_policy_, row);
    if (--policies_under_way_ > 0 || !text_ || newest_policy_ == text_row_) {
        return;
    }
    ++policies_under_way_;
    parts_.ledger.policy(
        *text_, "evenkeel", [this, inbox = inbox_](const Result<std::int64_t>& stored) {
            inbox.post([this, row = stored.value_or(0)] {
                text_row_ = row > 0 ? row : newest_policy_;  // one that failed is not tried again
                policy_stored(row);
            });
        });
}

/// Keeps rates and token prices of the policy, so that old rows stay readable when they change.
void Control::note_prices(Now now) {
    const config::Config& config = catalogue_->config;
    for (const auto& [currency, rate] : config.currency.rates) {
        parts_.ledger.fx_seen(
            {.base = currency,
             .quote = config.currency.report,
             .num = rate.rate_nanos,
             .den = 1'000'000'000,
             .as_of = std::chrono::sys_days{rate.as_of}});
    }
    for (const config::Model& model : config.models) {
        for (const config::Offer& offer : model.offers) {
            if (!offer.token_price) {
                continue;
            }
            const UtcTime seen = offer.seen ? UtcTime{std::chrono::sys_days{*offer.seen}} : now.utc;
            const NameIx ix = names_.intern(routing::NameKind::offer, offer.name);
            const auto note = [&](const char* meter, const Price& price) {
                parts_.ledger.price_seen(
                    {.offer = ix, .meter = meter, .price = price, .seen = seen, .from = seen});
            };
            note("in", offer.token_price->in);
            note("out", offer.token_price->out);
        }
    }
}

/// What the books say that the scope of each budget has cost in its window; nothing where they
/// cannot tell, which then counts as all: closed, not open.
std::optional<std::int64_t> Control::spent_in_books(const config::Budget& budget, Now now) {
    auto reader = ledger::Reader::open(options_.state);
    if (!reader) {
        spdlog::error("budget={} {}", budget.name, reader.error().message);
        return std::nullopt;
    }
    const auto spent =
        spent_in_window(*reader, catalogue_->config, budget, names_, options_.zone, now.utc);
    if (!spent) {
        spdlog::error("budget={} counts as used up: {}", budget.name, spent.error().message);
        return std::nullopt;
    }
    return *spent;
}

/// Fills in when the windows of budgets end, and what they have used that the gate does not know:
/// all of them at the start; after a reload those that are new, or have another window or scope, or
/// count other work.
std::vector<std::size_t> Control::seed_budgets(
    gate::Policy& policy, const routing::Catalogue* before, Now now) {
    std::vector<std::size_t> changed;
    for (std::size_t i = 0; i < policy.budgets.size(); ++i) {
        const config::Budget& budget = catalogue_->config.budgets[i];
        policy.budgets[i].resets = exposure_.window_end(i);
        if (before != nullptr) {
            const auto old =
                std::ranges::find(before->config.budgets, budget.name, &config::Budget::name);
            const std::string& model = budget.scope.model;
            const bool same = old != before->config.budgets.end() && old->per == budget.per &&
                              old->scope == budget.scope &&
                              routing::is_charged_internally(before->config, model) ==
                                  routing::is_charged_internally(catalogue_->config, model) &&
                              !closed_budgets_.contains(budget.name);
            if (same) {
                continue;
            }
        }
        const auto spent = spent_in_books(budget, now);
        if (!spent) {
            closed_budgets_.insert(budget.name);
            policy.budgets[i].settled = budget_closed;
        } else {
            closed_budgets_.erase(budget.name);
            policy.budgets[i].settled = before != nullptr ? *spent + exposure_.unposted(fleet_, i)
                                                          : used_at_start(
                                                                parts_.ledger.recovered(),
                                                                catalogue_->budgets[i],
                                                                budget,
                                                                *spent,
                                                                options_.zone,
                                                                now.utc);
        }
        changed.push_back(i);
    }
    return changed;
}

void Control::apply_revision(config::Config config, std::int64_t revision) {
    const Now now = parts_.clock.read();
    drivers_.apply(config);
    const std::shared_ptr<const routing::Catalogue> before = catalogue_;
    catalogue_ = routing::compile(std::move(config), revision, names_);
    catalogue_loaded_ = now.utc;
    if (!catalogue_->config.dashboard.control) {
        control_since_ = 0;
    } else if (control_since_ == 0) {
        control_since_ = revision;
    }
    parts_.books.use(*catalogue_);
    fleet_.apply(catalogue_);
    exposure_.apply(catalogue_, now);
    gate::Policy limits = routing::gate_policy(*catalogue_);
    const std::vector<std::size_t> seeded = seed_budgets(limits, before.get(), now);
    parts_.gateway.apply(catalogue_, limits);
    for (const std::size_t i : seeded) {
        // A budget that kept its name kept its figures in the gate.
        parts_.gateway.budget_booked(catalogue_->budgets[i], limits.budgets[i].settled, {});
    }
    if (before) {
        key_limits_.apply(catalogue_, now);
    } else {
        key_limits_.start(catalogue_, parts_.ledger.recovered(), now);
        renter_.recover(parts_.ledger.recovered().rent_states);
        recall_nights(now);
    }
    renter_.apply(catalogue_);
    if (!recovered_) {
        recovered_ = true;
        recover(now);
    } else {
        fleet_.sweep();  // a new provider is listed before anything is rented
    }
    drain_unnamed();
    note_prices(now);
    parts_.ledger.keep_detail(
        std::chrono::duration_cast<std::chrono::seconds>(catalogue_->config.ledger.keep_requests));
    market_.apply(catalogue_);
    sources_.apply(*catalogue_);
    own_engines_.apply(catalogue_);
    for (const std::string& note : catalogue_->notes) {
        spdlog::warn("{}", note);
    }
    spdlog::info(
        "policy revision={} models={} routes={} speed={}",
        revision,
        catalogue_->config.models.size(),
        catalogue_->config.routes.size(),
        catalogue_->config.speed);
    publish();
}

/// Machines whose rule the policy no longer has would idle until their latest end.
void Control::drain_unnamed() {
    std::vector<MachineId> unnamed;
    for (const auto& [id, seat] : fleet_.seats()) {
        const bool named = std::ranges::any_of(
            catalogue_->config.scaling,
            [&](const config::Scaling& rule) { return rule.model == seat.machine.model; });
        if (!named && !seat.machine.end_asked) {
            unnamed.push_back(id);
        }
    }
    for (const MachineId id : unnamed) {
        fleet_.drain(id, Reason{ReasonCode::rent_over_max, {1, 0}});
    }
}

}  // namespace evenkeel::agent
