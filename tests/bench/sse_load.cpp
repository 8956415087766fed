/// Load for measurements of the data path: plain requests or streams, closed or open loop, from one
/// thread of epoll. Says what the clients saw, and what the watched processes used meanwhile.

#include "tests/bench/load_answer.hpp"
#include "tests/bench/load_options.hpp"
#include "tests/bench/load_watch.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <deque>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace evenkeel::bench {
namespace {

constexpr int opening_max = 1024;   ///< connections whose first answer has not begun
constexpr int errors_max = 10'000;  ///< then it makes no sense to go on
constexpr std::int64_t open_limit_ns = 30 * second_ns;  ///< for all connections to be there
constexpr std::int64_t run_limit_ns = 600 * second_ns;

struct Client {
    int fd{-1};
    LoadAnswer answer{};
    std::size_t sent{0};  ///< bytes of the request
    bool busy{false};
    bool wants_write{false};
    bool opening{false};
    bool answered{false};     ///< at least once on this connection
    std::int64_t planned{0};  ///< when the request should have been sent
    std::int64_t event_at{0};
};

class Load {
public:
    explicit Load(LoadOptions options)
        : options_{std::move(options)}, request_{make_request(options_)} {}

    int run() {
        epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
        clients_.resize(static_cast<std::size_t>(options_.connections));
        base_ = usage_of(options_.watch);
        began_ = now_ns();
        if (options_.requests > 0) {
            begin_measuring();
        }
        std::array<epoll_event, 256> ready{};
        while (!over_) {
            open_more();
            const int count = wait(ready);
            now_ = now_ns();
            for (int i = 0; i < count; ++i) {
                handle(ready[static_cast<std::size_t>(i)]);
            }
            arrivals();
            phases();
        }
        print();
        return errors_.sum() == 0 ? 0 : 1;
    }

private:
    // --- time ---------------------------------------------------------------------------------

    int wait(std::array<epoll_event, 256>& ready) {
        std::int64_t pause = second_ns / 100;
        if (options_.rate > 0 && next_arrival_ > 0) {
            pause = std::clamp<std::int64_t>(next_arrival_ - now_ns(), 0, pause);
        }
        const timespec limit{.tv_sec = 0, .tv_nsec = pause};
        return ::epoll_pwait2(
            epoll_, ready.data(), static_cast<int>(ready.size()), &limit, nullptr);
    }

    void phases() {
        if (now_ - began_ > run_limit_ns || errors_.sum() > errors_max ||
            (!all_open() && now_ - began_ > open_limit_ns)) {
            std::fprintf(
                stderr,
                "sse_load: given up with %d of %d connections open\n",
                open_,
                options_.connections);
            errors_.connect += all_open() ? 0 : 1;
            if (!measuring_) {
                begin_measuring();
            }
            over_ = true;
        } else if (!measuring_) {
            if (all_open()) {
                opened_ = opened_ == 0 ? now_ : opened_;
                if (static_cast<double>(now_ - opened_) >= options_.warmup * 1e9) {
                    begin_measuring();
                }
            }
        } else if (options_.requests > 0) {
            over_ = finished_ + errors_.sum() >= options_.requests;
        } else {
            over_ = static_cast<double>(now_ - measured_from_) >= options_.seconds * 1e9;
        }
        if (over_) {
            measured_to_ = now_ns();
            after_ = usage_of(options_.watch);
        }
    }

    void begin_measuring() {
        measuring_ = true;
        before_ = usage_of(options_.watch);
        measured_from_ = now_ns();
    }

    [[nodiscard]] bool all_open() const { return open_ >= options_.connections && opening_ == 0; }

    void arrivals() {
        if (options_.rate <= 0 || !all_open()) {
            return;
        }
        const auto step = static_cast<std::int64_t>(1e9 / options_.rate);
        next_arrival_ = next_arrival_ == 0 ? now_ : next_arrival_;
        for (; next_arrival_ <= now_; next_arrival_ += step) {
            waiting_.push_back(next_arrival_);
        }
        while (!waiting_.empty() && !idle_.empty()) {
            Client& client = clients_[idle_.back()];
            idle_.pop_back();
            ask(client, waiting_.front());
            waiting_.pop_front();
        }
    }

