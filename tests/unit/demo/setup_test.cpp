#include "lab/demo/setup.hpp"

#include "policies/config/load.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sys/stat.h>

namespace evenkeel::lab::demo {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

const config::Date day = 2026y / 11 / 25;
const Ports ports{.api = 8080, .admin = 8081, .own = 40'001, .paid = 40'002, .cloud = 40'003};

config::Config loaded(const World& world) {
    std::vector<config::SourceFile> files;
    for (const TextFile& file : make_config(world, ports, day)) {
        files.push_back({.path = "demo/" + file.name, .text = file.text});
    }
    const auto result = config::load(files, day);
    if (!result) {
        for (const config::Diagnostic& error : result.error()) {
            ADD_FAILURE() << error.file << ':' << error.line << ':' << error.col << ": "
                          << error.message;
        }
        return {};
    }
    for (const config::Diagnostic& warning : result->warnings) {
        ADD_FAILURE() << warning.file << ':' << warning.line << ": " << warning.message;
    }
    return result->config;
}

TEST(DemoSetup, TheGeneratedConfigurationLoadsWithoutAWarning) {
    const World world;
    const config::Config config = loaded(world);
    EXPECT_EQ(config.speed, 30);
    EXPECT_EQ(config.listen.api, "127.0.0.1:8080");
    EXPECT_EQ(config.currency.report, usd);
    for (const char* name : {"desk", "sandbox", "api-standin"}) {
        const config::Provider* provider = config.provider(name);
        ASSERT_NE(provider, nullptr) << name;
        EXPECT_TRUE(provider->synthetic) << name;
    }
    EXPECT_EQ(config.provider("sandbox")->base_url, "http://127.0.0.1:40003");
    EXPECT_EQ(config.provider("api-standin")->url, "http://127.0.0.1:40002/v1");
    const auto rental = config.offer("sandbox");
    ASSERT_NE(rental.offer, nullptr);
    EXPECT_EQ(rental.offer->slots, world.rented_slots);
    EXPECT_EQ(rental.offer->hour_price.value(), Price::per_hour(Money{132'300'000'000, usd}));
    ASSERT_EQ(config.scaling.size(), 1u);
    EXPECT_EQ(config.scaling[0].boot.value(), 14s);
    EXPECT_EQ(config.scaling[0].max, world.machines_max);
    EXPECT_EQ(config.scaling[0].max_life, 12min);
    EXPECT_EQ(config.safety.proof_gap, 2s);
    EXPECT_EQ(config.slo.first_token, 167ms);
    EXPECT_EQ(config.routes.at(0).max_wait.value(), 667ms);
    EXPECT_EQ(config.energy.tariff.at(0).price, Price::per_kwh(Money{7'500'000'000, usd}));
}

TEST(DemoSetup, EverySpeedLoads) {
    for (const std::int64_t speed : {1, 7, 30, 60, 120}) {
        World world;
        world.speed = speed;
        const config::Config config = loaded(world);
        EXPECT_EQ(config.speed, speed);
        // What a real hour costs, a played one costs.
        const Price price = config.offer("sandbox").offer->hour_price.value();
        const Money played = price.cost_of(
            std::chrono::nanoseconds{std::chrono::hours{1}} / speed, Rounding::half_even);
        const Money real = world.machine_price.per_display_unit();
        EXPECT_LE(std::abs(played.nanos() - real.nanos()), 50) << speed;
    }
}

TEST(DemoSetup, ScalesTexts) {
    EXPECT_EQ(scaled_text(420'000ms, 30), "14s");
    EXPECT_EQ(scaled_text(5'000ms, 30), "167ms");
    EXPECT_EQ(scaled_text(10ms, 30), "1ms");
    EXPECT_EQ(scaled_text(60'000ms, 1), "60s");
    EXPECT_EQ(scaled_text(Price::per_hour(Money{4'410'000'000, usd}), 30), "132.30 USD/h");
    EXPECT_EQ(scaled_text(Price::per_mtok(Money{4'000'000'000, usd}), 30), "4.00 USD/Mtok");
}

TEST(DemoSetup, ReadsWindows) {
    const auto window = parse_window("38m-58m20s");
    ASSERT_TRUE(window);
    EXPECT_EQ(window->from, 2'280s);
    EXPECT_EQ(window->to, 3'500s);
    for (const char* text : {"", "38m", "38m-", "-38m", "5m-4m", "5m-5m", "a-b"}) {
        EXPECT_FALSE(parse_window(text)) << text;
    }
}

TEST(DemoSetup, WritesSecretsForTheOwnerAlone) {
    std::string form = (fs::temp_directory_path() / "setup-XXXXXX").string();
    const std::string folder = ::mkdtemp(form.data());
    ASSERT_TRUE(write_files(
        folder,
        {{.name = "a.yaml", .text = "version: 1\n"},
         {.name = "credentials/token", .text = "t\n", .secret = true}}));
    struct stat seen{};
    ASSERT_EQ(::stat((folder + "/credentials/token").c_str(), &seen), 0);
    EXPECT_EQ(seen.st_mode & 0777U, 0600U);
    ASSERT_EQ(::stat((folder + "/credentials").c_str(), &seen), 0);
    EXPECT_EQ(seen.st_mode & 0777U, 0700U);
    std::ifstream file{folder + "/a.yaml"};
    std::string line;
    std::getline(file, line);
    EXPECT_EQ(line, "version: 1");
    EXPECT_EQ(
        write_files(folder + "/a.yaml", {{.name = "b", .text = ""}}).error().code, Errc::io_failed);
    fs::remove_all(folder);
}

TEST(DemoSetup, SecretsAndPortsDiffer) {
    const auto one = random_secret();
    const auto two = random_secret();
    ASSERT_TRUE(one && two);
    EXPECT_EQ(one->size(), 48u);
    EXPECT_NE(*one, *two);
}

TEST(DemoSetup, NoPortIsGivenTwice) {
    std::set<std::uint16_t> ports;
    for (int i = 0; i < 500; ++i) {
        const auto port = free_port(0);
        ASSERT_TRUE(port);
        EXPECT_GT(*port, 1'023);
        EXPECT_TRUE(ports.insert(*port).second) << *port << " is given again";
    }
}

TEST(DemoSetup, APortThatSomebodyHasIsNotGiven) {
    boost::asio::io_context context;
    const boost::asio::ip::tcp::acceptor taken{
        context, {boost::asio::ip::address_v4::loopback(), 0}};
    const std::uint16_t wanted = taken.local_endpoint().port();
    const auto other = free_port(wanted);
    ASSERT_TRUE(other);
    EXPECT_NE(*other, wanted);
    EXPECT_EQ(free_port(*other).value(), *other);
}

}  // namespace
}  // namespace evenkeel::lab::demo
