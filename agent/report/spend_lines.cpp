#include "agent/report/spend_lines.hpp"

#include "agent/report/requests.hpp"

#include <utility>

namespace evenkeel::report {

namespace {

using ledger::SpendRow;

constexpr int kind_nobody = 9;  ///< sorts requests that nobody served last
/// Behind the tags, in this order.
enum TagOrder : int { tagged, other_tags, untagged, deleted, no_request };
constexpr std::size_t tags_shown_max = 1'000;

}  // namespace

Names names_by_ix(const std::vector<ledger::NameRow>& rows) {
    Names names;
    for (const ledger::NameRow& name : rows) {
        names.emplace(name.ix, name.text);
    }
    return names;
}

LineKey line_of(const SpendRow& row, SpendBy by, const Names& names) {
    const auto text = [&](NameIx ix) {
        const auto found = names.find(ix);
        if (found != names.end()) {
            return found->second;
        }
        // Time of machines and power is not spent for one key or route.
        return std::string{row.phase.empty() ? "(unknown)" : "(not by request)"};
    };
    switch (by) {
        case SpendBy::source:
        case SpendBy::machine:
            if (row.source == NameIx{}) {
                return {kind_nobody, "(not served)", false};
            }
            return {static_cast<int>(row.kind), row.label, row.synthetic};
        case SpendBy::model:
            return {0, text(row.model), false};
        case SpendBy::key:
            return {0, text(row.key), false};
        case SpendBy::route:
            return {0, text(row.route), false};
        case SpendBy::tag:  // of no request: those are read one by one
            return {no_request, text(NameIx{}), false};
        case SpendBy::provider:
            return {0, row.provider == NameIx{} ? row.label : text(row.provider), row.synthetic};
    }
    return {};
}

SpendLine& line_at(Lines& lines, const LineKey& key, std::string_view kind, Currency currency) {
    const auto [line, is_new] = lines.try_emplace(key);
    if (is_new) {
        line->second.kind = kind;
        line->second.label = key.label;
        line->second.synthetic = key.synthetic;
        line->second.cost = line->second.charged = Money{0, currency};
    }
    return line->second;
}

std::string_view kind_of(const SpendRow& row, SpendBy by) noexcept {
    const bool has_kind = by == SpendBy::source || by == SpendBy::machine;
    return has_kind && row.source != NameIx{} ? to_text(row.kind) : std::string_view{};
}

void add_per_mtok(SpendLine& line) {
    const std::int64_t tokens = line.tokens_in + line.tokens_out;
    if (tokens > 0) {
        if (const auto nanos = mul_div(line.cost.nanos(), 1'000'000, tokens, Rounding::half_even)) {
            line.per_mtok = Money{*nanos, line.cost.currency()};
        }
    }
}

Result<void> add_tags(
    ledger::Reader& reader, const Days& days, SpendLine all, Rates& rates, Lines& lines) {
    const auto at = [&](TagOrder order, std::string_view label) -> SpendLine& {
        return line_at(lines, {order, std::string{label}, false}, "", rates.to());
    };
    std::size_t shown = 0;
    std::optional<Error> wrong;
    const auto visit = [&](const ledger::TagRow& row) {
        const auto cost = rates.convert(row.paid);
        const auto charged = rates.convert(row.charged);
        if (!cost || !charged) {
            wrong = !cost ? cost.error() : charged.error();
            return;
        }
        const Amounts amounts{*cost, *charged};
        all.requests -= row.requests;
        all.tokens_in -= row.tokens_in;
        all.tokens_out -= row.tokens_out;
        all.cost -= *cost;
        all.charged -= *charged;
        if (row.tags.empty()) {
            add(row, amounts, at(untagged, "(no tag)"));
            return;
        }
        for (const std::string_view tag : split_tags(row.tags)) {
            const bool known = lines.contains({tagged, std::string{tag}, false});
            const bool fits = known || shown < tags_shown_max;
            shown += fits && !known ? 1 : 0;
            add(row, amounts, fits ? at(tagged, tag) : at(other_tags, "(other tags)"));
        }
    };
    // By the present zone; days that were booked before it changed keep theirs.
    const auto meta = reader.meta();
    if (!meta) {
        return std::unexpected{meta.error()};
    }
    const auto zone = ledger::Zone::load(meta->zone);
    if (!zone) {
        return std::unexpected{zone.error()};
    }
    const auto [since, until] = instants(days, *zone);
    const auto read = reader.spend_by_tags(since, until, visit);
    if (!read || wrong) {
        return std::unexpected{read ? *wrong : read.error()};
    }
    if (all.requests > 0) {
        add(all, {all.cost, all.charged}, at(deleted, "(rows deleted)"));
    }
    return {};
}

}  // namespace evenkeel::report
