#include "cli/documents.h"

#include "cli/command.h"
#include "common/config.h"

namespace spillway::cli {
namespace {

const char* PurposeOf(const std::string& shell) {
  return shell == "fs"        ? "work with files of a Spillway cluster"
         : shell == "fsadmin" ? "administer a Spillway cluster"
                              : "follow what a Spillway cluster was asked to do";
}

// Hyphens are meant as such, and no line may begin as a request.
std::string Roff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out.empty() || (out[0] != '.' && out[0] != '\'') ? out : "\\&" + out;
}

std::string FlagsOf(const Command& command) {
  std::string words;
  for (const Flag& flag : command.flags) {
    words += " " + flag.name;
    for (const std::string& alias : flag.aliases) words += " " + alias;
  }
  return words;
}

std::string NamesOf(const std::vector<Command>& commands) {
  std::string names;
  for (const Command& command : commands) names += " " + command.name;
  return names + " help";
}

// The commands whose last word is a path of the local file system.
bool TakesLocalPath(const std::string& name) {
  return name == "copyFromLocal" || name == "copyToLocal";
}

std::string BashCases(const std::string& shell) {
  std::string out;
  for (const Command& command : *CommandsOf(shell)) {
    out += "      " + shell + ":" + command.name + ") words=\"" + FlagsOf(command) + "\"";
    if (TakesLocalPath(command.name)) out += "; local_path=1";
    if (shell == "fs") out += "; path=1";
    out += " ;;\n";
  }
  return out;
}

}  // namespace

std::string ManPage(const std::string& shell) {
  const std::string name = "spillway-" + shell;
  std::string out =
      ".TH " + name + " 1 \"\" Spillway \"Spillway commands\"\n.SH NAME\n" + Roff(name) + " \\- " +
      PurposeOf(shell) + "\n.SH SYNOPSIS\n.B spillway " + shell +
      "\n[\\-Dkey=value ...] [\\-\\-conf FILE] command [arguments]\n.SH DESCRIPTION\n"
      "The same verbs answer to\n.B alluxio " +
      shell +
      "\nwhere Spillway stands in for Alluxio. The exit code is 0, 255 for a failure, "
      "or what the command says.\n.SH COMMANDS\n";
  for (const Command& command : *CommandsOf(shell)) {
    out += ".TP\n.B " + Roff(command.name) + (command.usage.empty() ? "" : " ") +
           Roff(command.usage) + "\n" + Roff(command.help) + "\n";
    if (command.flags.empty()) continue;
    out += ".RS\n";
    for (const Flag& flag : command.flags) {
      std::string names = flag.name;
      for (const std::string& alias : flag.aliases) names += ", " + alias;
      if (flag.takes_value) names += " VALUE";
      out += ".TP\n.B " + Roff(names) + "\n" + Roff(flag.help) + "\n";
    }
    out += ".RE\n";
  }
  return out +
         ".SH FILES\n.I conf/alluxio\\-site.properties\n.SH SEE ALSO\ndocs/CONFIGURATION.md, "
         "docs/COMPATIBILITY.md\n";
}

std::string BashCompletion() {
  return "# bash completion for spillway and alluxio: source it, or put it where bash-completion\n"
         "# looks. Made by: spillway docs completion bash\n"
         "_spillway() {\n"
         "  local cur=${COMP_WORDS[COMP_CWORD]} shell=${COMP_WORDS[1]} command=${COMP_WORDS[2]}\n"
         "  local words=\"\" path=\"\" local_path=\"\"\n"
         "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
         "    words=\"fs fsadmin job master worker local docs version help\"\n"
         "  elif [ \"$COMP_CWORD\" -eq 2 ]; then\n"
         "    case $shell in\n"
         "      fs) words=\"" +
         NamesOf(FsCommands()) +
         "\" ;;\n"
         "      fsadmin) words=\"" +
         NamesOf(FsAdminCommands()) +
         "\" ;;\n"
         "      job) words=\"" +
         NamesOf(JobCommands()) +
         "\" ;;\n"
         "      local) words=\"start stop status restart\" ;;\n"
         "    esac\n"
         "  else\n"
         "    case $shell:$command in\n" +
         BashCases("fs") + BashCases("fsadmin") + BashCases("job") +
         "    esac\n"
         "  fi\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
         "  if [ -n \"$path\" ] && [ \"${cur#/}\" != \"$cur\" ]; then\n"
         "    local folder=${cur%/*}\n"
         "    COMPREPLY+=($(compgen -W \"$(\"${COMP_WORDS[0]}\" fs ls \"${folder:-/}\" 2>/dev/null "
         "|\n"
         "      sed -n 's/.* \\(\\/[^ ]*\\) *$/\\1/p')\" -- \"$cur\"))\n"
         "  fi\n"
         "  [ -z \"$local_path\" ] || COMPREPLY+=($(compgen -f -- \"$cur\"))\n"
         "}\n"
         "complete -o nospace -F _spillway spillway alluxio\n";
}

std::string ZshCompletion() {
  return "#compdef spillway alluxio\n"
         "# zsh completion. Made by: spillway docs completion zsh\n"
         "autoload -U +X bashcompinit && bashcompinit\n" +
         BashCompletion();
}

}  // namespace spillway::cli
