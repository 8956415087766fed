// Single requests, and sums over them that no roll-up has.
#include "agent/ledger/queries.hpp"
#include "agent/ledger/reader_impl.hpp"

#include <fmt/format.h>

namespace evenkeel::ledger {

namespace {

/// A ledger that no agent of this version has opened yet has no tags.
constexpr int tags_since_schema = 4;
constexpr std::int64_t rows_looked_at_max = 20'000;  ///< in one transaction

Currency currency_of(std::string_view text) {
    return Currency::parse(text).value_or(Currency{});
}

std::string_view tags_column(Database& database) {
    return database.integer("PRAGMA user_version") >= tags_since_schema ? "r.tags" : "''";
}

}  // namespace

std::string select_requests(Database& database, std::string_view rest) {
    return fmt::format(
        "SELECT r.id, r.policy, r.key, r.route, r.model, r.source, coalesce(s.kind, 0), r.wait_ms,"
        " r.ttft_ms, r.total_ms, r.tok_in, r.tok_cached, r.tok_cache_write, r.tok_out, r.currency,"
        " r.paid, r.outcome, r.reason, r.reason_a, r.reason_b, r.reason_c, r.charged,"
        " r.flags, {0} AS tags, r.machine"
        " FROM request AS r LEFT JOIN source AS s ON s.ix = r.source {1}",
        tags_column(database),
        rest);
}

RequestView request_of(const Statement& row) {
    using std::chrono::milliseconds;
    const Currency currency = currency_of(row.text(14));
    return {
        .id = RequestId{row.integer(0)},
        .at = id_time(row.integer(0)),
        .policy = row.integer(1),
        .key = name_ix(row.integer(2)),
        .route = name_ix(row.integer(3)),
        .model = name_ix(row.integer(4)),
        .source = name_ix(row.integer(5)),
        .kind = static_cast<SourceKind>(row.integer(6)),
        .wait = milliseconds{row.integer(7)},
        .ttft = milliseconds{row.integer(8)},
        .total = milliseconds{row.integer(9)},
        .usage =
            {.prompt = row.integer(10),
             .cached = row.integer(11),
             .cache_write = row.integer(12),
             .completion = row.integer(13)},
        .paid = {row.integer(15), currency},
        .outcome = static_cast<Outcome>(row.integer(16)),
        .reason =
            {.code = static_cast<ReasonCode>(row.integer(17)),
             .args = {row.integer(18), row.integer(19), row.integer(20)}},
        .charged = {row.integer(21), currency},
        .flags = row.integer(22),
        .tags = row.text(23),
        .machine = MachineId{row.integer(24)}};
}

Result<void> Reader::each_request(
    UtcTime since, const std::function<void(const RequestView&)>& visit) {
    Database& database = *impl_->database;
    const auto read = reading(database, [&] {
        Statement row{database, select_requests(database, "WHERE r.id >= ?1 ORDER BY r.id")};
        row.query(least_id_at(since));
        while (row.next()) {
            visit(request_of(row));
        }
        return true;
    });
    return read ? Result<void>{} : std::unexpected{read.error()};
}

Result<RequestView> Reader::request(RequestId id) {
    Database& database = *impl_->database;
    auto found = reading(database, [&]() -> std::optional<RequestView> {
        Statement row{database, select_requests(database, "WHERE r.id = ?1")};
        row.query(id.value());
        return row.next() ? std::optional{request_of(row)} : std::nullopt;
    });
    if (!found) {
        return std::unexpected{found.error()};
    }
    if (!*found) {
        return fail(
            Errc::not_found, fmt::format("the ledger has no request {}", request_id_text(id)));
    }
    return **found;
}

Result<RequestPage> Reader::requests(const RequestFilter& filter, RequestId before, int limit) {
    Database& database = *impl_->database;
    return reading(database, [&] {
        RequestPage page;
        Statement floor{
            database,
            "SELECT min(id), count(*) FROM (SELECT id FROM request WHERE id >= ?1 AND id < ?2"
            " ORDER BY id DESC LIMIT ?3)"};
        floor.query(least_id_at(filter.since), before.value(), rows_looked_at_max);
        floor.next();
        const std::int64_t lowest = floor.integer(0);
        const std::int64_t looked_at = floor.integer(1);
        Statement row{
            database,
            select_requests(
                database,
                "WHERE r.id >= ?1 AND r.id < ?2 AND (?3 = 0 OR r.key = ?3) AND (?4 = '' OR"
                " instr(',' || tags || ',', ',' || ?4 || ',') > 0) ORDER BY r.id DESC LIMIT ?5")};
        row.query(lowest, before.value(), filter.key.value(), filter.tag, limit);
        while (looked_at > 0 && row.next()) {
            page.rows.push_back(request_of(row));
        }
        if (std::ssize(page.rows) == limit) {
            page.next = page.rows.back().id;
        } else if (looked_at == rows_looked_at_max) {
            page.next = RequestId{lowest};
        }
        return page;
    });
}

Result<void> Reader::spend_by_tags(
    UtcTime since, UtcTime until, const std::function<void(const TagRow&)>& visit) {
    Database& database = *impl_->database;
    const auto read = reading(database, [&] {
        Statement row{
            database,
            fmt::format(
                "SELECT {} AS said, r.currency, count(*), sum(r.tok_in), sum(r.tok_out),"
                " sum(r.paid), sum(r.charged) FROM request AS r WHERE r.id >= ?1 AND r.id < ?2"
                " GROUP BY said, r.currency ORDER BY max(sum(r.paid), sum(r.charged)) DESC, 3 "
                "DESC, 1",
                tags_column(database))};
        row.query(least_id_at(since), least_id_at(until));
        while (row.next()) {
            const Currency currency = currency_of(row.text(1));
            visit(
                {.tags = row.text(0),
                 .requests = row.integer(2),
                 .tokens_in = row.integer(3),
                 .tokens_out = row.integer(4),
                 .paid = {row.integer(5), currency},
                 .charged = {row.integer(6), currency}});
        }
        return true;
    });
    return read ? Result<void>{} : std::unexpected{read.error()};
}

}  // namespace evenkeel::ledger
