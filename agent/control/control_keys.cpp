// Client keys while the agent runs.
#include "agent/control/control.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <utility>

namespace evenkeel::agent {

namespace {

std::unexpected<Error> starting() {
    return fail(Errc::conflict, "the agent is still starting: try again");
}

std::unexpected<Error> no_key(std::string_view name) {
    return fail(Errc::not_found, fmt::format("there is no key named '{}'", name));
}

std::unexpected<Error> still_stored(std::string_view name, Errc code, std::string_view why) {
    return fail(
        code,
        fmt::format(
            "the key '{0}' is closed, but its revocation is not stored and it would open again at "
            "the next start{1}: repeat `evenkeel keys revoke {0}`",
            name,
            why));
}

}  // namespace

std::future<Result<std::string>> Control::create_key(std::string name, KeyChange change) {
    auto promise = std::make_shared<std::promise<Result<std::string>>>();
    auto future = promise->get_future();
    inbox_.post([this, promise, name = std::move(name), change = std::move(change)] {
        const Now now = parts_.clock.read();
        if (!catalogue_) {
            promise->set_value(starting());
            return;
        }
        const ledger::KeyRow* known = key_limits_.find(name);
        if (known != nullptr && keys_still_stored_.contains(known->ix)) {
            promise->set_value(still_stored(name, Errc::conflict, ""));
            return;
        }
        if (known != nullptr && !known->revoked) {
            promise->set_value(
                fail(Errc::conflict, fmt::format("there is a key named '{}' already", name)));
            return;
        }
        auto terms = change_terms({}, change, &catalogue_->config, now.utc);
        if (!terms) {
            promise->set_value(std::unexpected{terms.error()});
            return;
        }
        auto key = ledger::make_key(name, names_.intern(routing::NameKind::key, name), now.utc);
        if (!key) {
            promise->set_value(std::unexpected{key.error()});
            return;
        }
        key->row.terms = std::move(*terms);
        parts_.ledger.add_key(
            key->row,
            [this, inbox = inbox_, promise, row = key->row, text = key->text](
                Result<void> stored) mutable {
                if (!stored) {
                    promise->set_value(std::unexpected{stored.error()});
                    return;
                }
                inbox.post([this, promise, row = std::move(row), text = std::move(text)] {
                    put_key(row);
                    promise->set_value(text);
                });
            });
    });
    return future;
}

/// Limits first: nobody may come in under a key before the gate knows what it may do.
void Control::put_key(const ledger::KeyRow& row) {
    const Now now = parts_.clock.read();
    keys_still_stored_.erase(row.ix);
    if (key_limits_.put(row, now)) {
        key_limits_.add_spent(row.ix, now);
    }
    parts_.keys.add(row);
}

std::future<Result<ledger::KeyRow>> Control::limit_key(std::string name, KeyChange change) {
    auto promise = std::make_shared<std::promise<Result<ledger::KeyRow>>>();
    auto future = promise->get_future();
    inbox_.post([this, promise, name = std::move(name), change = std::move(change)] {
        const Now now = parts_.clock.read();
        if (!catalogue_) {
            promise->set_value(starting());
            return;
        }
        const ledger::KeyRow* known = key_limits_.find(name);
        if (known != nullptr && keys_still_stored_.contains(known->ix)) {
            promise->set_value(still_stored(name, Errc::conflict, ""));
            return;
        }
        if (known == nullptr || known->revoked) {
            promise->set_value(no_key(name));
            return;
        }
        auto terms = change_terms(known->terms, change, &catalogue_->config, now.utc);
        if (!terms) {
            promise->set_value(std::unexpected{terms.error()});
            return;
        }
        if (!keys_changing_.insert(known->ix).second) {
            promise->set_value(fail(
                Errc::conflict,
                fmt::format("a change of the key '{}' is not stored yet: try again", name)));
            return;
        }
        const ledger::KeyRow before = *known;
        ledger::KeyRow after = before;
        after.terms = std::move(*terms);
        // The gate counts before the books are read: between them is only what has ended in the
        // gate and has no row yet, because its client has not read the end.
        const bool is_new = key_limits_.put(after, now);
        parts_.ledger.key_terms(
            name,
            after.terms,
            [this, inbox = inbox_, promise, before, after, is_new](Result<void> stored) mutable {
                inbox.post([this, promise, before, after, is_new, stored = std::move(stored)] {
                    const Now then = parts_.clock.read();
                    keys_changing_.erase(after.ix);
                    if (is_new && stored) {
                        key_limits_.add_spent(after.ix, then);  // also where it was revoked since
                    }
                    const ledger::KeyRow* now_known = key_limits_.find(after.name);
                    if (now_known == nullptr || now_known->sha256 != after.sha256 ||
                        now_known->revoked) {
                        promise->set_value(no_key(after.name));  // revoked meanwhile: it stays so
                        return;
                    }
                    if (!stored) {
                        if (key_limits_.put(before, then)) {
                            key_limits_.add_spent(before.ix, then);
                        }
                        promise->set_value(std::unexpected{stored.error()});
                        return;
                    }
                    parts_.keys.add(after);
                    promise->set_value(after);
                });
            });
    });
    return future;
}

std::future<Result<void>> Control::revoke_key(std::string name) {
    auto promise = std::make_shared<std::promise<Result<void>>>();
    auto future = promise->get_future();
    inbox_.post([this, promise, name = std::move(name)] {
        const ledger::KeyRow* known = key_limits_.find(name);
        if (known != nullptr && keys_revoking_.contains(known->ix)) {
            promise->set_value(fail(
                Errc::conflict,
                fmt::format("the key '{}' is closed, and being revoked: try again", name)));
            return;
        }
        const bool again = known != nullptr && keys_still_stored_.erase(known->ix) > 0;
        if (known == nullptr || (known->revoked && !again)) {
            promise->set_value(catalogue_ ? Result<void>{no_key(name)} : Result<void>{starting()});
            return;
        }
        // At once, also when the ledger is slow: whoever revokes a key has a reason.
        parts_.keys.remove(name);
        ledger::KeyRow row = *known;
        row.revoked = parts_.clock.read().utc;
        static_cast<void>(key_limits_.put(row, parts_.clock.read()));
        keys_revoking_.insert(row.ix);
        parts_.ledger.revoke_key(name, [this, inbox = inbox_, promise, row](Result<void> stored) {
            inbox.post([this, promise, row, stored = std::move(stored)] {
                promise->set_value(key_revoked(row, stored));
            });
        });
    });
    return future;
}

Result<void> Control::key_revoked(const ledger::KeyRow& row, Result<void> stored) {
    keys_revoking_.erase(row.ix);
    // Not found: what an earlier call said had failed is on disk after all.
    if (stored || stored.error().code == Errc::not_found) {
        spdlog::info("key_revoked name={}", row.name);
        return {};
    }
    const ledger::KeyRow* known = key_limits_.find(row.name);
    if (known == nullptr || known->sha256 != row.sha256) {
        return stored;  // made anew meanwhile, so the ledger does not know the old one any more
    }
    keys_still_stored_.insert(row.ix);
    return still_stored(
        row.name, stored.error().code, fmt::format(" ({})", stored.error().message));
}

}  // namespace evenkeel::agent
