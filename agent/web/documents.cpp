#include "agent/web/documents.hpp"

#include "agent/report/keys.hpp"

#include <array>
#include <utility>

namespace evenkeel::web {

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
        Document{"policy/draft", {}, policy_draft_document},
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

}  // namespace evenkeel::web
