#include "cli/command.h"

#include <gtest/gtest.h>

#include <sstream>

#include "api/unused_master_api.h"
#include "api/unused_namespace_admin_api.h"
#include "cli/json.h"

namespace spillway::cli {
namespace {

TEST(CommandsTest, everyShellHasHelpForEveryCommand) {
  for (const char* shell : {"fs", "fsadmin", "job"}) {
    ASSERT_NE(CommandsOf(shell), nullptr);
    for (const Command& command : *CommandsOf(shell)) {
      EXPECT_FALSE(command.help.empty()) << command.name;
      for (const Flag& flag : command.flags) EXPECT_FALSE(flag.help.empty()) << command.name;
    }
  }
  EXPECT_EQ(CommandsOf("bogus"), nullptr);
}

class NoSuchPattern : public UnusedMasterApi {
 public:
  Status ListStatus(const std::string&, const ListOptions&,
                    const std::function<Status(const FileStatus&)>&) override {
    return NotFound("nothing there");
  }
};

TEST(CommandsTest, forEachPath_patternWithoutMatch_isNamedAndDoesNotEndTheCommand) {
  NoSuchPattern master;
  std::ostringstream out;
  Context context;
  context.master = &master;
  context.out = &out;
  EXPECT_EQ(RunCommand("fs", FsCommands(), context, {"rm", "/a*", "/b*"}), kFailed);
  EXPECT_EQ(out.str(), "/a* does not exist.\n/b* does not exist.\n");
}

// Columns stay apart whatever is in them: "DEGRADED" beside a large number, for one.
class FullColumns : public UnusedMasterApi {
 public:
  StatusOr<HealthReport> GetHealthReport(int64_t) override {
    HealthReport report;
    HealthEntry entry;
    entry.path = "/f";
    entry.copies = 1'234'567'890;
    entry.copies_wanted = 1'234'567'890;
    entry.since_ms = 300'000;
    report.entries.push_back(entry);
    return report;
  }
  Status ListStatus(const std::string&, const ListOptions&,
                    const std::function<Status(const FileStatus&)>& visit) override {
    FileStatus file;
    file.path = "/f";
    file.owner = file.group = "a-name-of-more-than-15-bytes";
    file.length_bytes = 1'234'567'890'123'456'789;
    return visit(file);
  }
};

class NothingDamaged : public UnusedNamespaceAdminApi {
 public:
  StatusOr<DamagedReport> GetDamaged(int64_t) override { return DamagedReport(); }
};

TEST(CommandsTest, jsonOfWhatIsNoText_isReplaced) {
  EXPECT_EQ(Text(nlohmann::json{{"path", "/a\xff"}}), "{\n  \"path\": \"/a\xef\xbf\xbd\"\n}");
}

TEST(CommandsTest, tables_columnsStayApart) {
  FullColumns master;
  NothingDamaged admin;
  std::ostringstream out;
  Context context;
  context.master = &master;
  context.admin = &admin;
  context.out = &out;
  EXPECT_EQ(RunCommand("fsadmin", FsAdminCommands(), context, {"report", "health"}), 0);
  EXPECT_NE(out.str().find("DEGRADED  1234567890 1234567890       5m 0s  /f"), std::string::npos)
      << out.str();
  out.str("");
  EXPECT_EQ(RunCommand("fs", FsCommands(), context, {"ls", "/"}), 0);
  EXPECT_NE(out.str().find(" a-name-of-more-than-15-bytes a-name-of-more-than-15-bytes "
                           "1234567890123456789 "),
            std::string::npos)
      << out.str();
  out.str("");
  EXPECT_EQ(RunCommand("fs", FsCommands(), context, {"count", "/"}), 0);
  EXPECT_NE(out.str().find("1                        0                        12345"),
            std::string::npos)
      << out.str();
}

}  // namespace
}  // namespace spillway::cli
