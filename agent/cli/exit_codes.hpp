#pragma once

/// Exit statuses of every command; documented in evenkeel(1).
namespace evenkeel::cli {

enum Exit : int {
    done = 0,
    failed = 1,
    usage = 2,
    daemon_down = 3,      ///< as LSB and systemctl
    refused = 4,          ///< by a budget or the policy
    provider_failed = 5,  ///< provider or network
    money_hazard = 6,     ///< an unknown, overdue or undestroyable machine
    changes_pending = 10,
    configuration = 78,  ///< sysexits EX_CONFIG; also the daemon's
};

}  // namespace evenkeel::cli
