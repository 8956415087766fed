#include "inference/gateway/world.hpp"

#include "inference/dialect/scan.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::inference {

namespace {

bool printable(std::string_view text) noexcept {
    return std::ranges::none_of(text, [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte == 0x7F;
    });
}

std::string host_field(const SourceInfo& info) {
    const bool v6 = info.host.find(':') != std::string::npos;
    const int standard = info.tls ? 443 : 80;
    const std::string host = v6 ? fmt::format("[{}]", info.host) : info.host;
    return info.port == standard ? host : fmt::format("{}:{}", host, info.port);
}

}  // namespace

Result<std::shared_ptr<const Source>> make_source(SourceInfo info) {
    const auto refuse = [&info](std::string_view why) {
        return fail(
            Errc::invalid_argument,
            fmt::format("source '{}': {}", printable(info.name) ? info.name : "?", why));
    };
    if (info.source == NameIx{} || info.name.empty() || !printable(info.name)) {
        return refuse("it needs a name without control characters");
    }
    if (info.host.empty() || info.port == 0 || !printable(info.host)) {
        return refuse("it needs a host and a port");
    }
    if ((!info.base.empty() && !info.base.starts_with('/')) || !printable(info.base) ||
        info.base.find(' ') != std::string::npos) {
        return refuse("its path must begin with '/' and hold no spaces");
    }
    if (!printable(info.key.reveal())) {
        return refuse("its key holds control characters (a line end in the credential file?)");
    }
    if (info.slots < 1) {
        return refuse("it needs at least one slot");
    }
    auto source = std::make_shared<Source>();
    source->endpoint = {.host = info.host, .port = info.port, .tls = nullptr};
    if (info.tls || !info.pin.empty()) {
        auto context = info.pin.empty() ? relay::TlsContext::make(info.ca_file)
                                        : relay::TlsContext::pinned(info.pin);
        if (!context) {
            return refuse(context.error().message);
        }
        source->endpoint.tls = std::move(*context);
    }
    const bool is_anthropic = info.dialect == dialect::Dialect::anthropic;
    for (const dialect::Endpoint endpoint : dialect::endpoints) {
        if (dialect::dialect_of(endpoint) != info.dialect) {
            continue;
        }
        std::string& head = source->heads[static_cast<std::size_t>(endpoint)];
        head = fmt::format(
            "POST {}{} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n"
            "Accept: application/json, text/event-stream\r\nUser-Agent: evenkeel\r\n",
            info.base,
            dialect::path_of(endpoint),
            host_field(info));
        if (!info.key.empty()) {
            head += fmt::format(
                "{}{}\r\n",
                is_anthropic ? "x-api-key: " : "Authorization: Bearer ",
                info.key.reveal());
        }
    }
    source->quoted_model = dialect::json_string(info.seller_model);
    source->info = std::move(info);
    return source;
}

int World::slots_of(NameIx model) const noexcept {
    int slots = 0;
    for (const auto& [ix, source] : sources) {
        if (source->info.kind != SourceKind::api && source->info.model == model) {
            slots += source->info.slots;
        }
    }
    return slots;
}

std::optional<std::chrono::seconds> World::eta(NameIx model, BootTime now) const {
    const auto found = ready_at.find(model);
    return found == ready_at.end() || found->second <= now
               ? std::nullopt
               : std::optional{std::chrono::ceil<std::chrono::seconds>(found->second - now)};
}

}  // namespace evenkeel::inference
