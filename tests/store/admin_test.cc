#include <nlohmann/json.hpp>

#include "store/store_fixture.h"

namespace spillway::strict {
namespace {

using nlohmann::json;

class AdminTest : public StoreFixture {
 protected:
  RawAnswer Call(const std::string& method, const std::string& what, const std::string& body = "") {
    return SendRaw(store_->port(),
                   fmt::format("{} /-/{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                               "Content-Length: {}\r\n\r\n{}",
                               method, what, body.size(), body));
  }
  json Read(const std::string& what) { return json::parse(Call("GET", what).body); }
};

TEST_F(AdminTest, rules) {
  EXPECT_EQ(Call("POST", "rules",
                 R"([{"call":"GetObject","deformation":"error_code","name":"SlowDown","count":2},
                     {"deformation":"effect_later","ms":5,"status":503,"effect":false}])")
                .status,
            200);
  ASSERT_EQ(store_->Rules().size(), 2u);
  EXPECT_EQ(store_->Rules()[0].call, S3Call::kGetObject);
  EXPECT_EQ(Read("rules")[1]["call"], "any");
  for (const char* body :
       {"", "{}", "[1]", R"({"deformation":"none"})", R"({"deformation":"status","status":"x"})",
        R"({"deformation":"status","colour":1})"}) {
    EXPECT_EQ(Call("POST", "rules", body).status, 400) << body;
  }
  EXPECT_EQ(Call("DELETE", "rules").status, 200);
  EXPECT_TRUE(store_->Rules().empty());
}

TEST_F(AdminTest, objectsAndRequests) {
  EXPECT_EQ(Call("POST", "objects?key=a%20b", "data").status, 200);
  EXPECT_EQ(Call("POST", "objects?key=big&synthetic=6442450944&seed=3").status, 200);
  const json objects = Read("objects");
  EXPECT_EQ(objects[0]["key"], "a b");
  EXPECT_EQ(objects[1]["size"], 6442450944);
  Ask("GET", "a b", "", {{"if-match", "\"x\""}});
  const json requests = Read("requests");
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0]["call"], "GetObject");
  EXPECT_EQ(requests[0]["status"], 412);
  EXPECT_EQ(requests[0]["headers"]["if-match"], "\"x\"");
  EXPECT_TRUE(Read("requests?after=1").empty());
  EXPECT_EQ(Read("counters")["calls"]["GetObject"], 1);
  EXPECT_EQ(Call("DELETE", "objects?key=big").status, 200);
  EXPECT_EQ(Call("DELETE", "objects?key=big").status, 404);
  EXPECT_EQ(Call("POST", "clear").status, 200);
  EXPECT_TRUE(Read("objects").empty());
}

TEST_F(AdminTest, profileAndSettings) {
  EXPECT_EQ(Call("POST", "profile", R"({"list_v2":"refuse","range":false})").status, 200);
  EXPECT_EQ(store_->options().profile.list_v2, Support::kRefuse);
  EXPECT_EQ(Read("profile")["range"], "ignore");
  EXPECT_EQ(Call("POST", "profile", R"({"list_v3":"refuse"})").status, 400);
  EXPECT_EQ(Call("POST", "settings", R"({"delay_ms":{"CopyObject":40000},"requests_per_second":7})")
                .status,
            200);
  EXPECT_EQ(store_->options().delay_ms.at(S3Call::kCopyObject), 40'000);
  EXPECT_EQ(Call("POST", "settings", R"({"delay_ms":{"Copy":1}})").status, 400);
  EXPECT_EQ(Call("POST", "advance?ms=1").status, 200);
  EXPECT_EQ(Call("GET", "none").status, 404);
  EXPECT_EQ(Read("tables")["calls"].size(), AllCalls().size());
}

}  // namespace
}  // namespace spillway::strict
