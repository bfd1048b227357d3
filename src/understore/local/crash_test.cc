// The power goes between any two system calls of the folder store, and the disk keeps of what was
// not synced whatever it likes: what was answered before must hold, and no key shows half an
// object.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <optional>
#include <set>

#include "common/checksum.h"
#include "common/test_directory.h"
#include "understore/local/recorded_disk.h"

namespace spillway {
namespace {

constexpr size_t kChoicesMax = 4096;

// What a key has to hold; nothing: no object.
struct Object {
  std::string data;
  std::string etag;
  int mode = 0644;
};
using Value = std::optional<Object>;

struct Step {
  size_t begin = 0;  // number of calls before it
  size_t end = 0;    // of those before its answer
  std::map<std::string, Value> objects;
  std::map<std::string, bool> directories;
  // Parts that are written: bytes that a file of the internal folder holds; it is looked at no more
  // once a step releases it.
  std::map<std::string, std::map<size_t, std::string>> parts;
  std::set<std::string> released;
};

// Runs operations and records them.
class Script {
 public:
  explicit Script(Refusals refusals)
      : calls_(refusals), random_(7), store_(directory_.path(), &calls_, &random_) {
    (void)store_.List("", "");  // the root is opened
  }
  LocalUnderStore& store() { return store_; }
  RecordingFileCalls& calls() { return calls_; }
  const std::vector<Step>& steps() const { return steps_; }
  const std::string& root() const { return directory_.path(); }

  void Run(const std::function<void(Step*)>& operation) {
    Step step;
    step.begin = calls_.calls().size();
    operation(&step);
    step.end = calls_.calls().size();
    steps_.push_back(std::move(step));
  }
  void Put(const std::string& key, const std::string& data, PutOptions options = {}) {
    Run([&](Step* step) {
      StringBody body(data);
      const auto put = store_.Put(key, body, options);
      ASSERT_TRUE(put.ok()) << put.status();
      step->objects[key] = Object{data, put->etag, options.mode};
    });
  }
  void Delete(const std::vector<std::string>& keys) {
    Run([&](Step* step) {
      std::vector<DeleteRequest> requests;
      for (const std::string& key : keys) {
        requests.push_back({key, ""});
        step->objects[key] = std::nullopt;
      }
      const auto failures = store_.Delete(requests);
      ASSERT_TRUE(failures.ok() && failures->empty());
    });
  }
  void Copy(const std::string& source, const std::string& target) {
    Run([&](Step* step) {
      std::string data;
      ASSERT_TRUE(store_
                      .Get(source, 0, 1 << 30,
                           [&](std::string_view piece) {
                             data += piece;
                             return absl::OkStatus();
                           })
                      .ok());
      const auto copied = store_.Copy(source, target, {});
      ASSERT_TRUE(copied.ok()) << copied.status();
      step->objects[target] = Object{data, copied->etag, 0644};
    });
  }

 private:
  TestDirectory directory_;
  RecordingFileCalls calls_;
  SeededRandom random_;
  LocalUnderStore store_;
  std::vector<Step> steps_;
};

// Looks at what may be found after each crash.
class Crashes {
 public:
  // left_out: the store as if it had not made these calls.
  Crashes(const std::vector<DiskCall>& calls, const std::vector<Step>& steps,
          const std::function<bool(const DiskCall&)>& left_out)
      : steps_(steps) {
    DiskModel disk;
    for (size_t at = 0; at <= calls.size(); ++at) {
      Check(disk, at);
      if (at < calls.size() && !left_out(calls[at])) disk.Apply(calls[at]);
    }
  }
  size_t states() const { return states_; }
  size_t violations() const { return violations_; }
  const std::string& first() const { return first_; }

 private:
  using Choice = std::map<DiskModel::Slot, size_t>;

