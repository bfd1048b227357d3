// A strict S3 store for tests, in memory, over HTTP/1.1 on 127.0.0.1, and a stranger that deforms
// its answers.
//
// In a test:
//
//   StoreOptions options;                                  // see world.h
//   auto store = StrictStore::Start(options).value();
//   ... the client under test uses store->endpoint() with bucket "bucket" and the options' keys ...
//   Rule rule;                                             // see stranger/stranger.h
//   rule.call = S3Call::kListObjectsV2;
//   rule.deformation = Deformation::kFieldAbsurd;
//   rule.name = "Size";
//   rule.value = "-1";
//   store->AddRule(rule);                                  // meets the next such request, then
//   goes EXPECT_FALSE(client.List(...).ok()); EXPECT_TRUE(store->Rules().empty()); // the rule has
//   met a request store->Requests().back().headers["if-match"];          // what was sent
//
// A rule meets only requests that pass the checks of signature, length and digest, and that the
// rate limit lets through. One request meets one rule at most, the oldest that fits.
//
// A table of all combinations iterates over AllCalls() x AllDeformations(), leaves out what
// Applies() excludes, and takes the parameters from FieldsOf(call), HeadersOf(call),
// AbsurdValues(), AllErrors() and 100..599. Time-bound deformations (blanks, slow_first_byte,
// trickle) take real time; effect_later takes none with options.manual_effects and AdvanceMs.
//
// As a process: build/<preset>/bin/strict_store --port 9000 (see --help), driven by JSON under
// http://127.0.0.1:9000/-/... without signature; admin.h lists the calls.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/status.h"
#include "store/stranger/stranger.h"
#include "store/world.h"

namespace spillway::strict {

// A request as it was answered.
struct RequestRecord {
  int64_t id = 0;
  int64_t time_ms = 0;  // wall time of its arrival
  std::string call;     // "PutObject"; empty if it was none that the store knows
  std::string method;
  std::string target;
  std::string bucket;
  std::string key;
  std::map<std::string, std::string> headers;  // lower-case names
  std::string body;                            // of POST requests alone
  int64_t bytes_in = 0;                        // of its body
  int64_t bytes_out = 0;     // of the answer's body, as far as it was meant to be sent
  int64_t bytes_copied = 0;  // inside the store
  int status = 0;            // 0: no answer
  std::string error_code;    // of S3; empty for success
  std::string deformation;   // of the rule that met it; empty if none did
  bool carried_out = false;  // before the answer, with success
};

struct OpenUploadRecord {
  std::string key;
  std::string id;
  int64_t initiated_ms = 0;
  int64_t parts = 0;
  int64_t bytes = 0;
};

// Thread-safe. Unless named, a bucket is the options' first.
class StrictStore {
 public:
  static StatusOr<std::unique_ptr<StrictStore>> Start(const StoreOptions& options);
  ~StrictStore();  // stops

  int port() const;
  std::string endpoint() const;  // "http://127.0.0.1:port"
  // Closes every connection. Requests under way may still be carried out until it returns.
  void Stop();

  // The stranger.
  int64_t AddRule(const Rule& rule);
  void ClearRules();
  std::vector<Rule> Rules() const;  // those that are left

  // What is stored, and what others do to it.
  std::map<std::string, Object> ObjectsSnapshot(const std::string& bucket = "") const;
  void PutForeign(const std::string& key, const std::string& data, const std::string& bucket = "");
  // Its bytes are SyntheticByte(seed, offset); see rope.h. It has no checksum.
  void PutSynthetic(const std::string& key, int64_t size_bytes, uint64_t seed = 0,
                    const std::string& bucket = "");
  bool RemoveForeign(const std::string& key, const std::string& bucket = "");
  std::vector<OpenUploadRecord> OpenUploads(const std::string& bucket = "") const;
  // Drops objects, uploads, rules, the log and the counters.
  void Clear();

  // What was asked.
  std::vector<RequestRecord> Requests() const;
  void ClearRequests();
  int64_t bytes_copied() const;  // inside the store, since the start

  // Settings that may change while it runs.
  StoreOptions options() const;
  void SetProfile(const Profile& profile);
  void SetDelayMs(S3Call call, int64_t ms);
  void SetBlanksEveryMs(int64_t ms);
  void SetRequestsPerSecond(int requests);
  void SetClockSkewMs(int64_t ms);
  void SetSessionToken(const std::string& token);

  // Late effects.
  void AdvanceMs(int64_t ms);
  int64_t pending_effects() const;

 private:
  class Impl;
  explicit StrictStore(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace spillway::strict
