// What a machine asks of the outside: provider calls and engine probes.
#include "agent/control/fleet.hpp"
#include "agent/control/node_start.hpp"
#include "agent/control/renter.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

namespace evenkeel::agent {

namespace {

/// A node that gives one stream less than this share of what its GPU should is not accepted
/// (DESIGN section 5 rule 7): throttled, shared or the wrong GPU.
constexpr int speed_floor_percent = 25;

}  // namespace

lifecycle::Seen to_seen(const providers::RemoteMachine& remote) {
    lifecycle::Seen seen{
        .remote_id = remote.remote_id,
        .name = remote.name,
        .owner_mark = remote.owner_mark,
        .running = remote.running,
        .stopped = remote.stopped,
        .gpu = remote.gpu,
        .gpu_count = remote.gpu_count,
        .host = remote.host,
        .port = remote.port,
        .created = remote.created};
    if (!remote.price.currency().is_none()) {
        seen.price = remote.price;
    }
    return seen;
}

void Fleet::heard(const std::string& provider, const std::optional<Errc>& error) {
    lifecycle::Breaker& breaker = providers_[provider].breaker;
    const bool before = breaker.open;
    lifecycle::heard(breaker, error, parts_.clock.read());
    if (breaker.open && !before) {
        spdlog::error("provider={} its calls fail: nothing is ordered there", provider);
    } else if (!breaker.open && before) {
        spdlog::info("provider={} answers: it may be ordered from", provider);
    }
}

Reason Fleet::closed(const std::string& provider) const {
    const Now now = parts_.clock.read();
    const auto ms = [now](BootTime since) {
        return std::chrono::duration_cast<std::chrono::milliseconds>(now.boot - since).count();
    };
    const auto known = providers_.find(provider);
    if (known == providers_.end() || known->second.breaker.open) {
        const bool ever = known != providers_.end() && known->second.breaker.since != BootTime{};
        return {ReasonCode::hold_provider, {ever ? ms(known->second.breaker.since) : 0}};
    }
    for (const auto& [id, seat] : seats_) {
        if (seat.machine.provider != provider) {
            continue;
        }
        if (const auto since =
                lifecycle::undeleted_since(effective(seat), limits(seat.machine), now)) {
            return {ReasonCode::hold_undeleted, {ms(*since)}};
        }
    }
    return {};
}

namespace {

/// What the text of a machine's start leaves in memory is as secret as its key.
void wipe(providers::MachineSpec& spec) {
    for (std::string* text : {&spec.engine_key, &spec.user_data, &spec.args}) {
        ::explicit_bzero(text->data(), text->size());
        text->clear();
    }
}

}  // namespace

inference::engine::Expected Fleet::expected_of(const lifecycle::Machine& machine) const {
    const auto [model, offer] = catalogue_->config.offer(machine.offer);
    const auto profile =
        rental_profile(machine.gpu.empty() ? machine.gpu_wanted : machine.gpu, machine.model);
    const double alone = profile ? 1.0 / (profile->alpha_s + profile->beta_s) : 0;
    return {
        .model = machine.model,
        .context_tokens = model != nullptr ? model->context : 0,
        .speed_min_milli = static_cast<std::int64_t>(alone * 1'000) * speed_floor_percent / 100};
}

void Fleet::pump(Seat& seat) {
    const Now now = parts_.clock.read();
    const lifecycle::Machine& machine = effective(seat);
    if (seat.committing && !seat.ahead) {
        return;  // the row decides, and it is not on disk yet
    }
    const lifecycle::Call call = lifecycle::wanted_call(machine, limits(machine), now);
    if (call.kind == lifecycle::CallKind::none || seat.outstanding.contains(call.kind) ||
        (call.kind == lifecycle::CallKind::create && (seat.ahead || *brake_))) {
        return;
    }
    if (call.not_before > now.boot) {
        wake_at(call.not_before);
        return;
    }
    start_call(seat, call.kind);
}

EngineAt Fleet::engine_of(Seat& seat) {
    const lifecycle::Machine& machine = effective(seat);
    return {
        .host = machine.host,
        .port = static_cast<std::uint16_t>(machine.port),
        .key = engine_key(machine.name),
        .pin = pin_of(seat)};
}

EngineAt Fleet::engine_of(MachineId id) {
    Seat* const seat = find(id);
    return seat == nullptr ? EngineAt{} : engine_of(*seat);
}

void Fleet::start_call(Seat& seat, lifecycle::CallKind kind) {
    using enum lifecycle::CallKind;
    const lifecycle::Machine& machine = effective(seat);
    const MachineId id = machine.id;
    const auto answer = [this, id, kind](lifecycle::Event event) {
        if (Seat* answered = find(id)) {
            answered->outstanding.erase(kind);
            apply_event(*answered, std::move(event));
        }
    };
    ProviderRunner* provider = runner(machine.provider);
    const bool needs_provider = kind != probe && kind != accept;
    if (needs_provider && provider == nullptr) {
        return;  // shown as a warning by the status: no driver, nothing can be asked
    }
    const Now asked = parts_.clock.read();
    switch (kind) {
        case none:
            return;
        case create:
            apply_event(seat, lifecycle::CreateAsked{});  // the POST follows its commit
            return;
        case look_up:
        case prove:
            list(machine.provider);
            return;
        case get:
            seat.outstanding.insert(kind);
            provider->run(
                ProviderRunner::Lane::safety,
                [remote = machine.remote_id](providers::Provider& api, std::stop_token stop) {
                    return api.get(remote, stop);
                },
                [answer, asked](Result<providers::RemoteMachine> result) {
                    if (result) {
                        answer(lifecycle::Got{asked, to_seen(*result)});
                    } else if (result.error().code == Errc::not_found) {
                        answer(lifecycle::GetMissing{asked});
                    } else {
                        answer(lifecycle::CallFailed{get, result.error().retry_after});
                    }
                });
            return;
        case destroy:
            seat.outstanding.insert(kind);
            provider->run(
                ProviderRunner::Lane::safety,
                [remote = machine.remote_id](providers::Provider& api, std::stop_token stop) {
                    return api.destroy(remote, stop);
                },
                [this, answer, name = machine.provider](Result<void> result) {
                    using enum lifecycle::DestroyAnswer;
                    if (!result && result.error().code != Errc::not_found) {
                        ++providers_[name].destroy_failures;
                    }
                    if (result) {
                        answer(lifecycle::DestroyAnswered{done, {}});
                    } else if (result.error().code == Errc::not_found) {
                        answer(lifecycle::DestroyAnswered{missing, {}});
                    } else {
                        answer(lifecycle::DestroyAnswered{failed, result.error().retry_after});
                    }
                },
                {.urgent = true});
            return;
        case probe:
            seat.outstanding.insert(kind);
            parts_.prober.health(
                engine_of(seat),
                std::chrono::seconds{3},
                [answer, asked](Result<inference::engine::Health> result) {
                    if (result && *result == inference::engine::Health::ready) {
                        answer(lifecycle::EngineReachable{asked});
                    } else {
                        answer(lifecycle::EngineUnreachable{});
                    }
                });
            return;
        case accept:
            seat.outstanding.insert(kind);
            parts_.prober.accept(
                engine_of(seat),
                expected_of(machine),
                std::chrono::seconds{60},
                [answer, name = machine.name](Result<inference::engine::Acceptance> result) {
                    if (result) {
                        answer(lifecycle::Accepted{});
                        return;
                    }
                    spdlog::warn("machine={} acceptance: {}", name, result.error().message);
                    const bool passing = result.error().code == Errc::unavailable ||
                                         result.error().code == Errc::timed_out ||
                                         result.error().code == Errc::cancelled;
                    if (passing) {
                        answer(lifecycle::CallFailed{accept, {}});
                    } else {
                        answer(lifecycle::Rejected{});
                    }
                });
            return;
    }
}

void Fleet::send_create(Seat& seat) {
    const lifecycle::Machine& machine = seat.machine;
    ProviderRunner* provider = runner(machine.provider);
    if (provider == nullptr) {
        apply_event(seat, lifecycle::CreateFailed{Errc::rejected, {}});
        return;
    }
    const auto [model, offer] = catalogue_->config.offer(machine.offer);
    const config::Provider* entry = catalogue_->config.provider(machine.provider);
    const Now now = parts_.clock.read();
    if (offer == nullptr || entry == nullptr) {
        apply_event(seat, lifecycle::CreateFailed{Errc::rejected, {}});
        return;
    }
    providers::MachineSpec spec{
        .name = machine.name,
        .sku = machine.sku,
        .region = machine.region,
        .gpu_count = machine.gpu_count_wanted,
        .image = offer->image,
        .model = machine.model,
        .engine_key = engine_key(machine.name),
        .owner_mark = machine.owner_mark,
        .expires = machine.expires};
    const lifecycle::Limits times = limits(machine);
    const auto told = start_node(
        spec,
        provider->current()->start_form(),
        settings_.engine_secret,
        {.machine = machine,
         .model = *model,
         .offer = *offer,
         .provider = *entry,
         .life = times.max_life + times.drain,
         .volume = provider->current()->volume_place(offer->volume)},
        now.utc);
    if (!told) {
        spdlog::error(
            "machine={} cannot be told what to run: {}", machine.name, told.error().message);
        warnings_.push_back(fmt::format("{}: {}", machine.offer, told.error().message));
        apply_event(seat, lifecycle::CreateFailed{Errc::rejected, {}});
        return;
    }
    seat.outstanding.insert(lifecycle::CallKind::create);
    seat.create_wanted = std::make_shared<std::atomic<bool>>(true);
    provider->run(
        ProviderRunner::Lane::spend,
        [spec = std::move(spec), wanted = seat.create_wanted, brake = brake_](
            providers::Provider& api,
            std::stop_token stop) mutable -> Result<providers::RemoteMachine> {
            // It may have waited behind slow calls: nothing was sent yet, and nothing must be now.
            Result<providers::RemoteMachine> answer =
                !*wanted || *brake ? fail(Errc::cancelled, "it is not wanted any more")
                                   : api.create(spec, stop);
            wipe(spec);
            return answer;
        },
        [this, id = machine.id](Result<providers::RemoteMachine> result) {
            Seat* created = find(id);
            if (created == nullptr) {
                return;
            }
            created->outstanding.erase(lifecycle::CallKind::create);
            if (result) {
                apply_event(*created, lifecycle::Created{to_seen(*result)});
                return;
            }
            spdlog::warn(
                "machine={} create: {} ({})",
                created->machine.name,
                result.error().message,
                to_text(result.error().code));
            apply_event(
                *created, lifecycle::CreateFailed{result.error().code, result.error().retry_after});
        });
}

}  // namespace evenkeel::agent
