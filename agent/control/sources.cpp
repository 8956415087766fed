#include "agent/control/sources.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

namespace evenkeel::agent {

namespace {

constexpr int failures_until_down = 2;
constexpr std::chrono::milliseconds probe_limit{2'000};
constexpr std::chrono::milliseconds suspect_pause{200};
constexpr std::chrono::milliseconds trial_limit{120'000};

bool is_api(config::ProviderKind kind) {
    return kind == config::ProviderKind::openai_compatible ||
           kind == config::ProviderKind::anthropic;
}

/// Where the provider's server is.
std::string address_of(const config::Provider& provider) {
    if (provider.kind != config::ProviderKind::anthropic) {
        return provider.url;
    }
    return provider.base_url.empty() ? "https://api.anthropic.com" : provider.base_url;
}

}  // namespace

Result<Endpoint> parse_endpoint(std::string_view url) {
    Endpoint endpoint;
    std::string_view rest = url;
    if (rest.starts_with("https://")) {
        endpoint.tls = true;
        rest.remove_prefix(8);
    } else if (rest.starts_with("http://")) {
        rest.remove_prefix(7);
    } else {
        return fail(Errc::invalid_argument, fmt::format("'{}' is not an http address", url));
    }
    const auto slash = rest.find('/');
    std::string_view place = rest.substr(0, slash);
    if (slash != std::string_view::npos) {
        endpoint.prefix = rest.substr(slash);
        while (endpoint.prefix.ends_with('/')) {
            endpoint.prefix.pop_back();
        }
    }
    endpoint.port = endpoint.tls ? 443 : 80;
    const auto colon = place.rfind(':');
    if (colon != std::string_view::npos && place.find(']', colon) == std::string_view::npos) {
        const std::string_view digits = place.substr(colon + 1);
        const auto [end, code] =
            std::from_chars(digits.data(), digits.data() + digits.size(), endpoint.port);
        if (code != std::errc{} || end != digits.data() + digits.size() || endpoint.port == 0) {
            return fail(Errc::invalid_argument, fmt::format("'{}' has no usable port", url));
        }
        place = place.substr(0, colon);
    }
    if (place.starts_with('[') && place.ends_with(']')) {
        place = place.substr(1, place.size() - 2);
    }
    if (place.empty()) {
        return fail(Errc::invalid_argument, fmt::format("'{}' names no host", url));
    }
    endpoint.host = place;
    return endpoint;
}

Result<ConfiguredSource> Sources::make(
    const config::Model& model, const config::Offer& offer, const config::Provider& provider) {
    const auto endpoint = parse_endpoint(address_of(provider));
    if (!endpoint) {
        return std::unexpected{endpoint.error()};
    }
    auto key = parts_.credentials.read(provider.credential);
    if (!key) {
        return std::unexpected{key.error()};
    }
    const bool api = is_api(provider.kind);
    ConfiguredSource source;
    source.what =
        api ? "API"
            : fmt::format(
                  "{} (own)", provider.hardware.empty() ? provider.name : provider.hardware);
    source.engine = provider.engine;
    source.hardware = provider.hardware;
    source.started = !provider.start.command.empty();
    // An own engine's url may or may not end in /v1; the path below it is always the same.
    const bool is_anthropic = provider.kind == config::ProviderKind::anthropic;
    const std::string base =
        (!api || is_anthropic) && endpoint->prefix.empty() ? std::string{"/v1"} : endpoint->prefix;
    source.info = {
        .source = parts_.names.intern(routing::NameKind::source, offer.name),
        .name = offer.name,
        .kind = api ? SourceKind::api : SourceKind::own,
        .model = parts_.names.intern(routing::NameKind::model, model.name),
        .provider = parts_.names.intern(routing::NameKind::provider, provider.name),
        .host = endpoint->host,
        .port = endpoint->port,
        .tls = endpoint->tls,
        .base = base,
        .dialect = is_anthropic ? inference::dialect::Dialect::anthropic
                                : inference::dialect::Dialect::openai,
        .goes_on =
            api ? inference::dialect::GoesOn::no : inference::dialect::goes_on(provider.engine),
        .key = inference::Secret{std::string{key->reveal()}},
        .seller_model = offer.model.empty() ? model.name : offer.model,
        .slots = api ? provider.max_in_flight : offer.slots,
        .synthetic = provider.synthetic};
    return source;
}

void Sources::apply(const routing::Catalogue& catalogue) {
    warnings_.clear();
    probe_every_ = std::chrono::nanoseconds{std::chrono::seconds{5}} / catalogue.config.speed;
    std::set<NameIx> named;
    for (const config::Model& model : catalogue.config.models) {
        for (const config::Offer& offer : model.offers) {
            const config::Provider* provider = catalogue.config.provider(offer.on);
            const bool local = provider->kind == config::ProviderKind::local;
            if (!local && !is_api(provider->kind)) {
                continue;
            }
            auto made = make(model, offer, *provider);
            if (!made) {
                named.insert(parts_.names.intern(routing::NameKind::source, offer.name));
                warnings_.push_back(fmt::format("{}: {}", offer.name, made.error().message));
                spdlog::warn("source={} left out: {}", offer.name, made.error().message);
                continue;
            }
            const NameIx ix = made->info.source;
            named.insert(ix);
            leaving_.erase(ix);
            parts_.ledger.source(
                {.ix = ix,
                 .kind = made->info.kind,
                 .provider = made->info.provider,
                 .label = offer.name,
                 .synthetic = provider->synthetic});
            ConfiguredSource& known = sources_[ix];
            made->up = known.up;
            made->admitted = known.admitted && made->started;
            made->phase = known.phase;
            made->failures = known.failures;
            made->next_probe = known.next_probe;
            made->probing = known.probing;
            made->since = known.info.source == ix ? known.since : parts_.clock.read().boot;
            made->trouble = known.info.source == ix ? known.trouble : "not looked at yet";
            known = std::move(*made);
            // An API is up until it proves otherwise; an own engine must answer first.
            if (known.info.kind == SourceKind::api || known.up) {
                set_up(known, true, {});
            }
        }
    }
    for (auto it = sources_.begin(); it != sources_.end();) {
        if (named.contains(it->first)) {
            ++it;
        } else {
            spdlog::info("source={} is no longer named by the policy", it->second.info.name);
            parts_.gateway.source_draining(it->first);
            leaving_.insert(it->first);
            it = sources_.erase(it);
        }
    }
    probe_due();
}

void Sources::distrust(std::map<std::string, std::string> sick) {
    sick_ = std::move(sick);
    for (auto& [ix, source] : sources_) {
        if (source.up && sick_.contains(source.hardware)) {
            set_up(source, false, sick_.at(source.hardware));
        }
    }
}

void Sources::set_up(ConfiguredSource& source, bool up, std::string trouble) {
    if (const auto sick = sick_.find(source.hardware); up && sick != sick_.end()) {
        up = false;
        trouble = sick->second;
    }
    if (source.up != up) {
        source.since = parts_.clock.read().boot;
        spdlog::info(
            "source={} {} {}", source.info.name, up ? "takes requests" : "is down:", trouble);
    }
    source.trouble = std::move(trouble);
    if (up) {
        const auto result = parts_.gateway.source_up(source.info);
        source.up = result.has_value();
        if (!result) {
            source.trouble = result.error().message;
        }
        return;
    }
    if (source.up) {
        parts_.gateway.source_draining(source.info.source);
    }
    source.up = false;
}

void Sources::tick(const gate::Counters& counters) {
    std::erase_if(leaving_, [&](NameIx source) {
        const auto counted =
            std::ranges::find(counters.sources, source, &gate::SourceCounters::source);
        if (counted != counters.sources.end() && counted->in_flight > 0) {
            return false;
        }
        parts_.gateway.source_gone(source);
        return true;
    });
    probe_due();
}

void Sources::probe_due() {
    const BootTime now = parts_.clock.read().boot;
    for (auto& [ix, source] : sources_) {
        if (source.info.kind != SourceKind::own || source.probing || now < source.next_probe ||
            (source.started && !source.admitted)) {
            continue;
        }
        source.probing = true;
        source.next_probe = now + probe_every_;
        parts_.prober.health(
            {.host = source.info.host,
             .port = source.info.port,
             .kind = &inference::engine::kind_of(source.engine)},
            probe_limit,
            [this, probed_source = ix](Result<inference::engine::Health> health) {
                probed(probed_source, health);
            });
    }
}

void Sources::suspect(NameIx source) {
    const auto it = sources_.find(source);
    if (it != sources_.end()) {
        it->second.next_probe =
            std::min(it->second.next_probe, parts_.clock.read().boot + suspect_pause);
    }
}

void Sources::probed(NameIx ix, const Result<inference::engine::Health>& health) {
    const auto it = sources_.find(ix);
    if (it == sources_.end()) {
        return;
    }
    ConfiguredSource& source = it->second;
    source.probing = false;
    if (source.started && !source.admitted) {
        return;
    }
    using inference::engine::Health;
    const inference::engine::Kind& kind = inference::engine::kind_of(source.engine);
    const bool works = health && inference::engine::works(kind, *health);
    if (works && (source.up || source.started || !kind.is_tried)) {
        source.failures = 0;
        if (!source.up) {
            set_up(source, true, {});
        }
        return;
    }
    if (works) {
        try_out(source);
        return;
    }
    ++source.failures;
    const std::string why =
        health ? std::string{inference::engine::to_text(*health)} : health.error().message;
    if (!source.up || source.failures >= failures_until_down) {
        set_up(source, false, why);
    }
}

void Sources::try_out(ConfiguredSource& source) {
    source.probing = true;
    parts_.prober.accept(
        {.host = source.info.host,
         .port = source.info.port,
         .key = source.info.key.reveal(),
         .kind = &inference::engine::kind_of(source.engine)},
        {.model = source.info.seller_model},
        trial_limit,
        [this, ix = source.info.source](const Result<inference::engine::Acceptance>& answer) {
            const auto it = sources_.find(ix);
            if (it == sources_.end() || it->second.started) {
                return;
            }
            ConfiguredSource& tried = it->second;
            tried.probing = false;
            tried.failures = answer ? 0 : tried.failures + 1;
            set_up(tried, answer.has_value(), answer ? std::string{} : answer.error().message);
        });
}

void Sources::admit(NameIx ix) {
    const auto it = sources_.find(ix);
    if (it != sources_.end()) {
        it->second.admitted = true;
        it->second.failures = 0;
        it->second.phase.clear();
        it->second.next_probe = parts_.clock.read().boot + probe_every_;
        set_up(it->second, true, {});
    }
}

void Sources::withdraw(NameIx ix, std::string phase, std::string trouble) {
    const auto it = sources_.find(ix);
    if (it == sources_.end()) {
        return;
    }
    ConfiguredSource& source = it->second;
    source.admitted = false;
    if (source.phase != phase && !source.up) {
        source.since = parts_.clock.read().boot;
    }
    if (source.up) {
        set_up(source, false, trouble.empty() ? phase : trouble);
    }
    source.phase = std::move(phase);
    source.trouble = std::move(trouble);
}

bool Sources::looked() const noexcept {
    for (const auto& [ix, source] : sources_) {
        if (source.info.kind == SourceKind::own && !source.started && !source.up &&
            source.failures == 0 && !sick_.contains(source.hardware)) {
            return false;
        }
    }
    return true;
}

}  // namespace evenkeel::agent
