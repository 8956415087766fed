#include "agent/cli/doctor.hpp"

#include "agent/cli/daemon_client.hpp"
#include "agent/cli/doctor_look.hpp"
#include "agent/cli/doctor_rules.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/json_fields.hpp"
#include "agent/cli/local_gpus.hpp"
#include "agent/cli/reap_look.hpp"
#include "agent/cli/spending.hpp"
#include "agent/cli/text.hpp"
#include "agent/config/reading.hpp"
#include "agent/control/state_files.hpp"
#include "agent/doctor/running.hpp"
#include "agent/ledger/ledger.hpp"
#include "agent/ledger/schema.hpp"
#include "agent/service/clock.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iostream>
#include <sys/stat.h>

namespace evenkeel::cli {

namespace json = boost::json;

namespace {

/// Everything is looked at once, then told.
class Doctor {
public:
    explicit Doctor(const Globals& globals) : globals_{globals}, now_{clock_.read().utc} {}

    Result<void> look() {
        const auto status = ask(globals_, "/api/status");
        if (!status && status.error().code != Errc::unavailable) {
            return std::unexpected{status.error()};
        }
        if (status) {
            status_ = json::parse(*status).as_object();
        }
        look_at_agent();
        look_at_ledger();
        add(clock_finding(evenkeel::doctor::look_at_clock()));
        auto reading = agent::read_configuration(globals_.config, now_);
        if (!reading) {
            broken_ = true;
            add(
                {.level = Level::fail,
                 .check = "policy",
                 .text = reading.error().message,
                 .run = {"evenkeel init"}});
        } else if (!reading->loaded) {
            broken_ = true;
            add(configuration_findings(reading->files, reading->loaded.error()));
        } else {
            add(configuration_findings(reading->files, reading->loaded->warnings));
            config_ = std::move(reading->loaded->config);
        }
        look_at_money();
        look_at_host();
        return {};
    }

    [[nodiscard]] const Findings& findings() const noexcept { return findings_; }
    [[nodiscard]] bool agent_runs() const noexcept { return status_.has_value(); }
    [[nodiscard]] bool broken() const noexcept { return broken_; }
    [[nodiscard]] const std::vector<SecretFacts>& secrets() const noexcept { return secrets_; }

private:
    void add(Finding finding) { findings_.push_back(std::move(finding)); }
    void add(Findings more) { std::ranges::move(more, std::back_inserter(findings_)); }

    void look_at_agent() {
        if (!status_) {
            add(
                {.level = Level::warn,
                 .check = "agent",
                 .text = "not running: what follows is from the ledger, the files and the "
                         "providers",
                 .run = {"systemctl start evenkeel"}});
            if (const auto freeze = agent::read_freeze(globals_.state)) {
                add(
                    {.level = Level::warn,
                     .check = "frozen",
                     .text = fmt::format(
                         "spending is frozen by {}{}{}",
                         freeze->by.empty() ? "somebody" : freeze->by,
                         freeze->reason.empty() ? "" : ": ",
                         freeze->reason),
                     .run = {"evenkeel thaw"}});
            }
            return;
        }
        add(evenkeel::doctor::agent_finding(*status_));
    }

    void look_at_ledger() {
        LedgerFacts facts{
            .path = (globals_.state / ledger::ledger_file).string(),
            .schema_newest = ledger::newest_schema(),
            .agent_runs = agent_runs()};
        auto reader = ledger::Reader::open(globals_.state);
        if (reader) {
            facts.summary = reader->summary();
            facts.verified = reader->verify();
        } else {
            facts.summary = std::unexpected{reader.error()};
        }
        add(ledger_findings(facts, now_));
    }

    void look_at_money() {
        json::object prices{{"prices", json::array{}}};
        if (const auto document = prices_document(globals_)) {
            prices = json::parse(document->text).as_object();
            add(price_findings(prices));
        }
        if (status_) {
            add(evenkeel::doctor::account_findings(*status_, prices));
            if (const auto nodes = nodes_document(globals_)) {
                add(node_findings(json::parse(nodes->text).as_object()));
            }
            add(evenkeel::doctor::warning_findings(*status_, findings_));
            return;
        }
        if (!config_) {
            return;
        }
        const auto books = read_reap_books(globals_);
        const std::string mark = "ek-" + (books ? books->agent_id : std::string{});
        const auto rentals = make_rentals(globals_, *config_, mark, clock_);
        for (const AccountFacts& account : look_at_accounts(rentals, *config_)) {
            add(account_finding(account, prices));
        }
        if (!books) {
            return;  // nothing was ever rented from here, or the ledger's own line says why not
        }
        const reap::Rules rules{
            .owner_mark = mark,
            .agent = state_of_agent(globals_, now_),
            .dry_run = true,
            .proof_gap = config_->safety.proof_gap,
            .grace = config_->safety.orphan_grace,
            .unknown = config_->safety.unknown_machine};
        add(machine_findings(look_at_machines(rentals, *config_, *books, rules, clock_, nullptr)));
        if (const auto nodes = nodes_document(globals_)) {
            // Its good word is the ledger's alone, which knows of no machine that is not in it.
            Findings found = node_findings(json::parse(nodes->text).as_object());
            std::erase_if(found, [](const Finding& one) { return one.level == Level::ok; });
            add(std::move(found));
        }
    }

