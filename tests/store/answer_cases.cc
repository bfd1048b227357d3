#include "store/answer_cases.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_split.h"
#include "common/checksum.h"
#include "fmt/format.h"

namespace spillway::strict {
namespace {

using D = Deformation;

constexpr const char* kOld = "0123456789abcdef";
constexpr const char* kNew = "the new bytes of a key";

std::string EtagOf(StrictStore& store, const std::string& key) {
  const auto objects = store.ObjectsSnapshot();
  const auto it = objects.find("p/" + key);
  return it == objects.end() ? "" : it->second.etag;
}

std::string DataOf(StrictStore& store, const std::string& key) {
  const auto objects = store.ObjectsSnapshot();
  const auto it = objects.find("p/" + key);
  return it == objects.end() ? "<none>" : it->second.data.Flatten();
}

bool IsAny(const std::string& name, std::initializer_list<const char*> names) {
  return std::any_of(names.begin(), names.end(), [&](const char* each) { return name == each; });
}

CaseResult RunPut(UnderStore& module, StrictStore& store, const std::string& key,
                  PutOptions options, const std::string& altered) {
  StringBody body(kNew);
  options.crc32c = Crc32c(kNew);
  const auto put = module.Put(key, body, options);
  return {put.status(), !put.ok() || altered == "ETag" || put->etag == EtagOf(store, key)};
}

CaseResult RunGet(UnderStore& module, int64_t offset, int64_t length, const GetOptions& options) {
  std::string got;
  const Status status = module.Get("old", offset, length, options, [&](std::string_view data) {
    got += data;
    return absl::OkStatus();
  });
  const std::string want =
      std::string(kOld).substr(static_cast<size_t>(offset), static_cast<size_t>(length));
  return {status, status.ok() ? got == want : want.rfind(got, 0) == 0};
}

CaseResult RunHead(UnderStore& module, StrictStore& store, const std::string& altered) {
  const auto info = module.Head("old");
  if (!info.ok()) return {info.status()};
  const bool size = altered == "Content-Length" || info->size_bytes == 16;
  return {info.status(), size && (altered == "ETag" || info->etag == EtagOf(store, "old"))};
}

CaseResult RunDelete(UnderStore& module, const std::vector<DeleteRequest>& requests) {
  const auto failures = module.Delete(requests);
  if (!failures.ok() || failures->empty()) return {failures.status()};
  return {failures->front().status};
}

CaseResult RunList(UnderStore& module, const std::string& altered) {
  std::multiset<std::string> names;
  bool sizes = true;
  std::string token;
  for (int pages = 0; pages < 20; ++pages) {
    const auto page = module.List("list", token);
    if (!page.ok()) return {page.status()};
    for (const ObjectInfo& info : page->objects) {
      names.insert(info.key);
      sizes = sizes && (altered == "Size" || info.size_bytes == 16);
    }
    names.insert(page->directories.begin(), page->directories.end());
    token = page->next_token;
    if (token.empty()) break;
  }
  const std::multiset<std::string> want{"list/a", "list/b", "list/c", "list/d", "list/e"};
  // An entry with another name is passed over; it is not made up.
  const bool all = IsAny(altered, {"Key", "Prefix", "entries"})
                       ? std::includes(want.begin(), want.end(), names.begin(), names.end())
                       : names == want;
  return {absl::OkStatus(), all && sizes};
}

CaseResult RunListUploads(UnderStore& module, StrictStore& store, const std::string& altered) {
  const auto uploads = module.ListUploads("up");
  if (!uploads.ok()) return {uploads.status()};
  bool right = true;
  for (const OpenUpload& upload : *uploads) {
    right = right && upload.key == "up" &&
            (altered == "UploadId" || upload.upload_id == store.OpenUploads().front().id);
  }
  return {absl::OkStatus(), right && (IsAny(altered, {"Key", "entries"}) || uploads->size() == 1)};
}

std::string OpenUploadId(StrictStore& store) {
  const auto uploads = store.OpenUploads();
  return uploads.empty() ? "none" : uploads.front().id;
}

CaseResult RunComplete(UnderStore& module, StrictStore& store, const std::string& altered) {
  const std::string id = OpenUploadId(store);
  StringBody body(kNew);
  const auto part = module.UploadPart("up", id, 1, body, Crc32c(kNew));
  if (!part.ok()) return {part.status(), false};
  PutOptions options;
  options.if_absent = true;
  const auto done = module.CompleteMultipart("up", id, {*part}, options);
  return {done.status(), !done.ok() || altered == "ETag" || done->etag == EtagOf(store, "up")};
}

bool HasPart(StrictStore& store) {
  const auto uploads = store.OpenUploads();
  return !uploads.empty() && uploads.front().parts > 0 && uploads.front().bytes > 0;
}

void AddPutCases(std::vector<CallCase>* cases) {
  cases->push_back({"put_new", S3Call::kPutObject, false,
                    [](UnderStore& module, StrictStore& store, const std::string& altered) {
                      PutOptions options;
                      options.if_absent = true;
                      return RunPut(module, store, "new", options, altered);
                    },
                    [](StrictStore& store) { return DataOf(store, "new") == kNew; }});
  cases->push_back({"put_over", S3Call::kPutObject, false,
                    [](UnderStore& module, StrictStore& store, const std::string& altered) {
                      PutOptions options;
                      options.if_match = EtagOf(store, "old");
                      return RunPut(module, store, "old", options, altered);
                    },
                    [](StrictStore& store) { return DataOf(store, "old") == kNew; }});
  cases->push_back({"copy", S3Call::kCopyObject, false,
                    [](UnderStore& module, StrictStore& store, const std::string& altered) {
                      CopyOptions options;
                      options.if_absent = true;
                      options.source_if_match = EtagOf(store, "old");
                      options.source_bytes = 16;
                      const auto copy = module.Copy("old", "new", options);
                      return CaseResult{copy.status(), !copy.ok() || altered == "ETag" ||
                                                           copy->etag == EtagOf(store, "new")};
                    },
                    [](StrictStore& store) { return DataOf(store, "new") == kOld; }});
}

void AddReadCases(std::vector<CallCase>* cases) {
  cases->push_back({"head", S3Call::kHeadObject, false, RunHead, nullptr});
  cases->push_back({"get_version", S3Call::kGetObject, false,
                    [](UnderStore& module, StrictStore& store, const std::string&) {
                      GetOptions options;
                      options.if_match = EtagOf(store, "old");
                      options.object_bytes = 16;
                      return RunGet(module, 0, 16, options);
                    },
                    nullptr});
  cases->push_back({"get_range", S3Call::kGetObject, false,
                    [](UnderStore& module, StrictStore&, const std::string&) {
                      return RunGet(module, 5, 6, GetOptions());
                    },
                    nullptr});
  const auto list = [](UnderStore& module, StrictStore&, const std::string& altered) {
    return RunList(module, altered);
  };
  cases->push_back({"list", S3Call::kListObjectsV2, false, list, nullptr});
  cases->push_back({"list_first_version", S3Call::kListObjectsV1, true, list, nullptr});
  cases->push_back({"list_uploads", S3Call::kListMultipartUploads, false, RunListUploads, nullptr});
}

void AddDeleteCases(std::vector<CallCase>* cases) {
  cases->push_back({"delete", S3Call::kDeleteObject, false,
                    [](UnderStore& module, StrictStore&, const std::string&) {
                      return RunDelete(module, {{"old", ""}});
                    },
                    [](StrictStore& store) { return DataOf(store, "old") == "<none>"; }});
  cases->push_back({"delete_version", S3Call::kDeleteObject, false,
                    [](UnderStore& module, StrictStore& store, const std::string&) {
                      return RunDelete(module, {{"old", EtagOf(store, "old")}});
                    },
                    [](StrictStore& store) { return DataOf(store, "old") == "<none>"; }});
  cases->push_back({"delete_many", S3Call::kDeleteObjects, false,
                    [](UnderStore& module, StrictStore&, const std::string&) {
                      return RunDelete(module, {{"list/a", ""}, {"list/b", ""}, {"list/none", ""}});
                    },
                    [](StrictStore& store) {
                      return DataOf(store, "list/a") == "<none>" &&
                             DataOf(store, "list/b") == "<none>";
                    }});
}

void AddUploadCases(std::vector<CallCase>* cases) {
  cases->push_back({"create_upload", S3Call::kCreateMultipartUpload, false,
                    [](UnderStore& module, StrictStore& store, const std::string& altered) {
                      const auto id = module.CreateMultipart("new", PutOptions());
                      bool right = !id.ok() || altered == "UploadId";
                      for (const auto& upload : store.OpenUploads())
                        right = right || upload.id == *id;
                      return CaseResult{id.status(), right};
                    },
                    [](StrictStore& store) { return store.OpenUploads().size() >= 2; }});
  cases->push_back(
      {"upload_part", S3Call::kUploadPart, false,
       [](UnderStore& module, StrictStore& store, const std::string&) {
         StringBody body(kNew);
         return CaseResult{
             module.UploadPart("up", OpenUploadId(store), 1, body, Crc32c(kNew)).status()};
       },
       HasPart});
  cases->push_back(
      {"copy_part", S3Call::kUploadPartCopy, false,
       [](UnderStore& module, StrictStore& store, const std::string&) {
         CopyOptions options;
         options.source_if_match = EtagOf(store, "old");
         options.source_bytes = 16;
         return CaseResult{
             module.CopyPart("old", 0, 16, "up", OpenUploadId(store), 1, options).status()};
       },
       HasPart});
  cases->push_back({"complete_upload", S3Call::kCompleteMultipartUpload, false, RunComplete,
                    [](StrictStore& store) { return DataOf(store, "up") == kNew; }});
  cases->push_back({"abort_upload", S3Call::kAbortMultipartUpload, false,
                    [](UnderStore& module, StrictStore& store, const std::string&) {
                      return CaseResult{module.AbortMultipart("up", OpenUploadId(store))};
                    },
                    [](StrictStore& store) { return store.OpenUploads().empty(); }});
}

// One rule for each parameter of a kind that takes one.
void AddNamed(D deformation, const std::vector<std::string>& names,
              const std::vector<std::string>& values, std::vector<Rule>* rules) {
  for (const std::string& name : names) {
    for (const std::string& value : values) {
      Rule rule;
      rule.deformation = deformation;
      rule.name = name;
      rule.value = value;
      rules->push_back(rule);
    }
  }
}

void AddStatuses(std::vector<Rule>* rules) {
  for (const int status : {201, 202, 203, 204, 206, 207, 299, 300, 302, 303, 304, 308, 400,
                           401, 402, 403, 404, 405, 406, 408, 409, 410, 411, 412, 413, 416,
                           418, 429, 431, 451, 500, 501, 502, 503, 504, 505, 511, 599}) {
    Rule rule;
    rule.deformation = D::kStatus;
    rule.status = status;
    rules->push_back(rule);
  }
}

std::vector<std::string> ErrorNames() {
  std::vector<std::string> names;
  for (const S3Error& error : AllErrors()) names.push_back(error.code);
  return names;
}

}  // namespace

void PrepareStore(StrictStore* store) {
  store->Clear();
  for (const char* key : {"p/old", "p/list/a", "p/list/b", "p/list/c/x", "p/list/d", "p/list/e",
                          "p/foreign", "foreign", "abc", "7"}) {
    store->PutForeign(key, kOld);
  }
}

bool OthersUntouched(StrictStore* store) {
  const auto objects = store->ObjectsSnapshot();
  for (const char* key :
       {"p/list/c/x", "p/list/d", "p/list/e", "p/foreign", "foreign", "abc", "7"}) {
    const auto it = objects.find(key);
    if (it == objects.end() || it->second.data.Flatten() != kOld) return false;
  }
  return true;
}

const std::vector<CallCase>& AllCallCases() {
  static const auto* const all = [] {
    auto* cases = new std::vector<CallCase>;
    AddPutCases(cases);
    AddReadCases(cases);
    AddDeleteCases(cases);
    AddUploadCases(cases);
    return cases;
  }();
  return *all;
}

std::vector<Rule> RulesFor(S3Call call) {
  std::vector<Rule> rules;
  for (const DeformationInfo& info : AllDeformations()) {
    if (!Applies(info.deformation, call)) continue;
    Rule rule;
    rule.deformation = info.deformation;
    switch (info.deformation) {
      case D::kFieldMissing:
        AddNamed(info.deformation, FieldsOf(call), {""}, &rules);
        break;
      case D::kFieldAbsurd:
        AddNamed(info.deformation, FieldsOf(call), AbsurdValues(), &rules);
        break;
      case D::kFieldTwice:
        AddNamed(info.deformation, FieldsOf(call), {"abc"}, &rules);
        break;
      case D::kHeaderMissing:
        AddNamed(info.deformation, HeadersOf(call), {""}, &rules);
        break;
      case D::kHeaderAbsurd:
        AddNamed(info.deformation, HeadersOf(call), AbsurdValues(), &rules);
        break;
      case D::kStatus:
        AddStatuses(&rules);
        break;
      case D::kErrorCode:
      case D::kErrorWith200:
        AddNamed(info.deformation, ErrorNames(), {""}, &rules);
        break;
      case D::kStatusWithError:
        rule.status = 418;
        rules.push_back(rule);
        break;
      case D::kSlowFirstByte:
        rule.ms = 600;
        rules.push_back(rule);
        break;
      case D::kBlanks:
        rule.ms = 20;
        rule.amount = 100;
        rules.push_back(rule);
        break;
      case D::kTrickle:
        rule.amount = 1'000'000;
        rules.push_back(rule);
        break;
      case D::kEffectLater:
        for (const int status : {0, 500, 503}) {
          rule.ms = 1000;
          rule.status = status;
          rules.push_back(rule);
        }
        break;
      default:
        rules.push_back(rule);
    }
  }
  return rules;
}

std::string NameOfRule(const Rule& rule) {
  return fmt::format("{}({}={} {})", DeformationName(rule.deformation), rule.name, rule.value,
                     rule.status);
}

}  // namespace spillway::strict
