// What runs of the fuzzers have kept, one input a line in base64 (tools/corpus.py), is fed to them
// again: no input may break a promise that once was kept.
#include <absl/strings/escaping.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

// fuzzers.inc names them all, as CMakeLists.txt does.
#define SPILLWAY_FUZZER(name) extern "C" int Fuzz_##name(const uint8_t* data, size_t size);
#include "fuzzers.inc"
#undef SPILLWAY_FUZZER

namespace spillway {
namespace {

struct Fuzzer {
  const char* name;
  int (*run)(const uint8_t*, size_t);
};
void PrintTo(const Fuzzer& fuzzer, std::ostream* out) { *out << fuzzer.name; }

class ReplayTest : public testing::TestWithParam<Fuzzer> {};

TEST_P(ReplayTest, whatWasKept_breaksNothing) {
  std::ifstream in(std::string(SPILLWAY_CORPUS "/") + GetParam().name + ".txt");
  ASSERT_TRUE(in) << "no corpus of " << GetParam().name;
  int runs = 0;
  for (std::string line; std::getline(in, line); runs++) {
    std::string bytes;
    ASSERT_TRUE(absl::Base64Unescape(line, &bytes)) << "line " << runs + 1;
    SCOPED_TRACE(runs + 1);
    GetParam().run(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  }
  EXPECT_GT(runs, 0);
}

#define SPILLWAY_FUZZER(name) {#name, Fuzz_##name},
constexpr Fuzzer kFuzzers[] = {
#include "fuzzers.inc"
};
INSTANTIATE_TEST_SUITE_P(Corpus, ReplayTest, testing::ValuesIn(kFuzzers),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace spillway
