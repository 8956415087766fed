#pragma once

#include "agent/control/inbox.hpp"
#include "inference/engine/probe.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <thread>

namespace evenkeel::agent {

/// Where an engine is and how it proves who it is.
struct EngineAt {
    std::string host{};
    std::uint16_t port{0};
    std::string key{};  ///< what it wants from us; empty = none
    /// SHA-256 of its public key (relay::TlsContext::pinned); empty = plain HTTP.
    std::string pin{};
    /// How it is looked at; what a rented node runs is looked at as vLLM is.
    const inference::engine::Kind* kind{&inference::engine::kind_of("vllm")};
};

/// Looks at engines from outside, on a thread of its own; answers go to the control thread.
/// Virtual for tests that live in virtual time.
class Prober {
public:
    explicit Prober(Inbox inbox);
    /// Cancels what runs.
    virtual ~Prober();
    Prober(const Prober&) = delete;
    Prober& operator=(const Prober&) = delete;

    virtual void health(
        EngineAt engine,
        std::chrono::milliseconds limit,
        std::function<void(Result<inference::engine::Health>)> done);
    virtual void accept(
        EngineAt engine,
        inference::engine::Expected expected,
        std::chrono::milliseconds limit,
        std::function<void(Result<inference::engine::Acceptance>)> done);
    virtual void metrics(
        EngineAt engine,
        std::chrono::milliseconds limit,
        std::function<void(Result<inference::engine::Metrics>)> done);
    /// POST without a body, to fall asleep or wake up.
    virtual void post(
        EngineAt engine,
        std::string path,
        std::chrono::milliseconds limit,
        std::function<void(Result<bool>)> done);

protected:
    /// For those that answer by themselves: no thread is started.
    Prober() = default;

private:
    /// Starts what `make` makes of the engine; its result reaches `done` through the inbox.
    template <class T, class Make>
    void ask(EngineAt engine, std::function<void(Result<T>)> done, const Make& make);

    Inbox inbox_{};
    boost::asio::io_context context_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
        context_.get_executor()};
    std::thread thread_{};
};

}  // namespace evenkeel::agent
