// The rows of the table of answers: what Spillway asks for, and how an answer to it is deformed.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "store/s3_module.h"

namespace spillway::strict {

// What one call came to. Reads say whether what they gave is right, in the sense of the names that
// were deformed; others look into the store.
struct CaseResult {
  Status status;
  bool right = true;
};

struct CallCase {
  std::string name;
  S3Call call;                 // the one that is deformed
  bool first_version = false;  // of listings
  // Carries the call out. A field or header of this name may hold another believable value.
  std::function<CaseResult(UnderStore& module, StrictStore& store, const std::string& altered)> run;
  // Whether its effect is there; null: it has none.
  std::function<bool(StrictStore& store)> happened;
};

// Puts what the calls need into an empty store.
void PrepareStore(StrictStore* store);
// True if nothing that the calls are not about has changed.
bool OthersUntouched(StrictStore* store);
const std::vector<CallCase>& AllCallCases();

// All deformations of an answer to this call, each with its parameters.
std::vector<Rule> RulesFor(S3Call call);
std::string NameOfRule(const Rule& rule);

}  // namespace spillway::strict
