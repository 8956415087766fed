#include "agent/cli/doctor_rules.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/report/nodes.hpp"
#include "tests/unit/cli/say.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <sys/stat.h>

namespace evenkeel::cli {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

const UtcTime now{std::chrono::sys_days{std::chrono::year{2026} / 11 / 23}};

LedgerFacts sound() {
    LedgerFacts facts{.path = "/var/lib/evenkeel/ledger.db", .schema_newest = 4};
    facts.summary = ledger::Summary{.schema = 4, .last = now - 5min};
    facts.verified = ledger::Verification{.transactions = 61'204, .requests = 49'589};
    facts.agent_runs = true;
    return facts;
}

struct LedgerCase {
    const char* name;
    std::function<void(LedgerFacts&)> change;
    Level worst;
    const char* says;
};

class DoctorLedger : public testing::TestWithParam<LedgerCase> {};

TEST_P(DoctorLedger, Says) {
    LedgerFacts facts = sound();
    GetParam().change(facts);
    const Findings findings = ledger_findings(facts, now);
    Level worst = Level::ok;
    std::string text;
    for (const Finding& finding : findings) {
        worst = std::max(worst, finding.level);
        text += finding.check + " " + finding.text + "\n";
        for (const std::string& run : finding.run) {
            text += run + "\n";
        }
    }
    EXPECT_EQ(worst, GetParam().worst) << text;
    EXPECT_NE(text.find(GetParam().says), std::string::npos) << text;
}

INSTANTIATE_TEST_SUITE_P(
    Table,
    DoctorLedger,
    testing::Values(
        LedgerCase{
            "Sound",
            [](LedgerFacts&) {},
            Level::ok,
            "schema 4, hash chain intact (61,204 transactions"},
        LedgerCase{
            "NoneYet",
            [](LedgerFacts& facts) {
                facts.agent_runs = false;
                facts.summary = fail(Errc::not_found, "none");
            },
            Level::ok,
            "does not exist yet"},
        LedgerCase{
            "GoneUnderTheAgent",
            [](LedgerFacts& facts) { facts.summary = fail(Errc::not_found, "no file"); },
            Level::fail,
            "no file"},
        LedgerCase{
            "BrokenChain",
            [](LedgerFacts& facts) { facts.verified->problems = {"transaction 7: its hash"}; },
            Level::fail,
            "transaction 7"},
        LedgerCase{
            "OlderSchema",
            [](LedgerFacts& facts) { facts.schema_newest = 5; },
            Level::warn,
            "4 in the file, 5 in this program"},
        LedgerCase{
            "RowOfTheFuture",
            [](LedgerFacts& facts) { facts.summary->last = now + 62min; },
            Level::fail,
            "set back"},
        LedgerCase{
            "HoldsOfAStoppedAgent",
            [](LedgerFacts& facts) {
                facts.agent_runs = false;
                facts.summary->open_holds = 3;
            },
            Level::warn,
            "systemctl start evenkeel"},
        LedgerCase{
            "HoldsOfARunningAgent",
            [](LedgerFacts& facts) { facts.summary->open_holds = 3; },
            Level::ok,
            "holds 3 open"}),
    [](const auto& tested) { return std::string{tested.param.name}; });

TEST(Doctor, ClockIsSynchronisedAndNear) {
    EXPECT_EQ(
        clock_finding(ClockFacts{.synchronised = true, .offset = 12ms}).text, "0.012 s from NTP");
    EXPECT_EQ(clock_finding(ClockFacts{.synchronised = true, .offset = -2s}).level, Level::ok);
    EXPECT_EQ(
        clock_finding(ClockFacts{.synchronised = true, .offset = -2001ms}).level, Level::fail);
    EXPECT_EQ(clock_finding(ClockFacts{}).level, Level::warn);
    EXPECT_EQ(clock_finding(fail(Errc::io_failed, "no")).level, Level::warn);
}

json::object prices() {
    return json::parse(R"({"prices":[
        {"offer":"do","provider":"do","what":"H100","stale":true,"seen":"2026-11-22T00:00:00Z",
         "age_s":93600,"age_max_s":86400,
         "prices":[{"meter":"hour","amount":"4.41","currency":"USD"}]},
        {"offer":"runpod","provider":"runpod","what":"H100 PCIe","stale":false,
         "seen":"2026-11-23T00:00:00Z","age_s":60,"age_max_s":86400,
         "prices":[{"meter":"hour","amount":"2.89","currency":"USD"}]}]})")
        .as_object();
}

