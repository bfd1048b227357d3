#include "journal/journal.h"

#include <gtest/gtest.h>

#include "common/random.h"
#include "common/step_executor.h"
#include "common/test_directory.h"

namespace spillway {
namespace {

std::vector<std::string> Keys(Journal& journal, std::string_view begin, std::string_view end) {
  std::vector<std::string> keys;
  LogIndex depends;
  journal.Scan(
      begin, end,
      [&](std::string_view key, std::string_view) {
        keys.emplace_back(key);
        return true;
      },
      &depends);
  return keys;
}

class StateStoreTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (GetParam()) {
      store_ = *OpenRocksDbStateStore(directory_.path() + "/db", true);
    } else {
      store_ = std::make_unique<MemoryStateStore>();
    }
  }
  TestDirectory directory_;
  std::unique_ptr<StateStore> store_;
};
INSTANTIATE_TEST_SUITE_P(Stores, StateStoreTest, testing::Bool());

TEST_P(StateStoreTest, commit_isVisibleInOrder) {
  ASSERT_TRUE(store_->Commit({{"b", "2"}, {"a", "1"}, {"c", "3"}}).ok());
  ASSERT_TRUE(store_->Commit({{"b", std::nullopt}, {"\xff", "9"}}).ok());
  EXPECT_EQ(**store_->Get("a"), "1");
  EXPECT_FALSE(store_->Get("b")->has_value());
  std::string seen;
  ASSERT_TRUE(store_
                  ->Scan("a", "\xff",
                         [&](std::string_view key, std::string_view) {
                           seen += key;
                           return true;
                         })
                  .ok());
  EXPECT_EQ(seen, "ac");
}

TEST_P(StateStoreTest, journal_seesPendingAndDurableAlike) {
  StepExecutor executor;
  Journal journal(store_.get(), &executor, LogIndex(0));
  journal.Append({{"a", "1"}, {"b", "2"}});
  executor.RunAll();
  const LogIndex index = journal.Append({{"a", std::nullopt}, {"c", "3"}});
  LogIndex depends;
  EXPECT_FALSE(journal.Get("a", &depends).has_value());
  EXPECT_EQ(depends, index);
  depends = LogIndex(0);
  EXPECT_EQ(*journal.Get("b", &depends), "2");
  EXPECT_EQ(depends, LogIndex(0)) << "a durable value waits for nothing";
  EXPECT_EQ(Keys(journal, "a", "z"), (std::vector<std::string>{"b", "c"}));
  executor.RunAll();
  EXPECT_EQ(Keys(journal, "a", "z"), (std::vector<std::string>{"b", "c"}));
}

TEST_P(StateStoreTest, whenDurable_onlyAfterCommit) {
  StepExecutor executor;
  Journal journal(store_.get(), &executor, LogIndex(7));
  bool done = false;
  const LogIndex index = journal.Append({{"a", "1"}});
  EXPECT_EQ(index, LogIndex(8));
  journal.WhenDurable(index, [&] { done = true; });
  EXPECT_FALSE(done);
  EXPECT_FALSE(store_->Get("a")->has_value());
  executor.RunAll();
  EXPECT_TRUE(done);
  EXPECT_EQ(**store_->Get("a"), "1");
  done = false;
  journal.WhenDurable(index, [&] { done = true; });
  EXPECT_TRUE(done);
}

TEST_P(StateStoreTest, reads_areOfTheNewestWhateverWasReadBefore) {
  StepExecutor executor;
  Journal journal(store_.get(), &executor, LogIndex(0));
  std::map<std::string, std::string> model;
  SeededRandom random(7);
  for (int i = 0; i < 5000; ++i) {
    const std::string key(1, static_cast<char>('a' + random.Below(20)));
    switch (random.Below(4)) {
      case 0:
        model[key] = std::to_string(i);
        journal.Append({{key, model[key]}});
        break;
      case 1:
        if (random.Below(4) == 0) journal.Append({{key, std::nullopt}}), model.erase(key);
        break;
      case 2:
        if (random.Below(3) == 0) executor.RunAll();
        break;
      default: {
        LogIndex depends;
        const auto value = journal.Get(key, &depends);
        const auto it = model.find(key);
        ASSERT_EQ(value.has_value(), it != model.end()) << key << " after " << i;
        if (value) {
          ASSERT_EQ(*value, it->second) << key << " after " << i;
        }
      }
    }
  }
}

TEST(ReadCacheTest, whatIsNotUsed_goes) {
  ReadCache cache(40'000);
  cache.Put("used", "1");
  cache.Put("not used", "2");
  cache.Put("not there", std::nullopt);
  for (int i = 0; i < 150; ++i) {
    cache.Put(std::to_string(i), "x");
    ASSERT_NE(cache.Find("used"), nullptr) << i;
  }
  EXPECT_EQ(**cache.Find("used"), "1");
  EXPECT_FALSE(cache.Find("not there")->has_value()) << "it is known that there is none";
  for (int i = 0; i < 400; ++i) cache.Put(std::to_string(i), "x");
  EXPECT_EQ(cache.Find("not used"), nullptr);
  EXPECT_EQ(cache.Find("used"), nullptr);
  cache.Erase("399");
  EXPECT_EQ(cache.Find("399"), nullptr);
}

TEST(RocksDbStateStoreTest, open_refusesSecondOwnerAndMissingFolder) {
  const TestDirectory directory;
  const std::string path = directory.path() + "/db";
  EXPECT_FALSE(OpenRocksDbStateStore(path, false).ok());
  auto first = OpenRocksDbStateStore(path, true);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(OpenRocksDbStateStore(path, true).status().code(), StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace spillway