  void Check(const DiskModel& disk, size_t at) {
    // Nobody cares for the names of files that are not published, but for those of uploads.
    const int internal = disk.Root(std::string(kInternalFolder));
    auto names = disk.OpenNames();
    std::erase_if(names, [&](const auto& name) {
      return name.first.first == internal && internal != 0 &&
             name.first.second.find(".parts-of-") == std::string::npos;
    });
    size_t choices = 1;
    for (const auto& [slot, meanings] : names) choices = std::min(choices * meanings, 1ul << 40);
    SeededRandom random(at);
    for (size_t n = 0; n < std::min(choices, kChoicesMax); ++n) {
      // All of them, or those where no name was kept and some others.
      size_t code = choices <= kChoicesMax || n == 0 ? n : random.Below(choices);
      Choice choice;
      for (const auto& [slot, meanings] : names) {
        choice[slot] = code % meanings;
        code /= meanings;
      }
      for (const Kept kept : kAllKept) CheckTree(disk.Find(choice, kept), at);
    }
  }
  void CheckTree(const FoundTree& tree, size_t at) {
    ++states_;
    std::map<std::string, std::vector<Value>> objects;  // each of them may be found
    std::map<std::string, std::set<bool>> directories;
    std::map<std::string, std::map<size_t, std::string>> parts;
    for (const Step& step : steps_) {
      const bool answered = step.end <= at;
      if (step.begin > at) break;
      for (const auto& [key, value] : step.objects) {
        auto& values = objects.try_emplace(key, std::vector<Value>{std::nullopt}).first->second;
        if (answered) values.clear();
        values.push_back(value);
      }
      for (const auto& [key, exists] : step.directories) {
        if (answered)
          directories[key].clear();
        else
          directories[key].insert(!exists);
        directories[key].insert(exists);
      }
      if (answered)
        for (const auto& [id, pieces] : step.parts) parts[id].insert(pieces.begin(), pieces.end());
      for (const std::string& id : step.released) parts.erase(id);
    }
    for (const auto& [key, values] : objects) CheckObject(tree, at, key, values);
    for (const auto& [key, exists] : directories) {
      if (exists.count(tree.directories.count(key) > 0) == 0) Violation(at, "directory " + key);
    }
    for (const auto& [id, pieces] : parts) {
      const auto found = tree.files.find(std::string(kInternalFolder) + "/" + id);
      for (const auto& [offset, data] : pieces) {
        if (found == tree.files.end() || found->second.data.size() < offset + data.size() ||
            found->second.data.compare(offset, data.size(), data) != 0)
          Violation(at, "part of " + id);
      }
    }
    for (const auto& [key, file] : tree.files) {
      if (objects.count(key) == 0 && !RootedFolder::IsInternal(key.substr(0, key.find('/'))))
        Violation(at, "a stranger: " + key);
    }
  }
  void CheckObject(const FoundTree& tree, size_t at, const std::string& key,
                   const std::vector<Value>& values) {
    const auto found = tree.files.find(key);
    const bool good = std::any_of(values.begin(), values.end(), [&](const Value& value) {
      if (!value || found == tree.files.end()) return !value && found == tree.files.end();
      return value->data == found->second.data && value->etag == found->second.etag &&
             value->mode == found->second.mode;
    });
    if (good) return;
    Violation(at, key + (found == tree.files.end() ? " is missing"
                                                   : " has \"" + found->second.data.substr(0, 20) +
                                                         "\" " + found->second.etag));
  }
  void Violation(size_t at, const std::string& what) {
    if (violations_++ == 0) first_ = "before call " + std::to_string(at) + ": " + what;
  }

