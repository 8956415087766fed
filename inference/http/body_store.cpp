#include "inference/http/body_store.hpp"

#include <utility>

namespace evenkeel::inference::http {

std::string BodyStore::take(std::size_t bytes) {
    std::string body;
    for (std::size_t at = kept_.size(); bytes >= smallest && at-- > 0;) {
        const std::size_t room = kept_[at].capacity();
        if (room >= bytes && room / 4 <= bytes) {
            bytes_ -= room;
            used_ = true;
            body = std::move(kept_[at]);
            kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(at));
            break;
        }
    }
    body.reserve(bytes);
    return body;
}

void BodyStore::give(std::string body) noexcept {
    const std::size_t room = body.capacity();
    if (room < smallest || room > largest || room > bytes_max - bytes_) {
        return;
    }
    try {
        body.clear();
        bytes_ += body.capacity();
        used_ = used_ || kept_.empty();
        kept_.push_back(std::move(body));
    } catch (const std::bad_alloc&) {
        bytes_ -= body.capacity();
    }
}

void BodyStore::sweep(TimePoint now) noexcept {
    if (std::exchange(used_, false)) {
        used_at_ = now;
    } else if (now - used_at_ >= kept_for) {
        std::vector<std::string>{}.swap(kept_);
        bytes_ = 0;
    }
}

}  // namespace evenkeel::inference::http
