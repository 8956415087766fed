#include "tests/unit/gateway/rig.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <ctime>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace evenkeel::inference::test {

namespace {

using Steady = std::chrono::steady_clock;

bool readable(int fd, milliseconds limit) {
    pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&entry, 1, static_cast<int>(std::max<std::int64_t>(limit.count(), 0))) > 0;
}

/// Parses `bytes` as one answer.
Reply parse(const std::string& bytes, bool closed) {
    Reply reply;
    const std::size_t head_end = bytes.find("\r\n\r\n");
    if (head_end == std::string::npos || bytes.size() < 12) {
        return reply;
    }
    reply.status = std::stoi(bytes.substr(9, 3));
    for (std::size_t at = bytes.find("\r\n") + 2; at < head_end;) {
        const std::size_t end = bytes.find("\r\n", at);
        const std::string line = bytes.substr(at, end - at);
        const std::size_t colon = line.find(": ");
        reply.headers[lower(line.substr(0, colon))] = line.substr(colon + 2);
        at = end + 2;
    }
    std::string rest = bytes.substr(head_end + 4);
    if (const auto found = reply.headers.find("content-length"); found != reply.headers.end()) {
        reply.body = rest.substr(0, std::stoul(found->second));
        reply.whole = reply.body.size() == std::stoul(found->second);
        return reply;
    }
    if (!reply.headers.contains("transfer-encoding")) {
        reply.body = rest;
        reply.whole = closed;
        return reply;
    }
    for (std::size_t at = 0;;) {
        const std::size_t end = rest.find("\r\n", at);
        if (end == std::string::npos) {
            return reply;
        }
        const std::size_t size = std::stoul(rest.substr(at, end - at), nullptr, 16);
        if (size == 0) {
            reply.whole = rest.substr(end) == "\r\n\r\n";
            return reply;
        }
        reply.body += rest.substr(end + 2, size);
        at = end + 2 + size + 2;
        if (at > rest.size()) {
            return reply;
        }
    }
}

}  // namespace

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

std::string lower(std::string text) {
    std::ranges::transform(
        text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

Now SystemClock::read() const {
    timespec boot{};
    ::clock_gettime(CLOCK_BOOTTIME, &boot);
    return {
        .boot =
            BootTime{std::chrono::seconds{boot.tv_sec} + std::chrono::nanoseconds{boot.tv_nsec}},
        .utc = std::chrono::time_point_cast<std::chrono::microseconds>(
            std::chrono::system_clock::now())};
}

// --- Line -------------------------------------------------------------------------------------

Line& Line::operator=(Line&& other) noexcept {
    if (this != &other) {
        close();
        fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
}

Line Line::connect(std::uint16_t port, int receive_buffer) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer > 0) {
        ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    }
    const sockaddr_in address = loopback(port);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        ::close(fd);
        return Line{-1};
    }
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return Line{fd};
}

bool Line::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

std::string Line::receive(std::size_t most, milliseconds limit) {
    if (!readable(fd_, limit)) {
        return {};
    }
    std::string bytes(most, '\0');
    const ssize_t count = ::recv(fd_, bytes.data(), most, 0);
    bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return bytes;
}

std::string Line::receive_until(std::string_view what, milliseconds limit) {
    const auto until = Steady::now() + limit;
    std::string all;
    while (all.find(what) == std::string::npos) {
        const auto left = std::chrono::duration_cast<milliseconds>(until - Steady::now());
        const std::string more = receive(65536, left);
        if (more.empty()) {
            break;
        }
        all += more;
    }
    return all;
}

std::string Line::receive_all(milliseconds limit) {
    return receive_until("\xFF never \xFF", limit);
}

bool Line::closed_by_peer(milliseconds limit) {
    const auto until = Steady::now() + limit;
    while (Steady::now() < until) {
        const auto left = std::chrono::duration_cast<milliseconds>(until - Steady::now());
        if (!readable(fd_, left)) {
            return false;
        }
        char waste[4096];
        if (::recv(fd_, waste, sizeof(waste), 0) <= 0) {
            return true;
        }
    }
    return false;
}

void Line::close() noexcept {
    if (fd_ >= 0) {
        ::close(std::exchange(fd_, -1));
    }
}

