// The contract of providers::Provider, driver by driver: the same cases over every word of
// rental_kinds.hpp. A new driver adds its kit (kits.cpp) and its rows (tests/data/providers).
#include "policies/domain/rental_kinds.hpp"
#include "providers/http/exact_json.hpp"
#include "tests/unit/provider_http/kits.hpp"
#include "tests/unit/provider_http/test_data.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

namespace evenkeel::providers {
namespace {

using namespace std::chrono_literals;
using testing::Kit;
using testing::kit_name;
using testing::ScriptedClient;

/// A driver over two scripted clients, in virtual time.
class Rig {
public:
    explicit Rig(const Kit& which) : kit{which} {
        auto spending = std::make_unique<ScriptedClient>();
        auto safe = std::make_unique<ScriptedClient>();
        spend = spending.get();
        safety = safe.get();
        provider = kit.make(
            testing::kit_options(kit),
            {std::move(spending), std::move(safe)},
            clock,
            [this](std::chrono::milliseconds pause, const std::stop_token&) {
                clock.advance(pause);
                return true;
            });
    }
    Result<RemoteMachine> create(Result<HttpResponse> answer) {
        spend->answers.push_back(std::move(answer));
        clock.advance(1min);  // past every provider's pace
        return provider->create(testing::kit_spec(kit), {});
    }
    Result<RemoteMachine> get(Result<HttpResponse> answer) {
        safety->answers.push_back(std::move(answer));
        return provider->get(kit.id, {});
    }
    Result<void> destroy(Result<HttpResponse> answer) {
        safety->answers.push_back(std::move(answer));
        return provider->destroy(kit.id, {});
    }
    Result<std::vector<RemoteMachine>> list(Result<HttpResponse> answer) {
        safety->answers.push_back(std::move(answer));
        return provider->list({});
    }
    [[nodiscard]] std::string machine(std::string_view status = "") const {
        return kit.machine(kit.id, kit_name, status.empty() ? kit.running : status);
    }

