#include "rpc/master/java_object.h"

#include <gtest/gtest.h>

#include "absl/strings/escaping.h"

namespace spillway {
namespace {

// As java.io.ObjectOutputStream writes Alluxio 2.9.4's requests.
const char* const kMigrate =
    "aced000573720028616c6c7578696f2e6a6f622e636d642e6d6967726174652e4d696772617465436c69436f"
    "6e6669675724e897bc5f47ea02000549000a6d426174636853697a655a000a6d4f76657277726974654c000c"
    "6d44657374696e6174696f6e7400124c6a6176612f6c616e672f537472696e673b4c00076d536f7572636571"
    "007e00014c000a6d57726974655479706574001a4c616c6c7578696f2f636c69656e742f5772697465547970"
    "653b787000000014017400032fc3bc7400042f6120627e720018616c6c7578696f2e636c69656e742e577269"
    "74655479706500000000000000001200007872000e6a6176612e6c616e672e456e756d000000000000000012"
    "0000787074000d43414348455f5448524f554748";
const char* const kLoad =
    "aced000573720022616c6c7578696f2e6a6f622e636d642e6c6f61642e4c6f6164436c69436f6e666967b6e1"
    "e047c210563202000849000a6d426174636853697a655a000c6d446972656374436163686549000c6d526570"
    "6c69636174696f6e4c00146d4578636c756465644c6f63616c69747949647374000f4c6a6176612f7574696c"
    "2f5365743b4c00126d4578636c75646564576f726b657253657471007e00014c00096d46696c655061746874"
    "00124c6a6176612f6c616e672f537472696e673b4c000c6d4c6f63616c69747949647371007e00014c000a6d"
    "576f726b657253657471007e00017870000000140100000002737200116a6176612e7574696c2e4861736853"
    "6574ba44859596b8b7340300007870770c000000103f400000000000017400017a787371007e0004770c0000"
    "00103f40000000000000787400022f6c7371007e0004770c000000103f40000000000000787371007e000477"
    "0c000000103f400000000000027400027731740002773278";
const char* const kLoadJob =
    "aced00057372001a616c6c7578696f2e6a6f622e4c6f61644a6f6252657175657374c716bcd55b627e370200"
    "024c00086d4f7074696f6e7374001e4c616c6c7578696f2f677270632f4c6f61644a6f62504f7074696f6e73"
    "3b4c00056d506174687400124c6a6176612f6c616e672f537472696e673b787073720037636f6d2e676f6f67"
    "6c652e70726f746f6275662e47656e6572617465644d6573736167654c6974652453657269616c697a656446"
    "6f726d00000000000000000200035b0007617342797465737400025b424c000c6d657373616765436c617373"
    "7400114c6a6176612f6c616e672f436c6173733b4c00106d657373616765436c6173734e616d6571007e0002"
    "7870757200025b42acf317f8060854e002000078700000000210017672001c616c6c7578696f2e677270632e"
    "4c6f61644a6f62504f7074696f6e7300000000000000000200054a000a62616e6477696474685f49000a6269"
    "744669656c64305f4200156d656d6f697a65644973496e697469616c697a65645a000f7061727469616c4c69"
    "7374696e675f5a00077665726966795f78720026636f6d2e676f6f676c652e70726f746f6275662e47656e65"
    "72617465644d657373616765563300000000000000010200014c000d756e6b6e6f776e4669656c6473740025"
    "4c636f6d2f676f6f676c652f70726f746f6275662f556e6b6e6f776e4669656c645365743b787074001c616c"
    "6c7578696f2e677270632e4c6f61644a6f62504f7074696f6e737400022f6a";

TEST(JavaObjectTest, aCopy) {
  const auto object = JavaObject::Parse(absl::HexStringToBytes(kMigrate));
  ASSERT_TRUE(object.ok()) << object.status();
  EXPECT_EQ(object->type(), "alluxio.job.cmd.migrate.MigrateCliConfig");
  EXPECT_EQ(object->Text("mSource"), "/a b");
  EXPECT_EQ(object->Text("mDestination"), "/\xc3\xbc");
  EXPECT_EQ(object->Text("mWriteType"), "CACHE_THROUGH");
  EXPECT_EQ(object->Number("mOverwrite"), 1);
  EXPECT_EQ(object->Number("mBatchSize"), 20);
  EXPECT_EQ(object->Text("none"), "");
  EXPECT_EQ(object->Number("none"), 0);
}

TEST(JavaObjectTest, aLoad_withSets) {
  const auto object = JavaObject::Parse(absl::HexStringToBytes(kLoad));
  ASSERT_TRUE(object.ok()) << object.status();
  EXPECT_EQ(object->Text("mFilePath"), "/l");
  EXPECT_EQ(object->Number("mReplication"), 2);
  EXPECT_EQ(object->Number("mDirectCache"), 1);
}

TEST(JavaObjectTest, aLoadJob_withAMessageInside) {
  const auto object = JavaObject::Parse(absl::HexStringToBytes(kLoadJob));
  ASSERT_TRUE(object.ok()) << object.status();
  EXPECT_EQ(object->type(), "alluxio.job.LoadJobRequest");
  EXPECT_EQ(object->Text("mPath"), "/j");
}

TEST(JavaObjectTest, brokenOffAnywhere_itIsRefused) {
  for (const char* hex : {kMigrate, kLoad, kLoadJob}) {
    const std::string whole = absl::HexStringToBytes(hex);
    for (size_t size = 0; size < whole.size(); ++size) {
      const auto object = JavaObject::Parse(whole.substr(0, size));
      EXPECT_EQ(object.status().code(), StatusCode::kInvalidArgument) << size;
    }
  }
}

TEST(JavaObjectTest, changedAnywhere_itDoesNoHarm) {
  for (const char* hex : {kMigrate, kLoad, kLoadJob}) {
    const std::string whole = absl::HexStringToBytes(hex);
    for (size_t at = 0; at < whole.size(); ++at) {
      for (const char byte : {'\0', '\x70', '\x71', '\x73', '\xff'}) {
        std::string changed = whole;
        changed[at] = byte;
        (void)JavaObject::Parse(changed);
      }
    }
  }
}

TEST(JavaObjectTest, nestedTooDeeply_itIsRefused) {
  std::string nested("\xac\xed\x00\x05", 4);
  nested += std::string(100000, '\x75');  // arrays whose classes are arrays
  EXPECT_EQ(JavaObject::Parse(nested).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace spillway
