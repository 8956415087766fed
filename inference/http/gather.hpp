#pragma once

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/uio.h>

namespace evenkeel::inference::http {

/// Pieces that leave in one system call, and what is left of them after a partial one. Owns
/// nothing.
class Gather {
public:
    static constexpr std::size_t pieces_max = 16;
    enum class Outcome : std::uint8_t {
        sent,     ///< all of it
        blocked,  ///< the socket's buffer is full; something is left
        failed,   ///< the peer is gone
    };

    [[nodiscard]] bool full() const noexcept { return end_ == pieces_max; }
    /// Precondition: not full().
    void add(std::string_view piece) noexcept {
        if (!piece.empty()) {
            // sendmsg() reads only; the interface of iovec is older than const.
            pieces_[end_++] = {const_cast<char*>(piece.data()), piece.size()};
        }
    }
    void clear() noexcept { begin_ = end_ = 0; }

    /// Sends what the socket takes without blocking; `moved` is set when at least a byte went.
    [[nodiscard]] Outcome send(int fd, bool& moved) noexcept {
        moved = false;
        while (begin_ != end_) {
            msghdr message{};
            message.msg_iov = &pieces_[begin_];
            message.msg_iovlen = end_ - begin_;
            const ssize_t count = ::sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (count < 0) {
                if (errno == EINTR) {
                    continue;
                }
                return errno == EAGAIN || errno == EWOULDBLOCK ? Outcome::blocked : Outcome::failed;
            }
            moved = true;
            drop(static_cast<std::size_t>(count));
        }
        return Outcome::sent;
    }

    /// Copies what is left of the pieces inside `shared` to `own` and points there: for a shared
    /// buffer that others will write to while we wait.
    void move_out_of(const std::string& shared, std::string& own) {
        const char* first = shared.data();
        const char* last = first + shared.size();
        for (std::size_t i = begin_; i != end_; ++i) {
            const auto* at = static_cast<const char*>(pieces_[i].iov_base);
            if (at >= first && at < last) {
                own.assign(at, pieces_[i].iov_len);
                pieces_[i].iov_base = own.data();
                return;  // each answer has one piece there
            }
        }
    }

private:
    void drop(std::size_t count) noexcept {
        while (begin_ != end_ && count >= pieces_[begin_].iov_len) {
            count -= pieces_[begin_].iov_len;
            ++begin_;
        }
        if (count > 0) {
            iovec& piece = pieces_[begin_];
            piece.iov_base = static_cast<char*>(piece.iov_base) + count;
            piece.iov_len -= count;
        }
    }

    std::array<iovec, pieces_max> pieces_{};
    std::size_t begin_{0};
    std::size_t end_{0};
};

}  // namespace evenkeel::inference::http
