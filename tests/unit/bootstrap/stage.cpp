#include "tests/unit/bootstrap/stage.hpp"

namespace evenkeel::inference::bootstrap::testing_tools {

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) {
        ++found;
    }
    return found;
}

Stage::Stage() {
    folder.write("uptime", "1000.25 7.00\n");
    // Moves the time on, in one step for whoever reads it. Makes a sign of life until
    // `BEATS_UNTIL`; ends the script that sleeps (set -e) after so many `sleeps`. With `GATE`
    // the watchdog's time stands until the test opens the gate.
    add("sleep", R"sh(while [ "$1" = 15 ] && [ -n "${GATE:-}" ] && [ ! -e "$STAGE/open" ]; do
    /bin/sleep 0.01
done
exec 9>"$STAGE/lock"
flock 9
read -r now _ <"$STAGE/uptime"
now=$((${now%.*} + ${1%.*}))
printf '%s.00 7.00\n' "$now" >"$STAGE/uptime.new"
mv "$STAGE/uptime.new" "$STAGE/uptime"
[ "$now" -ge "$BEATS_UNTIL" ] || printf '.\n' >>"$EVENKEEL_RUN/beat"
left="$(cat "$STAGE/sleeps")"
printf '%s' "$((left - 1))" >"$STAGE/sleeps"
exec 9>&-
/bin/sleep "${REAL_SLEEP:-0}"
[ "$left" -gt 1 ]
)sh");
    // The next status of the list, the last one again and again.
    add("curl", R"sh(printf 'curl %s\n' "$*" >>"$STAGE/calls"
cat >>"$STAGE/curl_input"
head -n 1 "$STAGE/statuses" | tr -d '\n'
[ "$(wc -l <"$STAGE/statuses")" -le 1 ] || sed -i 1d "$STAGE/statuses"
)sh");
    for (const char* name : {"iptables", "ip6tables", "docker", "mount", "systemctl"}) {
        add(name, R"sh(printf '%s %s\n' "${0##*/}" "$*" >>"$STAGE/calls"
)sh");
    }
    add("mountpoint", "exit 1\n");
    gpus("81559\n");
    sleeps(1);
    folder.write("statuses", "204\n");
    environment = {
        {"PATH", folder.file("bin") + ":/usr/bin:/bin"},
        {"STAGE", folder.path().string()},
        {"BEATS_UNTIL", "0"},
        {"EVENKEEL_RUN", folder.file("run")},
        {"EVENKEEL_STATE", folder.file("state")},
        {"EVENKEEL_UPTIME", folder.file("uptime")},
        {"RUNPOD_POD_ID", "pod123"},
        {"RUNPOD_API_KEY", pod_key}};
}

}  // namespace evenkeel::inference::bootstrap::testing_tools
