#include "agent/admin/admin.hpp"
#include "agent/web/json_answer.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace evenkeel::agent {
namespace {

TEST(AdminRights, RootAndTheAgentsOwnUserChangeThings) {
    EXPECT_TRUE(may_change(0, 1000));
    EXPECT_TRUE(may_change(1000, 1000));
    EXPECT_FALSE(may_change(1001, 1000)) << "its group reads, and no more";
    EXPECT_FALSE(may_change(1000, 0)) << "an agent run by root";
}

TEST(AdminErrors, CarryACodeForPrograms) {
    const auto root = boost::json::parse(error_json({Errc::refused, "not ours"}));
    EXPECT_EQ(root.at("error").at("code").as_string(), "refused");
    EXPECT_EQ(root.at("error").at("message").as_string(), "not ours");
    EXPECT_EQ(status_of(Errc::refused), 403);
    EXPECT_EQ(status_of(Errc::not_found), 404);
    EXPECT_EQ(status_of(Errc::conflict), 409);
    EXPECT_EQ(status_of(Errc::io_failed), 500);
}

}  // namespace
}  // namespace evenkeel::agent
