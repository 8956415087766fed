#include "inference/gateway/replays.hpp"

#include <utility>

namespace evenkeel::inference {

namespace {

/// What an entry takes beside its answer, about.
constexpr std::size_t entry_bytes = 512;

}  // namespace

Replays::Look Replays::look(
    const Name& name, std::uint64_t digest, TimePoint now, std::function<void()> wake) {
    const std::lock_guard lock{mutex_};
    auto found = index_.find(name);
    if (found != index_.end() && found->second->until <= now) {
        erase(found->second);
        found = index_.end();
    }
    if (found == index_.end()) {
        entries_.push_back({.name = name, .digest = digest});
        index_.emplace(name, std::prev(entries_.end()));
        bytes_ += entry_bytes;
        return {.state = State::first, .answer = nullptr};
    }
    Entry& entry = *found->second;
    if (entry.digest != digest) {
        return {.state = State::other_body, .answer = nullptr};
    }
    if (entry.answer != nullptr) {
        return {.state = State::kept, .answer = entry.answer};
    }
    if (entry.waiting.size() >= waiting_max) {
        return {.state = State::crowded, .answer = nullptr};
    }
    entry.waiting.push_back(std::move(wake));
    return {.state = State::running, .answer = nullptr};
}

bool Replays::take(std::size_t bytes) noexcept {
    if (growing_.fetch_add(bytes) + bytes > bytes_max) {
        growing_ -= bytes;
        return false;
    }
    return true;
}

void Replays::keep(const Name& name, Answer answer, TimePoint now) {
    std::vector<std::function<void()>> waiting;
    {
        const std::lock_guard lock{mutex_};
        const auto found = index_.find(name);
        if (found == index_.end()) {
            return;
        }
        Entry& entry = *found->second;
        bytes_ += answer.body.size();
        entry.answer = std::make_shared<const Answer>(std::move(answer));
        entry.until = now + kept_for;
        waiting.swap(entry.waiting);
        make_room(now);
    }
    for (const auto& wake : waiting) {
        wake();
    }
}

void Replays::forget(const Name& name) {
    std::vector<std::function<void()>> waiting;
    {
        const std::lock_guard lock{mutex_};
        const auto found = index_.find(name);
        if (found == index_.end()) {
            return;
        }
        waiting.swap(found->second->waiting);
        erase(found->second);
    }
    for (const auto& wake : waiting) {
        wake();
    }
}

void Replays::erase(Entries::iterator entry) {
    bytes_ -= entry_bytes + (entry->answer == nullptr ? 0 : entry->answer->body.size());
    index_.erase(entry->name);
    entries_.erase(entry);
}

/// The oldest go first; those that run stay.
void Replays::make_room(TimePoint now) {
    for (auto entry = entries_.begin(); entry != entries_.end();) {
        const auto next = std::next(entry);
        const bool goes = entry->answer != nullptr && (bytes_ > bytes_max || entry->until <= now);
        if (goes) {
            erase(entry);
        } else if (bytes_ <= bytes_max && entry->answer != nullptr) {
            return;  // all behind it are younger
        }
        entry = next;
    }
}

}  // namespace evenkeel::inference
