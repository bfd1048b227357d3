#include "store/profile.h"

namespace spillway::strict {

const std::vector<Feature>& AllFeatures() {
  static const auto* const features = new std::vector<Feature>{
      {"conditional_put", &Profile::conditional_put},
      {"conditional_complete", &Profile::conditional_complete},
      {"conditional_copy", &Profile::conditional_copy},
      {"copy_source_match", &Profile::copy_source_match},
      {"conditional_delete", &Profile::conditional_delete},
      {"conditional_get", &Profile::conditional_get},
      {"multi_delete", &Profile::multi_delete},
      {"multi_delete_etag", &Profile::multi_delete_etag},
      {"list_v2", &Profile::list_v2},
      {"checksums", &Profile::checksums},
      {"range", &Profile::range},
      {"multipart_copy", &Profile::multipart_copy},
  };
  return *features;
}

std::string SupportName(Support support) {
  switch (support) {
    case Support::kYes:
      return "yes";
    case Support::kIgnore:
      return "ignore";
    case Support::kRefuse:
      return "refuse";
  }
  return "";
}

bool SetFeature(const std::string& feature, const std::string& value, Profile* profile) {
  for (const Feature& known : AllFeatures()) {
    if (known.name != feature) continue;
    for (const Support support : {Support::kYes, Support::kIgnore, Support::kRefuse}) {
      if (SupportName(support) != value) continue;
      profile->*known.member = support;
      return true;
    }
  }
  return false;
}

}  // namespace spillway::strict
