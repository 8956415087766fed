#include "lab/engine/batch.hpp"

#include <algorithm>

namespace evenkeel::lab::engine {

Batch::Id Batch::add(std::int64_t tokens_in, std::int64_t tokens_out, Elapsed at) {
    advance(at);
    const std::int64_t tokens = std::max<std::int64_t>(tokens_out, 1);
    const Id id = model_.add(std::max<std::int64_t>(tokens_in, 1), tokens, at * speed_);
    sequences_.emplace(id, Sequence{.tokens_out = tokens});
    return id;
}

Batch::Progress Batch::progress(Id id, Elapsed at) {
    advance(at);
    const Sequence& sequence = sequences_.at(id);
    return {
        .tokens = sequence.ended ? sequence.tokens_out : model_.tokens(id),
        .ended = sequence.ended};
}

void Batch::remove(Id id, Elapsed at) {
    advance(at);
    const auto found = sequences_.find(id);
    if (found == sequences_.end()) {
        return;
    }
    if (!found->second.ended) {
        model_.cancel(id, at * speed_);
    }
    sequences_.erase(found);
}

void Batch::advance(Elapsed at) {
    model_.advance(at * speed_, ended_);
    for (const capacity::EngineModel::Ended& end : ended_) {
        if (const auto found = sequences_.find(end.id); found != sequences_.end()) {
            found->second.ended = true;
        }
    }
    ended_.clear();
}

}  // namespace evenkeel::lab::engine
