#include "inference/bootstrap/engine_command.hpp"
#include "inference/bootstrap/render.hpp"
#include "inference/bootstrap/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::inference::bootstrap {

namespace {

/// nginx as a container: one version on every node, no package manager in the way of a boot.
constexpr std::string_view front_image = "nginx:1.28.0";

constexpr std::string_view watchdog_unit = R"([Unit]
Description=Ends this rented node when its time is up or nobody asks for it

[Service]
Environment=EVENKEEL_LIFE={}
Environment=EVENKEEL_QUIET={}
Environment=EVENKEEL_END=poweroff
ExecStart=/opt/evenkeel/watchdog
Restart=always
RestartSec=5

[Install]
WantedBy=multi-user.target
)";

constexpr std::string_view node_unit = R"([Unit]
Description=Evenkeel node: firewall, TLS front and engine
Wants=network-online.target
After=network-online.target docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/opt/evenkeel/host

[Install]
WantedBy=multi-user.target
)";

std::string write_file(std::string_view path, std::string_view mode, std::string_view content) {
    return fmt::format(
        "  - path: {}\n    owner: root:root\n    permissions: '{}'\n    content: |\n{}",
        path,
        mode,
        indented(content, 6));
}

/// The variables of scripts/host.sh.
std::string node_env(const NodePlan& plan) {
    const EngineCommand command = engine_command(plan, "0.0.0.0");
    std::vector<std::string> environment;
    for (const auto& [name, value] : command.environment) {
        environment.push_back(fmt::format("{}={}", name, value));
    }
    // llama.cpp's image keeps its programs outside the path.
    const std::string program =
        plan.engine == NodeEngine::llama_cpp ? "/app/" + command.program : command.program;
    std::string out = "# Read by /opt/evenkeel/host; shell syntax.\n";
    out += fmt::format("EVENKEEL_ENGINE_KEY={}\n", plan.engine_key.reveal());
    const auto word = [&out](std::string_view name, std::string_view value) {
        out += fmt::format("{}={}\n", name, shell_word(value));
    };
    word("machine", plan.machine);
    word("front_image", front_image);
    word("front_port", fmt::format("{}", plan.port));
    word("agent_network", plan.agent_network);
    word("agent_family", network_family(plan.agent_network).value_or(""));
    word("ssh", plan.ssh ? "yes" : "no");
    word("gpus", fmt::format("{}", plan.gpus));
    word("vram_mib", fmt::format("{}", plan.vram_mib));
    word("volume", plan.volume);
    word("volume_device", plan.volume_device);
    word("cache", cache_of(plan));
    word("engine_image", plan.image);
    word("engine_port", fmt::format("{}", engine_port_on_node));
    word("engine_program", program);
    word("engine_key_variable", command.key_variable);
    out += shell_array("engine_arguments", command.arguments);
    out += shell_array("engine_environment", environment);
    return out;
}

}  // namespace

Result<std::string> cloud_init(const NodePlan& plan) {
    if (auto ok = check(plan); !ok) {
        return std::unexpected{ok.error()};
    }
    if (plan.image.empty()) {
        return fail(
            Errc::invalid_argument,
            "start of a node: image is needed: which engine, which version");
    }
    if (!plan.hub_secret.empty()) {
        return fail(
            Errc::invalid_argument,
            "start of a node: a hub token would be readable by everything on the machine: put "
            "gated "
            "weights on a volume instead");
    }
    const FrontFiles files{
        .certificate = "/etc/evenkeel/front.crt",
        .key = "/etc/evenkeel/front.key",
        .run = "/run/evenkeel",
        .user = "nginx"};
    std::string out = fmt::format(
        "#cloud-config\n"
        "# {} of {}: made by Evenkeel for one life, to be deleted before {}.\n"
        "# Its own timer powers it off then. That closes its endpoint but does not end its bill:\n"
        "# only deleting it at the provider does.\n"
        "package_update: false\n"
        "package_upgrade: false\n"
        "ssh_pwauth: false\n"
        "write_files:\n",
        plan.machine,
        plan.owner_mark,
        utc_text(plan.expires));
    out += write_file("/etc/evenkeel/front.crt", "0600", plan.certificate.certificate);
    out += write_file("/etc/evenkeel/front.key", "0600", plan.certificate.key.reveal());
    out += write_file("/etc/evenkeel/node.env", "0600", node_env(plan));
    out += write_file(
        "/etc/evenkeel/front.conf", "0600", front_config(plan, files, engine_port_on_node));
    out += write_file("/opt/evenkeel/watchdog", "0755", scripts::watchdog());
    out += write_file("/opt/evenkeel/host", "0755", scripts::host());
    out += write_file(
        "/etc/systemd/system/evenkeel-watchdog.service",
        "0644",
        fmt::format(fmt::runtime(watchdog_unit), plan.life.count(), plan.quiet.count()));
    out += write_file("/etc/systemd/system/evenkeel-node.service", "0644", node_unit);
    // The watchdog first: it must not depend on anything that can go wrong after it.
    out +=
        "runcmd:\n"
        "  - [systemctl, daemon-reload]\n"
        "  - [systemctl, enable, --now, evenkeel-watchdog.service]\n"
        "  - [systemctl, enable, --now, --no-block, evenkeel-node.service]\n";
    const bool ascii =
        std::ranges::all_of(out, [](char c) { return (c >= ' ' && c <= '~') || c == '\n'; });
    if (!ascii || out.size() > cloud_init_bytes_max) {
        return fail(
            Errc::invalid_argument,
            fmt::format(
                "start of a node: the text has {} bytes, {} of ASCII are allowed",
                out.size(),
                cloud_init_bytes_max));
    }
    return out;
}

}  // namespace evenkeel::inference::bootstrap
