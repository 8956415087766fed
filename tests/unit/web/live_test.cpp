#include "agent/web/live.hpp"

#include "inference/http/client.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <future>
#include <mutex>
#include <thread>

namespace evenkeel::web {
namespace {

namespace asio = boost::asio;
namespace http = inference::http;
using namespace std::chrono_literals;

bool eventually(const std::function<bool()>& holds) {
    for (int i = 0; i < 500; ++i) {
        if (holds()) {
            return true;
        }
        std::this_thread::sleep_for(10ms);
    }
    return false;
}

/// A listener that serves only the stream.
class LiveStream : public testing::Test {
protected:
    LiveStream() {
        auto listening = http::listen(
            context_,
            "127.0.0.1:0",
            [this](http::Exchange& exchange) { return live_.serve(exchange); },
            {});
        if (!listening) {
            throw std::runtime_error{listening.error().message};
        }
        server_ = std::move(*listening);
        thread_ = std::thread{[this] { context_.run(); }};
    }
    ~LiveStream() override {
        live_.close();
        std::promise<void> ended;
        asio::post(context_, [&] { server_->stop(1s, [&ended] { ended.set_value(); }); });
        ended.get_future().wait_for(5s);
        work_.reset();
        context_.stop();
        thread_.join();
        workers_.finish();
    }
    [[nodiscard]] LiveDocuments documents() {
        const std::lock_guard lock{mutex_};
        return documents_;
    }
    void set_status(const std::string& status) {
        const std::lock_guard lock{mutex_};
        documents_.status = status;
    }

    /// Listens until the stream ends or `listen_for` is over.
    class Listener {
    public:
        Listener(const std::string& address, std::chrono::milliseconds listen_for)
            : thread_{[this, address, listen_for] {
                  asio::io_context context;
                  asio::co_spawn(
                      context,
                      http::fetch_stream(
                          address,
                          {.target = "/ui/api/live"},
                          listen_for,
                          [this](const http::ClientResponse& head) {
                              type_ = std::string{head.header("content-type")};
                          },
                          [this](std::string_view data) {
                              const std::lock_guard lock{mutex_};
                              text_ += data;
                          }),
                      [this](std::exception_ptr, Result<http::ClientResponse> answer) {
                          whole_ = answer.has_value();
                      });
                  context.run();
              }} {}
        ~Listener() { end(); }
        void end() {
            if (thread_.joinable()) {
                thread_.join();
            }
        }
        [[nodiscard]] std::string text() {
            const std::lock_guard lock{mutex_};
            return text_;
        }
        [[nodiscard]] bool whole() const { return whole_; }
        [[nodiscard]] const std::string& type() const { return type_; }

    private:
        std::mutex mutex_;
        std::string text_{};
        std::string type_{};
        bool whole_{false};
        std::thread thread_;
    };

    std::mutex mutex_;
    LiveDocuments documents_{.status = R"({"n":1})", .nodes = R"({"m":1})"};
    Workers workers_{1, 2};
    Live live_{workers_, [this] { return documents(); }};
    asio::io_context context_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
    std::unique_ptr<http::Server> server_;
    std::thread thread_;
};

TEST_F(LiveStream, TellsWhatIsNewAndNothingTwice) {
    Listener listener{server_->address(), 10s};
    ASSERT_TRUE(eventually([&] { return listener.text().contains(R"({"m":1})"); }));
    EXPECT_EQ(
        listener.text(),
        "retry: 2000\n\nevent: status\ndata: {\"n\":1}\n\nevent: nodes\ndata: {\"m\":1}\n\n");
    set_status(R"({"n":2})");
    ASSERT_TRUE(eventually([&] { return listener.text().contains(R"({"n":2})"); }));
    EXPECT_TRUE(listener.text().ends_with("event: status\ndata: {\"n\":2}\n\n"));
    live_.close();
    listener.end();
    EXPECT_TRUE(listener.whole()) << "ended, not cut";
    EXPECT_EQ(listener.type(), "text/event-stream");
}

TEST_F(LiveStream, OneHasItMadeForAllAndNobodyForNone) {
    std::this_thread::sleep_for(50ms);
    EXPECT_EQ(live_.made(), 0) << "nobody listens";
    {
        std::vector<std::unique_ptr<Listener>> crowd;
        for (int i = 0; i < 5; ++i) {
            crowd.push_back(std::make_unique<Listener>(server_->address(), 10s));
        }
        for (const auto& one : crowd) {
            EXPECT_TRUE(eventually([&] { return one->text().contains(R"({"m":1})"); }));
        }
        EXPECT_EQ(live_.listeners(), 5);
        EXPECT_LE(live_.made(), 3) << "not once for each";
        live_.close();
    }
    EXPECT_TRUE(eventually([&] { return live_.listeners() == 0; }));
}

TEST_F(LiveStream, WhoGoesAwayIsForgotten) {
    {
        Listener listener{server_->address(), 200ms};
        ASSERT_TRUE(eventually([&] { return live_.listeners() == 1; }));
        listener.end();
    }
    for (int n = 2; live_.listeners() > 0 && n < 300; ++n) {
        set_status(R"({"n":)" + std::to_string(n) + "}");  // something to write
        std::this_thread::sleep_for(20ms);
    }
    EXPECT_EQ(live_.listeners(), 0);
    const std::int64_t made = live_.made();
    std::this_thread::sleep_for(50ms);
    EXPECT_EQ(live_.made(), made);
}

}  // namespace
}  // namespace evenkeel::web
