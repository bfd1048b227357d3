#include "common/config.h"

#include <gtest/gtest.h>

#include <fstream>

#include "common/test_directory.h"

namespace spillway {
namespace {

TEST(ConfigTest, file_javaRules) {
  const TestDirectory directory;
  const std::string path = directory.path() + "/site.properties";
  std::ofstream(path) << "# comment\n alluxio.master.rpc.port = 1234 \n"
                         "alluxio.master.hostname: a\\=b\n"
                         "alluxio.locality.rack = one,\\\n   two\n";
  Configuration config;
  ASSERT_TRUE(config.LoadFile(path).ok());
  EXPECT_EQ(config.GetInt("alluxio.master.rpc.port"), 1234);
  EXPECT_EQ(config.GetString("alluxio.master.hostname"), "a=b");
  EXPECT_EQ(config.GetString("alluxio.locality.rack"), "one,two");
  ASSERT_TRUE(config.SetFromArgument("alluxio.master.rpc.port=99").ok());
  EXPECT_EQ(config.GetInt("alluxio.master.rpc.port"), 99);
  EXPECT_EQ(config.LoadFile("/none").code(), StatusCode::kNotFound);
}

TEST(ConfigTest, malformedLine_namesFileAndLine) {
  const TestDirectory directory;
  const std::string path = directory.path() + "/site.properties";
  std::ofstream(path) << "\n\nalluxio.master.hostname=\\u00zz\n";
  Configuration config;
  EXPECT_EQ(Message(config.LoadFile(path)), "SITE_PROPERTY (" + path +
                                                "): line 3: \"\\u00zz\" is malformed: \\u needs "
                                                "four hex digits");
  EXPECT_NE(Message(config.LoadText("a=1\n=2\n", "here")).find("here: line 2: "),
            std::string::npos);
}

TEST(ConfigTest, booleansAndChoices_whateverTheirCase) {
  Configuration config;
  ASSERT_TRUE(config
                  .LoadText("alluxio.underfs.s3.disable.dns.buckets=TRUE\n"
                            "alluxio.underfs.s3.secure.http.enabled=False\n"
                            "alluxio.user.file.writetype.default=must_cache\n"
                            "alluxio.security.authentication.type=NoSasl\n"
                            "alluxio.locality.rack=True\n",
                            "test")
                  .ok());
  EXPECT_TRUE(config.Validate().ok()) << config.Validate();
  EXPECT_TRUE(config.GetBool("alluxio.underfs.s3.disable.dns.buckets"));
  EXPECT_FALSE(config.GetBool("alluxio.underfs.s3.secure.http.enabled"));
  EXPECT_EQ(config.GetString("alluxio.user.file.writetype.default"), "MUST_CACHE");
  EXPECT_EQ(config.GetString("alluxio.security.authentication.type"), "NOSASL");
  EXPECT_EQ(config.GetString("alluxio.locality.rack"), "True") << "a text keeps its case";
  EXPECT_EQ(config.UserValues()["alluxio.user.file.writetype.default"].value, "MUST_CACHE");
}

TEST(ConfigTest, references_areResolved) {
  Configuration config;
  ASSERT_TRUE(config.SetFromArgument("alluxio.work.dir=/w").ok());
  EXPECT_EQ(config.GetString("alluxio.master.journal.folder"), "/w/journal");
}

TEST(ConfigTest, referencesToThemselves_endAndAreRefused) {
  Configuration config;
  ASSERT_TRUE(config.SetFromArgument("alluxio.work.dir=${alluxio.home}${alluxio.home}").ok());
  ASSERT_TRUE(config.SetFromArgument("alluxio.home=${alluxio.work.dir}${alluxio.work.dir}").ok());
  EXPECT_LT(config.GetString("alluxio.work.dir").size(), 10'000u);
  EXPECT_NE(Message(config.Validate()).find("refers to itself"), std::string::npos);
}

TEST(ConfigTest, validate_namesTheKey) {
  const auto error = [](std::string_view argument) {
    Configuration config;
    (void)config.SetFromArgument(argument);
    return Message(config.Validate());
  };
  EXPECT_EQ(error("alluxio.some.key.of.theirs=1"), "");
  EXPECT_NE(error("spillway.typo=1").find("spillway.typo"), std::string::npos);
  EXPECT_NE(error("alluxio.master.rpc.port=abc").find("alluxio.master.rpc.port"),
            std::string::npos);
  EXPECT_NE(error("alluxio.user.file.writetype.default=FAST").find("ASYNC_THROUGH"),
            std::string::npos);
  EXPECT_NE(error("alluxio.user.file.replication.durable=0").find("durable"), std::string::npos);
  EXPECT_NE(error("alluxio.user.block.size.bytes.default=huge"), "");
  EXPECT_NE(error("alluxio.master.worker.timeout=soon"), "");
}

TEST(ConfigTest, validate_numbersThatCannotBe_areRefused) {
  const auto refused = [](const std::string& argument) {
    Configuration config;
    EXPECT_TRUE(config.SetFromArgument(argument).ok());
    const std::string key = argument.substr(0, argument.find('='));
    return Message(config.Validate()).find(key) != std::string::npos;
  };
  for (const char* port : {"-1", "65536", "2147483648", "99999999999"})
    EXPECT_TRUE(refused(std::string("alluxio.master.rpc.port=") + port)) << port;
  EXPECT_FALSE(refused("alluxio.master.rpc.port=65535"));
  EXPECT_FALSE(refused("alluxio.underfs.s3.proxy.port=-1"));
  for (const char* size : {"0", "-1", "9223372036854775808", "9223372036854775807", "9e18", "16PB"})
    EXPECT_TRUE(refused(std::string("alluxio.user.block.size.bytes.default=") + size)) << size;
  EXPECT_FALSE(refused("alluxio.user.block.size.bytes.default=1"));
  EXPECT_TRUE(refused("alluxio.worker.ramdisk.size=-1GB"));
  EXPECT_TRUE(refused("spillway.underfs.multipart.part.size=0"));
  for (const char* time : {"-1sec", "1e15day", "9223372036854775807", "nan"})
    EXPECT_TRUE(refused(std::string("alluxio.master.worker.timeout=") + time)) << time;
  EXPECT_FALSE(refused("alluxio.user.file.create.ttl=-1"));
  EXPECT_TRUE(refused("spillway.master.backlog.soft.percent=101"));
  EXPECT_TRUE(refused("alluxio.user.file.replication.min=2147483647"));
  EXPECT_TRUE(refused("alluxio.user.file.replication.min=-1"));
  EXPECT_TRUE(refused("spillway.user.copy.threads=4294967297"));
}

TEST(ConfigTest, defaults_areValid) { EXPECT_TRUE(Configuration().Validate().ok()); }

}  // namespace
}  // namespace spillway