TEST(Doctor, AnOldPriceIsAWarningWithTheWayOut) {
    const Findings findings = price_findings(prices());
    ASSERT_EQ(findings.size(), 1u);
    EXPECT_EQ(findings[0].level, Level::warn);
    EXPECT_EQ(
        findings[0].text, "do: H100 seen 1d 02h ago, limit 1d 00h -> no new do machines at it");
    EXPECT_EQ(findings[0].run, std::vector<std::string>{"evenkeel prices refresh do"});
}

TEST(Doctor, AKeySaysHowLongItsMoneyLasts) {
    AccountFacts account{
        .provider = "runpod", .known = true, .balance = Money{41'200'000'000, usd}};
    EXPECT_EQ(
        account_finding(account, prices()).text,
        "valid, balance US$41.20, can pay 14.2 h of one H100 PCIe");
    account.troubles = {"top it up"};
    EXPECT_EQ(account_finding(account, prices()).level, Level::warn);
    const Finding refused = account_finding(
        {.provider = "runpod", .credential = "runpod.key", .troubles = {"401"}}, prices());
    EXPECT_EQ(refused.level, Level::fail);
    EXPECT_EQ(refused.check, "runpod key");
    EXPECT_NE(refused.run.at(0).find("runpod.key"), std::string::npos);
}

TEST(Doctor, AnUnknownMachineIsAMoneyHazardToldOnce) {
    const auto nodes = json::parse(R"({"machines":[],"unknown":[
        {"provider":"runpod","remote_id":"k3x9","gpu":"RTX 4090","ours":true,"verdict":"report",
         "ends":"nobody: adopt or destroy","synthetic":false,"rate":"0.69","currency":"USD"},
        {"provider":"runpod","remote_id":"z1","ours":false,"verdict":"look_alike"}],
        "hazards":["runpod: machine k3x9 (RTX 4090) carries our mark","do-1 (do): overdue"]})");
    const Findings findings = node_findings(nodes.as_object());
    ASSERT_EQ(findings.size(), 2u);
    EXPECT_EQ(
        findings[0].text,
        "runpod k3x9 (RTX 4090, US$0.69/h) carries our mark, is not in the ledger");
    EXPECT_EQ(findings[0].run.at(0), "evenkeel nodes adopt k3x9");
    EXPECT_EQ(findings[0].run.at(1), "evenkeel nodes destroy k3x9");
    EXPECT_EQ(findings[1].text, "do-1 (do): overdue");
    EXPECT_TRUE(tally(findings).hazard);
}

TEST(Doctor, WithoutTheAgentWhatTheReaperWouldEndIsAHazard) {
    reap::Findings at{.provider = "runpod"};
    reap::Judgement one{.verdict = reap::Verdict::kept, .why = "its end has not come"};
    at.seen = {one};
    EXPECT_TRUE(machine_findings(std::vector{at}).empty());
    for (const auto verdict : {reap::Verdict::reported, reap::Verdict::watched}) {
        at.seen[0].verdict = verdict;
        EXPECT_TRUE(tally(machine_findings(std::vector{at})).hazard);
    }
    at.seen.clear();
    one.verdict = reap::Verdict::overdue;
    at.ended = {{.judged = one}};
    at.unseen = {{.provider = "runpod", .name = "ek-1"}};
    const Findings findings = machine_findings(std::vector{at});
    ASSERT_EQ(findings.size(), 2u);
    EXPECT_EQ(findings[0].check, "overdue machine");
    EXPECT_EQ(findings[0].run.at(0), "evenkeel reap");
    reap::Findings deaf{.provider = "runpod", .error = Error{Errc::timed_out, "no answer"}};
    const Findings unknown = machine_findings(std::vector{deaf});
    ASSERT_EQ(unknown.size(), 1u) << "nothing seen is not nothing there";
    EXPECT_EQ(unknown[0].level, Level::warn);
    EXPECT_EQ(unknown[0].text, "what runs at runpod is not known: no answer");
}

