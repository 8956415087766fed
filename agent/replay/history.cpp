#include "agent/replay/history.hpp"

#include "policies/domain/duration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <set>
#include <utility>
#include <vector>

namespace evenkeel::agent {

namespace {

constexpr int page_rows = 8'192;

bool has_workers(const config::Config& config, const config::Model& model) {
    return std::ranges::any_of(model.offers, [&](const config::Offer& offer) {
        const config::Provider* provider = config.provider(offer.on);
        return provider != nullptr && (provider->kind == config::ProviderKind::local ||
                                       provider->kind == config::ProviderKind::rental);
    });
}

/// It went to an API though its queue was that of a model with workers.
bool left_its_queue(SourceKind kind, ReasonCode reason) {
    return kind == SourceKind::api && reason != ReasonCode::api_only;
}

class LedgerRows final : public replay::RowSource {
public:
    LedgerRows(
        ledger::Reader& reader,
        std::shared_ptr<const Attribution> attribution,
        std::string model,
        Span span,
        ModelDemand demand,
        std::stop_token stop)
        : reader_{reader},
          attribution_{std::move(attribution)},
          model_{std::move(model)},
          span_{span},
          demand_{demand},
          stop_{std::move(stop)},
          after_{least_id_at(span.since) - 1} {}

    Result<std::span<const replay::TraceRow>> next() override {
        rows_.clear();
        while (rows_.empty()) {
            if (stop_.stop_requested()) {
                return fail(Errc::cancelled, "the replay was stopped");
            }
            if (const auto read = reader_.arrivals(after_, span_.until, page_rows, page_); !read) {
                return std::unexpected{read.error()};
            }
            if (page_.empty()) {
                break;
            }
            after_ = page_.back().id;
            for (const ledger::ArrivalRow& row : page_) {
                if (is_ours(row)) {
                    rows_.push_back(trace_row(row));
                }
            }
        }
        return std::span<const replay::TraceRow>{rows_};
    }

private:
    bool is_ours(const ledger::ArrivalRow& row) {
        const NameIx model = attribution_->model(row.model, row.route, row.kind, row.reason);
        const auto [known, is_new] = ours_.try_emplace(model, false);
        if (is_new) {
            known->second = attribution_->text(model) == model_;
        }
        return known->second;
    }
    [[nodiscard]] replay::TraceRow trace_row(const ledger::ArrivalRow& row) const {
        const bool sized = row.tokens_in > 0 || row.tokens_out > 0;
        return {
            .at = std::max<std::chrono::nanoseconds>(
                id_time(row.id.value()) - span_.since, std::chrono::nanoseconds{0}),
            .tokens_in = std::clamp<std::int64_t>(
                sized ? row.tokens_in : demand_.mean_in(), 0, replay::trace_tokens_max),
            .tokens_out = std::clamp<std::int64_t>(
                sized ? row.tokens_out : demand_.mean_out(), 0, replay::trace_tokens_max)};
    }

