// Money and tokens of the daily roll-up.
#include "agent/ledger/queries.hpp"
#include "agent/ledger/reader_impl.hpp"

#include <sqlite3.h>

#include <compare>
#include <map>
#include <string>
#include <utility>

namespace evenkeel::ledger {

namespace {

/// Walks the cells of days, oldest first, each with its source resolved. Sources are looked up once
/// and not joined: a month has thousands of cells and a handful of sources.
class DayCells {
public:
    DayCells(Database& database, std::int64_t first_day, std::int64_t last_day)
        : row_{
              database,
              "SELECT source, model, key, route, phase, currency, requests, answered, tok_in,"
              " tok_cached, tok_cache_write, tok_out, paid, charged, time_ns, day FROM rollup_day"
              " WHERE day BETWEEN ?1 AND ?2"
              " ORDER BY day, source, model, key, route, phase, currency"},
          source_{database, "SELECT kind, provider, label, synthetic FROM source WHERE ix = ?1"},
          name_{database, "SELECT text FROM name WHERE ix = ?1"} {
        row_.query(first_day, last_day);
    }
    bool next() { return row_.next(); }
    [[nodiscard]] std::int64_t integer(int column) const { return row_.integer(column); }
    [[nodiscard]] std::string text(int column) const { return row_.text(column); }
    [[nodiscard]] std::int64_t day() const { return row_.integer(15); }

    /// A cell without its sums.
    SpendRow identity() {
        SpendRow cell = source(row_.integer(0));
        cell.model = name_ix(row_.integer(1));
        cell.key = name_ix(row_.integer(2));
        cell.route = name_ix(row_.integer(3));
        cell.phase = text(4);
        cell.currency = Currency::parse(text(5)).value_or(Currency{});
        cell.paid = cell.charged = Money{0, cell.currency};
        return cell;
    }

    /// Throws SqlError where a sum leaves its range, as SQLite's own sum() does.
    void add_to(SpendRow& cell) const {
        add(cell.requests, 6);
        add(cell.answered, 7);
        add(cell.tokens_in, 8);
        add(cell.tokens_cached, 9);
        add(cell.tokens_cache_write, 10);
        add(cell.tokens_out, 11);
        cell.paid = add(cell.paid, 12);
        cell.charged = add(cell.charged, 13);
        std::int64_t time = cell.time.count();
        add(time, 14);
        cell.time = std::chrono::nanoseconds{time};
    }
    void add(std::int64_t& sum, int column) const {
        if (__builtin_add_overflow(sum, row_.integer(column), &sum)) {
            throw SqlError{SQLITE_ERROR, "integer overflow"};
        }
    }

private:
    [[nodiscard]] Money add(Money sum, int column) const {
        std::int64_t nanos = sum.nanos();
        add(nanos, column);
        return Money{nanos, sum.currency()};
    }

    const SpendRow& source(std::int64_t ix) {
        const auto [entry, is_new] = sources_.try_emplace(ix);
        SpendRow& found = entry->second;
        if (!is_new) {
            return found;
        }
        found.source = name_ix(ix);
        found.label = "-";
        source_.query(ix);
        name_.query(ix);
        if (source_.next()) {
            found.kind = static_cast<SourceKind>(source_.integer(0));
            found.provider = name_ix(source_.integer(1));
            found.label = source_.text(2);
            found.synthetic = source_.integer(3) != 0;
        } else if (name_.next()) {
            found.label = name_.text(0);
        }
        source_.reset();
        name_.reset();
        return found;
    }

    Statement row_;
    Statement source_;
    Statement name_;
    std::map<std::int64_t, SpendRow> sources_{};
};

/// By day and model; only for work that somebody served.
class DayTokens {
public:
    void add(const DayCells& cell) {
        if (cell.integer(0) == 0) {
            return;
        }
        TokensDayRow& served = sums_[{cell.day(), cell.integer(1)}];
        served.day = cell.day();
        served.model = name_ix(cell.integer(1));
        cell.add(served.tokens_in, 8);
        cell.add(served.tokens_out, 11);
    }
    [[nodiscard]] std::vector<TokensDayRow> rows() const {
        std::vector<TokensDayRow> rows;
        rows.reserve(sums_.size());
        for (const auto& [key, served] : sums_) {
            rows.push_back(served);
        }
        return rows;
    }

private:
    std::map<std::pair<std::int64_t, std::int64_t>, TokensDayRow> sums_{};
};

/// Sums cells over their days. One pass in the order of the table: a grouping in SQL would sort
/// every cell first.
std::vector<SpendRow> sum_days(DayCells cell, DayTokens* tokens) {
    struct Key {
        std::int64_t source;
        std::int64_t model;
        std::int64_t key;
        std::int64_t route;
        std::string phase;
        std::string currency;
        auto operator<=>(const Key&) const = default;
    };
    std::map<Key, SpendRow> sums;
    while (cell.next()) {
        const auto [sum, is_new] = sums.try_emplace(
            {cell.integer(0),
             cell.integer(1),
             cell.integer(2),
             cell.integer(3),
             cell.text(4),
             cell.text(5)});
        if (is_new) {
            sum->second = cell.identity();
        }
        cell.add_to(sum->second);
        if (tokens != nullptr) {
            tokens->add(cell);
        }
    }
    std::vector<SpendRow> rows;
    rows.reserve(sums.size());
    for (auto& [key, sum] : sums) {
        rows.push_back(std::move(sum));
    }
    return rows;
}

}  // namespace

Result<std::vector<SpendRow>> Reader::spend(std::int64_t first_day, std::int64_t last_day) {
    Database& database = *impl_->database;
    return reading(
        database, [&] { return sum_days(DayCells{database, first_day, last_day}, nullptr); });
}

Result<SpendAndTokens> Reader::spend_and_tokens(std::int64_t first_day, std::int64_t last_day) {
    Database& database = *impl_->database;
    return reading(database, [&] {
        DayTokens tokens;
        auto cells = sum_days(DayCells{database, first_day, last_day}, &tokens);
        return SpendAndTokens{.cells = std::move(cells), .tokens = tokens.rows()};
    });
}

Result<std::vector<SpendDayRow>> Reader::spend_by_day(
    std::int64_t first_day, std::int64_t last_day) {
    Database& database = *impl_->database;
    return reading(database, [&] {
        std::vector<SpendDayRow> rows;
        DayCells cell{database, first_day, last_day};
        while (cell.next()) {
            rows.push_back({.day = cell.day(), .cell = cell.identity()});
            cell.add_to(rows.back().cell);
        }
        return rows;
    });
}

}  // namespace evenkeel::ledger
