#pragma once

#include "agent/replay/history.hpp"
#include "agent/replay/world.hpp"
#include "policies/config/load.hpp"
#include "policies/config/override.hpp"
#include "tests/unit/ledger/ledger_fixture.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

/// A state folder with past requests, and the configuration they came under.
namespace evenkeel::agent {

/// The reference configuration plus a model that only an API has; the route uses both.
inline std::vector<config::SourceFile> past_files() {
    std::vector<config::SourceFile> files = reference_files();
    const auto changed = [&](const char* key, const char* value) {
        EXPECT_TRUE(config::override_value(files, key, value)) << key;
    };
    changed(
        "models.reference-32b.offers",
        "[{on: desk-engine, slots: 48}, {on: rental, gpu: H100, engine: vllm, slots: 128, "
        "price: 3.39 USD/h, seen: 2026-11-01}]");
    changed(
        "models.big",
        "{offers: [{on: api, price: {in: 5 USD/Mtok, out: 25 USD/Mtok}, seen: 2026-11-01}]}");
    changed("routes", "[{name: default, match: {}, use: [reference-32b, big]}]");
    return files;
}

inline config::Config past_config() {
    const auto loaded = config::load(
        past_files(),
        config::Date{std::chrono::year{2026}, std::chrono::month{11}, std::chrono::day{25}});
    EXPECT_TRUE(loaded) << config::render_all(loaded.error());
    return loaded ? loaded->config : config::Config{};
}

class Past : public ledger::LedgerTest {
protected:
    static constexpr NameIx key{1};
    static constexpr NameIx route{2};
    static constexpr NameIx small{3};
    static constexpr NameIx big{4};
    static constexpr NameIx desk{5};
    static constexpr NameIx api{6};

    void SetUp() override {
        open();
        using Kind = routing::NameKind;
        ledger_->name({key, Kind::key, "me"});
        ledger_->name({route, Kind::route, "default"});
        ledger_->name({small, Kind::model, "reference-32b"});
        ledger_->name({big, Kind::model, "big"});
        ledger_->name({desk, Kind::source, "desk-engine"});
        ledger_->name({api, Kind::source, "api"});
        ledger_->source({.ix = desk, .kind = SourceKind::own});
        ledger_->source({.ix = api, .kind = SourceKind::api});
    }
    /// A request that arrived then and was answered by the desk.
    [[nodiscard]] ledger::Request asked(UtcTime at, std::int64_t in, std::int64_t out) {
        return {
            .id = RequestId{ids_.next(at)},
            .at = at,
            .key = key,
            .route = route,
            .model = small,
            .source = desk,
            .kind = SourceKind::own,
            .usage = {.prompt = in, .completion = out},
            .reason = {ReasonCode::own_free}};
    }
    /// One that overflowed to the API, which is another model's.
    [[nodiscard]] ledger::Request overflowed(UtcTime at, std::int64_t in, std::int64_t out) {
        ledger::Request request = asked(at, in, out);
        request.model = big;
        request.source = api;
        request.kind = SourceKind::api;
        request.reason = {ReasonCode::api_overflow, {4'000}};
        return request;
    }
    [[nodiscard]] ledger::Request refused(UtcTime at) {
        ledger::Request request = asked(at, 0, 0);
        request.source = {};
        request.outcome = Outcome::refused;
        request.reason = {ReasonCode::wait_over};
        return request;
    }
    void book(ledger::Request request) {
        ASSERT_TRUE(ledger_->record(std::move(request)));
        if (++booked_ % 1'000 == 0) {
            ASSERT_TRUE(ledger_->flush());
        }
    }
    /// `count` requests of 1,200 and 300 tokens, evenly over `days` before `until`.
    void fill(UtcTime until, int days, int count) {
        const auto step = std::chrono::microseconds{std::chrono::days{days}} / count;
        for (int i = count; i > 0; --i) {
            book(asked(until - step * i, 1'200, 300));
        }
        ASSERT_TRUE(ledger_->flush());
    }
    [[nodiscard]] std::string state() const { return (dir_.path() / "state").string(); }
    [[nodiscard]] std::string write_config(const std::string& name = "config") const {
        const std::filesystem::path folder = dir_.path() / name;
        std::filesystem::create_directory(folder);
        for (const config::SourceFile& file : past_files()) {
            std::ofstream{folder / file.path} << file.text;
        }
        return folder.string();
    }

    IdGenerator ids_{1};
    int booked_{0};
};

}  // namespace evenkeel::agent
