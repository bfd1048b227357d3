// The namespace under random operations and crashes, against a model that is a sorted map of paths.
#include <map>

#include "common/path.h"
#include "master/master_fixture.h"

namespace spillway {
namespace {

class ModelTest : public MasterFixture, public testing::WithParamInterface<int> {
 protected:
  // Path -> is a directory. The root is always there.
  std::map<std::string, bool> model_{{"/", true}};

  bool IsDirectory(const std::string& path) const {
    const auto it = model_.find(path);
    return it != model_.end() && it->second;
  }
  bool HasChildren(const std::string& path) const {
    for (const auto& [other, unused] : model_) {
      if (other != path && IsWithin(other, path)) return true;
    }
    return false;
  }
  std::string RandomPath() {
    std::string path;
    const uint64_t depth = 1 + random_.Below(3);
    for (uint64_t i = 0; i < depth; ++i)
      path += std::string("/") + static_cast<char>('a' + random_.Below(3));
    return path;
  }

  void Create(const std::string& path) {
    const bool expected = model_.count(path) == 0 && IsDirectory(ParentPath(path));
    EXPECT_EQ(master_->CreateFile(root_, path, {}).result.ok(), expected) << path;
    if (!expected) return;
    EXPECT_TRUE(master_->CompleteFile(root_, path, {}).result.ok());
    model_[path] = false;
  }
  void MakeDirectory(const std::string& path) {
    const bool expected = model_.count(path) == 0 && IsDirectory(ParentPath(path));
    EXPECT_EQ(master_->CreateDirectory(root_, path, {}).result.ok(), expected) << path;
    if (expected) model_[path] = true;
  }
  void Remove(const std::string& path, bool recursive) {
    const bool expected = model_.count(path) > 0 && (recursive || !HasChildren(path));
    EXPECT_EQ(master_->Remove(root_, path, {.recursive = recursive}).result.ok(), expected) << path;
    if (!expected) return;
    std::erase_if(model_, [&](const auto& entry) { return IsWithin(entry.first, path); });
  }
  void Rename(const std::string& source, const std::string& target) {
    const bool same = source == target && model_.count(source) > 0;
    const bool expected = same || (model_.count(source) > 0 && model_.count(target) == 0 &&
                                   !IsWithin(target, source) && IsDirectory(ParentPath(target)));
    EXPECT_EQ(master_->Rename(root_, source, target, {}).result.ok(), expected)
        << source << " " << target;
    if (!expected || same) return;
    std::map<std::string, bool> moved;
    for (const auto& [path, directory] : model_) {
      moved[IsWithin(path, source) ? target + path.substr(source.size()) : path] = directory;
    }
    model_.swap(moved);
  }

  // What a client sees of a folder's entries.
  std::string Listing(const std::string& path, ListCursor* cursor) {
    std::string text;
    const auto listed = master_->ListStatus(root_, path, {}, 1000, cursor);
    for (const auto& s : *listed.result) {
      text += fmt::format("{} {} {} {} {} {} {} {};", s.id.value(), s.path, s.understore_path,
                          s.length_bytes, s.completed, s.mode, s.last_modification_time_ms,
                          static_cast<int>(s.persistence_state));
    }
    return text;
  }

  // A kept listing is what a new one would be.
  void CheckKeptListings() {
    for (const auto& [path, directory] : model_) {
      if (!directory) continue;
      const auto kept = master_->CachedListing(root_, path);
      ListCursor cursor{.to_keep = true};
      const std::string listing = Listing(path, &cursor);
      if (*kept.result) {
        ++kept_;
        EXPECT_EQ((*kept.result)->view(), listing) << path;
      }
      if (random_.Below(2) == 0) master_->KeepListing(cursor, SharedBytes(listing));
    }
  }

  void Chmod(const std::string& path) {
    SetAttributeOptions options;
    options.mode = static_cast<int>(random_.Below(0777));
    EXPECT_EQ(master_->SetAttribute(root_, path, options).result.ok(), model_.count(path) > 0);
  }

  int kept_ = 0;

  void Check() {
    std::map<std::string, bool> seen{{"/", true}};
    std::map<std::string, int64_t> children;
    ListCursor cursor;
    while (!cursor.done) {
      const auto page =
          master_->ListStatus(root_, "/", {.recursive = true}, 1 + random_.Below(5), &cursor);
      ASSERT_TRUE(page.result.ok());
      ASSERT_FALSE(cursor.load) << "everything is known";
      for (const auto& status : *page.result) {
        seen[status.path] = status.is_directory;
        ++children[ParentPath(status.path)];
        EXPECT_EQ(*master_->GetFilePath(status.id).result, status.path);
      }
    }
    EXPECT_EQ(seen, model_);
    for (const auto& [path, directory] : model_) {
      const auto status = master_->GetStatus(root_, path);
      ASSERT_TRUE(status.result.ok()) << path;
      if (!directory) continue;
      EXPECT_EQ(status.result->length_bytes, children[path]) << path;
    }
  }
};

TEST_P(ModelTest, randomOperations_agree) {
  random_.NextU64();
  SeededRandom seed(static_cast<uint64_t>(GetParam()));
  for (uint64_t i = seed.Below(1000); i > 0; --i) random_.NextU64();
  for (int step = 0; step < 400; ++step) {
    if (random_.Below(3) == 0) CheckKeptListings();
    switch (random_.Below(11)) {
      case 10:
        Chmod(RandomPath());
        break;
      case 0:
      case 1:
      case 2:
        Create(RandomPath());
        break;
      case 3:
      case 4:
        MakeDirectory(RandomPath());
        break;
      case 5:
        Remove(RandomPath(), false);
        break;
      case 6:
        Remove(RandomPath(), true);
        break;
      case 7:
      case 8:
        Rename(RandomPath(), RandomPath());
        break;
      default:
        executor_.RunAll();
        if (random_.Below(4) == 0) CrashAndRestart();
        Check();
    }
  }
  executor_.RunAll();
  Check();
  EXPECT_GT(kept_, 0);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ModelTest, testing::Range(1, 21));

}  // namespace
}  // namespace spillway
