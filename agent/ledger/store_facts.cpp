// Decisions, names, prices, rates and policies.
#include "agent/ledger/names.hpp"
#include "agent/ledger/queries.hpp"
#include "agent/ledger/sha256.hpp"
#include "agent/ledger/store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace evenkeel::ledger {

void Store::apply_decision(const Decision& decision, std::int64_t& id, UtcTime at) {
    if (id == 0) {
        id = fresh_id(at);
    }
    const auto& args = decision.reason.args;
    insert_decision_.run(
        id,
        to_us(at),
        decision.policy,
        decision.kind,
        decision.model.value(),
        decision.machine.value(),
        static_cast<int>(decision.reason.code),
        fmt::format("[{},{},{}]", args[0], args[1], args[2]));
}

void Store::apply_rule_replay(const RuleReplay& replay) {
    Statement insert{
        database_,
        "INSERT OR IGNORE INTO rule_replay(scaling, at_us, policy, since_us, until_us, requests,"
        " currency, rule, recommended, follows, note)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"};
    const bool is_new = insert.run(
                            replay.scaling,
                            to_us(replay.at),
                            replay.policy,
                            to_us(replay.since),
                            to_us(replay.until),
                            replay.requests,
                            replay.currency.text(),
                            replay.rule,
                            replay.recommended,
                            replay.follows,
                            replay.note) > 0;
    Statement outcome{
        database_,
        "INSERT INTO rule_replay_outcome(scaling, at_us, place, rule, own, rental, api, total, j,"
        " requests, within_limit, machine_starts)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"};
    for (std::size_t i = 0; is_new && i < replay.outcomes.size(); ++i) {
        const RuleOutcome& one = replay.outcomes[i];
        outcome.run(
            replay.scaling,
            to_us(replay.at),
            static_cast<std::int64_t>(i),
            one.rule,
            one.own.nanos(),
            one.rental.nanos(),
            one.api.nanos(),
            one.total.nanos(),
            one.j.nanos(),
            one.requests,
            one.within_limit,
            one.machine_starts);
    }
}

void Store::apply_name(const NameRow& name) {
    if (const auto found = names_.find(name.ix); found != names_.end()) {
        if (found->second != name.text) {
            throw std::invalid_argument{fmt::format(
                "name {} is '{}' and cannot become '{}'",
                name.ix.value(),
                found->second,
                name.text)};
        }
        return;
    }
    Statement insert{database_, "INSERT INTO name(ix, kind, text) VALUES(?1, ?2, ?3)"};
    insert.run(name.ix.value(), to_text(name.kind), name.text);
    names_.emplace(name.ix, name.text);
}

void Store::apply_source(const SourceInfo& source) {
    Statement put{
        database_,
        "INSERT INTO source(ix, kind, provider, label, synthetic) VALUES(?1, ?2, ?3, ?4, ?5)"
        " ON CONFLICT(ix) DO UPDATE SET kind = excluded.kind, provider = excluded.provider,"
        " label = excluded.label, synthetic = excluded.synthetic"};
    put.run(
        source.ix.value(),
        static_cast<int>(source.kind),
        source.provider.value(),
        source.label.empty() ? name_text(source.ix) : source.label,
        source.synthetic ? 1 : 0);
    sources_.insert(source.ix.value());
}

std::int64_t Store::price_id(
    NameIx offer, std::string_view meter, const Price& price, UtcTime seen) {
    newest_price_.query(offer.value(), meter);
    if (newest_price_.next()) {
        const std::int64_t id = newest_price_.integer(0);
        const bool same = newest_price_.text(1) == price.currency().text() &&
                          newest_price_.integer(2) == price.num() &&
                          newest_price_.integer(3) == price.den();
        newest_price_.reset();
        if (same) {
            return id;
        }
    }
    return insert_price(
        {.offer = offer, .meter = std::string{meter}, .price = price, .seen = seen, .from = seen});
}

std::int64_t Store::insert_price(const PriceSeen& seen) {
    insert_price_.query(
        seen.offer.value(),
        seen.meter,
        seen.price.currency().text(),
        seen.price.num(),
        seen.price.den(),
        to_us(seen.seen),
        to_us(seen.from));
    const std::int64_t id = insert_price_.next() ? insert_price_.integer(0) : 0;
    while (insert_price_.next()) {
    }
    return id;
}

void Store::apply_price(const PriceSeen& seen) {
    newest_price_.query(seen.offer.value(), seen.meter);
    if (newest_price_.next()) {
        const bool same = newest_price_.text(1) == seen.price.currency().text() &&
                          newest_price_.integer(2) == seen.price.num() &&
                          newest_price_.integer(3) == seen.price.den();
        const std::int64_t newer = to_us(seen.seen) - newest_price_.integer(4);
        newest_price_.reset();
        constexpr std::int64_t hour_us = 3'600'000'000;
        if (same && newer < hour_us) {
            return;
        }
    }
    static_cast<void>(insert_price(seen));
}

void Store::apply_fx(const FxRate& rate) {
    Statement newest{
        database_,
        "SELECT num, den, as_of FROM fx_rate WHERE base = ?1 AND quote = ?2"
        " ORDER BY id DESC LIMIT 1"};
    newest.query(rate.base.text(), rate.quote.text());
    if (newest.next() && newest.integer(0) == rate.num && newest.integer(1) == rate.den &&
        newest.integer(2) == to_us(rate.as_of)) {
        return;
    }
    Statement insert{
        database_, "INSERT INTO fx_rate(base, quote, num, den, as_of) VALUES(?1, ?2, ?3, ?4, ?5)"};
    insert.run(rate.base.text(), rate.quote.text(), rate.num, rate.den, to_us(rate.as_of));
}

void Store::apply_policy(PolicyOp& op, UtcTime at, std::vector<Completion>& completions) {
    const std::string hash = sha256(op.text);
    Statement newest{database_, "SELECT no, sha256 FROM policy ORDER BY no DESC LIMIT 1"};
    std::int64_t no = 0;
    bool same = false;
    while (newest.next()) {
        no = newest.integer(0);
        same = newest.text(1) == hash;
    }
    if (!same) {
        Statement insert{
            database_,
            "INSERT INTO policy(no, at_us, author, sha256, text) VALUES(?1, ?2, ?3, ?4, ?5)"};
        insert.run(++no, to_us(at), op.author, Blob{hash}, op.text);
    }
    if (op.done) {
        completions.push_back([done = &op.done, no] { (*done)(no); });
    }
}

}  // namespace evenkeel::ledger