    const Kit& kit;
    ManualClock clock{Now{.boot = BootTime{1h}, .utc = UtcTime{1'000'000h}}};
    ScriptedClient* spend{nullptr};
    ScriptedClient* safety{nullptr};
    std::unique_ptr<Provider> provider{};
};

void expect_no_secret(const Error& error) {
    for (const std::string& secret : testing::kit_secrets()) {
        EXPECT_EQ(error.message.find(secret), std::string::npos) << error.message;
    }
}

class DriverContract : public ::testing::TestWithParam<std::string_view> {
protected:
    Rig rig{testing::kit_of(GetParam())};
};
INSTANTIATE_TEST_SUITE_P(
    Kinds, DriverContract, ::testing::ValuesIn(rental_kinds), [](const auto& test) {
        return std::string{test.param};
    });

TEST_P(DriverContract, F20InAStormOf429TheProbeBelongsToDeletes) {
    const auto refused = rig.get(HttpResponse{.status = 429, .retry_after = 1h});
    ASSERT_EQ(refused.error().code, Errc::rate_limited);
    rig.safety->sent.clear();
    for (int minute = 0; minute < 10; ++minute) {
        rig.safety->answers.clear();
        rig.clock.advance(61s);
        EXPECT_EQ(rig.get(HttpResponse{200, ""}).error().code, Errc::rate_limited);
        rig.safety->answers.clear();
        EXPECT_EQ(
            rig.destroy(HttpResponse{.status = 429, .retry_after = 1h}).error().code,
            Errc::rate_limited);
    }
    EXPECT_EQ(rig.safety->sent.size(), 10u) << "questions leave each probe to the delete";
    rig.safety->answers.clear();
    rig.clock.advance(121s);
    EXPECT_TRUE(rig.get(rig.kit.got(rig.machine()))) << "nobody deletes: a question may go";
}

TEST_P(DriverContract, CreatesWithExactlyOneRequest) {
    const auto machine = rig.create(rig.kit.created(rig.machine()));
    ASSERT_TRUE(machine) << machine.error().message;
    EXPECT_EQ(machine->remote_id, rig.kit.id);
    EXPECT_EQ(machine->name, kit_name);
    EXPECT_EQ(machine->owner_mark, testing::kit_mark);
    ASSERT_EQ(rig.spend->sent.size(), 1u);
    EXPECT_EQ(rig.spend->sent[0].method, "POST");
    const auto body = exact_json::parse(rig.spend->sent[0].body);
    ASSERT_TRUE(body) << body.error().message;
    EXPECT_EQ(body->text("name"), kit_name);
}

TEST_P(DriverContract, F01F03ALostCreateIsUnknownAndNotRepeated) {
    const auto lost = rig.create(fail(Errc::outcome_unknown, "no answer"));
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().code, Errc::outcome_unknown);
    EXPECT_EQ(rig.spend->sent.size(), 1u);
}

TEST_P(DriverContract, F04NothingSentIsADefiniteFailure) {
    EXPECT_EQ(rig.create(fail(Errc::unavailable, "refused")).error().code, Errc::unavailable);
    EXPECT_EQ(rig.create(fail(Errc::cancelled, "stopped")).error().code, Errc::cancelled);
}

TEST_P(DriverContract, F02EveryFiveHundredMayHaveMadeAMachine) {
    for (const int status : {500, 502, 503, 504, 520, 524, 599}) {
        EXPECT_EQ(rig.create(HttpResponse{status, "<html>"}).error().code, Errc::outcome_unknown)
            << status;
    }
    EXPECT_EQ(rig.create(HttpResponse{408, ""}).error().code, Errc::outcome_unknown);
}

TEST_P(DriverContract, F05AnUnreadableSuccessMayHaveMadeAMachine) {
    std::vector<std::string> bodies{"", "{", "[]", "{}", "null", "[1,2", R"({"id":"../x"})"};
    bodies.emplace_back("<html>\xff</html>");
    for (const std::string& body : bodies) {
        for (const int status : {200, 201, 202, 204}) {
            const auto machine = rig.create(HttpResponse{status, body});
            ASSERT_FALSE(machine) << status << body;
            EXPECT_EQ(machine.error().code, Errc::outcome_unknown) << status << body;
        }
    }
    if (rig.kit.answers_with_name) {
        const auto other = rig.create(
            rig.kit.created(rig.kit.machine(rig.kit.id, "ek-1a2b3c4d-other", rig.kit.running)));
        EXPECT_EQ(other.error().code, Errc::outcome_unknown) << "a machine of another name";
    }
}

TEST_P(DriverContract, F34ARedirectIsRefused) {
    for (const int status : {301, 302, 307, 308}) {
        EXPECT_EQ(rig.create(HttpResponse{status, ""}).error().code, Errc::rejected);
        EXPECT_EQ(rig.get(HttpResponse{status, ""}).error().code, Errc::rejected);
    }
}

TEST_P(DriverContract, AWrongSpecIsNotSent) {
    for (const char* name : {"", "ek-1a2b3c4d-\xc3\xa9", "ek-99999999-01", "ek-1a2b3c4d-01/x"}) {
        if (rig.kit.kind == "sandbox") {
            continue;  // it takes any name
        }
        MachineSpec spec = testing::kit_spec(rig.kit);
        spec.name = name;
        EXPECT_EQ(rig.provider->create(spec, {}).error().code, Errc::rejected) << name;
        spec = testing::kit_spec(rig.kit);
        spec.user_data = std::string(2'000'000, 'a');
        EXPECT_EQ(rig.provider->create(spec, {}).error().code, Errc::rejected);
    }
    EXPECT_TRUE(rig.spend->sent.empty());
}

TEST_P(DriverContract, F16F17ReadsPriceAndGpuBack) {
    const auto machine = rig.get(rig.kit.got(rig.machine()));
    ASSERT_TRUE(machine) << machine.error().message;
    EXPECT_EQ(machine->remote_id, rig.kit.id);
    EXPECT_EQ(machine->name, kit_name);
    EXPECT_EQ(machine->owner_mark, testing::kit_mark);
    EXPECT_EQ(machine->price, rig.kit.price) << "to the unit";
    EXPECT_EQ(machine->gpu_count, 1);
    EXPECT_FALSE(machine->gpu.empty());
    EXPECT_TRUE(machine->running);
    EXPECT_FALSE(machine->stopped);
    EXPECT_FALSE(machine->host.empty());
    EXPECT_GT(machine->port, 0);
    EXPECT_FALSE(machine->host.starts_with("10.")) << "not a private address";
    const auto unpriced = rig.get(rig.kit.got(rig.kit.without_price(rig.machine())));
    ASSERT_TRUE(unpriced);
    EXPECT_TRUE(unpriced->price.currency().is_none()) << "unknown, never free";
}

TEST_P(DriverContract, F30AnUnknownStatusStaysVisibleAndDeletable) {
    rig.kit.list(*rig.safety, {rig.machine("hibernating-42")});
    const auto machines = rig.provider->list({});
    ASSERT_TRUE(machines) << machines.error().message;
    ASSERT_EQ(machines->size(), 1u);
    EXPECT_EQ(machines->front().status, "hibernating-42");
    EXPECT_FALSE(machines->front().running);
    EXPECT_FALSE(machines->front().stopped);
    EXPECT_EQ(machines->front().owner_mark, testing::kit_mark);
    EXPECT_TRUE(rig.destroy(rig.kit.destroyed(rig.kit.id)));
}

TEST_P(DriverContract, F30MissingFieldsStayVisible) {
    const std::string id = rig.kit.kind == "digitalocean" ? rig.kit.id : "\"" + rig.kit.id + "\"";
    const auto bare = rig.get(rig.kit.got(fmt::format(R"({{"id":{},"new":[1]}})", id)));
    ASSERT_TRUE(bare) << bare.error().message;
    EXPECT_EQ(bare->remote_id, rig.kit.id);
    EXPECT_EQ(bare->owner_mark, "");
    EXPECT_EQ(bare->host, "");
    EXPECT_FALSE(bare->running);
}

TEST_P(DriverContract, AListIsWholeOrAnError) {
    rig.kit.list(
        *rig.safety,
        {rig.machine(), rig.kit.machine(rig.kit.other_id, "somebody-elses", rig.kit.running)});
    const auto machines = rig.provider->list({});
    ASSERT_TRUE(machines) << machines.error().message;
    ASSERT_EQ(machines->size(), 2u) << "foreign machines are listed too";
    EXPECT_EQ((*machines)[1].name, "somebody-elses");

    rig.kit.list(*rig.safety, {rig.machine(), rig.machine()});
    EXPECT_EQ(rig.provider->list({}).error().code, Errc::invalid_response) << "one twice";
    rig.safety->answers.clear();
    rig.kit.list(*rig.safety, {rig.machine(), R"({"name":"x"})"});
    EXPECT_EQ(rig.provider->list({}).error().code, Errc::invalid_response) << "one without id";
    rig.safety->answers.clear();
    for (const char* body : {"", "[]", "{}", R"({"pods":null})", "{", R"({"data":{}})"}) {
        EXPECT_EQ(rig.list(HttpResponse{200, body}).error().code, Errc::invalid_response) << body;
    }
    EXPECT_EQ(rig.list(fail(Errc::unavailable, "gone")).error().code, Errc::unavailable);
}

TEST_P(DriverContract, F29AnEmptyListIsOnlyAnEmptyList) {
    rig.kit.list(*rig.safety, {});
    const auto machines = rig.provider->list({});
    ASSERT_TRUE(machines) << machines.error().message;
    EXPECT_TRUE(machines->empty());
}

TEST_P(DriverContract, AnAnswerAboutAnotherMachineIsNoAnswer) {
    const auto other =
        rig.get(rig.kit.got(rig.kit.machine(rig.kit.other_id, kit_name, rig.kit.running)));
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, Errc::invalid_response);
}

