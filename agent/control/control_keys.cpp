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
        // The gate counts before the books are read, so that nothing is missed between.
        const bool is_new = key_limits_.put(after, now);
        parts_.ledger.key_terms(
            name,
            after.terms,
            [this, inbox = inbox_, promise, before, after, is_new](Result<void> stored) mutable {
                inbox.post([this, promise, before, after, is_new, stored = std::move(stored)] {
                    const Now then = parts_.clock.read();
                    keys_changing_.erase(after.ix);
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
                    if (is_new) {
                        key_limits_.add_spent(after.ix, then);
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
        if (known == nullptr || known->revoked) {
            promise->set_value(catalogue_ ? Result<void>{no_key(name)} : Result<void>{starting()});
            return;
        }
        // At once, also when the ledger is slow: whoever revokes a key has a reason.
        parts_.keys.remove(name);
        ledger::KeyRow row = *known;
        row.revoked = parts_.clock.read().utc;
        static_cast<void>(key_limits_.put(row, parts_.clock.read()));
        parts_.ledger.revoke_key(name, [promise, name](Result<void> stored) {
            if (stored) {
                spdlog::info("key_revoked name={}", name);
            }
            promise->set_value(std::move(stored));
        });
    });
    return future;
}

}  // namespace evenkeel::agent
