#include "understore/s3/sigv4.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

namespace spillway {
namespace {

// The examples of the AWS documentation, "Signature Calculations for the Authorization Header".
const S3Credentials kExample{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                             ""};
constexpr int64_t kExampleTimeMs = 1369353600000;  // 2013-05-24T00:00:00Z

SigningInput Example(std::string method, std::string path) {
  SigningInput input;
  input.method = std::move(method);
  input.path = std::move(path);
  input.payload_hash = Sha256Hex("");
  input.region = "us-east-1";
  input.time_ms = kExampleTimeMs;
  input.headers = {{"host", "examplebucket.s3.amazonaws.com"},
                   {"x-amz-content-sha256", input.payload_hash},
                   {"x-amz-date", "20130524T000000Z"}};
  return input;
}

std::string SignatureOf(const SigningInput& input) {
  const std::string header = SignV4(input, kExample);
  return header.substr(header.find("Signature=") + 10);
}

TEST(SigV4Test, aws_getObjectWithRange) {
  SigningInput input = Example("GET", "/test.txt");
  input.headers["range"] = "bytes=0-9";
  EXPECT_EQ(SignatureOf(input), "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(SigV4Test, aws_putObject) {
  SigningInput input = Example("PUT", "/test$file.text");
  input.payload_hash = Sha256Hex("Welcome to Amazon S3.");
  input.headers["x-amz-content-sha256"] = input.payload_hash;
  input.headers["date"] = "Fri, 24 May 2013 00:00:00 GMT";
  input.headers["x-amz-storage-class"] = "REDUCED_REDUNDANCY";
  EXPECT_EQ(SignatureOf(input), "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST(SigV4Test, aws_getLifecycle) {
  SigningInput input = Example("GET", "/");
  input.query = {{"lifecycle", ""}};
  EXPECT_EQ(SignatureOf(input), "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
}

TEST(SigV4Test, aws_listObjects) {
  SigningInput input = Example("GET", "/");
  input.query = {{"prefix", "J"}, {"max-keys", "2"}};
  EXPECT_EQ(SignatureOf(input), "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

// Random requests signed by botocore; tools/sigv4_vectors.py writes the file before ctest runs it.
TEST(SigV4Test, botocore_randomRequests) {
  const char* path = std::getenv("SPILLWAY_SIGV4_VECTORS");
  const std::string file = path != nullptr ? path : SPILLWAY_SIGV4_DEFAULT;
  std::ifstream in(file);
  ASSERT_TRUE(in.good()) << file;
  const auto vectors = nlohmann::json::parse(in);
  ASSERT_GE(vectors.size(), 200u);
  for (const auto& v : vectors) {
    SigningInput input;
    input.method = v["method"];
    input.path = v["path"];
    for (const auto& q : v["query"]) input.query.emplace_back(q[0], q[1]);
    for (const auto& [name, value] : v["headers"].items()) input.headers[name] = value;
    input.payload_hash = v["payload_hash"];
    input.region = v["region"];
    input.time_ms = v["time_ms"];
    const S3Credentials credentials{v["access_key"], v["secret_key"], ""};
    const std::string header = SignV4(input, credentials);
    EXPECT_EQ(header.substr(header.find("Signature=") + 10), v["signature"]) << v.dump();
  }
}

}  // namespace
}  // namespace spillway
