#include "understore/store_profile.h"

#include <algorithm>

namespace spillway {
namespace {

constexpr std::array<std::string_view, kStoreFeatures> kNames{"put-if-absent",
                                                              "put-if-match",
                                                              "complete-conditions",
                                                              "copy-conditions",
                                                              "delete-if-match",
                                                              "multi-delete",
                                                              "multi-delete-if-match",
                                                              "get-if-match",
                                                              "get-range",
                                                              "list-v2",
                                                              "checksums",
                                                              "copy-part"};
constexpr std::array<std::string_view, 3> kSupports{"unknown", "yes", "no"};

}  // namespace

std::string_view NameOf(StoreFeature feature) { return kNames[static_cast<size_t>(feature)]; }
std::string_view NameOf(Support support) { return kSupports[static_cast<size_t>(support)]; }

StoreProfile StoreProfile::Everything() {
  StoreProfile profile;
  profile.supports_.fill(Support::kYes);
  return profile;
}

bool StoreProfile::complete() const {
  return std::find(supports_.begin(), supports_.end(), Support::kUnknown) == supports_.end();
}

std::string StoreProfile::ToString() const {
  std::string text;
  for (size_t i = 0; i < supports_.size(); ++i) {
    if (supports_[i] == Support::kUnknown) continue;
    if (!text.empty()) text += ',';
    text += kNames[i];
    text += '=';
    text += NameOf(supports_[i]);
  }
  return text;
}

StoreProfile StoreProfile::Parse(std::string_view text) {
  StoreProfile profile;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    const std::string_view item = text.substr(0, comma);
    text.remove_prefix(std::min(text.size(), comma + 1));
    const size_t equals = item.find('=');
    if (equals == std::string_view::npos) continue;
    const auto name = std::find(kNames.begin(), kNames.end(), item.substr(0, equals));
    const auto support = std::find(kSupports.begin(), kSupports.end(), item.substr(equals + 1));
    if (name == kNames.end() || support == kSupports.end()) continue;
    profile.supports_[static_cast<size_t>(name - kNames.begin())] =
        static_cast<Support>(support - kSupports.begin());
  }
  return profile;
}

}  // namespace spillway