    // --- connections --------------------------------------------------------------------------

    void open_more() {
        while (opening_ < opening_max && open_ < options_.connections && !over_) {
            connect(clients_[static_cast<std::size_t>(open_++)]);
        }
    }

    void connect(Client& client) {
        client.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(static_cast<std::uint16_t>(options_.port));
        const int yes = 1;
        ::setsockopt(client.fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
        if (client.fd < 0 ||
            (::connect(client.fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 &&
             errno != EINPROGRESS)) {
            ++errors_.connect;
            if (client.fd >= 0) {
                ::close(client.fd);
            }
            client.fd = -1;
            return;
        }
        client.answered = false;
        epoll_event event{.events = EPOLLIN, .data = {.u64 = index_of(client)}};
        ::epoll_ctl(epoll_, EPOLL_CTL_ADD, client.fd, &event);
        if (options_.rate > 0) {
            idle_.push_back(index_of(client));
            return;
        }
        client.opening = true;
        ++opening_;
        ask(client, now_ns());
    }

    [[nodiscard]] std::size_t index_of(const Client& client) const {
        return static_cast<std::size_t>(&client - clients_.data());
    }

    void ask(Client& client, std::int64_t planned) {
        client.answer.reset();
        client.sent = 0;
        client.busy = true;
        client.planned = planned;
        client.event_at = 0;
        ++asked_;
        send(client);
    }

    void send(Client& client) {
        while (client.sent < request_.size()) {
            const ssize_t count = ::send(
                client.fd,
                request_.data() + client.sent,
                request_.size() - client.sent,
                MSG_NOSIGNAL | MSG_DONTWAIT);
            if (count < 0) {
                break;  // not connected yet, or full; a broken one is seen by reading
            }
            client.sent += static_cast<std::size_t>(count);
        }
        const bool wanted = client.sent < request_.size();
        if (wanted != client.wants_write) {
            client.wants_write = wanted;
            epoll_event event{
                .events = EPOLLIN | (wanted ? EPOLLOUT : 0U), .data = {.u64 = index_of(client)}};
            ::epoll_ctl(epoll_, EPOLL_CTL_MOD, client.fd, &event);
        }
    }

    void handle(const epoll_event& event) {
        Client& client = clients_[static_cast<std::size_t>(event.data.u64)];
        if (client.fd < 0) {
            return;
        }
        if ((event.events & EPOLLOUT) != 0 && client.busy) {
            send(client);
        }
        if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
            read(client);
        }
    }

    void read(Client& client) {
        const ssize_t count = ::recv(client.fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        if (count <= 0) {
            const bool never = !client.answered && !client.answer.begun() && count < 0;
            if (client.busy) {
                ++(never ? errors_.connect : errors_.io);
            }
            again(client, false);
            return;
        }
        if (!client.busy) {
            ++errors_.io;  // an answer to no question
            again(client, false);
            return;
        }
        begun(client);
        const auto state = client.answer.feed(
            {buffer_.data(), static_cast<std::size_t>(count)},
            [&](std::int64_t due) { on_event(client, due); });
        if (state == LoadAnswer::State::bad) {
            ++errors_.io;
            again(client, false);
        } else if (state == LoadAnswer::State::done) {
            finish(client);
        }
    }

    void begun(Client& client) {
        if (client.opening) {
            client.opening = false;
            --opening_;
        }
    }

    // --- what came of it ----------------------------------------------------------------------

    void on_event(Client& client, std::int64_t due) {
        if (measuring_) {
            ++events_;
            transit_.add(now_ - due);
            if (client.answer.count() == 1) {
                ttft_.add(now_ - client.planned);
            } else {
                gaps_.add(now_ - client.event_at);
            }
        }
        client.event_at = now_;
    }

    void finish(Client& client) {
        const LoadAnswer& answer = client.answer;
        client.answered = true;
        if (answer.status() != 200) {
            ++errors_.status;
            last_bad_status_ = answer.status();
        } else if (
            options_.stream &&
            (!answer.events() || !answer.said_done() || answer.count() != options_.events)) {
            ++errors_.short_stream;
        } else if (measuring_ && (options_.requests > 0 || client.planned >= measured_from_)) {
            latency_.add(now_ - client.planned);
        }
        finished_ += measuring_ ? 1 : 0;
        again(client, !answer.closes());
    }

    /// The next request of this client, on the same connection or a new one.
    void again(Client& client, bool keep) {
        client.busy = false;
        if (!keep) {
            begun(client);
            ::close(client.fd);
            client.wants_write = false;
            std::erase(idle_, index_of(client));
            connect(client);
            return;
        }
        if (options_.rate > 0) {
            idle_.push_back(index_of(client));
        } else if (options_.requests == 0 || asked_ < options_.requests) {
            ask(client, now_ns());
        }
    }

    void print() {
        const double seconds = static_cast<double>(measured_to_ - measured_from_) / 1e9;
        const double cpu_us = static_cast<double>(after_.total_ns() - before_.total_ns()) / 1e3;
        const auto each = [cpu_us](std::int64_t of) {
            return of == 0 ? 0.0 : cpu_us / static_cast<double>(of);
        };
        std::printf(
            R"({"connections":%d,"seconds":%.3f,"requests":%lld,"requests_per_s":%.1f,)"
            R"("events":%lld,"events_per_s":%.1f,)",
            options_.connections,
            seconds,
            static_cast<long long>(finished_),
            static_cast<double>(finished_) / seconds,
            static_cast<long long>(events_),
            static_cast<double>(events_) / seconds);
        std::printf(
            R"("latency_us":%s,"ttft_us":%s,"transit_us":%s,"gap_us":%s,)",
            latency_.json().c_str(),
            ttft_.json().c_str(),
            transit_.json().c_str(),
            gaps_.json().c_str());
        std::printf(
            R"("errors":{"connect":%lld,"io":%lld,"status":%lld,"short":%lld,"last_status":%d},)",
            static_cast<long long>(errors_.connect),
            static_cast<long long>(errors_.io),
            static_cast<long long>(errors_.status),
            static_cast<long long>(errors_.short_stream),
            last_bad_status_);
        std::printf(
            R"("cpu_us":%.0f,"cpu_us_per_request":%.3f,"cpu_us_per_event":%.3f,"core_share":%.3f,)"
            R"("rss_kb_before":%lld,"rss_kb":%lld,"threads_us":{)",
            cpu_us,
            each(finished_),
            each(events_),
            cpu_us / 1e6 / seconds,
            static_cast<long long>(base_.rss_kb),
            static_cast<long long>(after_.rss_kb));
        const char* comma = "";
        for (const auto& [name, ns] : after_.run_ns) {
            std::printf(
                R"(%s"%s":%.0f)",
                comma,
                name.c_str(),
                static_cast<double>(ns - before_.run_ns[name]) / 1e3);
            comma = ",";
        }
        std::printf("}}\n");
    }

    LoadOptions options_;
    std::string request_;
    int epoll_{-1};
    std::vector<Client> clients_{};
    std::vector<std::size_t> idle_{};     ///< open loop: clients without a request
    std::deque<std::int64_t> waiting_{};  ///< open loop: arrivals without a client
    std::int64_t next_arrival_{0};
    int open_{0};
    int opening_{0};
    std::int64_t asked_{0};
    std::int64_t began_{0};
    std::int64_t opened_{0};
    std::int64_t now_{0};
    std::int64_t measured_from_{0};
    std::int64_t measured_to_{0};
    bool measuring_{false};
    bool over_{false};
    Usage base_{};
    Usage before_{};
    Usage after_{};
    Errors errors_{};
    int last_bad_status_{0};
    std::int64_t finished_{0};
    std::int64_t events_{0};
    Times latency_{};
    Times ttft_{};
    Times transit_{};
    Times gaps_{};
    std::array<char, 256 * 1024> buffer_{};
};

}  // namespace
}  // namespace evenkeel::bench

int main(int count, char** arguments) {
    using namespace evenkeel::bench;
    raise_files();
    ::signal(SIGPIPE, SIG_IGN);
    return std::make_unique<Load>(parse_load_options(count, arguments))->run();
}
