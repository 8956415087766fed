#include "inference/http/server.hpp"

#include "inference/http/address.hpp"
#include "inference/http/connection.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unordered_map>
#include <vector>

namespace evenkeel::inference::http {

namespace {

using Clock = std::chrono::steady_clock;
using ErrorCode = boost::system::error_code;

constexpr std::chrono::milliseconds tick_max{250};
constexpr std::chrono::milliseconds tick_min{10};
constexpr int accepts_in_a_row_max = 64;  ///< then others get their turn
constexpr int refusing_max = 64;          ///< connections that only wait for their 503
constexpr std::chrono::seconds warning_interval{10};

/// Identity of a socket file, so that we remove only our own.
struct FileId {
    dev_t device{0};
    ino_t inode{0};
    friend bool operator==(const FileId&, const FileId&) = default;
};

FileId file_id(const std::string& path) {
    struct stat info{};
    return ::lstat(path.c_str(), &info) == 0 ? FileId{info.st_dev, info.st_ino} : FileId{};
}

/// Limits shorter than the usual tick are still kept to within a quarter.
std::chrono::milliseconds tick_for(const Limits& limits) {
    const auto shortest =
        std::min({limits.header_time, limits.body_time, limits.idle_time, limits.stall_time});
    return std::clamp(shortest / 4, tick_min, tick_max);
}

/// The server proper. Kept alive by its callbacks and connections until the last one has ended.
class Engine final : public std::enable_shared_from_this<Engine> {
public:
    Engine(
        asio::io_context& context,
        Address address,
        Descriptor listener,
        Handler handler,
        ServerOptions options)
        : context_{context},
          listener_{context, listener.release()},
          timer_{context},
          address_{std::move(address)},
          tick_{tick_for(options.limits)} {
        shared_.options = std::move(options);
        shared_.handler = std::move(handler);
        if (address_.is_unix()) {
            file_ = file_id(address_.path);
        }
    }

    void start() { await_connection(); }
    [[nodiscard]] const Address& address() const noexcept { return address_; }
    [[nodiscard]] int connections() const noexcept { return serving_; }
    [[nodiscard]] asio::io_context& context() noexcept { return context_; }

    void stop(std::chrono::milliseconds drain, std::function<void()> done) {
        if (done) {
            when_stopped_.push_back(std::move(done));
        }
        cancel_at_ = std::min(cancel_at_, Clock::now() + drain);
        if (!shared_.draining) {
            shared_.draining = true;
            close_listener();
            for_each([](Connection& connection) { connection.drain(); });
        }
        if (drain <= std::chrono::milliseconds::zero()) {
            for_each([](Connection& connection) { connection.cancel(); });
        }
        finish_if_over();
        await_tick();
    }

private:
    // --- accepting ---
    void await_connection() {
        listener_.async_wait(
            asio::posix::stream_descriptor::wait_read,
            [self = shared_from_this()](const ErrorCode& code) {
                if (!code && !self->shared_.draining) {
                    self->accept_some();
                }
            });
    }

    void accept_some() {
        for (int i = 0; i < accepts_in_a_row_max; ++i) {
            Address from;
            from.size = sizeof(from.storage);
            Descriptor fd{::accept4(
                listener_.native_handle(),
                reinterpret_cast<sockaddr*>(&from.storage),
                &from.size,
                SOCK_NONBLOCK | SOCK_CLOEXEC)};
            if (!fd.valid()) {
                const int code = errno;
                if (code == EAGAIN || code == EWOULDBLOCK) {
                    break;
                }
                if (code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM) {
                    pause(fmt::format("cannot accept: {}", ::strerrordesc_np(code)));
                    return;
                }
                continue;  // that one connection is gone already
            }
            if (fd.get() >= descriptor_ceiling()) {
                pause("nearly all descriptors are in use");
                turn_away(fd.get());
                return;
            }
            admit(std::move(fd), from);
        }
        await_connection();
    }

