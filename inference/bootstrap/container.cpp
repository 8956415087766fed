#include "inference/bootstrap/engine_command.hpp"
#include "inference/bootstrap/render.hpp"
#include "inference/bootstrap/text.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

namespace evenkeel::inference::bootstrap {

namespace {

/// Where the script puts its files.
constexpr std::string_view run_folder = "/run/evenkeel";
/// Ends the files in the script; PEM, nginx and our scripts hold no such line.
constexpr std::string_view end_mark = "EVENKEEL_END_OF_FILE";

std::string base64(std::string_view text) {
    std::string out(4 * ((text.size() + 2) / 3) + 1, '\0');
    const int size = EVP_EncodeBlock(
        reinterpret_cast<unsigned char*>(out.data()),
        reinterpret_cast<const unsigned char*>(text.data()),
        static_cast<int>(text.size()));
    out.resize(static_cast<std::size_t>(size));
    return out;
}

std::string write_file(std::string_view name, std::string_view content) {
    return fmt::format("cat >\"$run/{}\" <<'{}'\n{}{}\n", name, end_mark, content, end_mark);
}

/// The part of the script that stands before scripts/pod.sh: variables and files.
std::string prologue(const NodePlan& plan) {
    const EngineCommand command = engine_command(plan, "127.0.0.1");
    std::vector<std::string> environment;
    for (const auto& [name, value] : command.environment) {
        environment.push_back(fmt::format("{}={}", name, value));
    }
    const std::string run{run_folder};
    const FrontFiles files{
        .certificate = run + "/front.crt",
        .key = run + "/front.key",
        .run = run,
        .user = "www-data"};
    // Where a file cannot be written there is no watchdog yet: the image's own one ends the pod.
    std::string out = fmt::format(
        "#!/usr/bin/env bash\n"
        "# {} of {}: made by Evenkeel for one life, to be deleted before {}.\n"
        "set -euo pipefail\n"
        "umask 077\n"
        "trap 'EVENKEEL_LIFE=0 EVENKEEL_QUIET=60 EVENKEEL_END=runpod"
        " exec \"${{EVENKEEL_WATCHDOG:-/opt/evenkeel/watchdog}}\"' EXIT\n"
        "run=\"${{EVENKEEL_RUN:-{}}}\"\n"
        "EVENKEEL_ENGINE_KEY={}\n",
        plan.machine,
        plan.owner_mark,
        utc_text(plan.expires),
        run,
        plan.engine_key.reveal());
    const auto word = [&out](std::string_view name, std::string_view value) {
        out += fmt::format("{}={}\n", name, shell_word(value));
    };
    out += fmt::format("export EVENKEEL_LIFE={}\n", plan.life.count());
    out += fmt::format("export EVENKEEL_QUIET={}\n", plan.quiet.count());
    out += "export EVENKEEL_END=runpod\n";
    word("machine", plan.machine);
    word("gpus", fmt::format("{}", plan.gpus));
    word("vram_mib", fmt::format("{}", plan.vram_mib));
    word("cache", cache_of(plan));
    word("engine_program", command.program);
    word("engine_key_variable", command.key_variable);
    out += shell_array("engine_arguments", command.arguments);
    out += shell_array("engine_environment", environment);
    out += "mkdir -p \"$run\"\nchmod 0711 \"$run\"\n";
    out += write_file("front.crt", plan.certificate.certificate);
    out += write_file("front.key", plan.certificate.key.reveal());
    out += write_file("front.conf", front_config(plan, files, engine_port_on_node));
    out += write_file("watchdog", scripts::watchdog());
    out += "chmod 0700 \"$run/watchdog\"\n\n";
    return out;
}

}  // namespace

Result<ContainerStart> container(const NodePlan& plan) {
    if (auto ok = check(plan); !ok) {
        return std::unexpected{ok.error()};
    }
    if (!plan.volume_device.empty()) {
        return fail(
            Errc::invalid_argument, "start of a node: a container cannot mount a device itself");
    }
    std::string script = prologue(plan);
    script += scripts::pod();
    ContainerStart start;
    // Not piped into bash: programs that it starts would read its own text as their input.
    start.args = fmt::format("bash -c \"exec bash <(echo {} | base64 -d)\"", base64(script));
    if (start.args.size() > container_args_bytes_max) {
        return fail(
            Errc::invalid_argument,
            fmt::format(
                "start of a node: the arguments have {} bytes, {} are allowed",
                start.args.size(),
                container_args_bytes_max));
    }
    if (!plan.hub_secret.empty()) {
        // Filled in by the provider: https://docs.runpod.io/pods/templates/secrets
        start.env.emplace_back(
            "HF_TOKEN", fmt::format("{{{{ RUNPOD_SECRET_{} }}}}", plan.hub_secret));
    }
    return start;
}

}  // namespace evenkeel::inference::bootstrap
