#include "agent/web/documents.hpp"

#include "agent/config/policy_text.hpp"
#include "agent/ledger/sha256.hpp"
#include "agent/report/keys.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace evenkeel::web {

namespace json = boost::json;

Result<ledger::Reader> Desk::reader() const {
    auto opened = ledger::Reader::open(state);
    if (opened && give_up) {
        opened->give_up_when(give_up);
    }
    return opened;
}

std::span<const Document> documents() noexcept {
    static const std::array all{
        Document{"machines", {"since"}, machines_document},
        Document{"routing", {"since"}, routing_document},
        Document{"gpus", {"since"}, gpus_document},
        Document{"keys", {}, keys_document},
        Document{"policy", {"no"}, policy_document},
        Document{"health", {}, health_document},
        Document{"spend", {"since", "until", "by"}, spend_document},
        Document{"spend-days", {"since", "until", "by"}, spend_days_document},
        Document{"hours", {"since", "until"}, hours_document},
        Document{"savings", {"since", "until"}, savings_document},
        Document{"idle", {"since", "until"}, idle_document},
        Document{"forecast", {}, forecast_document},
        Document{
            "ledger",
            {"since", "until", "account", "kind", "ref", "before", "limit"},
            ledger_document},
        Document{"reconcile", {"month", "provider"}, reconcile_document},
        Document{"ledger/verify", {}, verify_document},
        Document{
            "breakeven",
            {"machine", "use", "price", "residual", "in_mtok", "out_mtok"},
            breakeven_document},
    };
    return all;
}

Result<std::string> keys_document(const Desk& desk, const Query&) {
    auto reader = desk.reader();
    if (!reader) {
        return std::unexpected{reader.error()};
    }
    const auto uses = report::key_uses(*reader, desk.now);
    if (!uses) {
        return std::unexpected{uses.error()};
    }
    return report::keys_json(*uses);
}

namespace {

/// The files of one policy, or why its text cannot be taken apart.
json::array files_of(const ledger::PolicyRow& row) {
    json::array files;
    const auto parts = agent::split_policy(row.text);
    if (!parts) {
        files.emplace_back(json::object{{"name", "policy"}, {"text", row.text}});
        return files;
    }
    for (const config::SourceFile& file : *parts) {
        files.emplace_back(json::object{{"name", file.path}, {"text", file.text}});
    }
    return files;
}

}  // namespace

Result<std::string> policy_document(const Desk& desk, const Query& query) {
    const auto no = query.number("no", 0, 1'000'000'000'000);
    if (!no) {
        return std::unexpected{no.error()};
    }
    auto reader = desk.reader();
    if (!reader) {
        return std::unexpected{reader.error()};
    }
    const auto shown = reader->policy(*no);
    if (!shown) {
        return std::unexpected{shown.error()};
    }
    const auto rows = reader->policies(policies_max);
    if (!rows) {
        return std::unexpected{rows.error()};
    }
    json::array versions;
    for (const ledger::PolicyRow& row : *rows) {
        versions.emplace_back(json::object{
            {"no", row.no},
            {"at_us", to_us(row.at)},
            {"author", row.author},
            {"sha256", ledger::to_hex(row.sha256)}});
    }
    json::array previous;
    if (shown->no > 1) {
        const auto before = reader->policy(shown->no - 1);
        if (before) {
            previous = files_of(*before);
        } else if (before.error().code != Errc::not_found) {
            return std::unexpected{before.error()};
        }
    }
    return json::serialize(json::object{
        {"schema", "evenkeel.policy-history/1"},
        {"running", desk.view->policy_revision},
        {"no", shown->no},
        {"versions", std::move(versions)},
        {"versions_max", policies_max},
        {"files", files_of(*shown)},
        {"previous", std::move(previous)}});
}

}  // namespace evenkeel::web
