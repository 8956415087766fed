#include "renting_scene.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

/// Money that is at stake when nobody looks (FAULTS F48, F102), and what must never be written down
/// (F106).
namespace evenkeel::integration {
namespace {

void want_none(const RentingScene& scene) {
    scene.edit("policy.yaml", "min: 1", "min: 0");
    ::kill(scene.daemon_pid(), SIGHUP);
}

/// Kills the daemon and makes its heartbeat look old, as if it had died some time ago.
void die_for_good(RentingScene& scene) {
    scene.kill_daemon();
    std::filesystem::last_write_time(
        scene.state() / "heartbeat", std::filesystem::file_time_type::clock::now() - 10min);
}

TEST(RentingMoney, F48_TheReaperEndsAtTheVendorWhatADeadAgentLeftBehind) {
    RentingScene scene{{.vendor = Vendor::runpod, .min = 1, .max = 1}};
    ASSERT_TRUE(scene.start_daemon());
    ASSERT_TRUE(eventually(15s, [&] { return scene.serves(); }));
    die_for_good(scene);
    scene.put_on(Trouble::orphan);
    scene.put_on(Trouble::foreign);
    ASSERT_EQ(scene.count_at_fake("live_with_our_mark"), 2);
    // One made just now would be left to an agent that starts; this one says no age.
    scene.put_on(Trouble::missing_field, -1, 2);
    const auto reaped = scene.tool({"reap", "--wait", "20s"});
    EXPECT_EQ(reaped.status, 0) << reaped.out << reaped.err;
    EXPECT_EQ(scene.count_at_fake("live_with_our_mark"), 1) << "its row's machine has its time";
    scene.take_off_all();
    scene.edit("policy.yaml", "min: 1", "min: 0");
    ASSERT_TRUE(scene.start_daemon());
    scene.expect_clean_end();
}

/// The reaper leaves a machine two minutes beyond its end, in case the agent does it.
TEST(NightlyRentingMoney, F48_TheReaperEndsAtTheirMarkedEndTheMachinesOfADeadAgent) {
    for (const Vendor vendor : {Vendor::runpod, Vendor::digitalocean}) {
        RentingScene scene{{.vendor = vendor, .min = 1, .max = 1}};
        scene.edit("policy.yaml", "max_life: 90s", "max_life: 5s");
        ASSERT_TRUE(scene.start_daemon());
        ASSERT_TRUE(eventually(15s, [&] { return scene.serves(); }));
        die_for_good(scene);
        EXPECT_TRUE(eventually(4min, [&] {
            static_cast<void>(scene.tool({"reap", "--wait", "20s"}));
            return scene.count_at_fake("live_with_our_mark") == 0;
        }));
        scene.edit("policy.yaml", "min: 1", "min: 0");
        ASSERT_TRUE(scene.start_daemon());
        scene.expect_clean_end();
    }
}

TEST(RentingMoney, F102_ABillThatDisagreesIsBookedAndAnAlarm) {
    RentingScene scene{{.vendor = Vendor::runpod, .min = 1, .max = 1}};
    scene.put_on(Trouble::bill_more, -1, 200);
    ASSERT_TRUE(scene.start_daemon());
    ASSERT_TRUE(eventually(15s, [&] { return scene.serves(); }));
    std::this_thread::sleep_for(1500ms);  // twice its cost must be more than two seconds of it
    want_none(scene);
    ASSERT_TRUE(eventually(30s, [&] { return scene.machines_gone(); }));
    EXPECT_EQ(scene.warnings().find("bills"), std::string::npos) << "it knows no bill yet";
    EXPECT_TRUE(eventually(60s, [&] { return scene.bills_agree(); })) << scene.books_text();
    EXPECT_TRUE(eventually(5s, [&] {
        return scene.warnings().find("runpod bills") != std::string::npos;
    })) << scene.warnings();
    const auto paid = scene.books();
    ASSERT_EQ(paid.size(), 1u);
    EXPECT_GT(paid.front().adjusted, paid.front().second * 2) << scene.books_text();
    EXPECT_EQ(scene.stop_daemon(), 0);
    EXPECT_EQ(scene.tool({"ledger", "verify"}).status, 0);
}

// ---- secrets ----------------------------------------------------------------------------------

/// What must not stand anywhere, and where it may be looked for.
struct Marked {
    const char* what;
    std::string text;
};

/// Adds every place of `where` in which one of `secrets` stands.
void search(
    const std::string& where,
    const std::string& text,
    const std::vector<Marked>& secrets,
    std::vector<std::string>& found) {
    for (const Marked& secret : secrets) {
        if (!secret.text.empty() && text.find(secret.text) != std::string::npos) {
            found.push_back(fmt::format("{} in {}", secret.what, where));
        }
    }
}

TEST(RentingMoney, F106_NoSecretAndNoPromptIsWrittenAnywhere) {
    RentingScene scene{{.vendor = Vendor::runpod, .min = 1, .max = 1}};
    ASSERT_TRUE(scene.start_daemon());
    ASSERT_TRUE(eventually(15s, [&] { return scene.serves(); }));
    const std::string prompt = "MARKED-PROMPT-5d1e77";
    std::vector<Marked> secrets{
        {"the vendor's key", std::string{FakeCloudProcess::token}},
        {"a client's key", scene.client_key()},
        {"a prompt", prompt},
        {"a private key", "PRIVATE KEY-----"},
        {"a private key in base64", "UFJJVkFURSBLRVkt"},
        {"an engine's key, by its name", "EVENKEEL_ENGINE_KEY"}};
    for (const auto& entry : std::filesystem::directory_iterator{scene.folder() / "fake"}) {
        if (entry.path().filename().string().starts_with("key-")) {
            secrets.push_back({"an engine's key", read_file(entry.path())});
        }
    }
    ASSERT_EQ(secrets.size(), 7u) << "the machine's own key must be known to be searched for";
    std::vector<std::jthread> clients;
    for (int i = 0; i < 12; ++i) {
        clients.emplace_back([&] { EXPECT_EQ(scene.chat(prompt, 512).status, 200); });
    }
    clients.clear();
    // Things also go wrong, because errors like to quote.
    scene.put_on(Trouble::auth_revoked, 3, 0);
    scene.put_on(Trouble::html_403, 1, 0);
    EXPECT_EQ(scene.chat(prompt + std::string(63, '\\')).status, 400) << "broken JSON";
    std::this_thread::sleep_for(1s);

    std::vector<std::string> found;
    const std::string process = fmt::format("/proc/{}/", scene.daemon_pid());
    for (const char* file : {"cmdline", "environ"}) {
        search(process + file, read_file(process + file), secrets, found);
    }
    for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
             {"status", "--json"},
             {"nodes", "--json"},
             {"report", "spend", "--json"},
             {"policy", "check"}}) {
        const auto printed = scene.tool(command);
        search("what `" + command.front() + "` prints", printed.out + printed.err, secrets, found);
    }
    EXPECT_EQ(scene.stop_daemon(), 0);
    int files = 0;
    std::vector<std::filesystem::path> places{scene.folder() / "daemon.log"};
    for (const auto& entry : std::filesystem::recursive_directory_iterator{scene.state()}) {
        if (entry.is_regular_file()) {
            places.push_back(entry.path());
        }
    }
    for (const std::filesystem::path& place : places) {
        const std::string text = read_file(place);
        files += text.empty() ? 0 : 1;
        search(place.string(), text, secrets, found);
    }
    EXPECT_GE(files, 2) << "at least ledger and log";
    std::string all;
    for (const std::string& hit : found) {
        all += hit + "\n";
    }
    EXPECT_EQ(all, "");
}

}  // namespace
}  // namespace evenkeel::integration
