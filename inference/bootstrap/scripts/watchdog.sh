#!/usr/bin/env bash
# Ends this node when its time is up, or when nobody who knows its key has asked for anything for
# long: the agent that should have deleted it may be gone for good.
#
# Time is uptime, never the wall clock, which may be a day off. What has been lived is kept on disk,
# so that a restart does not begin a new life. EVENKEEL_END says how to end:
#   poweroff  a virtual machine. It closes the endpoint and nothing more: a machine that is off is
#             still billed in full (DigitalOcean), only deleting it ends that.
#   runpod    a pod. The container's exit would only restart it, so the provider is asked to delete
#             the pod, with the key the provider gave to this pod alone, again and again.
#
# It also looks at the GPUs, and closes the front of a node with a broken one: streams may end, new
# requests go elsewhere, and the agent replaces a node that has been silent for two minutes.
#
# A disk that is full or cannot be written must not disarm it: every write here may fail.
set -euo pipefail
trap '' PIPE

run="${EVENKEEL_RUN:-/run/evenkeel}"
state="${EVENKEEL_STATE:-/var/lib/evenkeel}"
uptime="${EVENKEEL_UPTIME:-/proc/uptime}"
life="${EVENKEEL_LIFE:?}"
quiet="${EVENKEEL_QUIET:?}"
way="${EVENKEEL_END:?}"
tick=15
gpu_ticks=4   # the GPUs are looked at once a minute
hang_ticks=8 # and a look that takes two minutes hangs
pause_max=300
api=https://api.runpod.io/v2

say() { printf 'evenkeel watchdog: %s\n' "$*" 2>/dev/null || true; }

empty() { # a file; fails when it cannot be emptied
    { : >"$1"; } 2>/dev/null
}

read_uptime() {
    read -r now _ <"$uptime"
    now="${now%.*}"
}

# One call of the provider's API: method, path below the pod, body. Prints the status, 000 for none.
# The key goes through a pipe, so it is in no list of processes; nothing prints it.
call() {
    local body=()
    [ -z "$3" ] || body=(--header 'Content-Type: application/json' --data "$3")
    printf 'header = "Authorization: Bearer %s"\n' "${RUNPOD_API_KEY:-}" |
        curl --config - --silent --output /dev/null --write-out '%{http_code}' --max-time 30 \
            --user-agent evenkeel-node --request "$1" "${body[@]}" \
            "$api/pods/${RUNPOD_POD_ID:-unknown}$2" || true
}

# DELETE is the documented way; whether a pod's own key may use it, only the real service can say, so
# the two other ways to stop the GPU's bill are tried after it. 404 is no success: this runs in the
# pod, so the pod is there.
end_pod() {
    local pause=5 status
    while true; do
        status="$(call DELETE '' '')"
        say "asked the provider to delete this pod: status $status"
        if [[ "$status" != 2?? ]]; then
            status="$(call POST /action '{"action":"terminate"}')"
            say "asked it to terminate this pod: status $status"
        fi
        if [[ "$status" != 2?? ]]; then
            status="$(call POST /action '{"action":"stop"}')"
            say "asked it to stop this pod: status $status"
        fi
        sleep "$pause"
        pause=$((pause * 2 < pause_max ? pause * 2 : pause_max))
    done
}

# In a pod the front's process is ours; on a virtual machine it has process numbers of its own, and
# power-off ends it.
close_front() { # signal
    empty "$run/ended" || say "the front may start again: its end cannot be written down"
    if [ -s "$run/front.pid" ]; then
        kill "-$1" "$(cat "$run/front.pid")" 2>/dev/null || true
    fi
}

end_node() {
    say "ending this node: $1"
    case "$way" in
        runpod)
            close_front TERM
            end_pod
            ;;
        *)
            while true; do
                systemctl poweroff || shutdown -P now || true
                sleep 60
            done
            ;;
    esac
}

