#include "master/state/acl.h"

#include <gtest/gtest.h>

namespace spillway {
namespace {

constexpr int kR = 4, kW = 2, kX = 1;

state::Inode Inode(uint32_t mode, bool directory = false) {
  state::Inode inode;
  inode.set_owner("ann");
  inode.set_group("staff");
  inode.set_mode(mode);
  inode.set_is_directory(directory);
  return inode;
}

AclEntry User(const std::string& name, int bits) { return {AclEntryType::kNamedUser, name, bits}; }
AclEntry Group(const std::string& name, int bits) {
  return {AclEntryType::kNamedGroup, name, bits};
}

TEST(AclTest, withoutEntries_theModeDecides) {
  const auto inode = Inode(0640);
  EXPECT_TRUE(AclAllows(inode, "ann", {}, kR | kW));
  EXPECT_TRUE(AclAllows(inode, "bob", {"users", "staff"}, kR));
  EXPECT_FALSE(AclAllows(inode, "bob", {"staff"}, kW));
  EXPECT_FALSE(AclAllows(inode, "bob", {"users"}, kR));
}

TEST(AclTest, namedEntries_goBeforeOthersAndAreMasked) {
  auto inode = Inode(0600);
  ASSERT_TRUE(ChangeAcl(AclAction::kModify, {User("bob", kR | kW), Group("ops", kR)}, &inode).ok());
  EXPECT_TRUE(AclAllows(inode, "bob", {}, kR | kW));
  EXPECT_TRUE(AclAllows(inode, "eve", {"ops"}, kR));
  EXPECT_FALSE(AclAllows(inode, "eve", {"ops"}, kW));
  EXPECT_FALSE(AclAllows(inode, "eve", {}, kR));
  ASSERT_TRUE(ChangeAcl(AclAction::kModify, {{AclEntryType::kMask, "", kR}}, &inode).ok());
  EXPECT_FALSE(AclAllows(inode, "bob", {}, kW)) << "masked";
  EXPECT_TRUE(AclAllows(inode, "ann", {}, kW)) << "the owner is not";
}

TEST(AclTest, aMemberOfSeveralGroups_hasTheSumOfTheirRights) {
  auto inode = Inode(0640);
  ASSERT_TRUE(ChangeAcl(AclAction::kModify, {Group("ops", kW)}, &inode).ok());
  EXPECT_TRUE(AclAllows(inode, "eve", {"staff", "ops"}, kR | kW));
}

TEST(AclTest, removedEntries_takeTheMaskWithThem) {
  auto inode = Inode(0640);
  ASSERT_TRUE(ChangeAcl(AclAction::kModify, {User("bob", 7), Group("ops", kR)}, &inode).ok());
  ASSERT_TRUE(ChangeAcl(AclAction::kRemove, {User("bob", 0)}, &inode).ok());
  const std::vector<AclEntry> left{Group("ops", kR), {AclEntryType::kMask, "", kR}};
  EXPECT_EQ(AclOf(inode), left);
  ASSERT_TRUE(ChangeAcl(AclAction::kRemove, {Group("ops", 0)}, &inode).ok());
  EXPECT_TRUE(AclOf(inode).empty());
  EXPECT_EQ(inode.mode(), 0640U);
}

TEST(AclTest, aFullList_needsTheThreeBaseEntries) {
  auto inode = Inode(0640);
  EXPECT_FALSE(ChangeAcl(AclAction::kReplace, {User("bob", 7)}, &inode).ok());
  const std::vector<AclEntry> all{{AclEntryType::kOwner, "", 7},
                                  {AclEntryType::kOwningGroup, "", 5},
                                  {AclEntryType::kOther, "", 0}};
  ASSERT_TRUE(ChangeAcl(AclAction::kReplace, all, &inode).ok());
  EXPECT_EQ(inode.mode(), 0750U);
  EXPECT_TRUE(AclOf(inode).empty());
  EXPECT_FALSE(ChangeAcl(AclAction::kModify, {User("", 7)}, &inode).ok());
}

TEST(AclTest, defaults_areWhatChildrenBeginWith) {
  auto folder = Inode(0755, true);
  AclEntry bob = User("bob", 7);
  bob.is_default = true;
  ASSERT_TRUE(ChangeAcl(AclAction::kModify, {bob}, &folder).ok());
  EXPECT_FALSE(AclAllows(folder, "bob", {}, kW)) << "the directory itself is as it was";
  auto file = Inode(0644);
  InheritAcl(folder, &file);
  EXPECT_TRUE(AclAllows(file, "bob", {}, kR));
  EXPECT_FALSE(AclAllows(file, "bob", {}, kW)) << "not more than its creator asked for";
  EXPECT_TRUE(DefaultAclOf(file).empty());
  auto child = Inode(0777, true);
  InheritAcl(folder, &child);
  EXPECT_EQ(DefaultAclOf(child), DefaultAclOf(folder));
  EXPECT_FALSE(ChangeAcl(AclAction::kModify, {bob}, &file).ok()) << "a file has none";
  ASSERT_TRUE(ChangeAcl(AclAction::kRemoveDefault, {}, &folder).ok());
  EXPECT_TRUE(DefaultAclOf(folder).empty());
}

}  // namespace
}  // namespace spillway
