#include "agent/web/sessions.hpp"

#include "agent/ledger/sha256.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace evenkeel::web {

namespace {

constexpr std::size_t secret_bytes = 24;
constexpr std::string_view token_mark = "ekp-";

}  // namespace

void Sessions::prune(std::vector<Entry>& entries, BootTime now) {
    std::erase_if(entries, [now](const Entry& entry) { return entry.until <= now; });
}

Result<std::string> Sessions::make_token(std::string user, BootTime now) {
    const std::string bytes = random_(secret_bytes);
    if (bytes.size() != secret_bytes) {
        return fail(Errc::io_failed, "the system gave no random bytes; try again");
    }
    std::string token = std::string{token_mark} + ledger::to_hex(bytes);
    prune(tokens_, now);
    if (tokens_.size() == tokens_max) {
        tokens_.erase(tokens_.begin());
    }
    tokens_.push_back(
        {.sha256 = ledger::sha256(token), .user = std::move(user), .until = now + token_life});
    return token;
}

Result<Sessions::Opened> Sessions::open(std::string_view token, BootTime now) {
    while (!wrong_.empty() && now - wrong_.front() >= wrong_window) {
        wrong_.pop_front();
    }
    if (wrong_.size() >= wrong_max) {
        return fail(
            Errc::rate_limited,
            fmt::format(
                "{} wrong tokens within {} s: wait a minute", wrong_max, wrong_window.count()));
    }
    prune(tokens_, now);
    // By hashes: how long a comparison takes says nothing about the token.
    const auto found = std::ranges::find(tokens_, ledger::sha256(token), &Entry::sha256);
    if (found == tokens_.end()) {
        wrong_.push_back(now);
        return fail(
            Errc::unauthorized,
            fmt::format(
                "this token opens nothing: each is good once, for {} minutes. Ask for another: "
                "evenkeel dashboard login",
                token_life.count()));
    }
    const std::string bytes = random_(secret_bytes);
    if (bytes.size() != secret_bytes) {
        return fail(Errc::io_failed, "the system gave no random bytes; try again");
    }
    Opened opened{.cookie = ledger::to_hex(bytes), .user = found->user};
    tokens_.erase(found);
    prune(sessions_, now);
    if (sessions_.size() == sessions_max) {
        sessions_.erase(sessions_.begin());
    }
    sessions_.push_back(
        {.sha256 = ledger::sha256(opened.cookie),
         .user = opened.user,
         .until = now + session_life});
    return opened;
}

std::optional<std::string> Sessions::user_of(std::string_view cookie, BootTime now) {
    prune(sessions_, now);
    const auto found = std::ranges::find(sessions_, ledger::sha256(cookie), &Entry::sha256);
    return found == sessions_.end() ? std::nullopt : std::optional{found->user};
}

void Sessions::close(std::string_view cookie) {
    std::erase_if(sessions_, [sha256 = ledger::sha256(cookie)](const Entry& entry) {
        return entry.sha256 == sha256;
    });
}

void Sessions::follow(std::int64_t allowed_since) {
    if (std::exchange(allowed_since_, allowed_since) != allowed_since) {
        tokens_.clear();
        sessions_.clear();
    }
}

}  // namespace evenkeel::web