TEST(Doctor, DiskFilesSecretsAndEngines) {
    EXPECT_EQ(disk_finding({.free_bytes = disk_low_bytes}).level, Level::ok);
    EXPECT_EQ(disk_finding({.free_bytes = disk_low_bytes - 1}).level, Level::warn);
    EXPECT_EQ(disk_finding({.free_bytes = disk_least_bytes - 1}).level, Level::fail);
    EXPECT_EQ(descriptor_finding(20'256, 12, 10'000, true).level, Level::ok);
    EXPECT_EQ(descriptor_finding(20'255, {}, 10'000, false).level, Level::warn);
    EXPECT_EQ(engine_memory_finding({}).level, Level::ok);
    EXPECT_EQ(engine_memory_finding(engine_memory_least).level, Level::ok);
    EXPECT_EQ(engine_memory_finding(engine_memory_least - 1).level, Level::warn);
    const std::vector<SecretFacts> secrets{
        {.path = "/c", .mode = 040755, .mode_max = 0700},
        {.path = "/c/a.key", .needed_by = "a", .mode = 0100600},
        {.path = "/c/b.key", .needed_by = "b", .mode = 0100640},
        {.path = "/c/d.key", .needed_by = "d", .error = Error{Errc::not_found, "no such file"}}};
    const Findings found = secret_findings(secrets);
    ASSERT_EQ(found.size(), 3u);
    EXPECT_EQ(found[0].run.at(0), "chmod 0700 /c");
    EXPECT_EQ(found[1].run.at(0), "chmod 0600 /c/b.key");
    EXPECT_EQ(found[2].level, Level::fail);
    const std::vector<EngineFacts> engines{{.provider = "desk", .state = "loading"}};
    EXPECT_EQ(engine_findings(engines).at(0).level, Level::warn);
}

