// Documents made of the command tables: man pages, and completion for bash and zsh.
#pragma once

#include <string>

namespace spillway::cli {

// shell is "fs" or "fsadmin": section 1, in roff.
std::string ManPage(const std::string& shell);
std::string BashCompletion();
std::string ZshCompletion();

}  // namespace spillway::cli