TEST_P(DriverContract, F21A404ThatIsNotTheProvidersOwnProvesNothing) {
    for (const char* body : {"", "<html>nginx</html>", "{}", R"({"message":"no route"})"}) {
        EXPECT_EQ(rig.get(HttpResponse{404, body}).error().code, Errc::invalid_response) << body;
        EXPECT_EQ(rig.destroy(HttpResponse{404, body}).error().code, Errc::invalid_response)
            << body;
    }
}

TEST_P(DriverContract, DestroysAndDoesNotBelieveLostAnswers) {
    EXPECT_TRUE(rig.destroy(rig.kit.destroyed(rig.kit.id)));
    EXPECT_EQ(rig.destroy(fail(Errc::outcome_unknown, "lost")).error().code, Errc::outcome_unknown);
    EXPECT_EQ(rig.destroy(HttpResponse{500, ""}).error().code, Errc::outcome_unknown);
    EXPECT_EQ(rig.destroy(HttpResponse{409, ""}).error().code, Errc::conflict);
    EXPECT_EQ(rig.destroy(HttpResponse{423, ""}).error().code, Errc::conflict);
    EXPECT_EQ(rig.safety->sent.size(), 5u) << "each asked once";
    EXPECT_TRUE(rig.spend->sent.empty());
}

