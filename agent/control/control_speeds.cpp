#include "agent/control/control.hpp"

#include <algorithm>

/// How fast workers are: what they and the gateway count goes to `Speeds`, what is known to the
/// gateway.
namespace evenkeel::agent {

namespace {

struct Served {
    std::string_view offer{};
    std::string_view gpu{};
    std::string_view engine{};
    int slots{1};
    std::function<EngineAt()> at{};  ///< empty: its metrics cannot be asked for
};

}  // namespace

void Control::mind_speeds(Now now) {
    const config::Config& config = catalogue_->config;
    std::map<NameIx, Served> workers;
    for (const auto& [ix, source] : sources_.all()) {
        const inference::SourceInfo& info = source.info;
        const auto box =
            std::ranges::find(config.hardware, source.hardware, &config::Hardware::name);
        Served served{
            .offer = info.name,
            .gpu = box == config.hardware.end() ? std::string_view{} : box->gpu,
            .engine = source.engine,
            .slots = info.slots};
        if (source.up && !info.tls) {
            served.at = [&source, &info] {
                return EngineAt{
                    .host = info.host,
                    .port = info.port,
                    .key = info.key.reveal(),
                    .pin = {},
                    .kind = &inference::engine::kind_of(source.engine)};
            };
        }
        workers[ix] = std::move(served);
    }
    for (const auto& [id, seat] : fleet_.seats()) {
        const lifecycle::Machine& machine = seat.machine;
        const auto [model, offer] = config.offer(machine.offer);
        Served served{
            .offer = machine.offer,
            .gpu = machine.gpu.empty() ? machine.gpu_wanted : machine.gpu,
            .engine = offer == nullptr ? std::string_view{} : offer->engine,
            .slots = offer == nullptr ? 1 : offer->slots};
        if (machine.state == MachineState::serving) {
            served.at = [this, machine_id = id] { return fleet_.engine_of(machine_id); };
        }
        workers[seat.names.source] = std::move(served);
    }
    for (const gate::SourceCounters& counted : counters_.sources) {
        const auto worker = workers.find(counted.source);
        if (counted.kind == SourceKind::api || worker == workers.end()) {
            continue;
        }
        const Served& served = worker->second;
        const auto [model, offer] = config.offer(served.offer);
        if (offer == nullptr) {
            continue;
        }
        const capacity::Profile nearest = nearest_profile(served.gpu, model->name);
        if (served.at && EngineWatch::can_ask(served.engine)) {
            engines_.look(
                {.source = counted.source,
                 .model = model,
                 .offer = offer,
                 .seed = nearest,
                 .slots = served.slots},
                catalogue_,
                served.at);
        }
        // In a sped-up world this host is the limit, not the GPU that is played.
        if (config.speed <= 1 && !engines_.counts(counted.source)) {
            speeds_.look(
                *model,
                *offer,
                nearest,
                {.source = counted.source,
                 .in_flight = counted.in_flight,
                 .finished = counted.finished,
                 .tokens_in = counted.tokens_in,
                 .tokens_out = counted.tokens_out},
                capacity::Counting::at_end,
                now.boot);
        }
        const auto seed = placing_profile(served.gpu, model->name);
        parts_.gateway.source_speed(
            counted.source, speeds_.speed(*model, *offer, seed, config.speed));
    }
    engines_.tick();
    speeds_.tick(now.boot);
}

}  // namespace evenkeel::agent
