// Sends answers, honestly or not.
#pragma once

#include <functional>

#include "store/http/server.h"

namespace spillway::strict {

// Returns whether the connection can carry another answer.
bool Send(const HttpRequest& request, const Answer& answer, const Delivery& delivery,
          Connection& connection);

// Begins an answer of status 200, sends blanks for a while, asks make for the answer, and sends its
// body behind the blanks. A peer that goes away does not keep make from being called.
bool SendAfterBlanks(const HttpRequest& request, const Delivery& delivery, Connection& connection,
                     const std::function<Answer()>& make);

// The whole head of an answer. length < 0: without Content-Length.
std::string HeadOf(int status, const Headers& headers, int64_t length, bool close);

}  // namespace spillway::strict
