#include "master/cluster/listing_cache.h"

#include <gtest/gtest.h>

#include "master/state/keys.h"

namespace spillway {
namespace {

const InodeId kFolder(7);
const InodeId kFile(100);

class ListingCacheTest : public testing::Test {
 protected:
  ListingCacheTest() { Remember(); }
  void Remember() {
    cache_.Keep(kFolder, cache_.Watch(kFolder, "/d", {kFile, InodeId(101)}), "listing");
  }
  bool Known() { return cache_.Find(kFolder, "/d").has_value(); }
  ListingCache cache_{1000};
};

TEST_F(ListingCacheTest, keptListing_isFoundByItsFolderAtItsPath) {
  EXPECT_EQ(cache_.Find(kFolder, "/d")->view(), "listing");
  EXPECT_FALSE(cache_.Find(kFolder, "/moved"));
  EXPECT_FALSE(cache_.Find(InodeId(8), "/d"));
}

TEST_F(ListingCacheTest, changeOfAnEntryOrOfTheFolder_dropsIt) {
  const StateBatch changes[] = {{{keys::InodeKey(kFile), "record"}},
                                {{keys::InodeKey(kFile), std::nullopt}},
                                {{keys::InodeKey(kFolder), "record"}},
                                {{keys::ChildKey(kFolder, "new"), "id"}},
                                {{keys::ChildKey(kFolder, "old"), std::nullopt}},
                                {{keys::MountKey(MountId(2)), "mount"}}};
  for (const StateBatch& batch : changes) {
    Remember();
    ASSERT_TRUE(Known());
    cache_.NoteChanges(batch);
    EXPECT_FALSE(Known()) << batch.begin()->first;
  }
  Remember();
  cache_.NoteChange(InodeId(101));
  EXPECT_FALSE(Known());
}

TEST_F(ListingCacheTest, otherChanges_leaveIt) {
  cache_.NoteChanges({{keys::kCluster, "c"},
                      {keys::InodeKey(InodeId(102)), "record"},
                      {keys::ChildKey(InodeId(8), "x"), "id"},
                      {keys::OperationKey(7), "op"}});
  cache_.NoteChange(InodeId(102));
  EXPECT_TRUE(Known());
}

TEST_F(ListingCacheTest, listingThatChangedWhileItWasSent_isNotKept) {
  const uint64_t ticket = cache_.Watch(kFolder, "/d", {kFile});
  cache_.NoteChange(kFile);
  cache_.Keep(kFolder, ticket, "old");
  EXPECT_FALSE(Known());
  const uint64_t first = cache_.Watch(kFolder, "/d", {kFile});
  const uint64_t second = cache_.Watch(kFolder, "/d", {kFile});
  cache_.Keep(kFolder, first, "old");
  EXPECT_FALSE(Known());
  cache_.Keep(kFolder, second, "new");
  EXPECT_EQ(cache_.Find(kFolder, "/d")->view(), "new");
}

TEST_F(ListingCacheTest, whatWasNotAskedForTheLongest_goesFirst) {
  const std::string large(400, 'x');
  cache_.Keep(InodeId(1), cache_.Watch(InodeId(1), "/1", {}), large);
  cache_.Keep(InodeId(2), cache_.Watch(InodeId(2), "/2", {}), large);
  EXPECT_TRUE(cache_.Find(InodeId(1), "/1"));
  cache_.Keep(InodeId(3), cache_.Watch(InodeId(3), "/3", {}), large);
  EXPECT_FALSE(Known());
  EXPECT_TRUE(cache_.Find(InodeId(1), "/1"));
  EXPECT_FALSE(cache_.Find(InodeId(2), "/2"));
  cache_.Keep(InodeId(4), cache_.Watch(InodeId(4), "/4", {}), std::string(2000, 'x'));
  EXPECT_FALSE(cache_.Find(InodeId(4), "/4"));
}

}  // namespace
}  // namespace spillway
