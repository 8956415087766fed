#include "lab/cloud/service.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

namespace evenkeel::lab::cloud {

namespace asio = boost::asio;
namespace http = inference::http;

namespace {

/// Real time between two proofs of life: as much of a bill can be lost when the cloud is killed.
constexpr std::chrono::milliseconds proof_pause{1'000};

std::chrono::nanoseconds boot_now() {
    timespec time{};
    ::clock_gettime(CLOCK_BOOTTIME, &time);
    return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
}

int body_error_status(Errc code) {
    return code == Errc::refused ? 413 : code == Errc::timed_out ? 408 : 400;
}

}  // namespace

CloudClock::CloudClock(UtcTime not_before)
    : start_{std::max(
          std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now()),
          not_before + std::chrono::microseconds{1})},
      boot_start_{boot_now()},
      latest_{start_} {}

UtcTime CloudClock::now() {
    latest_ = std::max(latest_, start_ + std::chrono::floor<Micros>(boot_now() - boot_start_));
    return latest_;
}

Service::Service(
    asio::io_context& context,
    World& world,
    Journal& journal,
    const CloudOptions& options,
    providers::Secret token)
    : context_{context},
      world_{world},
      journal_{journal},
      options_{options},
      token_{std::move(token)},
      clock_{world.last_time()},
      due_{context},
      proof_{context},
      children_{make_children(
          context, options.kill_grace, [this](const std::string& id) { on_exit(id); })} {}

std::string Service::key_path(std::string_view id) const {
    return fmt::format("{}/keys/{}", options_.state, id);
}

Result<void> Service::begin(std::string_view mark) {
    // Keys of machines that died with an earlier cloud.
    const std::string keys = options_.state + "/keys";
    std::error_code error;
    std::filesystem::remove_all(keys, error);
    if (!error) {
        std::filesystem::create_directory(keys, error);
    }
    if (!error) {
        std::filesystem::permissions(keys, std::filesystem::perms::owner_all, error);
    }
    if (error) {
        return fail(Errc::io_failed, fmt::format("cannot prepare {}: {}", keys, error.message()));
    }
    if (!commit(world_.begin(clock_.now(), mark))) {
        return std::unexpected{*failure_};
    }
    prove_life();
    return {};
}

bool Service::store_key(const std::string& id, std::string_view key) const {
    const std::string path = key_path(id);
    const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    const bool written = descriptor >= 0 && ::write(descriptor, key.data(), key.size()) ==
                                                static_cast<ssize_t>(key.size());
    if (!written) {
        spdlog::error("cloud key_not_written machine={} error=\"{}\"", id, std::strerror(errno));
    }
    if (descriptor >= 0) {
        ::close(descriptor);
    }
    return written;
}

bool Service::commit(const Step& step) {
    if (!step.records.empty()) {
        if (auto written = journal_.append(step.records); !written) {
            failure_ = written.error();
            context_.stop();
            return false;
        }
    }
    for (const Record& record : step.records) {
        after(record);
    }
    for (const Effect& effect : step.effects) {
        perform(effect);
    }
    if (closed_ && world_.live() == 0) {
        asio::post(context_, std::exchange(closed_, {}));
    }
    keep_time();
    return !failure_;
}

void Service::after(const Record& record) {
    if (!std::holds_alternative<Alive>(record)) {
        spdlog::info("cloud record={}", to_json(record));
    }
    if (const auto* const ended = std::get_if<Ended>(&record)) {
        ::unlink(key_path(ended->id).c_str());
    }
}

void Service::perform(const Effect& effect) {
    switch (effect.kind) {
        case Effect::Kind::start:
            start_machine(effect.id);
            break;
        case Effect::Kind::stop:
            children_->stop(effect.id);
            break;
        case Effect::Kind::kill:
            children_->kill(effect.id);
            break;
    }
}

void Service::start_machine(const std::string& id) {
    const Machine* const machine = world_.machine(id);
    const std::string program{
        options_.engine_program.empty() ? own_program : options_.engine_program};
    const auto port = children_->start(
        id,
        program,
        {"engine",
         "--synthetic",
         "--listen",
         "127.0.0.1:{port}",
         "--profile",
         options_.profile,
         "--model",
         machine->model,
         "--key-file",
         key_path(id),
         "--speed",
         fmt::format("{}", options_.speed),
         "--loading",
         fmt::format("{}ms", options_.loading.count())});
    if (!port) {
        spdlog::error("cloud start_failed machine={} error=\"{}\"", id, port.error().message);
        static_cast<void>(commit(world_.start_failed(id, clock_.now())));
        return;
    }
    static_cast<void>(commit(world_.started(id, *port, clock_.now())));
}

void Service::on_exit(const std::string& id) {
    static_cast<void>(commit(world_.exited(id, clock_.now())));
}

void Service::keep_time() {
    const auto next = world_.next_due();
    if (!next) {
        due_.cancel();
        return;
    }
    due_.expires_after(std::max(*next - clock_.now(), Micros{0}));
    due_.async_wait([this](const boost::system::error_code& error) {
        if (!error) {
            static_cast<void>(commit(world_.tick(clock_.now())));
        }
    });
}

void Service::prove_life() {
    proof_.expires_after(proof_pause);
    proof_.async_wait([this](const boost::system::error_code& error) {
        if (!error && commit(world_.proof_of_life(clock_.now()))) {
            prove_life();
        }
    });
}

void Service::close(std::function<void()> done) {
    proof_.cancel();
    closed_ = std::move(done);
    static_cast<void>(commit(world_.close(clock_.now())));
}

asio::awaitable<void> Service::handle(http::Exchange& exchange) {
    const http::RequestHead& head = exchange.head();
    const http::Headers headers{{"Content-Type", "application/json"}, {"x-synthetic", "true"}};
    auto body = co_await exchange.read_body();
    if (!body) {
        const int status = body_error_status(body.error().code);
        const std::string text = error_body("invalid", body.error().message);
        co_await exchange.respond(status, headers, text);
        co_return;
    }
    const Call call{
        .method = head.method,
        .path = head.path,
        .query = head.query,
        .authorization = head.field("authorization"),
        .body = *body};
    Reply reply = answer(world_, token_.reveal(), call, clock_.now());
    explicit_bzero(body->data(), body->size());
    // A failed write of the key is logged; such a machine ends its boot `stopped`.
    if (!reply.created.empty()) {
        static_cast<void>(store_key(reply.created, reply.engine_key));
        explicit_bzero(reply.engine_key.data(), reply.engine_key.size());
    }
    const bool committed = commit(reply.step);
    if (!committed || reply.delivery == Delivery::lost) {
        boost::system::error_code ignored;
        static_cast<void>(exchange.socket().close(ignored));
        co_return;
    }
    co_await exchange.respond(reply.status, headers, reply.body);
}

}  // namespace evenkeel::lab::cloud