void Line::reset() noexcept {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close();
}

// --- Caller -----------------------------------------------------------------------------------

void Caller::start(const std::string& body, const std::string& headers) {
    if (!line_.valid()) {
        line_ = Line::connect(port_);
    }
    line_.send(fmt::format(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\n{}"
        "Content-Length: {}\r\n\r\n{}",
        headers,
        body.size(),
        body));
}

Reply Caller::finish(milliseconds limit) {
    const auto until = Steady::now() + limit;
    std::string all;
    for (;;) {
        const Reply reply = parse(all, false);
        if (reply.whole) {
            if (reply.headers.contains("connection") && reply.headers.at("connection") == "close") {
                line_.close();
            }
            return reply;
        }
        const auto left = std::chrono::duration_cast<milliseconds>(until - Steady::now());
        const std::string more = line_.receive(65536, left);
        if (more.empty()) {
            line_.close();
            return parse(all, Steady::now() < until);
        }
        all += more;
    }
}

Reply Caller::chat(const std::string& body, const std::string& key) {
    return request(
        "POST", "/v1/chat/completions", body, fmt::format("Authorization: Bearer {}\r\n", key));
}

Reply Caller::request(
    const std::string& method,
    const std::string& path,
    const std::string& body,
    const std::string& headers) {
    if (!line_.valid()) {
        line_ = Line::connect(port_);
    }
    const std::string length =
        method == "GET" ? "" : fmt::format("Content-Length: {}\r\n", body.size());
    line_.send(fmt::format(
        "{} {} HTTP/1.1\r\nHost: x\r\n{}{}\r\n{}", method, path, headers, length, body));
    return finish();
}

// --- FakeBooks and keys -----------------------------------------------------------------------

FakeBooks::~FakeBooks() {
    for (std::thread& thread : threads_) {
        thread.join();
    }
}

void FakeBooks::hold(const HoldRequest& request, std::function<void(Result<HoldId>)> done) {
    const std::lock_guard lock{mutex_};
    holds_.push_back(request);
    if (manual) {
        waiting_.push_back({std::move(done)});
        changed_.notify_all();
        return;
    }
    const HoldId id{next_hold_++};
    threads_.emplace_back([done = std::move(done), id] { done(id); });
}

void FakeBooks::acknowledge(Result<int> result) {
    std::vector<Waiting> waiting;
    std::int64_t first = 0;
    {
        std::unique_lock lock{mutex_};
        changed_.wait_for(lock, 5s, [this] { return !waiting_.empty(); });
        waiting.swap(waiting_);
        first = next_hold_;
        next_hold_ += static_cast<std::int64_t>(waiting.size());
    }
    for (Waiting& each : waiting) {
        if (result) {
            each.done(HoldId{first++});
        } else {
            each.done(std::unexpected{result.error()});
        }
    }
}

void FakeBooks::top_up(
    HoldId /*hold*/,
    Money /*more*/,
    std::int64_t more_report,
    std::function<void(Result<void>)> done) {
    const std::lock_guard lock{mutex_};
    topped_up_ += more_report;
    threads_.emplace_back([done = std::move(done)] { done({}); });
}

std::int64_t FakeBooks::topped_up() const {
    const std::lock_guard lock{mutex_};
    return topped_up_;
}

void FakeBooks::release(HoldId hold) {
    const std::lock_guard lock{mutex_};
    released_.push_back(hold);
}

bool FakeBooks::record(const RequestRecord& record) {
    if (full) {
        return false;
    }
    const std::lock_guard lock{mutex_};
    records_.push_back(record);
    changed_.notify_all();
    return true;
}

std::vector<RequestRecord> FakeBooks::records() const {
    const std::lock_guard lock{mutex_};
    return records_;
}

std::vector<RequestRecord> FakeBooks::wait_records(std::size_t count, milliseconds limit) {
    std::unique_lock lock{mutex_};
    changed_.wait_for(lock, limit, [this, count] { return records_.size() >= count; });
    return records_;
}

std::vector<HoldRequest> FakeBooks::holds() const {
    const std::lock_guard lock{mutex_};
    return holds_;
}

std::vector<HoldId> FakeBooks::released() const {
    const std::lock_guard lock{mutex_};
    return released_;
}

