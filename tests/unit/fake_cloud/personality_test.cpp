#include "caller.hpp"

#include <algorithm>
#include <set>

/// What each personality does, with every vendor it can befall. Those that change how bytes leave
/// (huge_body, gzip_bomb, endless_body, slow) and nodes are tested in service_test.cpp as well.
namespace evenkeel::fakes::cloud::test {
namespace {

class FakeCloudPersonality : public testing::TestWithParam<Vendor> {
protected:
    Vendor vendor_{GetParam()};
    Caller caller_;
};

INSTANTIATE_TEST_SUITE_P(Each, FakeCloudPersonality, testing::ValuesIn(vendors), vendor_name);

TEST_P(FakeCloudPersonality, NoneMakesAMachineThatCanBeFoundAndDeleted) {
    const std::string id = caller_.must_create(vendor_);
    caller_.pass(2min);
    EXPECT_EQ(caller_.listed(vendor_), std::vector{id});
    EXPECT_EQ(caller_.get(vendor_, id).status, 200);
    EXPECT_LT(caller_.destroy(vendor_, id).status, 300);
    caller_.pass(3s);
    EXPECT_TRUE(caller_.listed(vendor_).empty());
    EXPECT_EQ(caller_.get(vendor_, id).status, 404);
    EXPECT_EQ(caller_.machine(id).gone_how, "deleted");
}

TEST_P(FakeCloudPersonality, Create500BeforeMakesNothing) {
    caller_.put_on(vendor_, Trouble::create_500_before);
    EXPECT_EQ(caller_.create(vendor_).status, 500);
    EXPECT_EQ(caller_.live(vendor_), 0u);
    EXPECT_LT(caller_.create(vendor_).status, 300) << "it strikes once";
}

TEST_P(FakeCloudPersonality, Create500AfterMakesIt) {
    caller_.put_on(vendor_, Trouble::create_500_after);
    EXPECT_EQ(caller_.create(vendor_).status, 500);
    EXPECT_EQ(caller_.live(vendor_), 1u);
}

TEST_P(FakeCloudPersonality, CreateLostMakesItAndCloses) {
    caller_.put_on(vendor_, Trouble::create_lost);
    EXPECT_EQ(caller_.create(vendor_).delivery, Delivery::lost);
    EXPECT_EQ(caller_.live(vendor_), 1u);
    EXPECT_EQ(caller_.shop.calls().back().status, 0);
    EXPECT_EQ(caller_.shop.calls().back().name, first_name);
}

TEST_P(FakeCloudPersonality, CreateBrokenJsonIsCutOrEmpty) {
    caller_.put_on(vendor_, Trouble::create_broken_json, 1, 0);
    const Reply cut = caller_.create(vendor_);
    EXPECT_LT(cut.status, 300);
    EXPECT_FALSE(providers::exact_json::parse(cut.body));
    EXPECT_FALSE(cut.body.empty());
    caller_.put_on(vendor_, Trouble::create_broken_json, 1, 1);
    EXPECT_TRUE(caller_.create(vendor_, "ek-1a2b3c4d-second").body.empty());
    EXPECT_EQ(caller_.live(vendor_), 2u);
}

TEST_P(FakeCloudPersonality, CreateTwiceMakesTwoUnderOneNameThatAreNotTheClientsFault) {
    caller_.put_on(vendor_, Trouble::create_twice);
    caller_.must_create(vendor_);
    const auto live = caller_.shop.world().live(vendor_);
    ASSERT_EQ(live.size(), 2u);
    EXPECT_EQ(live[0]->name, live[1]->name);
    EXPECT_NE(live[0]->id, live[1]->id);
    EXPECT_EQ(parsed(caller_.look("/summary").body).find("double_creates")->items().size(), 0u);
    caller_.must_create(vendor_);
    EXPECT_EQ(parsed(caller_.look("/summary").body).find("double_creates")->items().size(), 1u);
}

TEST_P(FakeCloudPersonality, VanishingPlacementGoesUnbilled) {
    caller_.put_on(vendor_, Trouble::vanishing_placement, 1, 30'000);
    const std::string id = caller_.must_create(vendor_);
    caller_.pass(29s);
    EXPECT_EQ(caller_.get(vendor_, id).status, 200);
    caller_.pass(1s);
    EXPECT_EQ(caller_.get(vendor_, id).status, 404);
    EXPECT_TRUE(caller_.listed(vendor_).empty());
    caller_.pass(1h);
    EXPECT_TRUE(caller_.shop.world().cost(caller_.machine(id), caller_.now).is_zero());
    EXPECT_EQ(caller_.machine(id).gone_how, "never_placed");
}

TEST_P(FakeCloudPersonality, NoStockRefusesInTheVendorsWords) {
    caller_.put_on(vendor_, Trouble::no_stock);
    const Reply reply = caller_.create(vendor_);
    EXPECT_EQ(reply.status, vendor_ == Vendor::digitalocean ? 422 : 400);
    EXPECT_TRUE(
        reply.body.contains("not available in this region") ||
        reply.body.contains("no longer any instances") ||
        reply.body.contains("launch/insufficient-capacity"))
        << reply.body;
    EXPECT_EQ(caller_.live(vendor_), 0u);
}

TEST_P(FakeCloudPersonality, NoStockOfTheKnowingKindShowsInTheCatalogue) {
    const std::string target = vendor_ == Vendor::digitalocean ? "/v2/sizes?per_page=200"
                               : vendor_ == Vendor::runpod ? "/v2/catalog/gpus?include=AVAILABILITY"
                                                           : "/api/v1/instance-types";
    const auto claims = [&] {
        const std::string body = caller_.call(vendor_, "GET", target).body;
        return body.contains(R"("tor1")") || body.contains(R"("HIGH")") ||
               body.contains(R"("us-east-1")");
    };
    EXPECT_TRUE(claims());
    caller_.put_on(vendor_, Trouble::no_stock, -1, 0);
    EXPECT_TRUE(claims()) << "a stale catalogue";
    caller_.put_on(vendor_, Trouble::no_stock, -1, 1);
    EXPECT_FALSE(claims());
}

TEST_P(FakeCloudPersonality, NameTakenByAStrangerOrByOurselves) {
    caller_.put_on(vendor_, Trouble::name_taken, 1, 0);
    EXPECT_GE(caller_.create(vendor_).status, 400);
    ASSERT_EQ(caller_.live(vendor_), 1u);
    const Machine& stranger = *caller_.shop.world().live(vendor_).front();
    EXPECT_EQ(stranger.creator, vendor_ == Vendor::runpod ? Creator::client : Creator::foreign)
        << "at RunPod the name is the only mark";
    EXPECT_EQ(stranger.name, first_name);
    EXPECT_TRUE(stranger.tags.empty());
    caller_.put_on(vendor_, Trouble::name_taken, 1, 1);
    EXPECT_GE(caller_.create(vendor_, "ek-1a2b3c4d-other").status, 400);
    EXPECT_EQ(caller_.shop.world().live(vendor_).back()->creator, Creator::client);
}

TEST_P(FakeCloudPersonality, WrongGpuAndFewerGpusShow) {
    caller_.put_on(vendor_, Trouble::wrong_gpu);
    caller_.put_on(vendor_, Trouble::fewer_gpus);
    const std::string id = caller_.must_create(vendor_);
    caller_.pass(2min);
    const std::string body = caller_.get(vendor_, id).body;
    EXPECT_TRUE(body.contains(other_gpu(vendor_))) << body;
    EXPECT_TRUE(body.contains(vendor_ == Vendor::lambda ? R"("gpus":0)" : R"("count":0)")) << body;
}

TEST_P(FakeCloudPersonality, DearerShowsAndIsBilled) {
    const std::string plain = caller_.must_create(vendor_);
    caller_.put_on(vendor_, Trouble::dearer, -1, 50);
    const std::string dear = caller_.must_create(vendor_, "ek-1a2b3c4d-dear");
    const Money listed = caller_.machine(plain).hourly;
    EXPECT_GT(caller_.machine(dear).hourly, listed);
    const std::string price = vendor_ == Vendor::digitalocean ? R"("price_hourly":6.615)"
                              : vendor_ == Vendor::runpod     ? R"("cost":5.985)"
                                                              : R"("price_cents_per_hour":643)";
    EXPECT_TRUE(caller_.get(vendor_, dear).body.contains(price)) << caller_.get(vendor_, dear).body;
    caller_.pass(1h);
    World& world = caller_.shop.world();
    EXPECT_GT(
        world.cost(caller_.machine(dear), caller_.now),
        world.cost(caller_.machine(plain), caller_.now));
}

TEST_P(FakeCloudPersonality, ListLagHidesFromListsAlone) {
    caller_.put_on(vendor_, Trouble::list_lag, -1, 60'000);
    const std::string id = caller_.must_create(vendor_);
    caller_.pass(59s);
    EXPECT_TRUE(caller_.listed(vendor_).empty());
    EXPECT_EQ(caller_.get(vendor_, id).status, 200);
    caller_.pass(1s);
    EXPECT_EQ(caller_.listed(vendor_), std::vector{id});
}

TEST_P(FakeCloudPersonality, GetLagIs404ForGetAndDelete) {
    caller_.put_on(vendor_, Trouble::get_lag, -1, 60'000);
    const std::string id = caller_.must_create(vendor_);
    caller_.pass(59s);
    EXPECT_EQ(caller_.get(vendor_, id).status, 404);
    EXPECT_EQ(caller_.destroy(vendor_, id).status, 404);
    EXPECT_EQ(caller_.listed(vendor_), std::vector{id});
    caller_.pass(1s);
    EXPECT_EQ(caller_.get(vendor_, id).status, 200);
}

TEST_P(FakeCloudPersonality, EmptyListOnceWaitsForAListThatIsNotEmpty) {
    caller_.put_on(vendor_, Trouble::empty_list_once);
    EXPECT_TRUE(caller_.listed(vendor_).empty());
    const std::string id = caller_.must_create(vendor_);
    EXPECT_TRUE(caller_.listed(vendor_).empty());
    EXPECT_EQ(caller_.listed(vendor_), std::vector{id});
}

TEST(FakeCloudPersonalities, PartialPageIsShortOfItsTotal) {
    Caller caller;
    caller.must_create(Vendor::digitalocean);
    const std::string second = caller.must_create(Vendor::digitalocean, "ek-1a2b3c4d-second");
    caller.put_on(Vendor::digitalocean, Trouble::partial_page);
    const Value body = parsed(caller.list(Vendor::digitalocean).body);
    EXPECT_EQ(body.find("droplets")->items().size(), 1u);
    EXPECT_EQ(body.find("meta")->find("total")->integer(), 2);
    EXPECT_EQ(body.find("links")->find("pages"), nullptr) << "and there is no next page";
    for (const char* const vendor : {"runpod", "lambda"}) {
        const Reply refused = caller.turn(
            "/personalities",
            fmt::format(R"({{"vendor":"{}","on":[{{"name":"partial_page"}}]}})", vendor));
        EXPECT_EQ(refused.status, 422) << vendor << " has no pages";
    }
}

TEST_P(FakeCloudPersonality, UnknownStatusExtraFieldsAndMissingField) {
    const std::string id = caller_.must_create(vendor_);
    caller_.put_on(vendor_, Trouble::unknown_status);
    EXPECT_EQ(caller_.shown(vendor_, id).text("status"), "migrating");
    caller_.put_on(vendor_, Trouble::extra_fields);
    EXPECT_NE(caller_.shown(vendor_, id).find("experimental_lease"), nullptr);
    caller_.put_on(vendor_, Trouble::missing_field, -1, 0);
    EXPECT_EQ(caller_.shown(vendor_, id).find("status"), nullptr);
    caller_.put_on(vendor_, Trouble::missing_field, -1, 1);
    EXPECT_EQ(caller_.shown(vendor_, id).find("name"), nullptr);
    caller_.pass(1min);
    EXPECT_LT(caller_.destroy(vendor_, id).status, 300) << "still deletable";
}

TEST_P(FakeCloudPersonality, Delete204NoopDoesNothingSoOften) {
    const std::string id = caller_.must_create(vendor_);
    caller_.pass(1min);
    caller_.put_on(vendor_, Trouble::delete_204_noop, 2, 0);
    for (int i = 0; i < 2; ++i) {
        EXPECT_LT(caller_.destroy(vendor_, id).status, 300);
        caller_.pass(1min);
        EXPECT_EQ(caller_.listed(vendor_), std::vector{id});
    }
    EXPECT_LT(caller_.destroy(vendor_, id).status, 300);
    caller_.pass(1min);
    EXPECT_TRUE(caller_.listed(vendor_).empty());
    EXPECT_EQ(caller_.machine(id).delete_calls, 3);
}

TEST_P(FakeCloudPersonality, DeletesThatAreDoneButDoNotSaySo) {
    const std::string first = caller_.must_create(vendor_);
    const std::string second = caller_.must_create(vendor_, "ek-1a2b3c4d-second");
    caller_.pass(1min);
    caller_.put_on(vendor_, Trouble::delete_500_done);
    EXPECT_EQ(caller_.destroy(vendor_, first).status, 500);
    caller_.put_on(vendor_, Trouble::delete_lost);
    EXPECT_EQ(caller_.destroy(vendor_, second).delivery, Delivery::lost);
    caller_.pass(3s);
    EXPECT_EQ(caller_.live(vendor_), 0u);
}

TEST_P(FakeCloudPersonality, DeletesThatAreRefusedWhileItRunsOn) {
    const std::string id = caller_.must_create(vendor_);
    caller_.pass(1min);
    caller_.put_on(vendor_, Trouble::delete_404_existing);
    EXPECT_EQ(caller_.destroy(vendor_, id).status, 404);
    caller_.put_on(vendor_, Trouble::delete_locked, 1, 0);
    EXPECT_EQ(caller_.destroy(vendor_, id).status, vendor_ == Vendor::digitalocean ? 422 : 409);
    caller_.pass(1min);
    EXPECT_EQ(caller_.listed(vendor_), std::vector{id});
}

TEST_P(FakeCloudPersonality, StoppedIsThereAndBilledOn) {
    const std::string id = caller_.must_create(vendor_);
    caller_.put_on(vendor_, Trouble::stopped, 1, 120'000);
    caller_.pass(119s);
    EXPECT_NE(caller_.machine(id).phase(caller_.now), Phase::off);
    caller_.pass(1s);
    const std::string status{caller_.shown(vendor_, id).text("status")};
    EXPECT_TRUE(status == "off" || status == "EXITED" || status == "unhealthy") << status;
    const Money before = caller_.shop.world().cost(caller_.machine(id), caller_.now);
    caller_.pass(1h);
    EXPECT_GT(caller_.shop.world().cost(caller_.machine(id), caller_.now), before);
}

TEST_P(FakeCloudPersonality, HumanDeletesEndsItAndItsBill) {
    caller_.put_on(vendor_, Trouble::human_deletes, 1, 90'000);
    const std::string id = caller_.must_create(vendor_);
    const std::string spared = caller_.must_create(vendor_, "ek-1a2b3c4d-spared");
    caller_.pass(5min);
    EXPECT_EQ(caller_.listed(vendor_), std::vector{spared});
    EXPECT_EQ(caller_.machine(id).gone_how, "console");
    EXPECT_EQ(*caller_.machine(id).gone_at, caller_.machine(id).created + 90s);
}

TEST_P(FakeCloudPersonality, OrphanCarriesTheCallersMark) {
    caller_.put_on(vendor_, Trouble::orphan);
    EXPECT_EQ(caller_.live(vendor_), 0u) << "no mark is known yet";
    caller_.must_create(vendor_);
    ASSERT_EQ(caller_.live(vendor_), 2u);
    const auto live = caller_.shop.world().live(vendor_);
    EXPECT_EQ(live[1]->creator, Creator::orphan);
    EXPECT_TRUE(live[1]->name.starts_with("ek-1a2b3c4d-"));
    EXPECT_NE(live[1]->name, live[0]->name);
    EXPECT_EQ(live[1]->tags, live[0]->tags);
}

TEST_P(FakeCloudPersonality, ForeignMachinesLookAlikeAndAreWatched) {
    caller_.must_create(vendor_);
    caller_.put_on(vendor_, Trouble::foreign);
    std::vector<Machine*> strangers = caller_.shop.world().live(vendor_);
    std::erase_if(strangers, [](const Machine* m) { return m->creator != Creator::foreign; });
    ASSERT_EQ(strangers.size(), 3u);
    for (const Machine* const stranger : strangers) {
        EXPECT_FALSE(stranger->name.starts_with("ek-1a2b3c4d")) << stranger->name;
    }
    EXPECT_EQ(strangers[0]->name.size(), first_name.size());
    caller_.pass(1min);
    static_cast<void>(caller_.destroy(vendor_, strangers[0]->id));
    const Value summary = parsed(caller_.look("/summary").body);
    EXPECT_EQ(summary.find("foreign_made")->integer(), 3);
    EXPECT_EQ(summary.find("foreign_delete_calls")->integer(), 1);
}

TEST_P(FakeCloudPersonality, Storm429SaysHowLong) {
    caller_.put_on(vendor_, Trouble::storm_429, 2, 12);
    for (int i = 0; i < 2; ++i) {
        const Reply reply = caller_.create(vendor_);
        EXPECT_EQ(reply.status, 429);
        const bool told = std::ranges::any_of(reply.headers, [](const auto& header) {
            return (header.first == "Retry-After" || header.first == "retry-after") &&
                   header.second == "12";
        });
        EXPECT_TRUE(told);
    }
    EXPECT_EQ(caller_.live(vendor_), 0u);
    EXPECT_EQ(caller_.list(vendor_).status, 200);
}

TEST_P(FakeCloudPersonality, SlowHasItsEffectFirst) {
    caller_.put_on(vendor_, Trouble::slow, 1, 30'000);
    const Reply reply = caller_.create(vendor_);
    EXPECT_EQ(reply.delay, Micros{30s});
    EXPECT_EQ(caller_.live(vendor_), 1u);
}

TEST_P(FakeCloudPersonality, OutageDoesNothing) {
    caller_.put_on(vendor_, Trouble::outage);
    EXPECT_EQ(caller_.create(vendor_).delivery, Delivery::lost);
    EXPECT_EQ(caller_.list(vendor_).delivery, Delivery::lost);
    EXPECT_EQ(caller_.live(vendor_), 0u);
}

TEST_P(FakeCloudPersonality, FlappingFailsAboutSoManyCallsBeforeOrAfterTheirEffect) {
    caller_.put_on(vendor_, Trouble::flapping, -1, 50);
    int failed = 0;
    int failed_but_made = 0;
    std::size_t live = 0;
    for (int i = 0; i < 8; ++i) {
        const Reply reply = caller_.create(vendor_, fmt::format("ek-1a2b3c4d-{:04}", i));
        const bool made = caller_.live(vendor_) > live;
        live = caller_.live(vendor_);
        failed += reply.status == 500 ? 1 : 0;
        failed_but_made += reply.status == 500 && made ? 1 : 0;
        EXPECT_TRUE(reply.status == 500 || made);
    }
    for (int i = 0; i < 192; ++i) {
        failed += caller_.list(vendor_).status == 500 ? 1 : 0;
    }
    EXPECT_GT(failed, 70);
    EXPECT_LT(failed, 130);
    EXPECT_GT(failed_but_made, 0) << "seed " << caller_.shop.options().world.seed;
}

TEST_P(FakeCloudPersonality, AuthRevokedRefusesTheRightKey) {
    const std::string id = caller_.must_create(vendor_);
    caller_.put_on(vendor_, Trouble::auth_revoked);
    EXPECT_EQ(caller_.list(vendor_).status, 401);
    EXPECT_EQ(caller_.destroy(vendor_, id).status, 401);
    EXPECT_EQ(caller_.live(vendor_), 1u);
}

TEST_P(FakeCloudPersonality, RedirectLeadsToTheTrap) {
    caller_.shop.set_trap("http://127.0.0.1:9");
    caller_.put_on(vendor_, Trouble::redirect);
    const Reply reply = caller_.create(vendor_);
    EXPECT_EQ(reply.status, 307);
    ASSERT_FALSE(reply.headers.empty());
    EXPECT_EQ(reply.headers.front().second, "http://127.0.0.1:9/trap");
    EXPECT_EQ(caller_.live(vendor_), 0u);
    EXPECT_EQ(parsed(caller_.look("/summary").body).find("trapped_calls")->integer(), 0);
    static_cast<void>(caller_.look("/trap"));
    EXPECT_EQ(parsed(caller_.look("/summary").body).find("trapped_calls")->integer(), 1);
}

TEST_P(FakeCloudPersonality, BodiesThatKillClients) {
    for (const auto& [trouble, delivery] :
         {std::pair{Trouble::huge_body, Delivery::huge},
          std::pair{Trouble::gzip_bomb, Delivery::bomb},
          std::pair{Trouble::endless_body, Delivery::endless}}) {
        caller_.put_on(vendor_, trouble);
        EXPECT_EQ(caller_.list(vendor_).delivery, delivery) << kind_of(trouble).name;
        EXPECT_EQ(caller_.list(vendor_).delivery, Delivery::normal) << "it strikes once";
    }
}

TEST_P(FakeCloudPersonality, Html403IsNoJson) {
    caller_.put_on(vendor_, Trouble::html_403);
    const Reply reply = caller_.list(vendor_);
    EXPECT_EQ(reply.status, 403);
    EXPECT_EQ(reply.content_type, "text/html");
    EXPECT_FALSE(providers::exact_json::parse(reply.body));
}

TEST_P(FakeCloudPersonality, BillsThatDifferFromTheTrueCost) {
    const std::string id = caller_.must_create(vendor_);
    caller_.pass(1h);
    const World& world = caller_.shop.world();
    const Money cost = world.cost(caller_.machine(id), caller_.now);
    EXPECT_EQ(world.billed(caller_.machine(id), caller_.now), cost);
    caller_.put_on(vendor_, Trouble::bill_more, -1, 10);
    EXPECT_EQ(world.billed(caller_.machine(id), caller_.now).nanos(), cost.nanos() / 100 * 110);
    caller_.shop.world().personality(vendor_).take_off_all();
    caller_.put_on(vendor_, Trouble::bill_less, -1, 10);
    EXPECT_EQ(world.billed(caller_.machine(id), caller_.now).nanos(), cost.nanos() / 100 * 90);
    caller_.shop.world().personality(vendor_).take_off_all();
    caller_.pass(1s);
    caller_.put_on(vendor_, Trouble::bill_cents);
    EXPECT_EQ(world.billed(caller_.machine(id), caller_.now).nanos() % 10'000'000, 0);
}

TEST_P(FakeCloudPersonality, NodeTroublesGoWithTheMachine) {
    for (const Trouble trouble :
         {Trouble::engine_never_healthy,
          Trouble::wrong_model,
          Trouble::garbage_completion,
          Trouble::wrong_pin,
          Trouble::dies_mid_stream,
          Trouble::no_gpu}) {
        caller_.put_on(vendor_, trouble);
        const std::string id = caller_.must_create(vendor_, fmt::format("n-{}", to_text(vendor_)));
        EXPECT_TRUE(caller_.machine(id).has(trouble)) << kind_of(trouble).name;
        caller_.shop.world().personality(vendor_).take_off_all();
        const std::string next = caller_.must_create(vendor_, "after");
        EXPECT_FALSE(caller_.machine(next).has(trouble));
        caller_.pass(1min);
        static_cast<void>(caller_.destroy(vendor_, id));
        static_cast<void>(caller_.destroy(vendor_, next));
        caller_.pass(1min);
    }
}

TEST(FakeCloudPersonalities, TroublesCombine) {
    Caller caller;
    constexpr Vendor vendor = Vendor::runpod;
    caller.put_on(vendor, Trouble::create_500_after);
    caller.put_on(vendor, Trouble::list_lag, -1, 60'000);
    caller.put_on(vendor, Trouble::dearer, -1, 100);
    EXPECT_EQ(caller.create(vendor).status, 500);
    EXPECT_TRUE(caller.listed(vendor).empty());
    caller.pass(1min);
    ASSERT_EQ(caller.listed(vendor).size(), 1u);
    EXPECT_EQ(amount_text(caller.shop.world().live(vendor).front()->hourly), "7.98");
}

TEST(FakeCloudPersonalities, AreSeparateForEachVendor) {
    Caller caller;
    caller.put_on(Vendor::digitalocean, Trouble::outage);
    EXPECT_EQ(caller.list(Vendor::digitalocean).delivery, Delivery::lost);
    EXPECT_EQ(caller.list(Vendor::runpod).status, 200);
}

TEST(FakeCloudPersonalities, TheTableNamesEachOnce) {
    std::set<std::string_view> names;
    for (const TroubleKind& kind : trouble_kinds()) {
        EXPECT_TRUE(names.insert(kind.name).second) << kind.name;
        EXPECT_FALSE(kind.what.empty()) << kind.name;
        EXPECT_EQ(find_trouble(kind.name), kind.trouble);
    }
    EXPECT_EQ(names.size(), trouble_count);
}

}  // namespace
}  // namespace evenkeel::fakes::cloud::test