    ledger::Reader& reader_;
    std::shared_ptr<const Attribution> attribution_;
    std::string model_;
    Span span_;
    ModelDemand demand_;
    std::stop_token stop_;
    RequestId after_;
    std::map<NameIx, bool> ours_{};
    std::vector<ledger::ArrivalRow> page_{};
    std::vector<replay::TraceRow> rows_{};
};

std::int64_t mean(std::int64_t sum, std::int64_t count) {
    return count == 0 ? 0 : (sum + count / 2) / count;
}

void add(ModelDemand& to, const ModelDemand& more) {
    to.first = to.requests == 0 ? more.first : std::min(to.first, more.first);
    to.last = to.requests == 0 ? more.last : std::max(to.last, more.last);
    to.requests += more.requests;
    to.sized += more.sized;
    to.tokens_in += more.tokens_in;
    to.tokens_cached += more.tokens_cached;
    to.tokens_out += more.tokens_out;
}

}  // namespace

std::int64_t ModelDemand::mean_in() const noexcept {
    return mean(tokens_in, sized);
}
std::int64_t ModelDemand::mean_out() const noexcept {
    return mean(tokens_out, sized);
}

ModelDemand Demand::of(const std::string& model) const {
    const auto found = models.find(model);
    return found == models.end() ? ModelDemand{} : found->second;
}

ModelDemand Demand::all() const {
    ModelDemand sum;
    for (const auto& [model, demand] : models) {
        add(sum, demand);
    }
    return sum;
}

Attribution::Attribution(const config::Config& config, const std::vector<ledger::NameRow>& names) {
    std::map<std::string, NameIx> models;
    for (const ledger::NameRow& name : names) {
        if (name.kind == routing::NameKind::model) {
            texts_.emplace(name.ix, name.text);
            models.emplace(name.text, name.ix);
            const config::Model* model = config.model(name.text);
            has_workers_.emplace(name.ix, model != nullptr && has_workers(config, *model));
        }
    }
    for (const ledger::NameRow& name : names) {
        const auto route = std::ranges::find(config.routes, name.text, &config::Route::name);
        if (name.kind != routing::NameKind::route || route == config.routes.end()) {
            continue;
        }
        for (const std::string& used : route->use) {
            const config::Model* model = config.model(used);
            const auto ix = model == nullptr ? models.end() : models.find(model->name);
            if (ix != models.end() && has_workers_[ix->second]) {
                queue_of_.emplace(name.ix, ix->second);
                break;
            }
        }
    }
}

NameIx Attribution::model(NameIx answered, NameIx route, SourceKind kind, ReasonCode reason) const {
    const auto own = has_workers_.find(answered);
    if (!left_its_queue(kind, reason) || (own != has_workers_.end() && own->second)) {
        return answered;
    }
    const auto queue = queue_of_.find(route);
    return queue == queue_of_.end() ? answered : queue->second;
}

std::string Attribution::text(NameIx model) const {
    const auto found = texts_.find(model);
    return found == texts_.end() ? std::string{} : found->second;
}

Result<Demand> read_demand(ledger::Reader& reader, const config::Config& config, Span span) {
    const auto names = reader.names();
    const auto rows = reader.demand(span.since, span.until);
    if (!names || !rows) {
        return std::unexpected{names ? rows.error() : names.error()};
    }
    const Attribution attribution{config, *names};
    Demand demand{.span = span};
    for (const ledger::DemandRow& row : *rows) {
        if (row.model == NameIx{}) {
            demand.nameless += row.requests;
            continue;
        }
        const NameIx model = attribution.model(row.model, row.route, row.kind, row.reason);
        add(demand.models[attribution.text(model)],
            {.requests = row.requests,
             .sized = row.sized ? row.requests : 0,
             .tokens_in = row.tokens_in,
             .tokens_cached = row.tokens_cached,
             .tokens_out = row.tokens_out,
             .first = row.first,
             .last = row.last});
    }
    return demand;
}

Result<replay::OpenRows> requests_for(
    ledger::Reader& reader,
    const config::Config& config,
    const Demand& demand,
    const std::string& model,
    const std::stop_token& stop) {
    const auto names = reader.names();
    if (!names) {
        return std::unexpected{names.error()};
    }
    const ModelDemand of = demand.of(model);
    if (of.sized == 0) {
        static const std::vector<replay::TraceRow> nothing;
        return replay::rows_of(nothing);
    }
    return [&reader,
            attribution = std::make_shared<const Attribution>(config, *names),
            model,
            span = demand.span,
            of,
            stop]() -> Result<std::unique_ptr<replay::RowSource>> {
        return std::make_unique<LedgerRows>(reader, attribution, model, span, of, stop);
    };
}

Result<UtcTime> time_from(
    const std::string& text, Edge edge, const ledger::Zone& zone, UtcTime now) {
    std::array<int, 3> parts{};
    const std::array<std::pair<std::size_t, std::size_t>, 3> places{{{0, 4}, {5, 2}, {8, 2}}};
    bool is_day = text.size() == 10 && text[4] == '-' && text[7] == '-';
    for (std::size_t i = 0; is_day && i < parts.size(); ++i) {
        const char* const first = text.data() + places[i].first;
        const char* const last = first + places[i].second;
        const auto [end, error] = std::from_chars(first, last, parts[i]);
        is_day = error == std::errc{} && end == last;
    }
    const std::chrono::year_month_day day{
        std::chrono::year{parts[0]},
        std::chrono::month{static_cast<unsigned>(parts[1])},
        std::chrono::day{static_cast<unsigned>(parts[2])}};
    if (is_day && day.ok()) {
        const std::chrono::days more{edge == Edge::until ? 1 : 0};
        return UtcTime{zone.to_utc(std::chrono::local_days{day} + more)};
    }
    if (const auto back = parse_duration(text)) {
        return now - *back;
    }
    return fail(
        Errc::invalid_argument,
        fmt::format("'{}' is no time: write 2026-11-01, or 30d or 24h for that long ago", text));
}

}  // namespace evenkeel::agent
