#include "rpc/auth.h"

#include <gtest/gtest.h>

namespace spillway {
namespace {

std::string Plain(const std::string& as, const std::string& user, const std::string& password) {
  return as + '\0' + user + '\0' + password;
}

class AuthTest : public testing::Test {
 protected:
  AuthTest() {
    EXPECT_TRUE(
        config_.Set("alluxio.master.security.impersonation.hive.users", "ann, bob", "test").ok());
    EXPECT_TRUE(
        config_.Set("alluxio.master.security.impersonation.yarn.groups", "root", "test").ok());
    EXPECT_TRUE(config_.Set("alluxio.master.security.impersonation.livy.users", "*", "test").ok());
  }
  StatusCode Login(const std::string& plain) {
    Authenticator authenticator(&config_);
    const Status status = authenticator.Login("channel", plain);
    if (!status.ok()) return status.code();
    const auto caller = authenticator.Authenticate("channel", "/service/method");
    user_ = caller.ok() ? caller->user : "";
    return caller.status().code();
  }
  Configuration config_;
  std::string user_;
};

TEST_F(AuthTest, aUserIsWhoHeSays) {
  EXPECT_EQ(Login(Plain("", "eve", "noPassword")), StatusCode::kOk);
  EXPECT_EQ(user_, "eve");
  EXPECT_EQ(Login(Plain("eve", "eve", "noPassword")), StatusCode::kOk);
}

TEST_F(AuthTest, impersonation_byUserByGroupAndOfAnybody) {
  EXPECT_EQ(Login(Plain("ann", "hive", "noPassword")), StatusCode::kOk);
  EXPECT_EQ(user_, "ann");
  EXPECT_EQ(Login(Plain("bob", "hive", "noPassword")), StatusCode::kOk);
  EXPECT_EQ(Login(Plain("root", "yarn", "noPassword")), StatusCode::kOk) << "of group root";
  EXPECT_EQ(Login(Plain("whoever", "livy", "noPassword")), StatusCode::kOk);
  EXPECT_EQ(user_, "whoever");
}

TEST_F(AuthTest, impersonation_isRefusedOtherwise) {
  EXPECT_EQ(Login(Plain("eve", "hive", "noPassword")), StatusCode::kUnauthenticated);
  EXPECT_EQ(Login(Plain("ann", "yarn", "noPassword")), StatusCode::kUnauthenticated);
  EXPECT_EQ(Login(Plain("root", "eve", "noPassword")), StatusCode::kUnauthenticated);
  EXPECT_EQ(Login(Plain("hive", "ann", "noPassword")), StatusCode::kUnauthenticated);
}

TEST_F(AuthTest, badInput) {
  EXPECT_EQ(Login(""), StatusCode::kUnauthenticated);
  EXPECT_EQ(Login(Plain("", "", "noPassword")), StatusCode::kUnauthenticated);
  EXPECT_EQ(Login(Plain("", "eve", "")), StatusCode::kUnauthenticated);
  EXPECT_EQ(Login(Plain("", "eve", "a") + '\0'), StatusCode::kUnauthenticated);
}

TEST_F(AuthTest, channelsAreKeptApart) {
  Authenticator authenticator(&config_);
  ASSERT_TRUE(authenticator.Login("one", Plain("", "ann", "p")).ok());
  EXPECT_EQ(authenticator.Login("one", Plain("", "bob", "p")).code(), StatusCode::kUnauthenticated);
  EXPECT_EQ(authenticator.Authenticate("two", "/m").status().code(), StatusCode::kUnauthenticated);
  EXPECT_EQ(authenticator.Authenticate("", "/m").status().code(), StatusCode::kUnauthenticated);
  authenticator.Logout("one");
  EXPECT_EQ(authenticator.Authenticate("one", "/m").status().code(), StatusCode::kUnauthenticated);
}

TEST_F(AuthTest, nosasl_nobodyIsAsked) {
  EXPECT_TRUE(config_.Set("alluxio.security.authentication.type", "NOSASL", "test").ok());
  Authenticator authenticator(&config_);
  EXPECT_EQ(authenticator.Authenticate("", "/m")->user, "");
}

}  // namespace
}  // namespace spillway
