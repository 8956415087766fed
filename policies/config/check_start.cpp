#include "policies/config/address.hpp"
#include "policies/config/check.hpp"
#include "policies/config/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

/// Engines that the daemon starts: `providers.*.start`.
namespace evenkeel::config {
namespace {

constexpr std::array<std::string_view, 6> secret_words{
    "KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL"};
/// Flags of vLLM, llama.cpp and SGLang whose value is a key.
constexpr std::array<std::string_view, 2> secret_flags{"--api-key", "--hf-token"};

bool sounds_secret(std::string_view name) {
    std::string upper;
    for (const char c : name) {
        upper += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
    return std::ranges::any_of(
        secret_words, [&](std::string_view word) { return upper.ends_with(word); });
}

bool is_secret_flag(std::string_view argument) {
    return std::ranges::any_of(secret_flags, [&](std::string_view flag) {
        return argument == flag ||
               (argument.starts_with(flag) && argument.substr(flag.size()).starts_with('='));
    });
}

/// "127.0.0.1:8091" of "http://127.0.0.1:8091/v1"; empty where it is not plain http.
std::string_view place_of(std::string_view url) {
    constexpr std::string_view scheme = "http://";
    return url.starts_with(scheme)
               ? url.substr(scheme.size()).substr(0, url.substr(scheme.size()).find('/'))
               : std::string_view{};
}

}  // namespace

void Checker::check_start(const Entry& provider) {
    const Node* start = child(&provider.node, "start");
    if (start == nullptr) {
        return;
    }
    const std::string path = "providers." + provider.key;
    const Value* url = value(child(&provider.node, "url"));
    if (url != nullptr) {
        const auto place = split_address(place_of(url->text));
        if (!place || !is_loopback(place->host)) {
            report(
                File::providers,
                child(&provider.node, "url")->spot,
                "EK-C063",
                "an engine that is started here must be reached on loopback, with its port",
                path + ".url")
                .hint = "write \"http://127.0.0.1:8091\", and the same port in 'command'";
        }
    }
    for (const Entry& variable : entries_of(child(start, "env"))) {
        if (sounds_secret(variable.key)) {
            report(
                File::providers,
                variable.spot,
                "EK-C064",
                fmt::format("{} looks like a secret", quote(variable.key)),
                path + ".start.env." + variable.key);
        }
    }
    std::size_t i = 0;
    for (const Node& argument : items_of(child(start, "command"))) {
        if (is_secret_flag(argument.text)) {
            report(
                File::providers,
                argument.spot,
                "EK-C064",
                "a key on the command line can be read by everybody on this host",
                fmt::format("{}.start.command[{}]", path, i))
                .hint = "remove it: the engine listens on loopback only";
        }
        ++i;
    }
    const Value* engine = value(child(&provider.node, "engine"));
    const Value* sleeps = value(child(start, "sleep"));
    if (sleeps != nullptr && sleeps->number != 0 && (engine == nullptr || engine->text != "vllm")) {
        report(
            File::providers,
            child(start, "sleep")->spot,
            "EK-C065",
            fmt::format(
                "engine {} cannot be put to sleep", engine == nullptr ? "openai" : engine->text),
            path + ".start.sleep");
    }
}

void Checker::check_start_ports() {
    std::map<int, std::string_view> owners;
    for (const Entry& provider : entries_of(child(root(File::providers), "providers"))) {
        const Node* url = child(&provider.node, "url");
        const Value* text = value(url);
        if (child(&provider.node, "start") == nullptr || text == nullptr) {
            continue;
        }
        const auto place = split_address(place_of(text->text));
        if (!place) {
            continue;
        }
        const auto [owner, fresh] = owners.emplace(place->port, provider.key);
        if (!fresh) {
            report(
                File::providers,
                url->spot,
                "EK-C063",
                fmt::format("port {} is that of {} already", place->port, quote(owner->second)),
                "providers." + provider.key + ".url");
        }
    }
}

}  // namespace evenkeel::config
