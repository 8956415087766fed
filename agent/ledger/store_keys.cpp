// Client keys and what they may do.
#include "agent/ledger/queries.hpp"
#include "agent/ledger/store.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace evenkeel::ledger {

namespace {

constexpr std::string_view terms_columns =
    "team = ?2, routes = ?3, expires_us = ?4, limit_amount = ?5, limit_currency = ?6,"
    " limit_per = ?7, requests_min = ?8, tokens_min = ?9, in_flight = ?10";

/// Of the living key `name`; false when there is none.
bool write_terms(Database& database, std::string_view name, const KeyTerms& terms) {
    Statement update{
        database,
        fmt::format(
            "UPDATE client_key SET {} WHERE name = ?1 AND revoked_us IS NULL", terms_columns)};
    using Number = std::optional<std::int64_t>;
    using Text = std::optional<std::string>;
    return update.run(
               name,
               terms.team,
               fmt::format("{}", fmt::join(terms.routes, ",")),
               terms.expires ? Number{to_us(*terms.expires)} : Number{},
               terms.money ? Number{terms.money->amount.nanos()} : Number{},
               terms.money ? Text{terms.money->amount.currency().text()} : Text{},
               terms.money ? Text{to_text(terms.money->per)} : Text{},
               terms.rate.requests_min,
               terms.rate.tokens_min,
               terms.rate.in_flight) > 0;
}

Error no_such_key(std::string_view name) {
    return {.code = Errc::not_found, .message = fmt::format("there is no key named '{}'", name)};
}

}  // namespace

void Store::apply_add_key(AddKeyOp& op, std::vector<Completion>& completions) {
    const auto answer = [&](Result<void> result) {
        if (op.done) {
            completions.push_back(
                [done = &op.done, result = std::move(result)] { (*done)(result); });
        }
    };
    const KeyRow& key = op.key;
    Statement living{
        database_, "SELECT sha256 FROM client_key WHERE name = ?1 AND revoked_us IS NULL"};
    living.query(key.name);
    if (living.next()) {
        if (living.text(0) == key.sha256) {
            return answer({});
        }
        return answer(
            fail(Errc::conflict, fmt::format("there is a key named '{}' already", key.name)));
    }
    Statement insert{
        database_,
        "INSERT INTO client_key(ix, name, sha256, prefix, created_us) VALUES(?1, ?2, ?3, ?4, ?5)"
        " ON CONFLICT(ix) DO UPDATE SET sha256 = excluded.sha256, prefix = excluded.prefix,"
        " created_us = excluded.created_us, revoked_us = NULL"};
    insert.run(key.ix.value(), key.name, Blob{key.sha256}, key.prefix, to_us(key.created));
    static_cast<void>(write_terms(database_, key.name, key.terms));
    answer({});
}

void Store::apply_key_terms(KeyTermsOp& op, std::vector<Completion>& completions) {
    const bool found = write_terms(database_, op.name, op.terms);
    if (op.done) {
        completions.push_back([done = &op.done, found, name = op.name] {
            (*done)(found ? Result<void>{} : std::unexpected{no_such_key(name)});
        });
    }
}

void Store::apply_revoke(RevokeKeyOp& op, UtcTime at, std::vector<Completion>& completions) {
    Statement update{
        database_, "UPDATE client_key SET revoked_us = ?2 WHERE name = ?1 AND revoked_us IS NULL"};
    const bool found = update.run(op.name, to_us(at)) > 0;
    if (op.done) {
        completions.push_back([done = &op.done, found, name = op.name] {
            (*done)(found ? Result<void>{} : std::unexpected{no_such_key(name)});
        });
    }
}

}  // namespace evenkeel::ledger
