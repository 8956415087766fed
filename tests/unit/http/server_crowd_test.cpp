#include "tests/unit/http/harness.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

/// What a server does about more clients than it may have, and more than there are descriptors.
namespace evenkeel::inference::http {
namespace {

using namespace testing_tools;
using Clock = std::chrono::steady_clock;

TEST(F66, ConnectionsBeyondTheLimitAreToldSo) {
    for (const bool per_address : {false, true}) {
        ServerOptions options;
        (per_address ? options.limits.connections_per_address : options.limits.connections) = 3;
        TestServer server{echo_handler(), options};
        std::vector<std::unique_ptr<RawClient>> clients;
        for (int i = 0; i < 3; ++i) {
            clients.push_back(std::make_unique<RawClient>(server.address()));
            clients.back()->send(plain_get);
            ASSERT_EQ(clients.back()->read_answer().status, 200);
        }
        const std::string refused = exchange_raw(server.address(), plain_get);
        EXPECT_EQ(status_of(refused), 503);
        EXPECT_EQ(count_answers(refused), 1);
        clients.pop_back();
        EXPECT_TRUE(eventually([&] {
            return status_of(exchange_raw(
                       server.address(),
                       "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")) == 200;
        }));
    }
}

/// Lowers the soft limit of open files for its lifetime.
class DescriptorLimit {
public:
    explicit DescriptorLimit(rlim_t soft) {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        rlimit lowered = before_;
        lowered.rlim_cur = soft;
        ::setrlimit(RLIMIT_NOFILE, &lowered);
    }
    ~DescriptorLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
    DescriptorLimit(const DescriptorLimit&) = delete;
    DescriptorLimit& operator=(const DescriptorLimit&) = delete;

private:
    rlimit before_{};
};

/// The number the next descriptor will get.
int next_descriptor() {
    const int fd = ::dup(0);
    ::close(fd);
    return fd;
}

TEST(F89, AcceptPausesBeforeDescriptorsRunOutAndDoesNotSpin) {
    ServerOptions options;
    options.limits.descriptors_reserved = 8;
    TestServer server{echo_handler(), options};
    const DescriptorLimit limit{static_cast<rlim_t>(next_descriptor()) + 40};
    std::vector<std::unique_ptr<RawClient>> clients;
    int answered = 0;
    int turned_away = 0;
    for (int i = 0; i < 17; ++i) {  // two descriptors each: theirs and the server's
        clients.push_back(std::make_unique<RawClient>(server.address()));
        clients.back()->send(plain_get);
        const std::string answer = clients.back()->read_some(40ms);
        answered += status_of(answer) == 200 ? 1 : 0;
        turned_away += status_of(answer) == 200 ? 0 : 1;
    }
    EXPECT_GT(answered, 10);
    EXPECT_GT(turned_away, 0);
    // The reserve is still there for the rest of the process.
    std::vector<int> reserve;
    for (int i = 0; i < 5; ++i) {
        reserve.push_back(::dup(0));
        EXPECT_GE(reserve.back(), 0) << std::strerror(errno);
    }
    // Paused, not spinning, while a connection waits in the backlog.
    const double before = server.cpu_seconds();
    std::this_thread::sleep_for(50ms);
    EXPECT_LT(server.cpu_seconds() - before, 0.0025) << "a twentieth of the time";
    for (const int fd : reserve) {
        ::close(fd);
    }
    clients.clear();
    // And it recovers by itself.
    EXPECT_TRUE(eventually([&] {
        return status_of(exchange_raw(server.address(), "GET / HTTP/1.0\r\n\r\n")) == 200;
    }));
}

TEST(F89, AcceptSurvivesAnEmptyDescriptorTable) {
    ServerOptions options;
    options.limits.descriptors_reserved = 0;
    TestServer server{echo_handler(), options};
    RawClient client{server.address()};  // its other end waits in the backlog or is accepted
    RawClient second{server.address()};
    {
        const DescriptorLimit limit{static_cast<rlim_t>(next_descriptor())};
        second.send("GET / HTTP/1.0\r\n\r\n");
        const double before = server.cpu_seconds();
        std::this_thread::sleep_for(50ms);
        EXPECT_LT(server.cpu_seconds() - before, 0.0025);
    }
    EXPECT_EQ(status_of(second.read_all(2s)), 200);
}

}  // namespace
}  // namespace evenkeel::inference::http