TEST_P(DriverContract, IdsThatWouldChangeThePathAreNotSent) {
    for (const char* id : {"", "..", "1/../2", "1?x", "1 2", "1#", "1%2f"}) {
        EXPECT_EQ(rig.provider->get(id, {}).error().code, Errc::invalid_argument) << id;
        EXPECT_EQ(rig.provider->destroy(id, {}).error().code, Errc::invalid_argument) << id;
    }
    EXPECT_TRUE(rig.safety->sent.empty());
}

TEST_P(DriverContract, SpendsOnOneLineAndKeepsSafeOnTheOther) {
    static_cast<void>(rig.provider->offers({}));
    static_cast<void>(rig.create(fail(Errc::unavailable, "x")));
    const std::size_t spent = rig.spend->sent.size();
    EXPECT_GE(spent, 2u);
    EXPECT_TRUE(rig.safety->sent.empty());
    static_cast<void>(rig.provider->list({}));
    static_cast<void>(rig.provider->get(rig.kit.id, {}));
    static_cast<void>(rig.provider->destroy(rig.kit.id, {}));
    static_cast<void>(rig.provider->billing({}));
    static_cast<void>(rig.provider->account({}));
    EXPECT_EQ(rig.spend->sent.size(), spent);
    EXPECT_GE(rig.safety->sent.size(), 3u);
    EXPECT_EQ(rig.provider->name(), "my-" + rig.kit.kind);
}

TEST_P(DriverContract, F12A429HoldsBothLinesBackUntilItsTime) {
    const auto first = rig.create(HttpResponse{.status = 429, .retry_after = 12s});
    EXPECT_EQ(first.error().code, Errc::rate_limited);
    EXPECT_EQ(first.error().retry_after, 12s);
    const auto held = rig.provider->destroy(rig.kit.id, {});
    EXPECT_EQ(held.error().code, Errc::rate_limited);
    EXPECT_EQ(held.error().retry_after, 12s);
    EXPECT_TRUE(rig.safety->sent.empty());
    rig.clock.advance(12s);
    EXPECT_TRUE(rig.destroy(rig.kit.destroyed(rig.kit.id))) << "the delete goes first";
    EXPECT_EQ(
        rig.provider->create(testing::kit_spec(rig.kit), {}).error().code, Errc::rate_limited);
    EXPECT_EQ(rig.create(rig.kit.created(rig.machine()))->remote_id, rig.kit.id);
}

TEST_P(DriverContract, I10NoMessageRepeatsASecret) {
    // The token is in no body, and a variable only in a pod's: a provider that has never seen a
    // secret cannot repeat it.
    for (const std::string& secret : testing::kit_secrets()) {
        if (secret == testing::kit_secrets()[0] ||
            (secret == testing::kit_secrets()[2] && rig.kit.kind != "runpod")) {
            continue;
        }
        for (const std::string& text :
             {secret, "value " + secret + " is wrong", "'" + secret + "'", "x" + secret + "y"}) {
            const auto refused = rig.create(rig.kit.complaint(text));
            ASSERT_FALSE(refused);
            EXPECT_EQ(refused.error().code, Errc::rejected) << refused.error().message;
            expect_no_secret(refused.error());
        }
    }
    expect_no_secret(rig.create(HttpResponse{500, testing::kit_secrets()[1]}).error());
    expect_no_secret(rig.get(HttpResponse{200, "{" + testing::kit_secrets()[2]}).error());
}

// ---- error answers, row by row ------------------------------------------------------------------

struct Row {
    std::string provider{};
    std::string call{};
    int status{0};
    std::string body{};
    std::optional<std::chrono::milliseconds> retry_after{};
    std::string wanted{};
    std::string name{};
};

/// The text of a JSON value again; enough for the rows.
std::string written(const exact_json::Value& value) {
    using Kind = exact_json::Value::Kind;
    std::string out;
    switch (value.kind()) {
        case Kind::object:
            for (const auto& [key, member] : value.members()) {
                out += (out.empty() ? "" : ",") + exact_json::quote(key) + ":" + written(member);
            }
            return "{" + out + "}";
        case Kind::array:
            for (const auto& item : value.items()) {
                out += (out.empty() ? "" : ",") + written(item);
            }
            return "[" + out + "]";
        case Kind::string:
            return exact_json::quote(*value.string());
        case Kind::number:
            return std::string{*value.decimal_text()};
        case Kind::boolean:
            return *value.boolean() ? "true" : "false";
        case Kind::null:
            break;
    }
    return "null";
}

