#include "inference/gateway/loop.hpp"

#include "inference/gateway/client_request.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <ctime>
#include <pthread.h>
#include <utility>

namespace evenkeel::inference {

namespace {

http::ServerOptions server_options(const config::Limits& limits, bool reuse_port) {
    http::ServerOptions options;
    options.limits.header_bytes = static_cast<std::size_t>(limits.header_bytes);
    options.limits.body_bytes = static_cast<std::size_t>(limits.body_bytes);
    options.limits.connections = limits.connections;
    options.limits.connections_per_address = limits.connections_per_address;
    options.limits.header_time = limits.header_time;
    options.limits.body_time = limits.body_time;
    options.limits.idle_time = limits.idle_time;
    options.limits.stall_time = limits.stall_time;
    options.reuse_port = reuse_port;
    options.error_body = [](int status, std::string_view sentence) {
        dialect::ApiError error = dialect::bad_request(std::string{sentence}, {});
        error.status = status;
        if (status >= 500) {
            error.type = "server_error";
        }
        return dialect::to_json(error);
    };
    return options;
}

/// One step of a running mean over about 16 values, in whole numbers.
void blend(std::int64_t& mean, std::int64_t value) {
    mean += (value * 1000 - mean) / 16;
}

}  // namespace

bool KeyGuard::tolerates(std::string_view address, TimePoint now) {
    if (used_until_.size() >= addresses_max) {
        std::erase_if(used_until_, [now](const auto& entry) { return entry.second <= now; });
        if (used_until_.size() >= addresses_max) {
            return false;
        }
    }
    TimePoint& until = used_until_[std::string{address}];
    until = std::max(until, now) + refill;
    if (until - now > refill * burst) {
        until -= refill;
        return false;
    }
    return true;
}

Loop::Loop(
    std::uint16_t index, Hub& hub, Books& books, const KeyRing& keys, const GatewayOptions& options)
    : index_{index},
      hub_{hub},
      books_{books},
      keys_{keys},
      options_{options},
      work_{asio::make_work_guard(context_)},
      sweep_timer_{context_},
      gate_timer_{context_},
      record_timer_{context_},
      drain_timer_{context_},
      buffer_{std::make_unique_for_overwrite<char[]>(buffer_bytes)} {
    alive_->context = &context_;
}

Loop::~Loop() {
    join();
    const std::lock_guard lock{alive_->mutex};
    alive_->context = nullptr;
    if (!records_.empty()) {
        spdlog::error(
            "records_lost count={} why=\"the ledger took none before the end\"", records_.size());
    }
}

Result<void> Loop::listen(const std::string& address, bool reuse_port) {
    auto server = http::listen(
        context_,
        address,
        [this](http::Exchange& exchange) { return handle(exchange); },
        server_options(options_.limits, reuse_port));
    if (!server) {
        return std::unexpected{server.error()};
    }
    server_ = std::move(*server);
    return {};
}

void Loop::start() {
    thread_ = std::thread{[this] { context_.run(); }};
    ::pthread_setname_np(thread_.native_handle(), "data-path");
}

void Loop::join() {
    work_.reset();
    if (thread_.joinable()) {
        thread_.join();
    }
}

// --- from other threads -----------------------------------------------------------------------

void Loop::post(std::function<void()> work) {
    asio::post(context_, std::move(work));
}

void Loop::post_effects(gate::Effects effects) {
    bool asleep = false;
    {
        const std::lock_guard lock{mail_mutex_};
        asleep = mail_.empty();
        mail_.insert(mail_.end(), effects.begin(), effects.end());
    }
    if (asleep) {
        asio::post(context_, [this] {
            gate::Effects mail;
            {
                const std::lock_guard lock{mail_mutex_};
                mail.swap(mail_);
            }
            deliver(mail);
        });
    }
}

void Loop::rearm_gate() {
    asio::post(context_, [this] {
        const BootTime next = hub_.due(effects_);
        deliver(effects_);
        if (next == BootTime::max()) {
            gate_timer_.cancel();
            return;
        }
        const auto delay = std::clamp<std::chrono::nanoseconds>(
            next - hub_.clock().read().boot, std::chrono::milliseconds{1}, std::chrono::hours{1});
        gate_timer_.expires_after(delay);
        gate_timer_.async_wait([this](const boost::system::error_code& code) {
            if (!code) {
                rearm_gate();
            }
        });
    });
}

void Loop::cancel_source(NameIx source, bool forget) {
    post([this, source, forget] {
        for (const auto& [cookie, request] : requests_) {
            if (request->runs_on(source)) {
                request->abort(ClientRequest::Cause::source_gone);
            }
        }
        if (forget) {
            pool_.drop(source);
        }
    });
}

// --- requests ---------------------------------------------------------------------------------

void Loop::deliver(const gate::Effects& effects) {
    for (const gate::Effect& effect : effects) {
        const auto found = requests_.find(effect.cookie);
        if (found != requests_.end()) {
            found->second->on_effect(effect);
        }
    }
}

std::uint64_t Loop::add(ClientRequest& request) {
    requests_.emplace(++cookies_, &request);
    keep_sweeping();
    return cookies_;
}

void Loop::remove(std::uint64_t cookie) {
    requests_.erase(cookie);
}

std::string_view Loop::date_line() {
    return date_.at(std::time(nullptr));
}

void Loop::keep_sweeping() {
    if (sweeping_ || (requests_.empty() && pool_.size() == 0)) {
        return;
    }
    sweeping_ = true;
    sweep_timer_.expires_after(sweep_every);
    sweep_timer_.async_wait([this](const boost::system::error_code& code) {
        sweeping_ = false;
        if (!code) {
            sweep();
            keep_sweeping();
        }
    });
}

void Loop::sweep() {
    const auto now = Steady::now();
    for (const auto& [cookie, request] : requests_) {
        request->sweep(now);
    }
    pool_.sweep(now);
    connections_.store(server_->connections());
}

void Loop::learn(NameIx model, std::int64_t tokens_out, std::int64_t total_ms) {
    Learned& learned = learned_[model];
    blend(learned.deviation, std::abs(tokens_out - learned.tokens_out / 1000));
    blend(learned.tokens_out, tokens_out);
    blend(learned.total_ms, total_ms);
}

namespace {

constexpr std::chrono::minutes first_token_known_for{10};

}  // namespace

void Loop::learn_first_token(NameIx source, std::chrono::nanoseconds took) {
    constexpr int part = 8;  // of the newest in the mean
    FirstToken& known = first_tokens_[source];
    known.took = first_token_of(source) == std::chrono::nanoseconds{0}
                     ? took
                     : known.took + (took - known.took) / part;
    known.at = Steady::now();
}

std::chrono::nanoseconds Loop::first_token_of(NameIx source) const {
    const auto found = first_tokens_.find(source);
    return found == first_tokens_.end() || Steady::now() - found->second.at > first_token_known_for
               ? std::chrono::nanoseconds{0}
               : found->second.took;
}

void Loop::learn_events(NameIx source, std::int64_t events, std::int64_t tokens) {
    if (events < 1 || tokens < 1) {
        return;
    }
    const std::int64_t seen = std::clamp<std::int64_t>(tokens * 1000 / events, 1000, 16'000);
    const auto [mean, is_new] = milli_tokens_per_event_.try_emplace(source, seen);
    mean->second += (seen - mean->second) / 8;
}

std::int64_t Loop::tokens_of(NameIx source, std::int64_t events) const {
    const auto found = milli_tokens_per_event_.find(source);
    return found == milli_tokens_per_event_.end() ? events : events * found->second / 1000;
}

Loop::TokensOut Loop::tokens_out_guess(NameIx model) const {
    const auto found = learned_.find(model);
    const Learned learned = found == learned_.end() ? Learned{} : found->second;
    return {std::max<std::int64_t>(learned.tokens_out / 1000, 1), learned.deviation / 1000};
}

std::chrono::seconds Loop::wait_hint(NameIx model, std::int64_t queued, int slots) const {
    const auto found = learned_.find(model);
    const Learned learned = found == learned_.end() ? Learned{} : found->second;
    const std::int64_t each = std::max<std::int64_t>(learned.total_ms / 1'000'000, 1);
    const std::int64_t turns = std::min<std::int64_t>(queued, 1'000'000) / std::max(slots, 1) + 1;
    return std::chrono::seconds{std::clamp<std::int64_t>(each * turns, 1, 3'600)};
}

// --- records ----------------------------------------------------------------------------------

void Loop::record(const RequestRecord& record) {
    if (records_.empty() && books_.record(record)) {
        return;
    }
    records_.push_back(record);
    hub_.tally().records_waiting.fetch_add(1, std::memory_order_relaxed);
    if (records_.size() == 1) {
        flush_records();
    }
}

void Loop::flush_records() {
    record_timer_.expires_after(record_retry);
    record_timer_.async_wait([this](const boost::system::error_code& code) {
        if (code) {
            return;
        }
        while (!records_.empty() && books_.record(records_.front())) {
            records_.pop_front();
            hub_.tally().records_waiting.fetch_sub(1, std::memory_order_relaxed);
        }
        if (!records_.empty()) {
            flush_records();
        }
        finish_if_over();
    });
}

// --- stopping ---------------------------------------------------------------------------------

void Loop::stop(std::chrono::milliseconds drain, std::function<void()> done) {
    post([this, drain, done = std::move(done)]() mutable {
        if (over_) {
            return;
        }
        if (!stopped_ && done) {
            stopped_ = std::move(done);
        }
        cut_at_ = std::min(cut_at_, Steady::now() + drain);
        drain_timer_.expires_at(cut_at_);
        drain_timer_.async_wait([this](const boost::system::error_code& code) {
            if (!code) {
                abort_all();
            }
        });
        // The server's own deadline is later: at ours, requests still say why they end.
        server_->stop(drain + cut_time, [this] {
            server_stopped_ = true;
            finish_if_over();
        });
        stopping_ = true;
    });
}

void Loop::abort_all() {
    for (const auto& [cookie, request] : requests_) {
        request->abort(ClientRequest::Cause::stopping);
    }
}

void Loop::finish_if_over() {
    if (over_ || !server_stopped_ || !records_.empty() || !requests_.empty()) {
        return;
    }
    over_ = true;
    drain_timer_.cancel();
    gate_timer_.cancel();
    pool_.clear();
    connections_.store(0);
    if (stopped_) {
        stopped_();
    }
}

}  // namespace evenkeel::inference
