#include "caller.hpp"
#include "providers/digitalocean/digitalocean.hpp"
#include "providers/lambda/lambda.hpp"
#include "providers/runpod/runpod.hpp"
#include "tests/fakes/cloud/shop_client.hpp"

#include <algorithm>

/// The product's drivers against the fake vendors, in virtual time: both read the vendors' papers
/// independently of each other.
namespace evenkeel::fakes::cloud::test {
namespace {

using providers::MachineSpec;

class FakeCloudDriver : public testing::TestWithParam<Vendor> {
protected:
    FakeCloudDriver() { driver_ = make(); }

    std::unique_ptr<providers::Provider> make() {
        providers::DriverOptions options{
            .name = "rented",
            .credential = providers::Secret{std::string{"fake-token"}},
            .owner_mark = "ek-1a2b3c4d"};
        providers::ClientPair clients{
            .spend = make_shop_client(shop_, vendor_, "fake-token", clock_),
            .safety = make_shop_client(shop_, vendor_, "fake-token", clock_)};
        const providers::Pause pause = [this](auto length, const std::stop_token&) {
            clock_.advance(length);
            return true;
        };
        switch (vendor_) {
            case Vendor::digitalocean:
                options.ssh_keys = {"512190"};
                return providers::make_digitalocean(
                           std::move(options), std::move(clients), clock_, pause)
                    .value();
            case Vendor::runpod:
                return providers::make_runpod(std::move(options), std::move(clients), clock_, pause)
                    .value();
            case Vendor::lambda:
                break;
        }
        options.ssh_keys = {"owner"};
        return providers::make_lambda(std::move(options), std::move(clients), clock_, pause);
    }
    [[nodiscard]] MachineSpec spec(std::string name = std::string{first_name}) const {
        MachineSpec spec{
            .name = std::move(name),
            .gpu_count = 1,
            .model = "qwq-32b",
            .engine_key = "node-key",
            .owner_mark = "ek-1a2b3c4d",
            .expires = clock_.read().utc + 6h,
            .port = 8443};
        switch (vendor_) {
            case Vendor::digitalocean:
                spec.sku = "gpu-h100x1-80gb";
                spec.region = "tor1";
                spec.user_data = "#cloud-config\n";
                break;
            case Vendor::runpod:
                spec.sku = "NVIDIA H100 80GB HBM3";
                spec.region = "US-KS-2";
                spec.image = "vllm/vllm-openai:v0.11.0";
                spec.args = "--model x";
                break;
            case Vendor::lambda:
                spec.sku = "gpu_1x_h100_sxm5";
                spec.region = "us-east-1";
                spec.user_data = "#cloud-config\n";
                break;
        }
        return spec;
    }
    /// Calls are made 15 s apart, so that no vendor's rate limit is met.
    void pass(Micros time = 15s) {
        clock_.advance(time);
        shop_.world().tick(clock_.read().utc);
    }
    Result<providers::RemoteMachine> create(std::string name = std::string{first_name}) {
        pass();
        return driver_->create(spec(std::move(name)), {});
    }
    std::vector<providers::RemoteMachine> list() {
        pass();
        auto machines = driver_->list({});
        EXPECT_TRUE(machines) << machines.error().message;
        return machines ? *machines : std::vector<providers::RemoteMachine>{};
    }
    void put_on(Trouble trouble) {
        put_on(trouble, kind_of(trouble).times, kind_of(trouble).standard);
    }
    void put_on(Trouble trouble, int times, std::int64_t value) {
        shop_.world().put_on(vendor_, trouble, times, value, clock_.read().utc);
    }