std::optional<ClientKey> FakeKeys::find(std::string_view presented) const {
    if (presented != "good") {
        return std::nullopt;
    }
    return ClientKey{.ix = NameIx{900}, .name = "tester"};
}

// --- Rig --------------------------------------------------------------------------------------

Rig::Rig(Setup setup) {
    config::Config config;
    config.currency.report = usd;
    config.speed = 100;  // shortens the fixed grace of requests with APIs
    config.limits = setup.options.limits;
    if (setup.first_token > 0ms) {
        config.slo.first_token = setup.first_token;
    }
    config.limits.queue_requests = setup.queue_limit;
    config.providers.push_back({.name = "here", .kind = config::ProviderKind::local});
    config.providers.push_back({.name = "seller", .kind = config::ProviderKind::openai_compatible});
    const config::Offer own{.name = "own", .on = "here", .slots = 4};
    config::Offer paid{.name = "seller-paid", .on = "seller", .model = "big/paid"};
    paid.token_price = config::TokenPrices{
        .in = *parse_price("4.00 USD/Mtok"), .out = *parse_price("20.00 USD/Mtok")};
    paid.seen = config::Date{std::chrono::year{2026} / 11 / 1};
    config.models.push_back({.name = "m", .aliases = {"alias"}, .offers = {own}});
    if (setup.overflow) {
        config::Offer overflow = paid;
        overflow.name = "seller-m";
        config.models[0].offers.push_back(overflow);
    }
    config.models.push_back({.name = "paid", .offers = {paid}});
    config.routes.push_back({.name = "all", .max_wait = setup.max_wait});
    if (setup.budget_nanos >= 0) {
        config.budgets.push_back(
            {.name = "cap", .scope = {.kind = "api"}, .limit = Money{setup.budget_nanos, usd}});
    }
    if (setup.change) {
        setup.change(config);
    }
    catalogue = routing::compile(std::move(config), 7, names);
    setup.options.listen = "127.0.0.1:0";
    auto started = Gateway::start(setup.options, books, keys, clock);
    if (!started) {
        throw std::runtime_error{started.error().message};
    }
    gateway = std::move(*started);
    gateway->apply(catalogue, routing::gate_policy(*catalogue));
}

Rig::~Rig() = default;

NameIx Rig::worker(
    const std::string& name, std::uint16_t port, int slots, dialect::GoesOn goes_on) {
    const NameIx ix = names.intern(routing::NameKind::source, name);
    const auto up = gateway->source_up(
        {.source = ix,
         .name = name,
         .kind = SourceKind::own,
         .model = catalogue->models[0].ix,
         .host = "127.0.0.1",
         .port = port,
         .goes_on = goes_on,
         .key = Secret{"engine-key"},
         .seller_model = "served/m",
         .slots = slots,
         .synthetic = true});
    EXPECT_TRUE(up);
    return ix;
}

void Rig::api(std::uint16_t port, int slots) {
    for (const auto& model : catalogue->models) {
        for (const auto& offer : model.apis) {
            const auto up = gateway->source_up(
                {.source = offer.source,
                 .name = std::string{names.text(offer.source)},
                 .kind = SourceKind::api,
                 .model = offer.model,
                 .provider = offer.provider,
                 .host = "127.0.0.1",
                 .port = port,
                 .dialect =
                     offer.is_anthropic ? dialect::Dialect::anthropic : dialect::Dialect::openai,
                 .key = Secret{"api-key"},
                 .seller_model = offer.seller_model,
                 .slots = slots});
            EXPECT_TRUE(up);
        }
    }
}

bool Rig::wait_until(const std::function<bool()>& condition, milliseconds limit) {
    const auto until = Steady::now() + limit;
    while (!condition()) {
        if (Steady::now() > until) {
            return false;
        }
        std::this_thread::sleep_for(2ms);
    }
    return true;
}

std::string chat_body(bool stream, const std::string& extra, const std::string& model) {
    return fmt::format(
        R"({{"model":"{}","messages":[{{"role":"user","content":"hello there"}}]{}{}}})",
        model,
        stream ? R"(,"stream":true)" : "",
        extra);
}

}  // namespace evenkeel::inference::test