std::vector<Row> rows() {
    const auto file = exact_json::parse(testing::provider_data("errors.json"));
    if (!file) {
        throw std::runtime_error{file.error().message};
    }
    std::vector<Row> out;
    for (const exact_json::Value& item : file->find("errors")->items()) {
        Row row{
            .provider = std::string{item.text("provider")},
            .call = std::string{item.text("call")},
            .status = static_cast<int>(item.find("status")->integer().value_or(0)),
            .body = std::string{item.text("text")},
            .wanted = std::string{item.text("class")}};
        if (const auto* const body = item.find("body")) {
            row.body = written(*body);
        }
        if (const auto* const pause = item.find("retry_after")) {
            row.retry_after = std::chrono::seconds{pause->integer().value_or(0)};
        }
        const std::string_view fault = item.text("fault");
        row.name = fmt::format(
            "{}{}_{}_{}_{}_{}",
            fault,
            fault.empty() ? "no" : "",
            row.provider,
            row.call,
            row.status,
            out.size());
        out.push_back(std::move(row));
    }
    return out;
}

class DriverErrors : public ::testing::TestWithParam<Row> {
protected:
    void expect(const Error& error, bool reads) const {
        const Row& row = GetParam();
        const bool lost = row.wanted == "outcome_unknown" && reads;
        EXPECT_EQ(to_text(error.code), lost ? "unavailable" : row.wanted) << error.message;
        EXPECT_FALSE(error.message.empty());
        if (row.retry_after) {
            EXPECT_EQ(error.retry_after, row.retry_after);
        }
        expect_no_secret(error);
    }
    [[nodiscard]] HttpResponse answer() const {
        return {
            .status = GetParam().status,
            .body = GetParam().body,
            .retry_after = GetParam().retry_after};
    }
};
INSTANTIATE_TEST_SUITE_P(Rows, DriverErrors, ::testing::ValuesIn(rows()), [](const auto& test) {
    return test.param.name;
});

TEST_P(DriverErrors, HasItsClass) {
    const Row& row = GetParam();
    const auto rig = [&] { return std::make_unique<Rig>(testing::kit_of(row.provider)); };
    const bool any = row.call == "any";
    const bool specific = std::ranges::any_of(rows(), [&](const Row& other) {
        return other.provider == row.provider && other.call == "create" &&
               other.status == row.status && any && other.body.empty() == row.body.empty() &&
               other.body == row.body;
    });
    ASSERT_FALSE(specific) << "two rows say different things about one answer";
    if (any || row.call == "create") {
        expect(rig()->create(answer()).error(), false);
    }
    if (any || row.call == "destroy") {
        expect(rig()->destroy(answer()).error(), false);
    }
    if (any || row.wanted == "not_found") {
        expect(rig()->get(answer()).error(), true);
    }
    if (any) {
        expect(rig()->list(answer()).error(), true);
        const auto asking = rig();
        asking->spend->answers.push_back(answer());
        expect(asking->provider->offers({}).error(), true);
    }
}

TEST(DriverKits, EveryKindHasAKitAndRows) {
    std::set<std::string> with_rows;
    for (const Row& row : rows()) {
        with_rows.insert(row.provider);
    }
    for (const std::string_view kind : rental_kinds) {
        EXPECT_EQ(testing::kit_of(kind).kind, kind);
        EXPECT_TRUE(with_rows.contains(std::string{kind})) << kind;
    }
}

TEST(DriverKits, F11FiftyTimesNoStockIsFiftyRequestsAndNeverOurFault) {
    for (const Row& row : rows()) {
        if (row.wanted != "no_capacity" || row.status == 403) {
            continue;
        }
        Rig rig{testing::kit_of(row.provider)};
        for (int i = 0; i < 50; ++i) {
            const auto refused = rig.create(HttpResponse{row.status, row.body});
            EXPECT_EQ(refused.error().code, Errc::no_capacity) << row.name << " " << i;
        }
        EXPECT_EQ(rig.spend->sent.size(), 50u);
    }
}

}  // namespace
}  // namespace evenkeel::providers
