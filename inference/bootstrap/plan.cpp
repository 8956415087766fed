#include "inference/bootstrap/plan.hpp"

#include "inference/bootstrap/render.hpp"
#include "inference/bootstrap/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace evenkeel::inference::bootstrap {

namespace {

constexpr std::size_t name_max = 63;
constexpr std::size_t text_max = 512;
constexpr std::size_t arguments_max = 64;
constexpr std::size_t argument_bytes_max = 4096;
constexpr int slots_max = 4096;
constexpr std::int64_t context_max = 10'000'000;
constexpr int gpus_max = 16;
constexpr std::int64_t vram_mib_max = 10'000'000;
constexpr std::size_t key_min = 16;
constexpr std::size_t key_max = 256;
constexpr std::chrono::seconds time_min{60};
constexpr std::chrono::seconds time_max{std::chrono::days{90}};

constexpr std::string_view letters_and_digits =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// Letters, digits and `more` only, between 1 and `most` of them.
bool consists_of(std::string_view text, std::string_view more, std::size_t most) noexcept {
    return !text.empty() && text.size() <= most && std::ranges::all_of(text, [more](char c) {
        return letters_and_digits.find(c) != std::string_view::npos ||
               more.find(c) != std::string_view::npos;
    });
}

std::unexpected<Error> refuse(std::string_view field, std::string_view why) {
    return fail(Errc::invalid_argument, fmt::format("start of a node: {} {}", field, why));
}

/// A text the owner wrote: any printable ASCII, never taken for a flag.
Result<void> check_text(std::string_view field, std::string_view text) {
    if (text.empty() || text.size() > text_max || !is_printable(text)) {
        return refuse(field, fmt::format("must be 1 to {} characters of ASCII", text_max));
    }
    if (text.starts_with('-')) {
        return refuse(field, "must not begin with '-'");
    }
    return {};
}

/// An image is pinned when it says a digest, or a tag that is not "latest".
bool is_pinned(std::string_view image) noexcept {
    const std::size_t digest = image.find("@sha256:");
    if (digest != std::string_view::npos) {
        return image.size() - digest == std::string_view{"@sha256:"}.size() + 64;
    }
    const std::size_t slash = image.rfind('/');
    const std::size_t colon = image.rfind(':');
    return colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash) &&
           colon + 1 < image.size() && image.substr(colon + 1) != "latest";
}

/// What the agent sets, and under which key the owner says it instead (empty: not at all).
struct Taken {
    std::string_view flag{};
    std::string_view instead{};
};
constexpr std::array taken{
    Taken{"--host", ""},
    Taken{"--port", ""},
    Taken{"--uds", ""},
    Taken{"--api-key", ""},
    Taken{"--api-key-file", ""},
    Taken{"--root-path", ""},
    Taken{"--api-prefix", ""},
    Taken{"--path", ""},
    Taken{"--ssl-keyfile", ""},
    Taken{"--ssl-certfile", ""},
    Taken{"--ssl-key-file", ""},
    Taken{"--ssl-cert-file", ""},
    Taken{"--served-model-name", "model"},
    Taken{"--alias", "model"},
    Taken{"-a", "model"},
    Taken{"--model", "weights"},
    Taken{"-m", "weights"},
    Taken{"-hf", "weights"},
    Taken{"--hf-repo", "weights"},
    Taken{"--max-num-seqs", "slots"},
    Taken{"--parallel", "slots"},
    Taken{"-np", "slots"},
    Taken{"--max-model-len", "context"},
    Taken{"--ctx-size", "context"},
    Taken{"-c", "context"},
};

Result<void> check_arguments(const std::vector<std::string>& arguments) {
    if (arguments.size() > arguments_max) {
        return refuse("args", fmt::format("are more than {}", arguments_max));
    }
    for (const std::string& argument : arguments) {
        if (argument.size() > argument_bytes_max || !is_printable(argument)) {
            return refuse(
                "args",
                fmt::format("may hold only ASCII, up to {} characters each", argument_bytes_max));
        }
        // vLLM takes '_' for '-' in flags, and both engines take `--flag=value`.
        std::string flag = argument.substr(0, argument.find('='));
        std::ranges::replace(flag, '_', '-');
        const auto found = std::ranges::find(taken, flag, &Taken::flag);
        if (found != taken.end() && found->instead.empty()) {
            return refuse("args", fmt::format("may not say '{}': the agent sets it", flag));
        }
        if (found != taken.end()) {
            return refuse(
                "args", fmt::format("may not say '{}': say '{}' instead", flag, found->instead));
        }
    }
    return {};
}

