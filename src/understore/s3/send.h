// Which refusals a request can be sent again for, having learned something from the answer.
#pragma once

#include <string>

namespace spillway {

// True if an answer may mean that the credentials are not good any more. S3 answers HEAD without a
// body, so that the cause of a 400 or 403 is not said.
bool MayBeCredentials(const std::string& method, int http_code, const std::string& error_code);
// True if the answer says that the credentials are refused, whatever its HTTP code.
bool IsCredentialsRefusal(const std::string& error_code);

}  // namespace spillway
