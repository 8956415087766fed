#include "agent/cli/dashboard.hpp"

#include "agent/cli/daemon_client.hpp"
#include "agent/cli/json_fields.hpp"

#include <boost/json/object.hpp>
#include <fmt/format.h>

namespace evenkeel::cli {

int dashboard_login(const Globals& globals) {
    const auto answer = tell(globals, "/api/dashboard/login", "{}");
    if (!answer) {
        return report(answer.error());
    }
    return show(globals, *answer, render(*answer, [](const boost::json::object& root) {
                    return fmt::format(
                        "{}\ngood once, for {} minutes, on the page at http://{}/\n",
                        text_field(root, "token"),
                        number_field(root, "minutes"),
                        text_field(root, "address"));
                }));
}

}  // namespace evenkeel::cli
