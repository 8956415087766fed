// Reports and the ledger's rows, made as the commands make theirs.
#include "agent/report/forecast.hpp"
#include "agent/report/idle.hpp"
#include "agent/report/ledger_rows.hpp"
#include "agent/report/reconcile.hpp"
#include "agent/report/savings.hpp"
#include "agent/report/spend.hpp"
#include "agent/report/spend_days.hpp"
#include "agent/web/documents.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace evenkeel::web {

namespace {

constexpr std::int64_t ledger_rows_max = 1'000;
constexpr std::int64_t ledger_rows_by_default = 50;

/// Makes a report of what was asked: `make(reader, config or null, options)`.
template <class Make>
Result<std::string> report_of(const Desk& desk, const Query& query, const Make& make) {
    const std::string grouped_by = query.given("by").value_or("source");
    const auto by = report::spend_by_from(grouped_by);
    if (!by) {
        return fail(
            Errc::invalid_argument, "by takes source, model, key, route, provider, machine or tag");
    }
    auto reader = desk.reader();
    if (!reader) {
        return std::unexpected{reader.error()};
    }
    const auto meta = reader->meta();
    if (!meta) {
        return std::unexpected{meta.error()};
    }
    report::SpendOptions options{
        .now = desk.now,
        .since = query.given("since"),
        .until = query.given("until"),
        .by = *by,
        .zone = desk.zone,
        .currency = meta->report};
    const config::Config* const config = desk.view->config.get();
    if (config != nullptr) {
        report::use_config(*config, options);
    }
    return make(*reader, config, options);
}

template <class T>
Result<std::string> said(const Result<T>& made, std::string (*as_json)(const T&)) {
    return made ? Result<std::string>{as_json(*made)} : std::unexpected{made.error()};
}

}  // namespace

Result<std::string> spend_document(const Desk& desk, const Query& query) {
    return report_of(desk, query, [](auto& reader, auto*, const auto& options) {
        return said(report::make_spend(reader, options), report::spend_json);
    });
}

Result<std::string> spend_days_document(const Desk& desk, const Query& query) {
    return report_of(desk, query, [](auto& reader, auto*, const auto& options) {
        return said(report::make_spend_days(reader, options), report::spend_days_json);
    });
}

Result<std::string> hours_document(const Desk& desk, const Query& query) {
    return report_of(desk, query, [](auto& reader, auto*, const auto& options) {
        return said(report::make_spend_hours(reader, options), report::spend_hours_json);
    });
}

Result<std::string> savings_document(const Desk& desk, const Query& query) {
    return report_of(desk, query, [](auto& reader, auto* config, const auto& options) {
        return said(report::make_savings(reader, config, options), report::savings_json);
    });
}

Result<std::string> idle_document(const Desk& desk, const Query& query) {
    return report_of(desk, query, [](auto& reader, auto*, const auto& options) {
        return said(report::make_idle(reader, options), report::idle_json);
    });
}

Result<std::string> forecast_document(const Desk& desk, const Query& query) {
    return report_of(desk, query, [](auto& reader, auto* config, const auto& options) {
        return said(report::make_forecast(reader, config, options), report::forecast_json);
    });
}

Result<std::string> ledger_document(const Desk& desk, const Query& query) {
    const auto limit = query.number("limit", ledger_rows_by_default, ledger_rows_max);
    if (!limit) {
        return std::unexpected{limit.error()};
    }
    auto reader = desk.reader();
    if (!reader) {
        return std::unexpected{reader.error()};
    }
    return report::ledger_json(
        *reader,
        {.now = desk.now,
         .zone = desk.zone,
         .since = query.given("since"),
         .until = query.given("until"),
         .account = query.text("account"),
         .kind = query.text("kind"),
         .ref = query.text("ref"),
         .before = query.text("before"),
         .limit = static_cast<int>(std::max<std::int64_t>(*limit, 1))});
}

Result<std::string> reconcile_document(const Desk& desk, const Query& query) {
    auto reader = desk.reader();
    if (!reader) {
        return std::unexpected{reader.error()};
    }
    return report::reconcile_json(
        *reader,
        {.now = desk.now,
         .zone = desk.zone,
         .month = query.text("month"),
         .provider = query.text("provider")});
}

}  // namespace evenkeel::web
