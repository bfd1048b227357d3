#include "cli/command.h"

#include <algorithm>

#include "common/path.h"

namespace spillway::cli {
namespace {

const Flag* FindFlag(const Command& command, const std::string& text) {
  for (const Flag& flag : command.flags) {
    if (flag.name == text ||
        std::find(flag.aliases.begin(), flag.aliases.end(), text) != flag.aliases.end())
      return &flag;
  }
  return nullptr;
}

Status Parse(const Command& command, const std::vector<std::string>& argv, Arguments* arguments) {
  bool only_values = false;
  for (size_t i = 1; i < argv.size(); ++i) {
    const std::string& text = argv[i];
    if (only_values || text.size() < 2 || text[0] != '-') {
      arguments->values.push_back(text);
      continue;
    }
    if (text == "--") {
      only_values = true;
      continue;
    }
    const size_t equals = text.rfind("--", 0) == 0 ? text.find('=') : std::string::npos;
    const Flag* flag = FindFlag(command, text.substr(0, equals));
    if (flag == nullptr && command.any_flags) continue;
    if (flag == nullptr)
      return InvalidArgument("Failed to parse args for {}: Unrecognized option: {}", command.name,
                             text);
    std::string value;
    if (flag->takes_value) {
      if (equals != std::string::npos) {
        value = text.substr(equals + 1);
      } else if (i + 1 < argv.size()) {
        value = argv[++i];
      } else {
        return InvalidArgument("{}: option {} needs a value", command.name, text);
      }
    }
    arguments->flags[flag->name] = value;
    arguments->all.emplace_back(flag->name, value);
  }
  const int count = static_cast<int>(arguments->values.size());
  if (count < command.values_min || (command.values_max >= 0 && count > command.values_max)) {
    if (command.values_min == command.values_max)
      return InvalidArgument("Command {} takes {} arguments, {} provided", command.name,
                             command.values_min, count);
    return InvalidArgument("Command {} requires {} {} arguments ({} provided)", command.name,
                           count < command.values_min ? "at least" : "at most",
                           count < command.values_min ? command.values_min : command.values_max,
                           count);
  }
  return absl::OkStatus();
}

void PrintHelp(const std::string& shell, const Command& command, std::ostream& out) {
  out << "Usage: " << command.name << (command.usage.empty() ? "" : " ") << command.usage << "\n"
      << command.help << "\n";
  for (const Flag& flag : command.flags) {
    std::string names = flag.name;
    for (const std::string& alias : flag.aliases) names += ", " + alias;
    out << fmt::format("  {:<23} {}\n", names + (flag.takes_value ? " <value>" : ""), flag.help);
  }
}

bool Match(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') {
    return Match(pattern.substr(1), text) || (!text.empty() && Match(pattern, text.substr(1)));
  }
  return !text.empty() && pattern[0] == text[0] && Match(pattern.substr(1), text.substr(1));
}

}  // namespace

int RunCommand(const std::string& shell, const std::vector<Command>& commands, Context& context,
               const std::vector<std::string>& argv) {
  std::ostream& out = *context.out;
  const auto usage = [&] {
    out << "Usage: " << shell << " [generic options]\n";
    for (const Command& command : commands)
      out << fmt::format("\t [{} {}]\n", command.name, command.usage);
  };
  if (argv.empty()) {
    usage();
    return kFailed;
  }
  if (argv[0] == "help" || argv[0] == "-h" || argv[0] == "--help") {
    for (const Command& command : commands) {
      if (argv.size() > 1 && command.name == argv[1]) {
        PrintHelp(shell, command, out);
        return 0;
      }
    }
    if (argv.size() > 1) {
      out << argv[1] << " is an unknown command.\n";
      return kFailed;
    }
    usage();
    return 0;
  }
  const auto it = std::find_if(commands.begin(), commands.end(),
                               [&](const Command& c) { return c.name == argv[0]; });
  if (it == commands.end()) {
    out << argv[0] << " is an unknown command.\n";
    usage();
    return kFailed;
  }
  if (argv.size() > 1 && (argv[1] == "-h" || argv[1] == "--help") &&
      FindFlag(*it, "-h") == nullptr) {
    PrintHelp(shell, *it, out);
    return 0;
  }
  Arguments arguments;
  if (Status status = Parse(*it, argv, &arguments); !status.ok()) {
    out << Message(status) << "\n";
    PrintHelp(shell, *it, out);
    return kFailed;
  }
  const StatusOr<int> code = it->run(context, arguments);
  if (code.ok()) return *code;
  out << Message(code.status()) << "\n";
  return kFailed;
}

StatusOr<std::vector<std::string>> ExpandPath(Context& context, const std::string& pattern) {
  if (pattern.find('*') == std::string::npos) {
    SPILLWAY_ASSIGN_OR_RETURN(std::string path, NormalizePath(pattern));
    return std::vector<std::string>{path};
  }
  SPILLWAY_ASSIGN_OR_RETURN(const std::string clean, NormalizePath(pattern));
  std::vector<std::string> matches{"/"};
  for (const std::string& part : PathComponents(clean)) {
    std::vector<std::string> next;
    for (const std::string& parent : matches) {
      if (part.find('*') == std::string::npos) {
        if (context.master->GetStatus(JoinPath(parent, part)).ok())
          next.push_back(JoinPath(parent, part));
        continue;
      }
      const Status listed =
          context.master->ListStatus(parent, ListOptions(), [&](const FileStatus& status) {
            if (status.path != parent && Match(part, status.name)) next.push_back(status.path);
            return absl::OkStatus();
          });
      if (!listed.ok() && listed.code() != StatusCode::kNotFound) return listed;
    }
    matches.swap(next);
  }
  if (matches.empty()) return NotFound("{} does not exist.", pattern);
  return matches;
}

int ForEachPath(Context& context, const std::string& pattern,
                const std::function<Status(const std::string&)>& each) {
  const auto paths = ExpandPath(context, pattern);
  if (!paths.ok()) {
    *context.out << Message(paths.status()) << "\n";
    return kFailed;
  }
  int code = 0;
  for (const std::string& path : *paths) {
    if (Status status = each(path); !status.ok()) {
      *context.out << Message(status) << "\n";
      code = kFailed;
    }
  }
  return code;
}

const std::vector<Command>* CommandsOf(const std::string& shell) {
  if (shell == "fs") return &FsCommands();
  if (shell == "fsadmin") return &FsAdminCommands();
  return shell == "job" ? &JobCommands() : nullptr;
}

}  // namespace spillway::cli
