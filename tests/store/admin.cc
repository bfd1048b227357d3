#include "store/admin.h"

#include <nlohmann/json.hpp>

#include "fmt/format.h"
#include "store/admin_json.h"
#include "store/digest.h"

namespace spillway::strict {
namespace {

using nlohmann::json;

Answer JsonAnswer(const json& value) {
  Answer answer;
  answer.headers.emplace_back("Content-Type", "application/json");
  // Names that are no UTF-8 cannot come in; a body of a request can be anything.
  answer.body = Rope(value.dump(1, ' ', false, json::error_handler_t::replace) + "\n");
  return answer;
}

Answer Refused(int status, const std::string& why) {
  Answer answer;
  answer.status = status;
  answer.headers.emplace_back("Content-Type", "text/plain");
  answer.body = Rope(why + "\n");
  return answer;
}

std::map<std::string, std::string> ParametersOf(const std::string& query) {
  std::map<std::string, std::string> out;
  for (size_t at = 0; at < query.size();) {
    const size_t end = std::min(query.find('&', at), query.size());
    const std::string pair = query.substr(at, end - at);
    const size_t equals = std::min(pair.find('='), pair.size());
    out[pair.substr(0, equals)] =
        PercentDecode(equals < pair.size() ? pair.substr(equals + 1) : "").value_or("");
    at = end + 1;
  }
  return out;
}

Answer AddRules(const json& body, StrictStore& store) {
  const json rules = body.is_array() ? body : json::array({body});
  std::vector<Rule> parsed;
  for (const json& item : rules) {
    std::string why;
    const auto rule = RuleFromJson(item, &why);
    if (!rule) return Refused(400, why);
    parsed.push_back(*rule);
  }
  json ids = json::array();
  for (const Rule& rule : parsed) ids.push_back(store.AddRule(rule));
  return JsonAnswer({{"ids", ids}});
}

Answer ChangeProfile(const json& body, StrictStore& store) {
  Profile profile = store.options().profile;
  for (const auto& [feature, value] : body.items()) {
    const std::string text = value.is_boolean()  ? (value.get<bool>() ? "yes" : "ignore")
                             : value.is_string() ? value.get<std::string>()
                                                 : "";
    if (!SetFeature(feature, text, &profile)) return Refused(400, "No such feature: " + feature);
  }
  store.SetProfile(profile);
  return JsonAnswer(ProfileToJson(profile));
}

Answer ChangeSettings(const json& body, StrictStore& store) {
  for (const auto& [name, value] : body.items()) {
    if (name == "session_token" && value.is_string()) {
      store.SetSessionToken(value.get<std::string>());
    } else if (name == "delay_ms" && value.is_object()) {
      for (const auto& [call, ms] : value.items()) {
        if (!CallByName(call) || !ms.is_number_integer())
          return Refused(400, "No such call: " + call);
        store.SetDelayMs(*CallByName(call), ms.get<int64_t>());
      }
    } else if (name == "blanks_every_ms" && value.is_number_integer()) {
      store.SetBlanksEveryMs(value.get<int64_t>());
    } else if (name == "requests_per_second" && value.is_number_integer()) {
      store.SetRequestsPerSecond(value.get<int>());
    } else if (name == "clock_skew_ms" && value.is_number_integer()) {
      store.SetClockSkewMs(value.get<int64_t>());
    } else {
      return Refused(400, "No such setting: " + name);
    }
  }
  return JsonAnswer(json::object());
}

Answer AddObject(const HttpRequest& request, std::map<std::string, std::string>& parameters,
                 StrictStore& store) {
  const std::string key = parameters["key"];
  if (key.empty()) return Refused(400, "A key is needed.");
  if (parameters.count("synthetic") == 0) {
    store.PutForeign(key, request.body, parameters["bucket"]);
    return JsonAnswer(json::object());
  }
  const auto size = ParseNumber(parameters["synthetic"]);
  if (!size) return Refused(400, "synthetic is a size in bytes.");
  store.PutSynthetic(key, *size, ParseNumber(parameters["seed"]).value_or(0), parameters["bucket"]);
  return JsonAnswer(json::object());
}

Answer Counters(const StrictStore& store) {
  std::map<std::string, int64_t> calls;
  for (const RequestRecord& record : store.Requests()) ++calls[record.call];
  return JsonAnswer({{"calls", calls},
                     {"bytes_copied", store.bytes_copied()},
                     {"pending_effects", store.pending_effects()}});
}

Answer Read(const std::string& what, std::map<std::string, std::string>& parameters,
            const StrictStore& store) {
  if (what == "health") return JsonAnswer({{"port", store.port()}});
  if (what == "counters") return Counters(store);
  if (what == "profile") return JsonAnswer(ProfileToJson(store.options().profile));
  if (what == "tables") return JsonAnswer(TablesToJson());
  json list = json::array();
  if (what == "rules") {
    for (const Rule& rule : store.Rules()) list.push_back(RuleToJson(rule));
  } else if (what == "requests") {
    const int64_t after = ParseNumber(parameters["after"]).value_or(0);
    for (const RequestRecord& record : store.Requests()) {
      if (record.id > after) list.push_back(RecordToJson(record));
    }
  } else if (what == "objects") {
    for (const auto& [key, object] : store.ObjectsSnapshot(parameters["bucket"]))
      list.push_back(ObjectToJson(key, object));
  } else if (what == "uploads") {
    for (const OpenUploadRecord& upload : store.OpenUploads(parameters["bucket"])) {
      list.push_back({{"key", upload.key},
                      {"id", upload.id},
                      {"initiated_ms", upload.initiated_ms},
                      {"parts", upload.parts},
                      {"bytes", upload.bytes}});
    }
  } else {
    return Refused(404, "No such call.");
  }
  return JsonAnswer(list);
}

Answer Remove(const std::string& what, std::map<std::string, std::string>& parameters,
              StrictStore& store) {
  if (what == "rules") {
    store.ClearRules();
  } else if (what == "requests") {
    store.ClearRequests();
  } else if (what == "objects") {
    if (!store.RemoveForeign(parameters["key"], parameters["bucket"]))
      return Refused(404, "No such object.");
  } else {
    return Refused(404, "No such call.");
  }
  return JsonAnswer(json::object());
}

Answer Change(const std::string& what, const HttpRequest& request,
              std::map<std::string, std::string>& parameters, StrictStore& store) {
  if (what == "objects") return AddObject(request, parameters, store);
  if (what == "clear") {
    store.Clear();
    return JsonAnswer(json::object());
  }
  if (what == "advance") {
    const auto ms = ParseNumber(parameters["ms"]);
    if (!ms) return Refused(400, "ms is needed.");
    store.AdvanceMs(*ms);
    return JsonAnswer({{"pending_effects", store.pending_effects()}});
  }
  const json body = json::parse(request.body, nullptr, false);
  if (body.is_discarded() || (!body.is_object() && !(what == "rules" && body.is_array())))
    return Refused(400, "The body is no JSON object.");
  if (what == "rules") return AddRules(body, store);
  if (what == "profile") return ChangeProfile(body, store);
  if (what == "settings") return ChangeSettings(body, store);
  return Refused(404, "No such call.");
}

}  // namespace

Answer Administer(const HttpRequest& request, StrictStore& store) {
  const std::string what = request.path.substr(3);
  auto parameters = ParametersOf(request.query);
  if (request.method == "GET") return Read(what, parameters, store);
  if (request.method == "DELETE") return Remove(what, parameters, store);
  if (request.method == "POST") return Change(what, request, parameters, store);
  return Refused(405, "GET, POST or DELETE.");
}

}  // namespace spillway::strict