    Vendor vendor_{GetParam()};
    Shop shop_{{}};
    ManualClock clock_{{.boot = BootTime{1h}, .utc = UtcTime{1'764'000'000s}}};
    std::unique_ptr<providers::Provider> driver_;
};

INSTANTIATE_TEST_SUITE_P(Each, FakeCloudDriver, testing::ValuesIn(vendors), vendor_name);

TEST_P(FakeCloudDriver, RentsAMachineAndGivesItBack) {
    const auto offers = driver_->offers({});
    ASSERT_TRUE(offers) << offers.error().message;
    const auto wanted = spec();
    const auto offer = std::ranges::find_if(*offers, [&](const auto& each) {
        return each.sku == wanted.sku && (each.region == wanted.region || each.region.empty());
    });
    ASSERT_NE(offer, offers->end());
    EXPECT_TRUE(offer->in_stock);
    const auto made = create();
    ASSERT_TRUE(made) << made.error().message;
    const std::string id = made->remote_id;
    pass(10min);
    const auto seen = driver_->get(id, {});
    ASSERT_TRUE(seen) << seen.error().message;
    EXPECT_TRUE(seen->running);
    EXPECT_FALSE(seen->stopped);
    EXPECT_EQ(seen->name, wanted.name);
    EXPECT_EQ(seen->owner_mark, "ek-1a2b3c4d");
    EXPECT_EQ(seen->price, offer->price);
    EXPECT_EQ(seen->gpu, offer->gpu);
    EXPECT_EQ(seen->gpu_count, 1);
    ASSERT_EQ(list().size(), 1u);
    pass();
    EXPECT_TRUE(driver_->destroy(id, {}));
    pass(1min);
    EXPECT_EQ(driver_->get(id, {}).error().code, Errc::not_found);
    EXPECT_TRUE(list().empty());
    pass();
    EXPECT_EQ(driver_->destroy(id, {}).error().code, Errc::not_found);
}

TEST_P(FakeCloudDriver, ReadsTheBillToTheUnit) {
    const auto made = create();
    ASSERT_TRUE(made) << made.error().message;
    pass(100min);
    EXPECT_TRUE(driver_->destroy(made->remote_id, {}));
    pass(2h);
    const auto lines = driver_->billing({});
    ASSERT_TRUE(lines) << lines.error().message;
    if (vendor_ == Vendor::lambda) {
        EXPECT_TRUE(lines->empty()) << "it has no bill";
        return;
    }
    ASSERT_EQ(lines->size(), 1u);
    EXPECT_EQ(lines->front().remote_id, made->remote_id);
    EXPECT_EQ(lines->front().amount, shop_.world().billed_total(vendor_, clock_.read().utc));
    pass();
    const auto account = driver_->account({});
    ASSERT_TRUE(account) << account.error().message;
    EXPECT_EQ(account->trouble, "");
}

TEST_P(FakeCloudDriver, UnknownOutcomesAreFoundByName) {
    int number = 0;
    for (const Trouble trouble :
         {Trouble::create_500_after,
          Trouble::create_lost,
          Trouble::create_broken_json,
          Trouble::create_500_before}) {
        put_on(trouble);
        const std::string name = fmt::format("ek-1a2b3c4d-01jd000000000000000000001{}", ++number);
        EXPECT_EQ(create(name).error().code, Errc::outcome_unknown) << kind_of(trouble).name;
        const auto machines = list();
        const bool found =
            std::ranges::find(machines, name, &providers::RemoteMachine::name) != machines.end();
        EXPECT_EQ(found, trouble != Trouble::create_500_before) << kind_of(trouble).name;
    }
}

TEST_P(FakeCloudDriver, RefusalsHaveTheirClass) {
    const std::array cases{
        std::pair{Trouble::no_stock, Errc::no_capacity},
        std::pair{Trouble::auth_revoked, Errc::unauthorized},
        std::pair{Trouble::storm_429, Errc::rate_limited}};
    for (const auto& [trouble, code] : cases) {
        driver_ = make();  // with a fresh rate budget
        put_on(trouble);
        const auto made = create();
        ASSERT_FALSE(made);
        EXPECT_EQ(made.error().code, code) << kind_of(trouble).name << made.error().message;
        shop_.world().personality(vendor_).take_off_all();
    }
    EXPECT_TRUE(shop_.world().live(vendor_).empty());
}

TEST_P(FakeCloudDriver, SeesWhatIsNotAsAsked) {
    put_on(Trouble::dearer);
    put_on(Trouble::wrong_gpu);
    ASSERT_TRUE(create());
    pass(10min);
    const auto machines = list();
    ASSERT_EQ(machines.size(), 1u);
    const Money listed = shop_.world().listed(*find_sku(vendor_, spec().sku), 1, false);
    EXPECT_GT(machines.front().price.per_display_unit(), listed);
    EXPECT_NE(machines.front().gpu, find_sku(vendor_, spec().sku)->gpu);
}

TEST_P(FakeCloudDriver, OddMachinesAreStillSeenAndDeleted) {
    const auto made = create();
    ASSERT_TRUE(made);
    pass(10min);
    put_on(Trouble::unknown_status);
    put_on(Trouble::extra_fields);
    ASSERT_EQ(list().size(), 1u);
    EXPECT_EQ(list().front().status, "migrating");
    EXPECT_FALSE(list().front().running);
    put_on(Trouble::missing_field, -1, 0);
    EXPECT_EQ(list().size(), 1u);
    pass();
    EXPECT_TRUE(driver_->destroy(made->remote_id, {}));
}

TEST_P(FakeCloudDriver, StoppedMachinesShowAsStopped) {
    const auto made = create();
    ASSERT_TRUE(made);
    put_on(Trouble::stopped);
    pass(10min);
    ASSERT_EQ(list().size(), 1u);
    // Lambda knows no stop; there the machine is "unhealthy".
    EXPECT_EQ(list().front().stopped, vendor_ != Vendor::lambda);
    EXPECT_FALSE(list().front().running);
}

TEST_P(FakeCloudDriver, ForeignMachinesDoNotCarryOurMark) {
    ASSERT_TRUE(create());
    put_on(Trouble::foreign);
    put_on(Trouble::orphan);
    const auto machines = list();
    ASSERT_EQ(machines.size(), 5u);
    const auto ours =
        std::ranges::count(machines, "ek-1a2b3c4d", &providers::RemoteMachine::owner_mark);
    EXPECT_EQ(ours, 2) << "the one that was asked for, and the orphan";
}

TEST_P(FakeCloudDriver, DeletesThatDoNotWorkAreNotSuccesses) {
    const auto made = create();
    ASSERT_TRUE(made);
    pass(10min);
    put_on(Trouble::delete_locked, 1, 0);
    EXPECT_FALSE(driver_->destroy(made->remote_id, {}));
    pass();
    put_on(Trouble::delete_500_done, 1, 0);
    EXPECT_FALSE(driver_->destroy(made->remote_id, {}));
    pass(1min);
    EXPECT_EQ(driver_->destroy(made->remote_id, {}).error().code, Errc::not_found);
}

TEST(FakeCloudDrivers, APartialPageIsAnError) {
    // Only DigitalOcean has pages.
    ManualClock clock{{.boot = BootTime{1h}, .utc = UtcTime{1'764'000'000s}}};
    Shop shop{{}};
    providers::DriverOptions options{
        .name = "rented",
        .credential = providers::Secret{std::string{"fake-token"}},
        .owner_mark = "ek-1a2b3c4d"};
    auto driver = providers::make_digitalocean(
        std::move(options),
        {.spend = make_shop_client(shop, Vendor::digitalocean, "fake-token", clock),
         .safety = make_shop_client(shop, Vendor::digitalocean, "fake-token", clock)},
        clock);
    ASSERT_TRUE(driver);
    shop.world().create(
        {.vendor = Vendor::digitalocean,
         .name = "n",
         .sku = find_sku(Vendor::digitalocean, "gpu-h100x1-80gb"),
         .region = "tor1",
         .image = "gpu-h100x1-base"},
        clock.read().utc);
    EXPECT_TRUE((*driver)->list({}));
    shop.world().put_on(Vendor::digitalocean, Trouble::partial_page, -1, 0, clock.read().utc);
    EXPECT_FALSE((*driver)->list({}));
}

}  // namespace
}  // namespace evenkeel::fakes::cloud::test