  const std::vector<Step>& steps_;
  size_t states_ = 0;
  size_t violations_ = 0;
  std::string first_;
};

bool IsDirectorySync(const DiskCall& call) {
  return call.kind == DiskCall::kSync && call.directory;
}
bool IsDataSync(const DiskCall& call) {
  return (call.kind == DiskCall::kSync && !call.directory) || call.kind == DiskCall::kSyncAll;
}

class CrashTest : public testing::TestWithParam<Refusals> {
 protected:
  // finds_data: without syncs of data, too, something would be wrong.
  void Check(Script& script, bool finds_data = true) {
    const auto& calls = script.calls().calls();
    const Crashes all(calls, script.steps(), [](const DiskCall&) { return false; });
    EXPECT_EQ(all.violations(), 0u) << all.first();
    const Crashes no_names(calls, script.steps(), IsDirectorySync);
    EXPECT_GT(no_names.violations(), 0u);
    const Crashes no_data(calls, script.steps(), IsDataSync);
    if (finds_data) {
      EXPECT_GT(no_data.violations(), 0u);
    }
    std::printf("%zu calls, %zu states; without syncs of folders %zu bad, of data %zu\n",
                calls.size(), all.states(), no_names.violations(), no_data.violations());
  }
};

std::vector<Refusals> FileSystems() {
  return {{},
          {.openat2 = true},
          {.unnamed = true},
          {.unnamed = true, .no_replace = true, .copy_range = true}};
}
std::string NameOfFileSystem(const testing::TestParamInfo<Refusals>& info) {
  const char* const names[] = {"all", "noOpenat2", "noUnnamed", "old"};
  return names[info.index];
}
INSTANTIATE_TEST_SUITE_P(FileSystems, CrashTest, testing::ValuesIn(FileSystems()),
                         NameOfFileSystem);

TEST_P(CrashTest, put_new) {
  Script script(GetParam());
  PutOptions options;
  options.if_absent = true;
  options.mode = 0640;
  script.Put("k", "the data of k", options);
  script.Put("k2", "the data of k2");
  Check(script);
}

TEST_P(CrashTest, put_overwrite) {
  Script script(GetParam());
  script.Put("k", "the first data of k");
  script.Put("k", "the second, longer data of k");
  PutOptions options;
  options.if_match = script.steps().back().objects.at("k")->etag;
  script.Put("k", "the third", options);
  Check(script);
}

TEST_P(CrashTest, put_inNewDeepDirectories) {
  Script script(GetParam());
  PutOptions options;
  options.if_absent = true;
  script.Put("a/b/c/d", "deep", options);
  script.Put("a/b/e/f", "deep too");
  Check(script);
}

TEST_P(CrashTest, putMany) {
  Script script(GetParam());
  script.Put("d0/2", "old");
  script.Run([&](Step* step) {
    std::vector<StringBody> bodies;
    std::vector<std::string> keys;
    for (int i = 0; i < 5; ++i) {
      keys.push_back("d" + std::to_string(i % 2) + "/" + std::to_string(i));
      bodies.emplace_back("data of " + keys.back());
    }
    std::vector<PutRequest> puts;
    for (size_t i = 0; i < keys.size(); ++i) {
      puts.push_back({keys[i], &bodies[i], {}});
      puts.back().options.if_absent = i != 2;
    }
    const auto results = script.store().PutMany(puts);
    for (size_t i = 0; i < keys.size(); ++i) {
      ASSERT_TRUE(results[i].ok()) << results[i].status();
      step->objects[keys[i]] = Object{"data of " + keys[i], results[i]->etag};
    }
  });
  const auto& calls = script.calls().calls();
  const auto count = [&](const auto& is) { return std::count_if(calls.begin(), calls.end(), is); };
  EXPECT_EQ(count([](const DiskCall& call) { return call.kind == DiskCall::kSyncAll; }), 1);
  Check(script);
}

TEST_P(CrashTest, multipart) {
  Script script(GetParam());
  PutOptions options;
  options.part_bytes = 10;
  const std::string whole = "0123456789abcdefghijxyz";
  std::string id;
  std::vector<UploadedPart> parts;
  script.Run([&](Step* step) {
    id = *script.store().CreateMultipart("m/k", options);
    step->parts[id][0] = "";
  });
  for (const int number : {2, 3, 1}) {
    script.Run([&](Step* step) {
      const auto offset = static_cast<size_t>((number - 1) * 10);
      StringBody body(whole.substr(offset, 10));
      const auto part = script.store().UploadPart("m/k", id, number, body, std::nullopt);
      ASSERT_TRUE(part.ok()) << part.status();
      parts.push_back(*part);
      step->parts[id][offset] = whole.substr(offset, 10);
    });
  }
  std::sort(parts.begin(), parts.end(), [](auto& a, auto& b) { return a.number < b.number; });
  script.Run([&](Step* step) {
    const auto done = script.store().CompleteMultipart("m/k", id, parts, options);
    ASSERT_TRUE(done.ok()) << done.status();
    step->objects["m/k"] = Object{whole, done->etag};
    step->released.insert(id);
  });
  Check(script);
}

// As the master moves an object.
TEST_P(CrashTest, copyThenDelete_neverLeavesNeither) {
  Script script(GetParam());
  script.Put("from/k", "the data that moves");
  script.Copy("from/k", "to/new/k");
  script.Delete({"from/k"});
  Check(script);
}

TEST_P(CrashTest, delete_staysDeleted) {
  Script script(GetParam());
  for (const char* key : {"d/1", "d/2", "e/3"}) script.Put(key, "data");
  script.Delete({"d/1", "e/3", "none/at/all"});
  script.Put("d/1", "new data");
  script.Delete({"d/1", "d/2"});
  Check(script);
}

TEST_P(CrashTest, directories) {
  Script script(GetParam());
  const auto make = [&](const std::string& key) {
    script.Run([&](Step* step) {
      ASSERT_TRUE(script.store().MakeDirectory(key, 0755).ok());
      step->directories[key] = true;
    });
  };
  const auto remove = [&](const std::string& key) {
    script.Run([&](Step* step) {
      ASSERT_TRUE(script.store().RemoveDirectory(key).ok());
      step->directories[key] = false;
    });
  };
  make("a/b");
  remove("a/b");
  remove("a/none");
  make("a/b");
  remove("a/b");
  // A directory of the same name, and perhaps number, is another one.
  script.Run([&](Step* step) {
    StringBody body("data");
    const auto put = script.store().Put("a/b/k", body, {});
    ASSERT_TRUE(put.ok());
    step->objects["a/b/k"] = Object{"data", put->etag};
    step->directories["a/b"] = true;
  });
  Check(script);
}

// Others, or a process that was killed, did something and did not sync it: what the store answers
// upon it holds all the same.
TEST_P(CrashTest, answersUponWhatOthersDidNotSync_hold) {
  Script script(GetParam());
  RecordingFileCalls& calls = script.calls();
  script.Put("k", "to be deleted");
  const int root = calls.OpenPath(script.root(), O_RDONLY);
  // A directory that the killed one made.
  ASSERT_GE(calls.MakeDirectory(root, "made", 0755), 0);
  script.Put("made/k", "data");
  // What it deleted.
  script.Run([&](Step* step) {
    ASSERT_GE(calls.Unlink(root, "k"), 0);
    ASSERT_TRUE(script.store().Delete({{"k", ""}})->empty());
    step->objects["k"] = std::nullopt;
  });
  // What it put, whose caller compares the bytes and is content.
  script.Run([&](Step* step) {
    const int internal =
        calls.OpenPath(script.root() + "/" + std::string(kInternalFolder), O_RDONLY);
    const int fd = calls.OpenName(internal, "temporary", O_RDWR | O_CREAT | O_EXCL, 0644);
    calls.Write(fd, "same", 4, 0);
    calls.SetMode(fd, 0644);
    calls.SetModified(fd, 123456789);
    calls.Sync(fd);
    ASSERT_GE(calls.Rename(internal, "temporary", root, "taken", true), 0);
    calls.Close(fd);
    calls.Close(internal);
    StringBody body("same");
    PutOptions options;
    options.if_absent = true;
    EXPECT_EQ(script.store().Put("taken", body, options).status().code(),
              StatusCode::kFailedPrecondition);
    step->objects["taken"] = Object{"same", script.store().Head("taken")->etag};
  });
  calls.Close(root);
  script.Put("later", "data");
  Check(script);
}

}  // namespace
}  // namespace spillway
