#pragma once

#include "agent/config/apply_request.hpp"
#include "agent/control/control.hpp"
#include "agent/control/view.hpp"
#include "agent/ledger/ledger.hpp"
#include "agent/ledger/zone.hpp"
#include "inference/gateway/gateway.hpp"

#include <filesystem>
#include <functional>
#include <string>

namespace evenkeel::agent {

struct AdminOptions {
    std::string listen{"127.0.0.1:8081"};  ///< reading only
    std::filesystem::path socket{};        ///< control socket: reading and writing
    std::filesystem::path state{};
    std::filesystem::path config{};  ///< the folder of the configuration's files
    ledger::Zone zone{};
    /// Where agent/web lies, for who works on the page; empty: what is embedded.
    std::filesystem::path page_folder{};
};

/// The running agent, as its admin listener sees it.
struct AdminParts {
    Control& control;
    ledger::Ledger& ledger;
    inference::Gateway& gateway;
    const Board& board;
    const Clock& clock;
    /// Reloads the configuration; the answer is the revision, or what is wrong with the files. Any
    /// thread.
    std::function<Result<std::int64_t>(const ApplyRequest&)> reload;
};

}  // namespace evenkeel::agent
