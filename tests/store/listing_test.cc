#include "store/store_fixture.h"

namespace spillway::strict {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

class ListingTest : public StoreFixture {
 protected:
  ListingTest() {
    for (const char* key : {"a", "d/1", "d/2/x", "d/2/y", "e", "f/z"}) store_->PutForeign(key, key);
  }
  XmlNode List(const Pairs& query) {
    const RawAnswer answer = Ask("GET", "", "", {}, query);
    const auto root = ReadXml(answer.body);
    EXPECT_TRUE(root) << answer.raw;
    return root.value_or(XmlNode());
  }
  static std::vector<std::string> Names(const XmlNode& root) {
    std::vector<std::string> names;
    for (const XmlNode& node : root.children) {
      if (node.name == "Contents") names.push_back(node.ChildText("Key"));
      if (node.name == "CommonPrefixes") names.push_back(node.ChildText("Prefix"));
    }
    return names;
  }
  using Keys = std::vector<std::string>;
};

TEST_F(ListingTest, v2_inPages) {
  Keys all;
  std::string token;
  for (int pages = 0; pages < 10; ++pages) {
    Pairs query{{"list-type", "2"}, {"delimiter", "/"}, {"max-keys", "1"}};
    if (!token.empty()) query.emplace_back("continuation-token", token);
    const XmlNode root = List(query);
    for (const std::string& name : Names(root)) all.push_back(name);
    EXPECT_EQ(root.ChildText("KeyCount"), "1");
    token = root.ChildText("NextContinuationToken");
    if (root.ChildText("IsTruncated") == "false") break;
  }
  EXPECT_EQ(all, (Keys{"a", "d/", "e", "f/"}));
}

TEST_F(ListingTest, v2_prefixAndStart) {
  EXPECT_EQ(Names(List({{"list-type", "2"}, {"prefix", "d/"}, {"delimiter", "/"}})),
            (Keys{"d/1", "d/2/"}));
  EXPECT_EQ(Names(List({{"list-type", "2"}, {"prefix", "d/"}})), (Keys{"d/1", "d/2/x", "d/2/y"}));
  EXPECT_EQ(Names(List({{"list-type", "2"}, {"start-after", "d/2/x"}, {"delimiter", "/"}})),
            (Keys{"e", "d/", "f/"}));
}

TEST_F(ListingTest, v1_namesTheNextMarkerWithADelimiterOnly) {
  XmlNode root = List({{"max-keys", "2"}});
  EXPECT_EQ(root.ChildText("IsTruncated"), "true");
  EXPECT_EQ(root.Child("NextMarker"), nullptr);
  EXPECT_EQ(root.Child("KeyCount"), nullptr);
  root = List({{"max-keys", "2"}, {"delimiter", "/"}});
  EXPECT_EQ(root.ChildText("NextMarker"), "d/");
  EXPECT_EQ(Names(List({{"marker", "d/"}, {"delimiter", "/"}})), (Keys{"e", "f/"}));
}

TEST_F(ListingTest, v2_notSupported) {
  Profile profile;
  profile.list_v2 = Support::kIgnore;
  store_->SetProfile(profile);
  const XmlNode root = List({{"list-type", "2"}, {"max-keys", "2"}});
  EXPECT_EQ(root.ChildText("IsTruncated"), "true");
  EXPECT_EQ(root.Child("NextContinuationToken"), nullptr);
  profile.list_v2 = Support::kRefuse;
  store_->SetProfile(profile);
  EXPECT_EQ(Ask("GET", "", "", {}, {{"list-type", "2"}}).status, 501);
}

TEST_F(ListingTest, oddNames) {
  store_->Clear();
  store_->PutForeign("a\x01 &\xc3\xa4", "");
  EXPECT_EQ(Names(List({{"list-type", "2"}, {"encoding-type", "url"}})),
            (Keys{"a%01%20%26%C3%A4"}));
  EXPECT_NE(Ask("GET", "", "", {}, {{"list-type", "2"}}).body.find("a&#x01; &amp;\xc3\xa4"),
            std::string::npos);
}

TEST_F(ListingTest, argumentsThatAreNone) {
  for (const Pairs& query :
       {Pairs{{"max-keys", "-1"}}, Pairs{{"max-keys", "x"}}, Pairs{{"encoding-type", "x"}},
        Pairs{{"list-type", "2"}, {"continuation-token", "x"}}}) {
    EXPECT_EQ(Ask("GET", "", "", {}, query).Code(), "InvalidArgument");
  }
  EXPECT_EQ(Names(List({{"max-keys", "0"}})), Keys());
}

}  // namespace
}  // namespace spillway::strict
