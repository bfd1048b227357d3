// The head of a request.
#pragma once

#include <string>

#include "store/http/message.h"

namespace spillway::strict {

// head is the request line and the header lines, each with its line end. What cannot be read is
// told in request->malformed.
void ParseHead(const std::string& head, HttpRequest* request);

}  // namespace spillway::strict