    void look_at_host() {
        const auto disk = evenkeel::doctor::look_at_disk(globals_.state);
        if (disk) {
            add(disk_finding(*disk));
        } else if (disk.error().code != Errc::not_found) {
            add({.level = Level::fail, .check = "disk", .text = disk.error().message});
        }
        const LocalGpus gpus = look_at_gpus();
        add(gpu_findings(
            gpus.facts,
            gpus.without,
            config_ ? evenkeel::doctor::configured_gpus(*config_) : std::vector<int>{}));
        if (!config_) {
            return;
        }
        secrets_ = look_at_secrets(globals_, *config_);
        std::vector<SecretFacts> untold = secrets_;
        std::erase_if(untold, [this](const SecretFacts& secret) {
            return secret.error && std::ranges::any_of(findings_, [&](const Finding& finding) {
                       return finding.text.contains(secret.error->message);
                   });
        });
        add(secret_findings(untold));
        const auto files =
            evenkeel::doctor::look_at_open_files(status_ ? number_field(*status_, "pid") : 0);
        add(files
                ? descriptor_finding(
                      files->limit, files->open, config_->limits.connections, agent_runs())
                : Finding{
                      .level = Level::warn, .check = "open files", .text = files.error().message});
        if (!status_) {
            add(engine_findings(look_at_engines(*config_)));
            return;
        }
        if (std::ranges::any_of(config_->providers, [](const config::Provider& provider) {
                return !provider.start.command.empty();
            })) {
            add(engine_memory_finding(
                evenkeel::doctor::look_at_memory_limit(number_field(*status_, "pid"))));
        }
        add(evenkeel::doctor::own_engine_findings(*status_));
    }

    const Globals& globals_;
    agent::SystemClock clock_{};
    UtcTime now_;
    std::optional<json::object> status_{};
    std::optional<config::Config> config_{};
    bool broken_{false};
    std::vector<SecretFacts> secrets_{};
    Findings findings_{};
};

/// Does what cannot do harm: takes rights away from others, and asks for prices.
std::vector<std::string> mend(const Globals& globals, const Doctor& doctor) {
    std::vector<std::string> done;
    for (const SecretFacts& secret : doctor.secrets()) {
        const unsigned mode = secret.mode & 0777U & secret.mode_max;
        if (secret.error || mode == (secret.mode & 0777U)) {
            continue;
        }
        if (::chmod(secret.path.c_str(), mode) == 0) {
            done.push_back(fmt::format("chmod {:04o} {}", mode, secret.path));
        } else {
            std::cerr << fmt::format(
                "evenkeel: chmod {:04o} {}: {}\n", mode, secret.path, std::strerror(errno));
        }
    }
    const bool stale = std::ranges::any_of(doctor.findings(), [](const Finding& finding) {
        return finding.check == "price age" && finding.level != Level::ok;
    });
    if (stale && doctor.agent_runs()) {
        const std::string all = json::serialize(json::object{{"provider", ""}});
        const auto asked = tell(globals, "/api/prices/refresh", all, std::chrono::seconds{100});
        if (asked) {
            done.emplace_back("evenkeel prices refresh");
        } else {
            report(asked.error());
        }
    }
    return done;
}

}  // namespace

int doctor(const Globals& globals, const DoctorArguments& arguments) {
    Doctor first{globals};
    if (const auto looked = first.look(); !looked) {
        return report(looked.error());
    }
    const std::vector<std::string> mended =
        arguments.fix ? mend(globals, first) : std::vector<std::string>{};
    Doctor again{globals};
    if (!mended.empty()) {
        if (const auto looked = again.look(); !looked) {
            return report(looked.error());
        }
    }
    const Doctor& last = mended.empty() ? first : again;
    if (globals.json) {
        std::cout << doctor_json(last.findings(), mended, !last.agent_runs()) << '\n';
    } else {
        for (const std::string& one : mended) {
            std::cout << "mended: " << one << '\n';
        }
        std::cout << doctor_text(last.findings(), globals.quiet);
    }
    const Tally sum = tally(last.findings());
    return sum.hazard         ? Exit::money_hazard
           : last.broken()    ? Exit::configuration
           : sum.failures > 0 ? Exit::failed
                              : Exit::done;
}

}  // namespace evenkeel::cli
