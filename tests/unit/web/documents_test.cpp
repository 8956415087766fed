#include "agent/web/documents.hpp"

#include "agent/config/files.hpp"
#include "agent/config/policy_text.hpp"
#include "agent/web/measured.hpp"
#include "agent/web/verifier.hpp"
#include "tests/unit/ledger/ledger_fixture.hpp"

#include <boost/json.hpp>

#include <filesystem>
#include <fstream>

namespace evenkeel::web {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

std::string text_of(const json::value& value) {
    return std::string{value.as_string()};
}

/// An hour of November: an API, an own GPU, a machine that came and went.
class PageDocuments : public ledger::LedgerTest {
protected:
    void SetUp() override {
        open();
        ledger::store_names(*ledger_);
        ledger_->source({ledger::source_claude, SourceKind::api, {}, "claude", false});
        ledger_->source({ledger::source_desk, SourceKind::own, {}, "desk", false});
        ledger_->source(
            {ledger::source_rented, SourceKind::rental, ledger::provider_cloud, "H100 80GB", true});
        for (int i = 0; i < 3; ++i) {
            ledger::Request request =
                ledger::api_request(least_id_at(ledger::test_start - 30min) + i, 1'000'000'000);
            request.at = ledger::test_start - 30min;
            request.wait_ms = 100 * i;
            ASSERT_TRUE(ledger_->record(request));
        }
        ledger::Request old = ledger::own_request(least_id_at(ledger::test_start - 9 * 24h));
        old.at = ledger::test_start - 9 * 24h;
        ASSERT_TRUE(ledger_->record(old));
        rent();
        ASSERT_TRUE(ledger_->flush());
        auto view = std::make_shared<agent::View>();
        view->policy_revision = 2;
        auto config = std::make_shared<config::Config>();
        config->routes = {
            {.name = "default", .max_wait = config::Milliseconds{20'000}},
            {.name = "batch", .max_wait = config::Milliseconds{60'000}}};
        view->config = config;
        desk_.view = view;
        desk_.state = dir_.path() / "state";
        desk_.config = dir_.path() / "config";
        desk_.now = ledger::test_start;
        desk_.verifier = &verifier_;
        desk_.uses = &uses_;
    }
    void rent() {
        const auto first = ledger::intent(least_id_at(ledger::test_start), clock_.read());
        ASSERT_TRUE(step(first));
        const auto boots = ledger::next_step(first, MachineState::booting, clock_.read());
        ASSERT_TRUE(step(boots));
        auto gone = ledger::next_step(boots, MachineState::gone, clock_.read());
        gone.machine.gone = clock_.read().utc;
        gone.machine.gone_how = GoneHow::destroyed;
        gone.phases = {
            {.no = 1,
             .phase = Phase::boot,
             .from = ledger::test_start,
             .to = ledger::test_start + 60s,
             .amount = ledger::dollars(1'000'000'000),
             .paid_for = 60s},
            {.no = 2,
             .phase = Phase::serve,
             .from = ledger::test_start + 60s,
             .to = ledger::test_start + 180s,
             .amount = ledger::dollars(3'000'000'000),
             .paid_for = 120s}};
        ASSERT_TRUE(step(gone));
    }
    void put_in_force(const std::vector<config::SourceFile>& files, const std::string& author) {
        ledger::Answer<std::int64_t> stored;
        ledger_->policy(agent::join_policy(files), author, stored.done());
        EXPECT_TRUE(stored.get());
    }
    static void write(const std::filesystem::path& file, std::string_view text) {
        std::filesystem::create_directories(file.parent_path());
        std::ofstream{file, std::ios::binary} << text;
    }
    /// The document of a path, asked as a browser would.
    [[nodiscard]] Result<std::string> ask(std::string_view path, std::string_view query = {}) {
        for (const Document& document : documents()) {
            if (document.path == path) {
                const auto parsed = Query::parse(query, document.parameters);
                return parsed ? document.make(desk_, *parsed) : std::unexpected{parsed.error()};
            }
        }
        return fail(Errc::not_found, "no such document");
    }
    [[nodiscard]] json::object get(std::string_view path, std::string_view query = {}) {
        const auto made = ask(path, query);
        EXPECT_TRUE(made) << path << ": " << (made ? "" : made.error().message);
        return made ? json::parse(*made).as_object() : json::object{};
    }

    Verifier verifier_{clock_};
    MeasuredUses uses_{clock_};
    Desk desk_;
};

TEST_F(PageDocuments, MachinesAreShownWithTheirLives) {
    const json::object root = get("machines");
    EXPECT_EQ(root.at("schema").as_string(), "evenkeel.machines/1");
    ASSERT_EQ(root.at("machines").as_array().size(), 1u);
    const json::object& machine = root.at("machines").at(0).as_object();
    EXPECT_EQ(machine.at("name").as_string(), "sandbox-h100");
    EXPECT_EQ(machine.at("provider").as_string(), "sandbox");
    EXPECT_EQ(machine.at("state").as_string(), "gone");
    EXPECT_EQ(machine.at("gone_how").as_string(), "destroyed");
    EXPECT_EQ(machine.at("gone_us").as_int64(), to_us(ledger::test_start));
    EXPECT_EQ(machine.at("paid").as_string(), "4.00");
    EXPECT_EQ(machine.at("useful_permille").as_int64(), 750);
    EXPECT_TRUE(machine.at("synthetic").as_bool());
    const json::array& phases = machine.at("phases").as_array();
    ASSERT_EQ(phases.size(), 2u);
    EXPECT_EQ(phases[1].at("phase").as_string(), "serve");
    EXPECT_EQ(phases[1].at("billed").as_string(), "3.00");
    EXPECT_EQ(phases[1].at("from_us").as_int64(), to_us(ledger::test_start + 60s));
    std::string states;
    for (const json::value& state : machine.at("states").as_array()) {
        states += state.at("state").as_string();
        states += ' ';
    }
    EXPECT_EQ(states, "wanted booting gone ");
    EXPECT_EQ(root.at("left_out").to_number<int>(), 0);
}

TEST_F(PageDocuments, MachinesGoneBeforeAreLeftOut) {
    desk_.now = ledger::test_start + 48h;
    EXPECT_EQ(get("machines", "since=24h").at("machines").as_array().size(), 0u);
    EXPECT_EQ(get("machines", "since=72h").at("machines").as_array().size(), 1u);
}

TEST_F(PageDocuments, HoursBeginWithTheLedger) {
    const json::object root = get("hours", "since=1970-01-01");
    EXPECT_EQ(root.at("hours").as_array().size(), 9u * 24 + 10) << "nine days and ten hours";
    const auto before = ask("hours", "since=1960-01-01");
    ASSERT_FALSE(before);
    EXPECT_EQ(before.error().code, Errc::invalid_argument);
    desk_.now += 24h * 600;
    const auto endless = ask("hours", "since=1970-01-01");
    ASSERT_FALSE(endless);
    EXPECT_NE(endless.error().message.find("at most 10,000"), std::string::npos)
        << endless.error().message;
}

TEST_F(PageDocuments, RoutingSumsToTheLastUnitInTwoCurrencies) {
    auto view = std::make_shared<agent::View>(*desk_.view);
    auto config = std::make_shared<config::Config>(*view->config);
    const Currency aud = Currency::parse("AUD").value();
    config->currency.rates[aud].rate_nanos = 702'500'001;
    view->config = config;
    view->currency = config->currency;
    desk_.view = view;
    for (int i = 0; i < 5; ++i) {
        ledger::Request request =
            ledger::api_request(least_id_at(ledger::test_start - 20min) + i, 333'333'331 + i);
        request.at = ledger::test_start - 20min;
        request.paid = request.charged = Money{333'333'331 + i, aud};
        request.route = i % 2 == 0 ? ledger::route_default : NameIx{};
        request.key = i % 3 == 0 ? ledger::key_me : NameIx{};
        ASSERT_TRUE(ledger_->record(request));
    }
    ASSERT_TRUE(ledger_->flush());
    std::int64_t nanos = 0;
    const json::object root = get("routing");
    for (const json::value& cell : root.at("cells").as_array()) {
        nanos += parse_decimal(std::string{cell.at("cost").as_string()}, 9).value_or(0);
    }
    const json::object spend = get("spend", "since=7d");
    EXPECT_EQ(nanos, parse_decimal(std::string{spend.at("total").at("cost").as_string()}, 9));
    EXPECT_GT(nanos, 8'000'000'000);
}

TEST_F(PageDocuments, RoutingSumsToWhatWasSpent) {
    const json::object root = get("routing");
    std::int64_t nanos = 0;
    std::int64_t requests = 0;
    for (const json::value& cell : root.at("cells").as_array()) {
        nanos += parse_decimal(std::string{cell.at("cost").as_string()}, 9).value_or(0);
        requests += cell.at("requests").as_int64();
    }
    EXPECT_EQ(nanos, 7'000'000'000) << "three paid calls and the machine";
    EXPECT_EQ(requests, 3);
    const json::object spend = get("spend", "since=7d");
    EXPECT_EQ(nanos, parse_decimal(std::string{spend.at("total").at("cost").as_string()}, 9));
    const auto cell = std::ranges::find_if(root.at("cells").as_array(), [](const json::value& one) {
        return one.at("source").as_string() == "claude";
    });
    ASSERT_NE(cell, root.at("cells").as_array().end());
    EXPECT_EQ(cell->at("route").as_string(), "default");
    EXPECT_EQ(cell->at("kind").as_string(), "api");
}

TEST_F(PageDocuments, WaitsAreOfAWeekAtMostAndSaySo) {
    const json::object root = get("routing", "since=30d");
    ASSERT_EQ(root.at("waits").as_array().size(), 1u) << "that of nine days ago is too old";
    const json::object& hour = root.at("waits").at(0).as_object();
    EXPECT_EQ(hour.at("hour_us").as_int64(), to_us(ledger::test_start - 1h));
    EXPECT_EQ(hour.at("requests").as_int64(), 3);
    EXPECT_EQ(hour.at("p50_ms").as_int64(), 100);
    EXPECT_EQ(hour.at("p99_ms").as_int64(), 200);
    EXPECT_EQ(
        hour.at("buckets").as_array().size(), root.at("bucket_limits_ms").as_array().size() + 1);
    EXPECT_EQ(root.at("waits_since_us").as_int64(), to_us(ledger::test_start - 7 * 24h));
    EXPECT_TRUE(root.at("waits_complete").as_bool());
    EXPECT_EQ(root.at("target_ms").as_int64(), 20'000) << "of the most impatient route";
    EXPECT_EQ(root.at("cells").as_array().size(), 3u) << "the matrix goes back further";
}

TEST_F(PageDocuments, GpusHaveALiveLookAndAPast) {
    auto gpus = std::make_shared<inference::gpu::Snapshot>();
    gpus->gpus.push_back(
        {.info = {.index = 0, .uuid = "GPU-1", .name = "RTX 5090", .memory_bytes = 32},
         .sample = {
             .memory_used_bytes = 8,
             .utilisation_percent = 50,
             .power_milliwatts = 571'250,
             .temperature_c = 74,
             .processes = std::vector<inference::gpu::GpuProcess>{{1, 4}, {999'999'999, {}}}}});
    auto view = std::make_shared<agent::View>(*desk_.view);
    view->gpus = gpus;
    desk_.view = view;
    ledger_->gpu_minute(
        {.gpu = "GPU-1",
         .at = ledger::test_start - 5min,
         .samples = 2,
         .power_milliwatts = 300'000,
         .utilisation = 90,
         .temperature_c = 70,
         .memory_bytes = 16});
    ledger_->power(
        {.hardware = "desk",
         .source = ledger::source_desk,
         .hour = ledger::test_start - 1h,
         .microjoules = 3'600'000'000'000,
         .price = Price::per_kwh(ledger::dollars(330'000'000))});
    ASSERT_TRUE(ledger_->flush());
    const json::object root = get("gpus");
    const json::object& gpu = root.at("gpus").at(0).as_object();
    EXPECT_EQ(gpu.at("watts").as_double(), 571.2);
    EXPECT_EQ(gpu.at("memory_used").as_int64(), 8);
    EXPECT_EQ(gpu.at("processes").as_array().size(), 2u);
    EXPECT_EQ(gpu.at("processes").at(1).at("name").as_string(), "") << "gone meanwhile";
    const json::object& minute = root.at("minutes").at(0).as_object();
    EXPECT_EQ(minute.at("watts").as_double(), 150.0);
    EXPECT_EQ(minute.at("utilisation").as_int64(), 45);
    EXPECT_EQ(root.at("hours").as_array().size(), 1u);
    const json::object& day = root.at("energy").at(0).as_object();
    EXPECT_EQ(day.at("day").as_string(), "2026-11-23");
    EXPECT_EQ(day.at("idle").as_string(), "0.33");
}

TEST_F(PageDocuments, PolicyHasItsHistoryAndTheOneBefore) {
    const auto store = [this](std::int64_t no, const std::string& text) {
        put_in_force({{"policy.yaml", text}}, "ann" + std::to_string(no));
    };
    EXPECT_EQ(ask("policy").error().code, Errc::not_found) << "nothing was in force yet";
    store(1, "version: 1\n");
    store(2, "version: 1\n# <script>alert(1)</script>\n");
    const json::object root = get("policy");
    EXPECT_EQ(root.at("running").as_int64(), 2);
    EXPECT_EQ(root.at("no").as_int64(), 2);
    EXPECT_EQ(root.at("versions").as_array().size(), 2u);
    EXPECT_EQ(root.at("versions").at(0).at("author").as_string(), "ann2");
    EXPECT_EQ(
        root.at("files").at(0).at("text").as_string(), "version: 1\n# <script>alert(1)</script>\n");
    EXPECT_EQ(root.at("previous").at(0).at("name").as_string(), "policy.yaml");
    EXPECT_EQ(root.at("previous").at(0).at("text").as_string(), "version: 1\n");
    EXPECT_EQ(get("policy", "no=1").at("previous").as_array().size(), 0u);
    EXPECT_EQ(ask("policy", "no=9").error().code, Errc::not_found);
    EXPECT_EQ(ask("policy", "no=x").error().code, Errc::invalid_argument);
}

TEST_F(PageDocuments, TheDraftIsReadableBeforeAnythingIsInForce) {
    const json::object nothing = get("policy/draft");
    EXPECT_TRUE(text_of(nothing.at("unreadable")).contains("config")) << "no folder yet";
    EXPECT_EQ(nothing.at("running").as_int64(), 0);
    EXPECT_TRUE(nothing.at("check").is_null());
    write(desk_.config / "policy.yaml", "version: 1\nroutes: 7\n");
    const json::object wrong = get("policy/draft");
    EXPECT_TRUE(wrong.at("unreadable").is_null());
    EXPECT_FALSE(wrong.at("same").as_bool());
    EXPECT_FALSE(wrong.at("check").at("ok").as_bool());
    EXPECT_GE(wrong.at("check").at("diagnostics").as_array().size(), 1u);
    EXPECT_TRUE(wrong.at("tests").is_null()) << "nothing is tried on files that are wrong";
    EXPECT_TRUE(wrong.at("plan").is_null());
}

TEST_F(PageDocuments, TheDraftHasItsCasesAndItsPlan) {
    const std::filesystem::path example =
        std::filesystem::path{EVENKEEL_SOURCE_DIR} / "examples/desk-5090";
    std::filesystem::copy(example, desk_.config);
    const auto text_on_disk = [this] {
        return agent::join_policy(*agent::read_config(desk_.config));
    };
    const std::string text = text_on_disk();
    put_in_force(*agent::read_config(desk_.config), "ann");
    const json::object same = get("policy/draft");
    EXPECT_TRUE(same.at("same").as_bool());
    EXPECT_TRUE(same.at("check").at("ok").as_bool());
    const json::value& tests = same.at("tests").at("document");
    EXPECT_EQ(tests.at("schema").as_string(), "evenkeel.policy-test/1");
    EXPECT_EQ(tests.at("passed").to_number<int>(), 7);
    EXPECT_EQ(tests.at("failed").to_number<int>(), 0);

    std::ofstream{desk_.config / "policy.yaml", std::ios::app} << "# more\n";
    std::filesystem::remove(desk_.config / "policy.test.yaml");
    const json::object draft = get("policy/draft");
    EXPECT_FALSE(draft.at("same").as_bool());
    EXPECT_TRUE(text_of(draft.at("tests").at("none")).contains("policy.test.yaml"));
    const std::string base = agent::policy_sha256(text);
    const std::string now = agent::policy_sha256(text_on_disk());
    const auto plan = [](const std::string& from, const std::string& to) {
        return json::serialize(json::object{
            {"schema", "evenkeel.policy-plan/1"},
            {"base", {{"revision", 1}, {"sha256", from}}},
            {"draft", {{"sha256", to}}},
            {"confirm", json::array{json::object{{"name", "purse"}, {"why", "it disappears"}}}}});
    };
    const auto file = desk_.state / "plans" / "plan-20261126-1.json";
    const auto outdated = [&](const std::string& saved) {
        write(file, saved);
        return std::string{get("policy/draft").at("plan").at("outdated").as_string()};
    };
    EXPECT_EQ(outdated(plan(base, now)), "");
    EXPECT_EQ(outdated(plan("other", base)), "what it says is in force") << "it was applied";
    EXPECT_EQ(outdated(plan(base, "other")), "the files have changed since");
    EXPECT_EQ(outdated(plan("other", now)), "it starts from policy #1");
    write(file, "no plan");
    EXPECT_TRUE(text_of(get("policy/draft").at("plan").at("none")).contains("is no plan"));

    write(file, plan(base, now));
    const std::string name = file.filename().string();
    EXPECT_EQ(apply_order(desk_.state, name, {}).error().code, Errc::refused);
    EXPECT_TRUE(apply_order(desk_.state, name, {"x"}).error().message.contains("purse"));
    const auto order = apply_order(desk_.state, name, {"purse"});
    ASSERT_TRUE(order);
    EXPECT_EQ(json::parse(*order).at("base_sha256").as_string(), base);
    EXPECT_EQ(json::parse(*order).at("draft_sha256").as_string(), now);
    EXPECT_EQ(
        apply_order(desk_.state, "../plans/" + name, {"purse"}).error().code,
        Errc::invalid_argument)
        << "a plan is named, not a path";
    EXPECT_EQ(apply_order(desk_.state, "..", {}).error().code, Errc::not_found);
    EXPECT_EQ(apply_order(desk_.state, "", {}).error().code, Errc::invalid_argument);
}

TEST_F(PageDocuments, HealthIsTheDoctorsListAndSaysWhatItLeavesOut) {
    const auto level_of = [this](std::string_view what) -> std::string {
        for (const json::value& check : get("health").at("checks").as_array()) {
            if (check.at("what").as_string() == what) {
                return std::string{check.at("level").as_string()} + ": " +
                       std::string{check.at("text").as_string()};
            }
        }
        return "";
    };
    EXPECT_TRUE(level_of("agent").starts_with("warn: ")) << "it is not serving in this test";
    EXPECT_TRUE(level_of("policy").starts_with("fail: ")) << "there are no files";
    EXPECT_TRUE(level_of("ledger").contains("not walked")) << level_of("ledger");
    const json::object root = get("health");
    EXPECT_GE(root.at("failures").to_number<int>(), 1);
    EXPECT_GE(root.at("left_out").as_array().size(), 1u);
    const json::object walked = get("ledger/verify");
    EXPECT_EQ(walked.at("schema").as_string(), "evenkeel.ledger-verify/1");
    EXPECT_TRUE(walked.at("ok").as_bool());
    EXPECT_EQ(walked.at("requests").as_int64(), 4);
    EXPECT_TRUE(level_of("ledger").contains("hash chain intact")) << level_of("ledger");
}

TEST_F(PageDocuments, LongReadingEndsWhenItMust) {
    for (int i = 0; i < 3'000; ++i) {
        ASSERT_TRUE(ledger_->record(ledger::own_request(least_id_at(ledger::test_start) + i)));
    }
    ASSERT_TRUE(ledger_->flush());
    int asked = 0;
    desk_.give_up = [&asked] { return ++asked > 0; };
    const auto given_up = ask("ledger/verify");
    ASSERT_FALSE(given_up);
    EXPECT_EQ(given_up.error().code, Errc::cancelled) << given_up.error().message;
    EXPECT_GE(asked, 1);
}

TEST_F(PageDocuments, EveryOneRefusesWhatItDoesNotTake) {
    for (const Document& document : documents()) {
        const auto wrong = ask(document.path, "nonsense=1");
        ASSERT_FALSE(wrong) << document.path;
        EXPECT_EQ(wrong.error().code, Errc::invalid_argument) << document.path;
        if (std::ranges::find(document.parameters, "since") != document.parameters.end()) {
            const auto when = ask(document.path, "since=%3Cscript%3E");
            ASSERT_FALSE(when) << document.path;
            EXPECT_EQ(when.error().code, Errc::invalid_argument) << document.path;
        }
    }
}

TEST_F(PageDocuments, WithoutALedgerEachSaysSo) {
    close();
    desk_.state = dir_.path() / "nowhere";
    for (const std::string_view path : {"machines", "routing", "gpus", "keys", "policy"}) {
        const auto made = ask(path);
        ASSERT_FALSE(made) << path;
        EXPECT_EQ(made.error().code, Errc::not_found) << path;
    }
}

}  // namespace
}  // namespace evenkeel::web
