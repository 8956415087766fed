# shellcheck shell=bash
# Runs a pod: TLS front, engine and watchdog. What stands above this line sets the variables and
# writes the files. This script never ends by itself: a container that exits is only restarted, and
# billed on.

say() { printf 'evenkeel: %s\n' "$*" 2>/dev/null || true; }

# Starts a program again when it ends, at most so many times: name, times, program and arguments.
keep() {
    local name="$1" left="$2" status
    shift 2
    while true; do
        status=0
        "$@" || status=$?
        say "$name ended with status $status"
        if [ "$left" -le 0 ] || [ -e "$run/ended" ]; then
            return 0
        fi
        left=$((left - 1))
        sleep 5
    done
}

gpus_are_right() {
    local memory count=0 mib
    memory="$(nvidia-smi --query-gpu=memory.total --format=csv,noheader,nounits)" || return 1
    while read -r mib; do
        [[ "$mib" =~ ^[0-9]+$ ]] || continue
        count=$((count + 1))
        [ "$mib" -ge "$vram_mib" ] || return 1
    done <<<"$memory"
    [ "$count" -ge "$gpus" ]
}

run_engine() {
    export "$engine_key_variable=$EVENKEEL_ENGINE_KEY"
    local entry
    for entry in "${engine_environment[@]}"; do
        export "${entry?}"
    done
    mkdir -p "$cache"
    # The pod's own key can end the pod: the engine has no business with it.
    keep engine 3 env -u RUNPOD_API_KEY "$engine_program" "${engine_arguments[@]}"
}

trap 'trap - TERM; kill 0' TERM INT
rm -f "$run/ended"
trap - EXIT
keep front 1000 nginx -c "$run/front.conf" &
if gpus_are_right; then
    run_engine &
else
    say "not the GPUs that were ordered: the engine is not started"
fi
say "$machine: started"
while true; do
    "$run/watchdog" &
    wait "$!" || say "the watchdog ended: it is started again"
    sleep 1
done
