#include "agent/report/forecast.hpp"
#include "agent/report/idle.hpp"
#include "agent/report/savings.hpp"
#include "agent/report/spend_days.hpp"
#include "tests/unit/report/rentals_fixture.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <sstream>

/// docs/reports.md shows what the reports print of one made-up autumn: an own GPU, machines rented
/// for peaks, an API.
namespace evenkeel::report {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;
using std::chrono::sys_days;

class ReportsInTheDocumentation : public RentalsTest {
protected:
    static constexpr sys_days begin{std::chrono::September / 21 / 2026};
    static constexpr sys_days today{std::chrono::November / 23 / 2026};
    static constexpr NameIx key_team{12};
    static constexpr NameIx offer_claude{13};
    static constexpr NameIx offer_nano{14};
    static constexpr NameIx offer_runpod{15};

    void SetUp() override {
        clock_.jump_utc(UtcTime{begin} + 7h - ledger::test_start);
        ledger::Options with = options();
        with.report = aud;
        open(with);
        using enum routing::NameKind;
        ledger_->name({ledger::key_me, key, "me"});
        ledger_->name({ledger::route_default, route, "default"});
        ledger_->name({ledger::model_qwq, model, "qwq-32b"});
        ledger_->name({ledger::source_claude, source, "claude"});
        ledger_->name({ledger::source_desk, source, "desk"});
        ledger_->name({ledger::provider_claude, provider, "claude"});
        ledger_->name({ledger::provider_cloud, provider, "do"});
        ledger_->name({ledger::offer_cloud, offer, "do"});
        ledger_->name({ledger::source_rented, source, "do-1"});
        ledger_->name({ledger::budget_all, budget, "all"});
        ledger_->name({ledger::budget_api, budget, "rentals-per-day"});
        ledger_->name({key_team, key, "team-b"});
        ledger_->name({offer_claude, offer, "claude"});
        ledger_->name({offer_nano, offer, "nano"});
        ledger_->name({offer_runpod, offer, "runpod"});
        ledger_->source({ledger::source_desk, SourceKind::own, {}, "desk", false});
        ledger_->source(
            {ledger::source_rented, SourceKind::rental, ledger::provider_cloud, "H100", false});
        ledger_->fx_seen(
            {usd, aud, 14'235, 10'000, UtcTime{sys_days{std::chrono::June / 30 / 2026}}});
        prices();
        for (sys_days day = begin; day <= today; day += days{1}) {
            live(day);
        }
        ASSERT_TRUE(ledger_->flush());
        configure();
    }
    void price(NameIx offer, const char* meter, Price stated, sys_days seen) {
        ledger_->price_seen(
            {.offer = offer,
             .meter = meter,
             .price = stated,
             .seen = UtcTime{seen},
             .from = UtcTime{seen}});
    }
    void prices() {
        using std::chrono::July;
        using std::chrono::September;
        const sys_days early{September / 1 / 2026};
        price(offer_claude, "in", Price::per_mtok({4'000'000'000, usd}), early);
        price(offer_claude, "out", Price::per_mtok({20'000'000'000, usd}), early);
        const sys_days earlier{July / 2 / 2026};
        price(offer_nano, "in", Price::per_mtok({256'000'000, usd}), earlier);
        price(offer_nano, "out", Price::per_mtok({305'000'000, usd}), earlier);
    }
    /// One day in the life of the house.
    void live(sys_days day) {
        const bool is_workday = std::chrono::weekday{day}.iso_encoding() < 6;
        for (int quarter = 0; quarter < (day == today ? 2 : 4); ++quarter) {
            ledger_->power(
                {.hardware = "desk",
                 .source = ledger::source_desk,
                 .hour = UtcTime{day} + 6h * quarter,
                 .microjoules = 8'640'000'000'000,
                 .price = Price::per_kwh({330'000'000, aud}),
                 .work_microjoules = 3'456'000'000'000,
                 .host_microjoules = 3'240'000'000'000,
                 .on = 6h,
                 .worked = 2h,
                 .wear = {1'009'132'420, aud},
                 .wear_worked = {336'377'473, aud}});
        }
        const bool is_old = day < sys_days{std::chrono::November / 9 / 2026};
        price(
            offer_runpod,
            "hour",
            Price::per_hour({is_old ? 3'190'000'000 : 2'890'000'000, usd}),
            day);
        price(ledger::offer_cloud, "hour", Price::per_hour({4'410'000'000, usd}), day);
        const UtcTime morning = UtcTime{day} + 7h;
        const auto own = static_cast<int>((is_workday ? 40 : 8) + random_() % 20);
        for (int i = 0; i < own; ++i) {
            work(morning + 1min * i, i % 3 == 0 ? key_team : ledger::key_me, SourceKind::own);
        }
        const auto api = static_cast<int>((is_workday ? 20 : 0) + random_() % 12);
        for (int i = 0; i < api; ++i) {
            work(morning + 2min * i, ledger::key_me, SourceKind::api);
        }
        if (is_workday && random_() % 4 == 0) {
            rent(UtcTime{day} + 8h, day == sys_days{std::chrono::November / 19 / 2026});
        }
    }
    void work(UtcTime at, NameIx key, SourceKind kind) {
        const bool is_api = kind == SourceKind::api;
        const auto in = static_cast<std::int64_t>(20'000 + random_() % 30'000);
        const auto out = static_cast<std::int64_t>(2'000 + random_() % 9'000);
        ledger::Request request = is_api ? ledger::api_request(1, in * 4'000 + out * 20'000)
                                         : ledger::own_request(1);
        request.id = RequestId{least_id_at(at) + ++count_};
        request.at = at;
        request.key = key;
        request.usage = {.prompt = in, .cached = is_api ? 0 : in / 4, .completion = out};
        request.budgets.clear();
        if (kind == SourceKind::rental) {
            request.source = ledger::source_rented;
            request.kind = kind;
            request.provider = ledger::provider_cloud;
        }
        ASSERT_TRUE(ledger_->record(request));
    }
    void rent(UtcTime at, bool fails) {
        clock_.jump_utc(at - clock_.read().utc);
        const std::int64_t id = least_id_at(at) + 1;
        const auto some = [&](std::uint32_t most) {
            return std::chrono::seconds{60 + random_() % most};
        };
        if (fails) {
            life(
                id,
                {{Phase::boot, 15min}, {Phase::del, 40s}},
                {ReasonCode::machine_boot_late, {900'000}});
            return;
        }
        for (int i = 0; i < 60; ++i) {
            work(at + 10min + 1min * i, ledger::key_me, SourceKind::rental);
        }
        life(
            id,
            {{Phase::boot, 3min + some(120)},
             {Phase::warm, 2min + some(60)},
             {Phase::serve, 40min + some(5'000)},
             {Phase::idle, some(200)},
             {Phase::serve, 10min + some(900)},
             {Phase::idle, 5min},
             {Phase::drain, some(30)},
             {Phase::del, 8s}},
            {ReasonCode::rent_release, {521'000'000, 515'000'000}});
    }
    void configure() {
        config_.currency = {.report = aud};
        config_.providers = {
            {.name = "desk", .kind = config::ProviderKind::local, .hardware = "desk"},
            {.name = "claude", .kind = config::ProviderKind::anthropic},
            {.name = "nano", .kind = config::ProviderKind::openai_compatible},
            {.name = "do", .kind = config::ProviderKind::rental},
            {.name = "runpod", .kind = config::ProviderKind::rental}};
        config::Model qwq{.name = "qwq-32b"};
        qwq.offers = {
            {.name = "desk", .on = "desk"},
            {.name = "nano", .on = "nano"},
            {.name = "do", .on = "do", .gpu = "H100"},
            {.name = "runpod", .on = "runpod", .gpu = "H100 PCIe"}};
        config::Model opus{.name = "opus"};
        opus.offers = {
            {.name = "claude",
             .on = "claude",
             .token_price = config::TokenPrices{
                 .in = Price::per_mtok({4'000'000'000, usd}),
                 .out = Price::per_mtok({20'000'000'000, usd})}}};
        config_.models = {qwq, opus};
        config_.budgets = {
            {.name = "all", .limit = {400'000'000'000, aud}},
            {.name = "rentals-per-day",
             .scope = {.kind = "rental"},
             .limit = {60'000'000'000, aud},
             .per = config::BudgetPer::day},
            {.name = "api", .scope = {.kind = "api"}, .limit = {200'000'000'000, aud}}};
    }
    template <class Made>
    static const Made& good(const Result<Made>& made) {
        if (!made) {
            throw std::runtime_error{made.error().message};
        }
        return *made;
    }
    /// What each command of the page prints.
    [[nodiscard]] std::map<std::string, std::string> outputs() {
        SpendOptions options{.now = UtcTime{today} + 10h, .currency = aud};
        use_config(config_, options);
        SpendOptions week = options;
        week.since = "2026-11-16";
        SpendOptions by_machine = week;
        by_machine.by = SpendBy::machine;
        SpendOptions two_days = options;
        two_days.since = "2026-11-22";
        auto books = reader();
        std::map<std::string, std::string> said;
        said["report spend"] = spend_text(good(make_spend(books, options)));
        said["report spend --by machine --since 2026-11-16"] =
            spend_text(good(make_spend(books, by_machine)));
        said["report spend --days --since 2026-11-22"] =
            spend_days_text(good(make_spend_days(books, two_days)));
        said["report savings"] = savings_text(good(make_savings(books, &config_, options)));
        said["report idle --since 2026-11-16"] = idle_text(good(make_idle(books, week)));
        said["report forecast"] = forecast_text(good(make_forecast(books, &config_, options)));
        return said;
    }

    std::mt19937 random_{20'261'123};
    std::int64_t count_{0};
    config::Config config_{};
};

/// A block that begins with "$ evenkeel report ..." holds what that prints. To bring the page up to
/// date, run this test with EVENKEEL_UPDATE_DOCS=1.
TEST_F(ReportsInTheDocumentation, AreWhatTheReportsPrint) {
    const std::string path = std::string{EVENKEEL_SOURCE_DIR} + "/docs/reports.md";
    std::ifstream file{path};
    std::stringstream read;
    read << file.rdbuf();
    std::string page = read.str();
    const bool update = std::getenv("EVENKEEL_UPDATE_DOCS") != nullptr;
    for (const auto& [command, output] : outputs()) {
        const std::string begin = fmt::format("```\n$ evenkeel {}\n", command);
        const std::size_t at = page.find(begin);
        ASSERT_NE(at, std::string::npos) << "the page does not show " << command;
        const std::size_t from = at + begin.size();
        const std::size_t to = page.find("```\n", from);
        ASSERT_NE(to, std::string::npos);
        if (update) {
            page.replace(from, to - from, output);
        }
        EXPECT_EQ(page.substr(from, page.find("```\n", from) - from), output)
            << "run with EVENKEEL_UPDATE_DOCS=1";
    }
    if (update) {
        std::ofstream{path} << page;
    }
    expect_sound();
}

}  // namespace
}  // namespace evenkeel::report
