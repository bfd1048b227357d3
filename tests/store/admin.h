// The administration of a strict store over HTTP: JSON, without signature.
//
//   GET    /-/health                          {"port":..}
//   GET    /-/rules                           those that are left
//   POST   /-/rules                           a rule or an array of rules; answers {"ids":[..]}
//            {"call":"PutObject","deformation":"effect_later","count":1,"skip":0,"key":"a/*",
//             "name":"","value":"","status":503,"ms":100,"amount":0,"effect":true}
//   DELETE /-/rules
//   GET    /-/requests                        the log; ?after=id leaves out what is older
//   DELETE /-/requests
//   GET    /-/counters                        requests by call, bytes copied, effects pending
//   GET    /-/objects                         [{"key","size","etag","crc32c",..}]
//   POST   /-/objects?key=K                   the body is a foreign object's bytes
//   POST   /-/objects?key=K&synthetic=6442450944&seed=1
//   DELETE /-/objects?key=K
//   GET    /-/uploads
//   GET    /-/profile
//   POST   /-/profile                         {"conditional_put":"ignore","list_v2":"refuse"}
//   POST   /-/settings                        any of {"delay_ms":{"CopyObject":40000},
//            "blanks_every_ms":..,"requests_per_second":..,"clock_skew_ms":..,"session_token":".."}
//   POST   /-/advance?ms=1000                 the time of late effects
//   POST   /-/clear                           objects, uploads, rules, log
//   GET    /-/tables                          calls, deformations and error codes
//
// bucket=B chooses another bucket than the first.
#pragma once

#include "store/strict_store.h"

namespace spillway::strict {

// Answers one request; 400 with a text if it makes no sense, 404 if there is no such call.
Answer Administer(const HttpRequest& request, StrictStore& store);

}  // namespace spillway::strict
