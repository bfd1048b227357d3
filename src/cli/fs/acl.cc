// getfacl and setfacl.
#include "absl/strings/str_split.h"
#include "cli/fs/commands.h"

namespace spillway::cli {
namespace {

std::vector<AclEntry> BaseEntries(int mode) {
  return {{AclEntryType::kOwner, "", mode >> 6 & 7},
          {AclEntryType::kOwningGroup, "", mode >> 3 & 7},
          {AclEntryType::kOther, "", mode & 7}};
}

std::string FormatEntry(const AclEntry& entry) {
  static constexpr const char* kTypes[] = {"user", "user", "group", "group", "mask", "other"};
  return fmt::format("{}{}:{}:{}", entry.is_default ? "default:" : "",
                     kTypes[static_cast<int>(entry.type)], entry.subject, FormatBits(entry.bits));
}

// As Alluxio prints them: the base entries first.
void PrintEntries(std::ostream& out, const std::vector<AclEntry>& entries) {
  const auto is_base = [](const AclEntry& entry) {
    return entry.type == AclEntryType::kOwner || entry.type == AclEntryType::kOwningGroup ||
           entry.type == AclEntryType::kOther;
  };
  for (const bool base : {true, false}) {
    for (const AclEntry& entry : entries) {
      if (is_base(entry) == base) out << FormatEntry(entry) << "\n";
    }
  }
}

StatusOr<int> ParseBits(const std::string& text) {
  int bits = 0;
  for (const char c : text) {
    if (c != 'r' && c != 'w' && c != 'x' && c != '-')
      return InvalidArgument("Invalid mode string: {}", text);
    bits |= c == 'r' ? 4 : c == 'w' ? 2 : c == 'x' ? 1 : 0;
  }
  return bits;
}

// "user:ann:rwx", "default:group::r-x"; without permissions for entries to remove.
StatusOr<AclEntry> ParseEntry(const std::string& text, bool with_bits) {
  std::vector<std::string> parts = absl::StrSplit(text, ':');
  AclEntry entry;
  if (parts.front() == "default") {
    entry.is_default = true;
    parts.erase(parts.begin());
  }
  const size_t wanted = with_bits ? 3 : 2;
  if (parts.size() != wanted && (with_bits || parts.size() != 3))
    return InvalidArgument("Unexpected acl components: {}", text);
  entry.subject = parts[1];
  const bool named = !entry.subject.empty();
  if (parts[0] == "user") {
    entry.type = named ? AclEntryType::kNamedUser : AclEntryType::kOwner;
  } else if (parts[0] == "group") {
    entry.type = named ? AclEntryType::kNamedGroup : AclEntryType::kOwningGroup;
  } else if (parts[0] == "mask" && !named) {
    entry.type = AclEntryType::kMask;
  } else if (parts[0] == "other" && !named) {
    entry.type = AclEntryType::kOther;
  } else {
    return InvalidArgument("Unexpected acl entry: {}", text);
  }
  if (!with_bits) return entry;
  SPILLWAY_ASSIGN_OR_RETURN(entry.bits, ParseBits(parts[2]));
  return entry;
}

struct Action {
  const char* flag;
  AclAction action;
};
constexpr Action kActions[] = {{"--set", AclAction::kReplace},
                               {"-m", AclAction::kModify},
                               {"-x", AclAction::kRemove},
                               {"-b", AclAction::kRemoveAll},
                               {"-k", AclAction::kRemoveDefault}};

StatusOr<int> SetFacl(Context& context, const Arguments& arguments) {
  const Action* chosen = nullptr;
  for (const Action& action : kActions) {
    if (!arguments.Has(action.flag)) continue;
    if (chosen != nullptr)
      return InvalidArgument("Only one of --set, -m, -x, -b and -k may be given.");
    chosen = &action;
  }
  if (chosen == nullptr) return InvalidArgument("No actions specified.");
  std::vector<AclEntry> entries;
  const std::string list = arguments.Get(chosen->flag, "");
  for (const auto text : absl::StrSplit(list, ',', absl::SkipEmpty())) {
    SPILLWAY_ASSIGN_OR_RETURN(AclEntry entry,
                              ParseEntry(std::string(text), chosen->action != AclAction::kRemove));
    entry.is_default = entry.is_default || arguments.Has("-d");
    entries.push_back(std::move(entry));
  }
  return ForEachPath(context, arguments.values[0], [&](const std::string& path) {
    return context.admin->SetAcl(path, chosen->action, entries, arguments.Has("-R"));
  });
}

}  // namespace

std::string FormatAcl(const FileStatus& status, bool of_defaults) {
  std::string text;
  std::vector<AclEntry> entries = status.default_acl;
  if (!of_defaults) {
    entries = BaseEntries(status.mode);
    entries.insert(entries.end(), status.acl.begin(), status.acl.end());
  }
  for (const AclEntry& entry : entries) text += (text.empty() ? "" : ",") + FormatEntry(entry);
  return text;
}

Command GetfaclCommand() {
  return {
      "getfacl",
      "<path>",
      "Displays the access control lists (ACLs) for a path.",
      {},
      1,
      1,
      [](Context& context, const Arguments& arguments) {
        return ForEachPath(context, arguments.values[0], [&](const std::string& path) -> Status {
          SPILLWAY_ASSIGN_OR_RETURN(const FileStatus status, context.master->GetStatus(path));
          std::ostream& out = *context.out;
          out << "# file: " << status.path << "\n# owner: " << status.owner
              << "\n# group: " << status.group << "\n";
          PrintEntries(out, BaseEntries(status.mode));
          PrintEntries(out, status.acl);
          PrintEntries(out, status.default_acl);
          return absl::OkStatus();
        });
      }};
}

Command SetfaclCommand() {
  return {"setfacl",
          "[-d] [-R] [--set | -m | -x <acl_entries> <path>] | [-b | -k <path>]",
          "Sets the access control list (ACL) for a path.",
          {{"-d", false, {}, "operations apply to the default ACL"},
           {"-R", false, {}, "apply to all files and directories recursively"},
           {"--set", true, {}, "replace the ACL; needs entries of user, group and other"},
           {"-m", true, {}, "add or replace entries"},
           {"-x", true, {}, "remove entries"},
           {"-b", false, {}, "remove all but the base entries"},
           {"-k", false, {}, "remove the default ACL"}},
          1,
          1,
          SetFacl};
}

}  // namespace spillway::cli
