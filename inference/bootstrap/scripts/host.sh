#!/usr/bin/env bash
# Starts what a rented virtual machine is for, at every boot: firewall, volume, TLS front, engine.
# Prints no secret. When something is wrong with the machine the engine is not started: the front
# then answers 503, and the agent deletes the machine at its deadline.
set -euo pipefail
umask 077

root="${EVENKEEL_ROOT:-}" # tests run it below a folder of their own
# shellcheck disable=SC1091
. "$root/etc/evenkeel/node.env"

say() { printf 'evenkeel: %s\n' "$*"; }
die() {
    say "$*"
    exit 1
}

# Docker needs iptables, so it is there. Docker publishes ports past this chain, but only on
# loopback (below).
close_ports() { # iptables or ip6tables, the ICMP of its family
    local tables="$1"
    "$tables" -w -N EVENKEEL 2>/dev/null || "$tables" -w -F EVENKEEL
    "$tables" -w -A EVENKEEL -i lo -j ACCEPT
    "$tables" -w -A EVENKEEL -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
    "$tables" -w -A EVENKEEL -p "$2" -j ACCEPT
}

open_port() { # port, network or empty, family (4, 6 or empty for both)
    local from=()
    [ -z "$2" ] || from=(-s "$2")
    if [ "$3" != 6 ]; then
        iptables -w -A EVENKEEL -p tcp --dport "$1" "${from[@]}" -j ACCEPT
    fi
    if [ "$3" != 4 ]; then
        ip6tables -w -A EVENKEEL -p tcp --dport "$1" "${from[@]}" -j ACCEPT
    fi
}

firewall() {
    close_ports iptables icmp
    close_ports ip6tables ipv6-icmp
    open_port "$front_port" "$agent_network" "$agent_family"
    if [ "$ssh" = yes ]; then
        open_port 22 "$agent_network" "$agent_family"
    fi
    local tables
    for tables in iptables ip6tables; do
        "$tables" -w -A EVENKEEL -j DROP
        "$tables" -w -C INPUT -j EVENKEEL 2>/dev/null || "$tables" -w -I INPUT 1 -j EVENKEEL
    done
}

mount_volume() {
    [ -n "$volume_device" ] || return 0
    mkdir -p "$root$volume"
    if mountpoint -q "$root$volume"; then
        return 0
    fi
    local device try
    for try in 1 2 3 4 5 6; do
        # shellcheck disable=SC2086
        for device in $volume_device; do # the one place where a pattern is meant
            if [ -e "$device" ]; then
                mount "$device" "$root$volume" || die "the volume at $device cannot be mounted"
                return 0
            fi
        done
        say "waiting for the volume ($try)"
        sleep 5
    done
    die "no volume at $volume_device"
}

check_gpus() {
    local memory count=0 least=''
    memory="$(nvidia-smi --query-gpu=memory.total --format=csv,noheader,nounits)" ||
        die "the GPU driver does not work"
    while read -r mib; do
        [[ "$mib" =~ ^[0-9]+$ ]] || continue
        count=$((count + 1))
        if [ -z "$least" ] || [ "$mib" -lt "$least" ]; then
            least="$mib"
        fi
    done <<<"$memory"
    [ "$count" -ge "$gpus" ] || die "$gpus GPUs are wanted, $count are here"
    [ "$least" -ge "$vram_mib" ] || die "$vram_mib MiB of GPU memory are wanted, $least are here"
}

pull() { # a registry that stumbles once should not cost a machine
    local try
    for try in 1 2 3; do
        docker pull --quiet "$1" && return 0
        say "pulling $1 failed ($try)"
        sleep 10
    done
    die "the image $1 cannot be pulled"
}

start_front() {
    pull "$front_image"
    docker run --detach --name evenkeel-front --restart unless-stopped --network host \
        --log-opt max-size=10m --log-opt max-file=2 \
        --volume "$root/etc/evenkeel/front.conf:/etc/evenkeel/front.conf:ro" \
        --volume "$root/etc/evenkeel/front.crt:/etc/evenkeel/front.crt:ro" \
        --volume "$root/etc/evenkeel/front.key:/etc/evenkeel/front.key:ro" \
        --volume "$root/run/evenkeel:/run/evenkeel" \
        --entrypoint nginx "$front_image" -c /etc/evenkeel/front.conf >/dev/null
}

start_engine() {
    pull "$engine_image"
    mkdir -p "$root$cache"
    local variables=() entry
    for entry in "${engine_environment[@]}"; do
        variables+=(--env "$entry")
    done
    # Only the key's name is an argument: docker takes its value from the environment.
    export "$engine_key_variable=$EVENKEEL_ENGINE_KEY"
    docker run --detach --name evenkeel-engine --restart on-failure:3 --gpus all --ipc host \
        --log-opt max-size=50m --log-opt max-file=2 \
        --publish "127.0.0.1:$engine_port:$engine_port" \
        --volume "$root$cache:$cache" \
        --env "$engine_key_variable" "${variables[@]}" \
        --entrypoint "$engine_program" "$engine_image" "${engine_arguments[@]}" >/dev/null
}

mkdir -p "$root/run/evenkeel"
chmod 0711 "$root/run/evenkeel"
firewall
docker rm --force evenkeel-front evenkeel-engine >/dev/null 2>&1 || true
start_front
check_gpus
mount_volume
start_engine
say "$machine: engine started"
