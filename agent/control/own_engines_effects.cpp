#include "agent/control/own_engines.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <csignal>
#include <unistd.h>
#include <utility>

/// What is done to engines, and what is told of them.
namespace evenkeel::agent {

namespace {

using engines::Do;
using engines::milliseconds;
using engines::State;
using engines::Wish;

constexpr milliseconds ask_every{500};
/// The first answer after a start may take a minute (graphs are captured).
constexpr milliseconds answer_limit{120'000};
constexpr milliseconds call_limit{60'000};

/// The GPUs of its hardware are those it sees, by their place on the bus, as NVML counts them.
void show_gpus(
    const config::Config& config,
    const config::Provider& provider,
    std::map<std::string, std::string>& env) {
    const auto box = std::ranges::find(config.hardware, provider.hardware, &config::Hardware::name);
    if (box != config.hardware.end() && !box->gpus.empty()) {
        env["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID";
        env["CUDA_VISIBLE_DEVICES"] = fmt::format("{}", fmt::join(box->gpus, ","));
    }
}

}  // namespace

void OwnEngines::perform(Engine& engine, Do what, BootTime now) {
    switch (what) {
        case Do::nothing:
            return;
        case Do::start:
            start(engine, now);
            return;
        case Do::admit:
            if (engine.accepted) {
                const auto took = std::chrono::duration_cast<milliseconds>(now - engine.load_began);
                (engine.load_is_wake ? engine.wake_took : engine.load_took) = took;
                spdlog::info("engine={} ready after {} ms", engine.provider.name, took.count());
            }
            engine.accepted = false;
            engine.load_is_wake = false;
            engine.trouble.clear();
            parts_.sources.admit(engine.source);
            return;
        case Do::withdraw:
            parts_.sources.withdraw(engine.source, std::string{to_text(engine.life.state)}, {});
            return;
        case Do::cut:
            parts_.gateway.cancel_streams(engine.source);
            return;
        case Do::put_to_sleep:
            call(engine, engine.at.kind->sleep_target);
            return;
        case Do::wake:
            ++engine.run;
            engine.asking = false;
            engine.accepted = false;
            engine.load_began = now;
            engine.load_is_wake = true;
            call(engine, engine.at.kind->wake_target);
            return;
        case Do::terminate:
            parts_.sources.withdraw(engine.source, std::string{to_text(engine.life.state)}, {});
            signal(engine, SIGTERM);
            return;
        case Do::kill:
            spdlog::warn(
                "engine={} does not end by itself: killed ({} requests were under way)",
                engine.provider.name,
                parts_.gateway.in_flight(engine.source));
            signal(engine, SIGKILL);
            return;
    }
}

void OwnEngines::start(Engine& engine, BootTime now) {
    ++engine.run;
    engine.asking = false;
    engine.accepted = false;
    engine.load_is_wake = false;
    engine.load_began = now;
    engine.next_question = now;
    std::map<std::string, std::string> env = inference::engine::passed_on(::environ);
    show_gpus(catalogue_->config, engine.provider, env);
    for (const auto& [name, value] : engine.provider.start.env) {
        env[name] = value;
    }
    engine.process.reset();  // first: what ends it would find the new one under the same mark
    auto started = parts_.start(
        {.command = engine.provider.start.command,
         .env = std::move(env),
         .mark = mark_of(engine),
         .on_line = [name = engine.provider.name](
                        const std::string& line) { spdlog::info("engine={}: {}", name, line); },
         .on_end = [this, inbox = parts_.inbox] { inbox.post([this] { wants_look_ = true; }); }});
    if (!started) {
        engine.trouble = started.error().message;
        spdlog::error("engine={} {}", engine.provider.name, engine.trouble);
        return;  // the next step finds nothing alive
    }
    engine.process = std::move(*started);
    spdlog::info("engine={} started, pid {}", engine.provider.name, engine.process->pid());
}

void OwnEngines::signal(Engine& engine, int number) {
    if (engine.process) {
        engine.process->signal(number);
    } else {
        if (number == SIGTERM) {
            spdlog::warn(
                "engine={} an engine of an earlier run is still there: ended",
                engine.provider.name);
        }
        parts_.orphans->signal(mark_of(engine), number);
    }
}

void OwnEngines::ask(Engine& engine, BootTime now) {
    if (engine.asking || engine.accepted || now < engine.next_question) {
        return;
    }
    engine.asking = true;
    parts_.prober.accept(
        engine.at,
        {.model = engine.model_name, .context_tokens = engine.context},
        answer_limit,
        [this, name = engine.provider.name, run = engine.run](
            const Result<inference::engine::Acceptance>& answer) {
            const auto it = engines_.find(name);
            if (it == engines_.end() || it->second.run != run) {
                return;
            }
            Engine& asked = it->second;
            asked.asking = false;
            asked.accepted = answer.has_value();
            asked.trouble = answer ? std::string{} : answer.error().message;
            asked.next_question = parts_.clock.read().boot + ask_every;
            wants_look_ = wants_look_ || asked.accepted;
            if (answer) {
                spdlog::info(
                    "engine={} answers: first token after {} ms, context {}",
                    name,
                    answer->ttft.count(),
                    answer->context_tokens);
            }
        });
}

void OwnEngines::call(Engine& engine, std::string_view target) {
    parts_.prober.post(
        engine.at,
        std::string{target},
        call_limit,
        [this, name = engine.provider.name, run = engine.run, state = engine.life.state](
            const Result<bool>& answer) {
            const auto it = engines_.find(name);
            if (it == engines_.end() || it->second.run != run || it->second.life.state != state) {
                return;
            }
            it->second.call = answer.has_value();
            wants_look_ = true;
            if (!answer) {
                spdlog::warn("engine={} {}", name, answer.error().message);
            }
        });
}

std::string OwnEngines::detail(const Engine& engine, BootTime now) const {
    if (engine.life.state == State::starting) {
        return engine.trouble;
    }
    if (engine.life.state != State::off) {
        return {};
    }
    if (engine.wish == Wish::run && engine.life.not_before > now) {
        const auto left =
            std::chrono::duration_cast<milliseconds>(engine.life.not_before - now).count();
        return fmt::format("{}; started again in {} s", engine.trouble, (left + 999) / 1'000);
    }
    const std::int64_t room = room_of(engine.provider.hardware);
    if (engine.wish == Wish::give_way && room > 1 && engine.memory_bytes > room) {
        return fmt::format(
            "it needs {:.1f} GB, {} has {:.1f} GB for it",
            static_cast<double>(engine.memory_bytes) / 1e9,
            engine.provider.hardware,
            static_cast<double>(room) / 1e9);
    }
    return engine.wish == Wish::give_way ? "another has its place" : std::string{};
}

void OwnEngines::show(Engine& engine, BootTime now) {
    if (engine.life.state == State::ready) {
        return;
    }
    parts_.sources.withdraw(
        engine.source, std::string{to_text(engine.life.state)}, detail(engine, now));
}

}  // namespace evenkeel::agent
