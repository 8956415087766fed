#include "tests/unit/bootstrap/stage.hpp"

#include <gtest/gtest.h>

/// A node's own end: its time, its silence, a broken GPU.
namespace evenkeel::inference::bootstrap {
namespace {

using namespace testing_tools;
using namespace std::chrono_literals;

const fs::path source{EVENKEEL_SOURCE_DIR};

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

}  // namespace
}  // namespace evenkeel::inference::bootstrap