    /// The first descriptor number that is left to the rest of the process. The kernel hands out
    /// the lowest free number, so a high one says that the table is nearly full.
    [[nodiscard]] int descriptor_ceiling() const {
        rlimit limit{};
        if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > (1u << 30)) {
            return std::numeric_limits<int>::max();
        }
        const int total = static_cast<int>(limit.rlim_cur);
        const int reserved = std::clamp(shared_.options.limits.descriptors_reserved, 0, total / 4);
        return total - reserved;
    }

    /// Stops accepting until the next tick, instead of spinning on an error that stays (F89).
    void pause(const std::string& why) {
        paused_ = true;
        const auto now = Clock::now();
        if (now >= next_warning_) {
            next_warning_ = now + warning_interval;
            spdlog::warn(
                "http accept_paused address={} connections={} why=\"{}\" fix=\"raise LimitNOFILE\"",
                address_.text(),
                serving_,
                why);
        }
        await_tick();
    }

    /// One attempt to say why, without keeping the descriptor.
    void turn_away(int fd) {
        const std::string body =
            shared_.error_body(503, "Too many connections are open; try again later.");
        std::string answer;
        const Framing framing{.length = body.size(), .close = true};
        append_head(
            answer,
            503,
            {{"content-type", "application/json"}},
            framing,
            shared_.date.at(std::time(nullptr)));
        answer += body;
        static_cast<void>(::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
    }

    void admit(Descriptor fd, const Address& from) {
        std::string peer = from.host();
        const Limits& limits = shared_.options.limits;
        bool room = serving_ < limits.connections;
        if (room && !address_.is_unix()) {
            const auto found = per_address_.find(peer);
            room = found == per_address_.end() || found->second < limits.connections_per_address;
        }
        if (!room && refusing_ >= refusing_max) {
            return;
        }
        const auto purpose = room ? Connection::Purpose::serve : Connection::Purpose::refuse;
        if (room) {
            ++serving_;
            ++per_address_[peer];
        } else {
            ++refusing_;
        }
        const asio::generic::stream_protocol protocol{
            address_.family(), address_.is_unix() ? 0 : IPPROTO_TCP};
        auto owned = std::make_unique<Connection>(
            shared_, Socket{context_, protocol, fd.get()}, std::move(peer), purpose);
        static_cast<void>(fd.release());  // the socket has it now
        Connection& connection = *owned;
        connection.index = shared_.slots.size();
        shared_.slots.push_back({.connection = std::move(owned)});
        asio::co_spawn(
            context_,
            connection.run(),
            asio::bind_cancellation_slot(
                connection.slot(),
                [self = shared_from_this(), &connection](const std::exception_ptr& error) {
                    self->ended(connection, error);
                }));
        await_tick();
    }

    void ended(Connection& connection, const std::exception_ptr& error) {
        if (error) {
            try {
                std::rethrow_exception(error);
            } catch (const std::exception& reason) {
                spdlog::error(
                    "http connection_failed peer={} error=\"{}\"",
                    connection.peer(),
                    reason.what());
            }
        }
        // The coroutine that reports its end is still on the stack: destroy it in the next turn.
        asio::post(
            context_, [self = shared_from_this(), &connection] { self->remove(connection); });
    }

    void remove(Connection& connection) {
        if (connection.purpose() == Connection::Purpose::serve) {
            --serving_;
            const auto found = per_address_.find(std::string{connection.peer()});
            if (found != per_address_.end() && --found->second == 0) {
                per_address_.erase(found);
            }
        } else {
            --refusing_;
        }
        const std::size_t index = connection.index;
        if (index + 1 != shared_.slots.size()) {
            shared_.slots[index] = std::move(shared_.slots.back());
            shared_.slots[index].connection->index = index;
        }
        shared_.slots.pop_back();
        finish_if_over();
    }

    // --- time ---
    /// One coarse timer for all connections; it rests while there is nothing to watch.
    void await_tick() {
        const bool needed =
            !shared_.slots.empty() || ((paused_ || !shared_.bodies.empty()) && !shared_.draining);
        if (ticking_ || !needed) {
            return;
        }
        ticking_ = true;
        const auto next = Clock::now() + tick_;
        timer_.expires_at(
            shared_.draining ? std::max(Clock::now() + tick_min, std::min(next, cancel_at_))
                             : next);
        timer_.async_wait([self = shared_from_this()](const ErrorCode&) {
            self->ticking_ = false;
            self->tick();
            self->await_tick();
        });
    }

    void tick() {
        const auto now = Clock::now();
        for (std::size_t i = 0; i < shared_.slots.size(); ++i) {
            if (shared_.slots[i].at <= now) {
                shared_.slots[i].connection->expire();
            }
        }
        shared_.bodies.sweep(now);
        if (shared_.draining && now >= cancel_at_) {
            // Every tick again: whoever swallowed the first one gets another.
            for_each([](Connection& connection) { connection.cancel(); });
        }
        if (paused_ && !shared_.draining) {
            paused_ = false;
            accept_some();
        }
    }

    template <class F>
    void for_each(F&& f) {
        for (std::size_t i = 0; i < shared_.slots.size(); ++i) {
            f(*shared_.slots[i].connection);
        }
    }

    // --- stopping ---
    void close_listener() {
        if (address_.is_unix() && file_id(address_.path) == file_) {
            ::unlink(address_.path.c_str());
        }
        ErrorCode ignored;
        static_cast<void>(listener_.close(ignored));
    }

    void finish_if_over() {
        if (!shared_.draining || !shared_.slots.empty()) {
            return;
        }
        timer_.cancel();
        for (auto& done : std::exchange(when_stopped_, {})) {
            asio::post(context_, std::move(done));
        }
    }

    asio::io_context& context_;
    asio::posix::stream_descriptor listener_;
    asio::steady_timer timer_;
    Address address_;
    FileId file_{};
    std::chrono::milliseconds tick_;
    Shared shared_{};
    std::unordered_map<std::string, int> per_address_{};
    int serving_{0};
    int refusing_{0};
    bool ticking_{false};
    bool paused_{false};
    Clock::time_point cancel_at_{Clock::time_point::max()};
    Clock::time_point next_warning_{};
    std::vector<std::function<void()>> when_stopped_{};
};

class ServerHandle final : public Server {
public:
    explicit ServerHandle(std::shared_ptr<Engine> engine) : engine_{std::move(engine)} {}
    ServerHandle(const ServerHandle&) = delete;
    ServerHandle& operator=(const ServerHandle&) = delete;
    ~ServerHandle() override { engine_->stop(std::chrono::milliseconds::zero(), {}); }

    [[nodiscard]] std::string address() const override { return engine_->address().text(); }
    [[nodiscard]] std::uint16_t port() const noexcept override { return engine_->address().port(); }
    [[nodiscard]] int connections() const noexcept override { return engine_->connections(); }
    void stop(std::chrono::milliseconds drain, std::function<void()> done) override {
        asio::dispatch(
            engine_->context(), [engine = engine_, drain, done = std::move(done)]() mutable {
                engine->stop(drain, std::move(done));
            });
    }

private:
    std::shared_ptr<Engine> engine_;
};

}  // namespace

Result<std::unique_ptr<Server>> listen(
    asio::io_context& context, const std::string& address, Handler handler, ServerOptions options) {
    auto parsed = parse_address(address);
    if (!parsed) {
        return std::unexpected{parsed.error()};
    }
    auto listener = open_listener(*parsed, options.reuse_port);
    if (!listener) {
        return std::unexpected{listener.error()};
    }
    auto engine = std::make_shared<Engine>(
        context, std::move(*parsed), std::move(*listener), std::move(handler), std::move(options));
    engine->start();
    return std::make_unique<ServerHandle>(std::move(engine));
}

}  // namespace evenkeel::inference::http