/// PEM blocks of `label` and nothing else, so that they stand in a text as they are.
bool is_pem(std::string_view text, std::string_view label) {
    const std::string begin = fmt::format("-----BEGIN {}-----\n", label);
    const std::string end = fmt::format("-----END {}-----\n", label);
    return text.size() > begin.size() + end.size() && text.starts_with(begin) &&
           text.ends_with(end) &&
           std::ranges::all_of(
               text.substr(begin.size(), text.size() - begin.size() - end.size()), [](char c) {
                   return letters_and_digits.find(c) != std::string_view::npos || c == '+' ||
                          c == '/' || c == '=' || c == '\n';
               });
}

Result<void> check_identity(const NodePlan& plan) {
    if (!consists_of(plan.machine, "-.", name_max) || plan.machine.starts_with('-')) {
        return refuse("machine", "must be a name of letters, digits, dots and dashes");
    }
    if (!consists_of(plan.owner_mark, "-_:", name_max)) {
        return refuse("owner mark", "must be letters, digits, dashes, colons and underscores");
    }
    const std::string_view key = plan.engine_key.reveal();
    if (key.size() < key_min || !consists_of(key, "-._~", key_max)) {
        return refuse(
            "engine key",
            fmt::format("must be {} to {} letters, digits and any of '-._~'", key_min, key_max));
    }
    if (!is_pem(plan.certificate.certificate, "CERTIFICATE") ||
        !is_pem(plan.certificate.key.reveal(), "PRIVATE KEY")) {
        return refuse("certificate", "must be one PEM certificate with its PEM private key");
    }
    return {};
}

Result<void> check_volume(const NodePlan& plan) {
    if (plan.volume.empty()) {
        return plan.volume_device.empty() ? Result<void>{}
                                          : refuse("volume", "is needed where a device is named");
    }
    if (!plan.volume.starts_with('/') || plan.volume.size() < 2 ||
        !consists_of(plan.volume, "/._-", text_max) ||
        plan.volume.find("..") != std::string::npos) {
        return refuse("volume", "must be a plain absolute path");
    }
    if (!plan.volume_device.empty() && (!plan.volume_device.starts_with("/dev/") ||
                                        !consists_of(plan.volume_device, "/._-*", text_max) ||
                                        plan.volume_device.find("..") != std::string::npos)) {
        return refuse("volume device", "must be a path below /dev, '*' allowed");
    }
    return {};
}

Result<void> check_numbers(const NodePlan& plan) {
    const auto within = [](auto value, auto least, auto most) {
        return value >= least && value <= most;
    };
    if (!within(plan.slots, 1, slots_max)) {
        return refuse("slots", fmt::format("must be 1 to {}", slots_max));
    }
    if (!within(plan.context, 0, context_max)) {
        return refuse("context", fmt::format("must be 0 to {}", context_max));
    }
    if (!within(plan.gpus, 1, gpus_max) || !within(plan.vram_mib, 0, vram_mib_max)) {
        return refuse("GPUs", "or their memory are out of range");
    }
    if (plan.port == 0 || plan.port == 22 || plan.port == engine_port_on_node) {
        return refuse("port", fmt::format("must be 1 to 65535, not 22 or {}", engine_port_on_node));
    }
    if (!within(plan.life, time_min, time_max) || !within(plan.quiet, time_min, time_max)) {
        return refuse("life and quiet time", "must be between a minute and 90 days");
    }
    return {};
}

}  // namespace

Result<void> check(const NodePlan& plan) {
    if (auto ok = check_identity(plan); !ok) {
        return ok;
    }
    if (auto ok = check_text("model", plan.model); !ok) {
        return ok;
    }
    if (auto ok = check_text("weights", plan.weights); !ok) {
        return ok;
    }
    if (!plan.image.empty() && (!consists_of(plan.image, "-._/:@", text_max) ||
                                plan.image.starts_with('-') || !is_pinned(plan.image))) {
        return refuse("image", "must name its version, as in 'vllm/vllm-openai:v0.27.1'");
    }
    if (auto ok = check_numbers(plan); !ok) {
        return ok;
    }
    if (auto ok = check_arguments(plan.arguments); !ok) {
        return ok;
    }
    if (!network_family(plan.agent_network)) {
        return refuse("agent network", "must be an IP address or CIDR block");
    }
    if (auto ok = check_volume(plan); !ok) {
        return ok;
    }
    if (!plan.hub_secret.empty() && !consists_of(plan.hub_secret, "_-", name_max)) {
        return refuse("hub secret", "must be the name of a stored secret");
    }
    return {};
}

}  // namespace evenkeel::inference::bootstrap
