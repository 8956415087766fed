#include "tests/unit/bootstrap/node_rig.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

/// The scripts of a node, really run, with stand-ins for the programs they call. Time is a file
/// that the stand-in of `sleep` moves on.
namespace evenkeel::inference::bootstrap {
namespace {

using namespace testing_tools;
using namespace std::chrono_literals;

const fs::path source{EVENKEEL_SOURCE_DIR};
constexpr const char* pod_key = "rpa_MARKED_POD_KEY";

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) {
        ++found;
    }
    return found;
}

/// A folder with stand-ins that write down how they were called.
class Stage {
public:
    Stage() {
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
    void add(const std::string& name, const std::string& body) const {
        folder.write("bin/" + name, "#!/bin/bash\n" + body, true);
    }
    void gpus(const std::string& lines) const { add("nvidia-smi", "printf '" + lines + "'\n"); }
    void sleeps(int most) const { folder.write("sleeps", std::to_string(most)); }
    [[nodiscard]] std::string calls() const { return folder.read("calls"); }
    [[nodiscard]] long uptime() const { return std::stol(folder.read("uptime")); }

    TempDir folder{};
    Environment environment{};
};

/// The watchdog on a stage that lets it sleep `sleeps` times.
/// `output`: a redirection of what it says.
Ran watch(
    Stage& stage,
    int life,
    int quiet,
    const std::string& way,
    int sleeps,
    const std::string& output = "") {
    stage.sleeps(sleeps);
    stage.environment["EVENKEEL_LIFE"] = std::to_string(life);
    stage.environment["EVENKEEL_QUIET"] = std::to_string(quiet);
    stage.environment["EVENKEEL_END"] = way;
    const std::string script = (source / "inference/bootstrap/scripts/watchdog.sh").string();
    return run({"/bin/bash", "-c", "exec /bin/bash '" + script + "'" + output}, stage.environment);
}

TEST(NodeWatchdog, F48DeletesThePodAtItsEnd) {
    Stage stage;
    stage.environment["BEATS_UNTIL"] = "999999";
    const Ran early = watch(stage, 100, 60, "runpod", 6);
    EXPECT_EQ(stage.calls(), "") << early.output;
    EXPECT_EQ(stage.uptime(), 1090);
    const Ran late = watch(stage, 100, 60, "runpod", 4);
    EXPECT_NE(late.output.find("its 100 s are over"), std::string::npos) << late.output;
    EXPECT_EQ(count(stage.calls(), "--request DELETE https://api.runpod.io/v2/pods/pod123\n"), 2u)
        << "asked until it is gone: " << stage.calls();
    EXPECT_EQ(count(stage.calls(), "/action"), 0u);
    EXPECT_NE(
        stage.folder.read("curl_input").find(std::string{"Authorization: Bearer "} + pod_key),
        std::string::npos);
}

TEST(NodeWatchdog, F48DeletesThePodWhenNobodyAsksForIt) {
    Stage stage;
    stage.environment["BEATS_UNTIL"] = "1060";
    const Ran ran = watch(stage, 100'000, 60, "runpod", 12);
    EXPECT_NE(ran.output.find("no request with the right key for 60 s"), std::string::npos)
        << ran.output;
    EXPECT_GE(count(stage.calls(), "--request DELETE"), 1u);
    EXPECT_GE(stage.uptime(), 1105) << "the last sign of life was seen at 1045";
}

TEST(NodeWatchdog, TriesTheOtherWaysWhenDeletingIsRefused) {
    Stage stage;
    stage.folder.write("statuses", "403\n403\n403\n403\n200\n");
    const Ran ran = watch(stage, 10, 60, "runpod", 4);
    const std::string calls = stage.calls();
    const auto nth = [&calls](const std::string& what) { return count(calls, what); };
    EXPECT_EQ(nth("--request DELETE"), 3u) << calls;
    EXPECT_EQ(nth(R"({"action":"terminate"})"), 2u) << calls;
    EXPECT_EQ(nth(R"({"action":"stop"})"), 1u) << calls;
    EXPECT_NE(ran.output.find("status 403"), std::string::npos);
}

TEST(NodeWatchdog, PowersAVirtualMachineOff) {
    Stage stage;
    const Ran ran = watch(stage, 30, 600, "poweroff", 3);
    EXPECT_EQ(stage.calls(), "systemctl poweroff\n") << ran.output;
}

TEST(NodeWatchdog, LifeGoesOnAfterARestart) {
    Stage stage;
    stage.environment["BEATS_UNTIL"] = "999999";
    (void)watch(stage, 100, 60, "poweroff", 4);  // ended after 60 s
    EXPECT_EQ(stage.folder.read("state/lived"), "45\n");
    stage.folder.write("uptime", "5.00 1.00\n");  // the machine was started again
    (void)watch(stage, 100, 60, "poweroff", 4);
    EXPECT_EQ(stage.calls(), "");
    (void)watch(stage, 100, 60, "poweroff", 2);
    EXPECT_EQ(stage.calls(), "systemctl poweroff\n");
    stage.folder.write("calls", "");
    stage.folder.write("state/lived", "x; touch pwned\n");  // what cannot be read is the end
    (void)watch(stage, 100, 60, "poweroff", 1);
    EXPECT_EQ(stage.calls(), "systemctl poweroff\n");
}

TEST(NodeWatchdog, WorksWhenTheDiskIsFull) {
    Stage stage;
    stage.environment["BEATS_UNTIL"] = "999999";
    fs::create_directories(stage.folder.path() / "state/lived.new");  // cannot be written
    const Ran ran = watch(stage, 40, 600, "poweroff", 4);
    EXPECT_EQ(stage.calls(), "systemctl poweroff\n") << ran.output;
}

TEST(NodeWatchdog, F48NothingThatCannotBeWrittenDisarmsIt) {
    struct Case {
        const char* name;
        const char* folder;  ///< stands where a file is to be written
        const char* file;    ///< stands where a folder is to be
        const char* output;  ///< of the script
    };
    for (const Case& each :
         {Case{"NoRunFolder", "", "run", ""},
          Case{"NoStateFolder", "", "state", ""},
          Case{"NoMarkOfTheEnd", "run/ended", "", ""},
          Case{"ASignOfLifeThatStays", "run/beat/x", "", ""},
          Case{"NoLog", "", "", " >/dev/full"}}) {
        SCOPED_TRACE(each.name);
        Stage stage;
        if (*each.folder != '\0') {
            fs::create_directories(stage.folder.path() / each.folder);
        }
        if (*each.file != '\0') {
            stage.folder.write(each.file, "");
        }
        const Ran ran = watch(stage, 100'000, 60, "runpod", 8, each.output);
        EXPECT_GE(count(stage.calls(), "--request DELETE"), 2u) << ran.output << stage.calls();
    }
}

TEST(NodeWatchdog, F48WhatWasLivedIsReadWithoutItsLineEnd) {
    for (const char* lived : {"99", "099"}) {
        Stage stage;
        stage.environment["BEATS_UNTIL"] = "999999";
        stage.folder.write("state/lived", lived);
        const Ran ran = watch(stage, 100, 60, "poweroff", 2);
        EXPECT_EQ(stage.calls(), "systemctl poweroff\n") << ran.output;
    }
}

TEST(NodeWatchdog, F48NotFoundIsNoProofOfADelete) {
    Stage stage;
    stage.folder.write("statuses", "404\n404\n404\n404\n204\n");
    const Ran ran = watch(stage, 10, 60, "runpod", 4);
    const std::string calls = stage.calls();
    EXPECT_EQ(count(calls, "--request DELETE"), 3u) << calls;
    EXPECT_EQ(count(calls, R"({"action":"terminate"})"), 2u) << "a 404 can be of a wrong address";
    EXPECT_EQ(count(calls, R"({"action":"stop"})"), 1u) << calls;
    EXPECT_NE(ran.output.find("status 404"), std::string::npos);
}

/// What nvidia-smi says at each look, as bash that knows `$looks` (from 1) and `$what` it is asked.
void broken_gpus(Stage& stage, const std::string& body) {
    stage.environment["BEATS_UNTIL"] = "999999";
    stage.environment["REAL_SLEEP"] = "0.03";  // looks run beside the loop
    stage.add("nvidia-smi", R"sh(what=gpus
[[ "$1" == --query-remapped-rows* ]] && what=rows
[ "$what" = rows ] || printf '.' >>"$STAGE/looks"
looks="$(wc -c <"$STAGE/looks")"
)sh" + body);
}

constexpr const char* front_closed =
    "docker update --restart=no evenkeel-front\ndocker kill --signal QUIT evenkeel-front\n";

struct BrokenGpu {
    const char* name;
    const char* says;
    const char* told;
};
class NodeWatchdogGpu : public testing::TestWithParam<BrokenGpu> {};

TEST_P(NodeWatchdogGpu, F44ABrokenGpuClosesTheFrontOnceAndNothingElse) {
    Stage stage;
    stage.environment["BEATS_UNTIL"] = "999999";
    broken_gpus(stage, GetParam().says);
    const Ran ran = watch(stage, 100'000, 600, "poweroff", 20);
    EXPECT_EQ(stage.calls(), front_closed) << ran.output;
    EXPECT_NE(ran.output.find(GetParam().told), std::string::npos) << ran.output;
    EXPECT_EQ(stage.folder.read("looks").size(), 3u) << "well, broken, broken: then it is closed";
    EXPECT_EQ(count(ran.output, "takes no more requests"), 1u);
}

INSTANTIATE_TEST_SUITE_P(
    Each,
    NodeWatchdogGpu,
    testing::Values(
        BrokenGpu{
            "FellOffTheBus",
            "[ $looks = 1 ] || exit 15\n[ $what = rows ] && echo 'No, No' || echo '0, 0'\n",
            "the driver fails with status 15"},
        BrokenGpu{
            "OneOfTwoIsGone",
            "if [ $what = rows ]; then echo 'No, No'; else echo '0, 0'; [ $looks != 1 ] || echo "
            "'1, 0'; "
            "fi\n",
            "1 of 2 GPUs are left"},
        BrokenGpu{
            "UncorrectableEcc",
            "if [ $what = rows ]; then echo 'No, No'; elif [ $looks = 1 ]; then echo '0, 0'; else "
            "echo "
            "'0, 3'; fi\n",
            "GPU 0 has 3 memory errors"},
        BrokenGpu{
            "RowRemapPending",
            "if [ $what = gpus ]; then echo '0, 0'; elif [ $looks = 1 ]; then echo 'No, No'; else "
            "echo "
            "'Yes, No'; fi\n",
            "rows of its memory"}),
    [](const auto& one) { return std::string{one.param.name}; });

TEST(NodeWatchdog, F44ADriverThatStumblesOnceOrIsNotUpYetClosesNothing) {
    for (const char* says :
         {"[ $looks -gt 2 ] || exit 9\necho '0, [N/A]'\n",  // still loading at boot
          "[ $looks != 3 ] || exit 9\necho '0, [N/A]'\n",   // one bad answer
          "exit 127\n",                                     // no driver at all
          "[ $what = rows ] && exit 2\necho '0, [Not Supported]'\n"}) {
        Stage stage;
        stage.environment["BEATS_UNTIL"] = "999999";
        broken_gpus(stage, says);
        const Ran ran = watch(stage, 100'000, 600, "poweroff", 24);
        EXPECT_EQ(stage.calls(), "") << says << ran.output;
    }
}

TEST(NodeWatchdog, F48ADriverThatNeverAnswersDisarmsNothing) {
    for (const char* way : {"poweroff", "runpod"}) {
        Stage stage;
        broken_gpus(
            stage,
            "[ $looks != 1 ] || { echo '0, 0'; exit 0; }\ntrap '' TERM\nexec /bin/sleep 30\n");
        const Ran ran = watch(stage, 600, 100'000, way, 48);
        const std::string calls = stage.calls();
        EXPECT_NE(ran.output.find("the driver does not answer"), std::string::npos) << ran.output;
        EXPECT_NE(ran.output.find("its 600 s are over"), std::string::npos) << ran.output;
        EXPECT_EQ(count(ran.output, "takes no more requests"), 1u) << ran.output;
        const char* end =
            std::string_view{way} == "runpod" ? "--request DELETE" : "systemctl poweroff";
        EXPECT_GE(count(calls, end), 1u) << calls;
    }
}

TEST(NodeWatchdog, F44InAPodTheFrontMayFinishItsStreams) {
    Stage stage;
    stage.environment["BEATS_UNTIL"] = "999999";
    broken_gpus(stage, "[ $looks = 1 ] || exit 15\necho '0, 0'\n");
    stage.folder.write("run/front.pid", "999999999\n");
    stage.folder.write(
        "bash_env",
        "kill() { if [ \"$1\" = -0 ]; then builtin kill \"$@\"; else printf 'kill %s\\n' \"$*\" "
        ">>\"$STAGE/calls\"; fi; }\n");
    stage.environment["BASH_ENV"] = stage.folder.file("bash_env");
    const Ran ran = watch(stage, 100'000, 600, "runpod", 20);
    EXPECT_EQ(stage.calls(), "kill -QUIT 999999999\n") << ran.output;
    EXPECT_TRUE(fs::exists(stage.folder.path() / "run/ended")) << "it is not started again";
}

TEST(NodeWatchdog, NeverPrintsTheKey) {
    Stage stage;
    stage.folder.write("statuses", "401\n");
    const Ran ran = watch(stage, 10, 60, "runpod", 3);
    EXPECT_NE(ran.output.find("status 401"), std::string::npos) << ran.output;
    EXPECT_EQ(ran.output.find(pod_key), std::string::npos);
    EXPECT_EQ(stage.calls().find(pod_key), std::string::npos) << "in a list of processes";
    stage.environment.erase("RUNPOD_API_KEY");
    stage.environment.erase("RUNPOD_POD_ID");
    const Ran without = watch(stage, 10, 60, "runpod", 3);
    EXPECT_NE(without.output.find("asked the provider"), std::string::npos) << without.output;
}

/// What a cloud-init text makes of a machine.
Ran boot(Stage& stage, const NodePlan& plan) {
    const auto files = written_files(*cloud_init(plan));
    for (const auto& [path, content] : files) {
        stage.folder.write(path.substr(1), content);
    }
    stage.environment["EVENKEEL_ROOT"] = stage.folder.path().string();
    return run({"/bin/bash", stage.folder.file("opt/evenkeel/host")}, stage.environment);
}

TEST(NodeHost, StartsFirewallFrontAndEngineInThisOrder) {
    Stage stage;
    NodePlan plan = good_plan();
    plan.agent_network = "203.0.113.7";
    const Ran ran = boot(stage, plan);
    ASSERT_EQ(ran.status, 0) << ran.output;
    const std::string calls = stage.calls();
    const std::size_t open =
        calls.find("iptables -w -A EVENKEEL -p tcp --dport 8443 -s 203.0.113.7 -j ACCEPT\n");
    const std::size_t drop = calls.find("ip6tables -w -A EVENKEEL -j DROP\n");
    const std::size_t front = calls.find("docker run --detach --name evenkeel-front");
    const std::size_t engine = calls.find("docker run --detach --name evenkeel-engine");
    ASSERT_NE(engine, std::string::npos) << calls;
    EXPECT_LT(open, drop);
    EXPECT_LT(drop, front);
    EXPECT_LT(front, engine);
    EXPECT_EQ(count(calls, "--dport"), 1u) << "no other port, no other family: " << calls;
    const std::string command = calls.substr(engine, calls.find('\n', engine) - engine);
    for (const char* part :
         {"--restart on-failure:3",
          "--gpus all",
          "--publish 127.0.0.1:8000:8000",
          "--env VLLM_API_KEY ",
          "--entrypoint vllm vllm/vllm-openai:v0.27.1 serve Qwen/QwQ-32B-AWQ",
          "--served-model-name qwq-32b",
          "--max-num-seqs 16",
          "--max-model-len 32768"}) {
        EXPECT_NE(command.find(part), std::string::npos) << part << " in " << command;
    }
    const std::string key{plan.engine_key.reveal()};
    EXPECT_EQ(calls.find(key), std::string::npos);
    EXPECT_EQ(ran.output.find(key), std::string::npos);
}

TEST(NodeHost, OpensSshOnlyToOwnersWithKeysAndEveryAddressOnlyWhenOursIsUnknown) {
    Stage stage;
    NodePlan plan = good_plan();
    plan.ssh = true;
    ASSERT_EQ(boot(stage, plan).status, 0);
    EXPECT_EQ(count(stage.calls(), "-p tcp --dport 22 -j ACCEPT"), 2u);
    EXPECT_EQ(count(stage.calls(), "-p tcp --dport 8443 -j ACCEPT"), 2u);
}

TEST(NodeHost, SshObeysTheSameNetworkAsTheEngine) {
    struct Case {
        const char* network;
        const char* tables;
    };
    for (const Case& each : {Case{"203.0.113.7", "iptables"}, Case{"2001:db8::/64", "ip6tables"}}) {
        Stage stage;
        NodePlan plan = good_plan();
        plan.ssh = true;
        plan.agent_network = each.network;
        ASSERT_EQ(boot(stage, plan).status, 0);
        const std::string calls = "\n" + stage.calls();
        EXPECT_EQ(count(calls, "--dport 22"), 1u) << calls;
        EXPECT_EQ(
            count(
                calls,
                fmt::format(
                    "\n{} -w -A EVENKEEL -p tcp --dport 22 -s {} -j ACCEPT\n",
                    each.tables,
                    each.network)),
            1u)
            << calls;
    }
}

TEST(NodeHost, TheWrongGpusNeverServe) {
    struct Case {
        const char* lines;
        const char* says;
    };
    for (const Case& wrong :
         {Case{"81559\n", "2 GPUs are wanted, 1"},
          Case{"81559\n40960\n", "79000 MiB"},
          Case{"", "2 GPUs are wanted, 0"}}) {
        Stage stage;
        stage.gpus(wrong.lines);
        NodePlan plan = good_plan();
        plan.gpus = 2;
        plan.vram_mib = 79'000;
        const Ran ran = boot(stage, plan);
        EXPECT_EQ(ran.status, 1);
        EXPECT_NE(ran.output.find(wrong.says), std::string::npos) << ran.output;
        EXPECT_NE(stage.calls().find("evenkeel-front"), std::string::npos) << "503, not silence";
        EXPECT_EQ(count(stage.calls(), "--name evenkeel-engine"), 0u);
    }
    Stage broken;
    broken.add("nvidia-smi", "echo 'no devices' >&2; exit 9\n");
    EXPECT_EQ(boot(broken, good_plan()).status, 1);
}

TEST(NodeHost, MountsTheVolumeAndKeepsTheCacheThere) {
    Stage stage;
    stage.folder.write("disk", "");
    NodePlan plan = good_plan();
    plan.volume = "/mnt/weights";
    plan.volume_device = "/dev/nul*";  // exists everywhere
    const Ran ran = boot(stage, plan);
    ASSERT_EQ(ran.status, 0) << ran.output;
    const std::string there = stage.folder.file("mnt/weights");
    EXPECT_NE(stage.calls().find("mount /dev/null " + there + "\n"), std::string::npos)
        << stage.calls();
    EXPECT_NE(stage.calls().find("--volume " + there + ":/mnt/weights"), std::string::npos);
    EXPECT_NE(stage.calls().find("--env HF_HOME=/mnt/weights/hf"), std::string::npos);
    Stage none;
    none.sleeps(100);
    plan.volume_device = "/dev/no-such-volume-*";
    const Ran missing = boot(none, plan);
    EXPECT_EQ(missing.status, 1);
    EXPECT_NE(missing.output.find("no volume at"), std::string::npos) << missing.output;
    EXPECT_EQ(count(none.calls(), "--name evenkeel-engine"), 0u);
}

TEST(NodeHost, ARegistryThatStumblesIsAskedAgain) {
    Stage stage;
    stage.sleeps(100);
    stage.add("docker", R"sh(printf '%s %s\n' "${0##*/}" "$*" >>"$STAGE/calls"
[ "$1" != pull ] || [ "$(grep -c 'docker pull' "$STAGE/calls")" -gt 2 ]
)sh");
    const Ran ran = boot(stage, good_plan());
    EXPECT_EQ(ran.status, 0) << ran.output;
    EXPECT_EQ(count(stage.calls(), "docker pull"), 4u) << stage.calls();
}

/// What `bash -c` is to run of the arguments of a pod.
std::string command_of(const NodePlan& plan) {
    const auto start = container(plan);
    EXPECT_TRUE(start);
    const std::string before = "bash -c \"";
    EXPECT_TRUE(start->args.starts_with(before));
    return start->args.substr(before.size(), start->args.size() - before.size() - 1);
}

/// A pod: the image's entry point with the rendered arguments, split as a shell would.
class Pod {
public:
    explicit Pod(Stage& stage) {
        stage.add("nginx", R"sh(printf 'nginx %s\n' "$*" >>"$STAGE/calls"
printf '%s\n' "$$" >"$EVENKEEL_RUN/front.pid"
exec /bin/sleep 60
)sh");
        stage.environment["REAL_SLEEP"] = "0.01";
        stage.sleeps(100'000);
        NodePlan plan = good_plan();
        plan.volume = stage.folder.file("volume");
        plan.life = 180s;
        plan.quiet = 60s;
        pod.emplace(
            std::vector<std::string>{
                (source / "packaging/pod/entry.sh").string(), "bash", "-c", command_of(plan)},
            stage.environment,
            stage.folder.file("log"));
    }
    std::optional<Background> pod{};
};

TEST(NodePod, RunsFrontEngineAndWatchdogAndNeverEndsByItself) {
    Stage stage;
    stage.environment["BEATS_UNTIL"] = "999999";
    // An engine that crashes: three more tries, then the pod waits for its end.
    stage.add("vllm", R"sh(printf 'vllm %s key=%s pod=%s hf=%s\n' "$*" "$VLLM_API_KEY" \
    "${RUNPOD_API_KEY:-none}" "$HF_HOME" >>"$STAGE/engine"
exit 3
)sh");
    stage.environment["GATE"] = "yes";
    Pod node{stage};
    const auto engine_runs = [&] {
        return count(stage.folder.read("engine"), "vllm serve Qwen/QwQ-32B-AWQ");
    };
    EXPECT_TRUE(eventually([&] { return engine_runs() == 4; }, 8s)) << stage.folder.read("log");
    stage.folder.write("open", "");
    const auto asked = [&] { return count(stage.calls(), "--request DELETE") >= 2; };
    EXPECT_TRUE(eventually(asked, 8s)) << stage.folder.read("log") << stage.calls();
    EXPECT_TRUE(node.pod->alive()) << "a container that exits is only restarted";
    EXPECT_GE(stage.uptime(), 1180);
    EXPECT_EQ(engine_runs(), 4u) << stage.folder.read("engine");
    EXPECT_EQ(count(stage.folder.read("engine"), "pod=none"), 4u) << "the pod's key is not its";
    EXPECT_NE(
        stage.folder.read("engine").find("key=ekm-00112233445566778899aabbccddeeff00112233"),
        std::string::npos);
    EXPECT_EQ(count(stage.calls(), "nginx -c"), 1u) << "closed at the end, not started again";
    EXPECT_EQ(stage.folder.read("run/front.crt"), good_plan().certificate.certificate);
    const std::string log = stage.folder.read("log");
    EXPECT_NE(log.find("its 180 s are over"), std::string::npos) << log;
    EXPECT_EQ(log.find("ekm-"), std::string::npos) << log;
    EXPECT_EQ(log.find(pod_key), std::string::npos) << log;
    EXPECT_EQ(log.find("PRIVATE"), std::string::npos) << log;
    node.pod.reset();
}

TEST(NodePod, TheWrongGpusNeverServe) {
    Stage stage;
    stage.environment["BEATS_UNTIL"] = "999999";
    stage.gpus("");
    stage.add("vllm", "printf started >>\"$STAGE/engine\"\n");
    Pod node{stage};
    EXPECT_TRUE(eventually([&] {
        return stage.folder.read("log").find("not the GPUs") != std::string::npos &&
               count(stage.calls(), "nginx -c") == 1;
    })) << stage.folder.read("log");
    EXPECT_EQ(stage.folder.read("engine"), "");
    EXPECT_TRUE(node.pod->alive());
    node.pod.reset();
}

TEST(NodePod, F48ADiskThatCannotBeWrittenAsksForItsEnd) {
    Stage stage;
    stage.sleeps(2);
    stage.folder.write("run", "");
    stage.environment["EVENKEEL_WATCHDOG"] =
        (source / "inference/bootstrap/scripts/watchdog.sh").string();
    const Ran ran =
        run({(source / "packaging/pod/entry.sh").string(), "bash", "-c", command_of(good_plan())},
            stage.environment);
    EXPECT_NE(ran.output.find("its 0 s are over"), std::string::npos) << ran.output;
    EXPECT_GE(count(stage.calls(), "--request DELETE https://api.runpod.io/v2/pods/pod123"), 1u)
        << "a container that exits is only restarted, and billed on";
    EXPECT_EQ(count(stage.calls(), "nginx"), 0u);
}

TEST(NodePod, AnImageWithTheWrongArgumentsAsksForItsEnd) {
    Stage stage;
    stage.sleeps(2);
    stage.environment["EVENKEEL_WATCHDOG"] =
        (source / "inference/bootstrap/scripts/watchdog.sh").string();
    const Ran ran =
        run({(source / "packaging/pod/entry.sh").string(), "--model", "Qwen/QwQ-32B"},
            stage.environment);
    EXPECT_NE(ran.output.find("it got something else"), std::string::npos) << ran.output;
    EXPECT_GE(count(stage.calls(), "--request DELETE https://api.runpod.io/v2/pods/pod123"), 1u);
    EXPECT_EQ(
        run({(source / "packaging/pod/entry.sh").string(), "-c", "echo ran"}, stage.environment)
            .output,
        "ran\n");
}

}  // namespace
}  // namespace evenkeel::inference::bootstrap