TEST(Doctor, GpusAreWellHotSickOrMissing) {
    const GpuFacts well{.index = 0, .temperature_c = 31, .power_milliwatts = 18'400};
    EXPECT_EQ(
        gpu_findings(std::vector{well}, "", std::vector{0}).at(0).text, "31 C, 18 W, ECC n/a");
    GpuFacts hot = well;
    hot.slowed = "thermal";
    EXPECT_EQ(gpu_findings(std::vector{hot}, "", {}).at(0).level, Level::warn);
    GpuFacts sick = well;
    sick.sick = "GPU 0 fell off the bus";
    EXPECT_EQ(gpu_findings(std::vector{sick}, "", {}).at(0).level, Level::fail);
    EXPECT_EQ(gpu_findings(std::vector{sick}, "", {}).at(0).text, sick.sick);
    const Findings missing = gpu_findings(std::vector{well}, "", std::vector{0, 1});
    ASSERT_EQ(missing.size(), 2u);
    EXPECT_EQ(missing[1].check, "gpu 1");
    EXPECT_EQ(missing[1].level, Level::fail);
    const Finding without = gpu_findings({}, "no NVIDIA driver", std::vector{0}).at(0);
    EXPECT_EQ(without.text, "no NVIDIA driver");
    EXPECT_EQ(without.level, Level::warn) << "the configuration names one";
    EXPECT_EQ(gpu_findings({}, "no NVIDIA driver", {}).at(0).level, Level::ok);
}

TEST(Doctor, PrintsOneLineEachAndWhatToRun) {
    const Findings findings{
        {.check = "clock", .text = "0.012 s from NTP"},
        {.level = Level::warn,
         .check = "price age",
         .text = "old",
         .run = {"evenkeel prices refresh do"}},
        {.level = Level::fail,
         .check = "unknown machine",
         .text = "runpod k3x9",
         .run = {"evenkeel nodes adopt k3x9", "evenkeel nodes destroy k3x9"},
         .hazard = true}};
    EXPECT_EQ(
        doctor_text(findings, false),
        "ok    clock            0.012 s from NTP\n"
        "warn  price age        old\n"
        "                       run: evenkeel prices refresh do\n"
        "FAIL  unknown machine  runpod k3x9\n"
        "                       run: evenkeel nodes adopt k3x9    or    evenkeel nodes destroy "
        "k3x9\n"
        "1 failure, 1 warning; money may be lost unseen\n");
    EXPECT_EQ(doctor_text({{.check = "clock", .text = "x"}}, true), "nothing to mend\n");
    const auto document = json::parse(doctor_json(findings, {}, true));
    EXPECT_EQ(document.at("schema").as_string(), "evenkeel.doctor/1");
    EXPECT_TRUE(document.at("money_hazard").as_bool());
    EXPECT_EQ(document.at("checks").at(2).at("run").as_array().size(), 2u);
}

/// Folders of their own, without an agent.
class DoctorCommand : public testing::Test {
protected:
    DoctorCommand() {
        std::filesystem::create_directories(root_ / "config/credentials");
        write("policy.yaml", "version: 1\nroutes:\n  - {name: all, match: {}, use: [m]}\n");
        write(
            "models.yaml",
            "version: 1\nmodels:\n  m:\n    offers:\n      - {on: nano, price: {in: 1 USD/Mtok, "
            "out: 2 "
            "USD/Mtok}, seen: 2026-07-02}\n");
        write(
            "providers.yaml",
            "version: 1\nproviders:\n  nano: {kind: openai-compatible, credential: nano.key, url: "
            "\"https://nano.example/v1\"}\n");
        write("evenkeel.yaml", "version: 1\n");
        write("credentials/nano.key", "secret\n");
        ::chmod((root_ / "config/credentials").c_str(), 0700);
        ::chmod((root_ / "config/credentials/nano.key").c_str(), 0644);
    }
    ~DoctorCommand() override { std::filesystem::remove_all(root_); }

    void write(const std::string& file, const std::string& text) {
        std::ofstream{root_ / "config" / file} << text;
    }
    [[nodiscard]] Said doctor(std::vector<std::string> more = {}) {
        more.insert(
            more.begin(),
            {"doctor",
             "--config",
             (root_ / "config").string(),
             "--state",
             (root_ / "state").string()});
        return say(std::move(more));
    }

    std::filesystem::path root_ =
        std::filesystem::temp_directory_path() / ("evenkeel-doctor-" + std::to_string(::getpid()));
};

TEST_F(DoctorCommand, WorksWithTheAgentDownAndMendsModes) {
    const Said sick = doctor();
    EXPECT_EQ(sick.status, Exit::done) << sick.out << sick.err;
    EXPECT_NE(sick.out.find("warn  agent"), std::string::npos) << sick.out;
    EXPECT_NE(sick.out.find("nano.key has mode 0644"), std::string::npos) << sick.out;
    EXPECT_NE(sick.out.find("0 errors"), std::string::npos) << sick.out;
    EXPECT_EQ(sick.out.find("secret"), std::string::npos);
    const Said mended = doctor({"--fix", "--json"});
    EXPECT_EQ(mended.status, Exit::done) << mended.err;
    const auto document = json::parse(mended.out);
    EXPECT_EQ(document.at("mended").as_array().size(), 1u) << mended.out;
    EXPECT_FALSE(document.at("agent_runs").as_bool());
    EXPECT_EQ(doctor().out.find("has mode"), std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(root_ / "state")) << "looking makes nothing";
}

TEST_F(DoctorCommand, ABrokenConfigurationAndAMissingKeyAreFailures) {
    std::filesystem::remove(root_ / "config/credentials/nano.key");
    const Said missing = doctor();
    EXPECT_EQ(missing.status, Exit::failed) << missing.out;
    EXPECT_NE(missing.out.find("FAIL  nano key"), std::string::npos) << missing.out;
    write("policy.yaml", "version: 1\nroutez: []\n");
    const Said broken = doctor();
    EXPECT_EQ(broken.status, Exit::configuration) << broken.out;
    EXPECT_NE(broken.out.find("FAIL  policy"), std::string::npos) << broken.out;
}

}  // namespace
}  // namespace evenkeel::cli