# Sets `trouble` to what is wrong with a GPU, or to nothing: one that fell off the bus (Xid 79),
# memory errors that could not be corrected (Xid 48, 94, 95), rows that wait to be remapped
# (https://docs.nvidia.com/deploy/xid-errors/, https://docs.nvidia.com/deploy/a100-gpu-mem-error-mgmt/).
# Nothing is wrong before the driver has worked once: at boot it may still be loading.
look_at_gpus() {
    local report rows index errors pending failure count=0 status=0
    trouble=''
    command -v nvidia-smi >/dev/null 2>&1 || return 0
    report="$(timeout -k 5 30 nvidia-smi --query-gpu=index,ecc.errors.uncorrected.volatile.total \
        --format=csv,noheader,nounits 2>/dev/null)" || status=$?
    if [ "$status" -ne 0 ]; then
        [ "$gpus_seen" -eq 0 ] || trouble="the driver fails with status $status"
        return 0
    fi
    while IFS=', ' read -r index errors; do
        [[ "$index" =~ ^[0-9]+$ ]] || continue
        count=$((count + 1))
        if [[ "$errors" =~ ^[1-9][0-9]*$ ]]; then
            trouble="GPU $index has $errors memory errors that could not be corrected"
        fi
    done <<<"$report"
    if [ "$count" -lt "$gpus_seen" ]; then
        trouble="$count of $gpus_seen GPUs are left"
    else
        gpus_seen="$count"
    fi
    rows="$(timeout -k 5 30 nvidia-smi --query-remapped-rows=remapped_rows.pending,remapped_rows.failure \
        --format=csv,noheader 2>/dev/null)" || rows=''
    while IFS=', ' read -r pending failure; do
        if [[ "$pending" =~ ^(Yes|1)$ || "$failure" =~ ^(Yes|1)$ ]]; then
            trouble="a GPU waits for rows of its memory to be remapped"
        fi
    done <<<"$rows"
}

# The front ends when its streams have. On a virtual machine it is a container that would be started
# again. Nothing here is waited for.
retire() {
    say "this node takes no more requests: $1"
    if [ "$way" = runpod ]; then
        close_front QUIT
        return 0
    fi
    {
        timeout -k 5 60 docker update --restart=no evenkeel-front
        timeout -k 5 60 docker kill --signal QUIT evenkeel-front
    } </dev/null >/dev/null 2>&1 &
}

# A look runs beside this loop, never in it: a program that asks a dead driver may hang for ever, and
# then this node must still end in time. A look that hangs is trouble too.
watch_gpus() {
    if [ -n "$looker" ] && kill -0 "$looker" 2>/dev/null; then
        hanging=$((hanging + 1))
        if [ "$hanging" -eq "$hang_ticks" ]; then
            sick=2
            retire "the driver does not answer"
        fi
        return 0
    fi
    if [ -n "$looker" ]; then
        looker=''
        hanging=0
        trouble=''
        { read -r gpus_seen && read -r trouble; } 2>/dev/null <"$run/gpus" || true
        [[ "$gpus_seen" =~ ^[0-9]{1,3}$ ]] || gpus_seen=0
        if [ -z "$trouble" ]; then
            sick=0
        else
            sick=$((sick + 1))
            say "$trouble"
            [ "$sick" -lt 2 ] || retire "$trouble"
        fi
    fi
    if [ $((looks % gpu_ticks)) -eq 0 ] && [ "$sick" -lt 2 ]; then
        {
            look_at_gpus
            printf '%s\n%s\n' "$gpus_seen" "$trouble" >"$run/gpus"
        } </dev/null >/dev/null 2>&1 &
        looker="$!"
    fi
    looks=$((looks + 1))
}

mkdir -p "$run" "$state" 2>/dev/null || say "nothing can be written: a restart begins a new life"
lived_before=0
if [ -s "$state/lived" ]; then
    read -r lived_before <"$state/lived" || true # its line end may be missing
    [[ "$lived_before" =~ ^[0-9]{1,9}$ ]] || lived_before="$life"
    lived_before=$((10#$lived_before))
fi
read_uptime
began="$now"
heard="$now"
beats_before=0 # bytes of signs of life that could not be emptied
gpus_seen=0
sick=0 # looks in a row that found a broken GPU
looks=0
trouble=''
looker='' # process of the look under way
hanging=0
say "ends after $life s of life ($lived_before s of it are over) or $quiet s without a request"
while true; do
    read_uptime
    lived=$((lived_before + now - began))
    # A disk that is full must not keep a node alive: what is in memory goes on.
    if printf '%s\n' "$lived" 2>/dev/null >"$state/lived.new"; then
        mv "$state/lived.new" "$state/lived" 2>/dev/null || true
    fi
    beats="$(stat --format %s "$run/beat" 2>/dev/null || echo 0)"
    if [ "$beats" -gt "$beats_before" ]; then
        heard="$now"
    fi
    beats_before=0
    if [ "$beats" -gt 0 ]; then
        empty "$run/beat" || beats_before="$beats"
    fi
    if [ "$lived" -ge "$life" ]; then
        end_node "its $life s are over"
    elif [ $((now - heard)) -ge "$quiet" ]; then
        end_node "no request with the right key for $quiet s"
    fi
    [ "$sick" -ge 2 ] || watch_gpus
    sleep "$tick"
done
