// Property files: any text is taken or refused with a text, and every declared key can be read of
// what was found valid.
#include "common/config.h"

#include "fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace spillway;
  Configuration config;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const Status loaded = config.LoadText(text, "fuzz");
  fuzz::Require(loaded.ok() || !loaded.message().empty());
  const Status valid = config.Validate();
  fuzz::Require(valid.ok() || !valid.message().empty());
  (void)config.UserValues();
  if (!valid.ok()) return 0;
  for (const PropertyKey& key : AllPropertyKeys()) {
    (void)config.GetString(key.name);
    if (key.type == PropertyType::kBytes) (void)config.GetBytes(key.name);
    if (key.type == PropertyType::kDuration) (void)config.GetDurationMs(key.name);
    if (key.type == PropertyType::kInt) (void)config.GetInt(key.name);
    if (key.type == PropertyType::kBool) (void)config.GetBool(key.name);
  }
  return 0;
}
