#include <algorithm>

#include "cli/fs/commands.h"
#include "cli/json.h"

namespace spillway::cli {

namespace {

// What an entry is sorted by or shown with.
std::function<int64_t(const FileStatus&)> Field(const std::string& name) {
  if (name == "size") return [](const FileStatus& s) { return s.length_bytes; };
  if (name == "creationTime") return [](const FileStatus& s) { return s.creation_time_ms; };
  if (name == "lastModificationTime")
    return [](const FileStatus& s) { return s.last_modification_time_ms; };
  if (name == "lastAccessTime") return [](const FileStatus& s) { return s.last_access_time_ms; };
  if (name == "inMemoryPercentage")
    return [](const FileStatus& s) -> int64_t { return s.in_memory_percentage; };
  return nullptr;
}

class Listing {
 public:
  Listing(Context& context, const Arguments& arguments)
      : context_(context), arguments_(arguments) {}

  StatusOr<int> Run() {
    const std::string sort = arguments_.Get("--sort", "name");
    const std::string time = arguments_.Get("--timestamp", "lastModificationTime");
    sort_by_ = Field(sort);
    if (!sort_by_ && sort != "name" && sort != "path")
      return InvalidArgument("Invalid sort option `{}` for --sort", sort);
    if (time.find("Time") == std::string::npos || !Field(time))
      return InvalidArgument("Invalid time option `{}` for --timestamp", time);
    time_ = Field(time);
    int code = 0;
    for (const std::string& value : arguments_.values) {
      code = std::max(code, ForEachPath(context_, value,
                                        [this](const std::string& path) { return List(path); }));
    }
    if (arguments_.Has("--json")) *context_.out << Text(json_) << "\n";
    return code;
  }

 private:
  Status List(const std::string& path) {
    std::vector<FileStatus> entries;
    const bool plain = !arguments_.Has("--sort") && !arguments_.Has("-r");
    const auto visit = [&](const FileStatus& status) {
      if (arguments_.Has("-p") && !status.pinned) return absl::OkStatus();
      if (plain) {
        Print(status);
      } else {
        entries.push_back(status);
      }
      return absl::OkStatus();
    };
    if (arguments_.Has("-f"))
      SPILLWAY_RETURN_IF_ERROR(context_.admin->LoadMetadata(path, false, true));
    if (arguments_.Has("-d")) {
      SPILLWAY_ASSIGN_OR_RETURN(const FileStatus status, context_.master->GetStatus(path));
      SPILLWAY_RETURN_IF_ERROR(visit(status));
    } else {
      ListOptions options;
      options.recursive = arguments_.Has("-R");
      SPILLWAY_RETURN_IF_ERROR(context_.master->ListStatus(path, options, visit));
    }
    std::stable_sort(entries.begin(), entries.end(), [&](const auto& a, const auto& b) {
      return sort_by_ ? sort_by_(a) < sort_by_(b) : a.path < b.path;
    });
    if (arguments_.Has("-r")) std::reverse(entries.begin(), entries.end());
    for (const FileStatus& status : entries) Print(status);
    return absl::OkStatus();
  }

  void Print(const FileStatus& status) {
    if (arguments_.Has("--json")) {
      json_.push_back(ToJson(status));
      return;
    }
    const bool human = arguments_.Has("-h") && !status.is_directory;
    const std::string size =
        human ? FormatBytes(status.length_bytes) : std::to_string(status.length_bytes);
    const std::string in =
        status.is_directory ? "DIR" : fmt::format("{}%", status.in_cluster_percentage);
    const std::string rest = fmt::format("{:>15} {:>15} {:>23} {:>4} {:<5}\n", size,
                                         PersistenceStateName(status.persistence_state),
                                         FormatTime(time_(status)), in, status.path);
    const bool extended = !status.acl.empty() || !status.default_acl.empty();
    if (!status.owner.empty())
      *context_.out << fmt::format("{:<11} {:<14} {:<14} ",
                                   FormatMode(status) + (extended ? "+" : ""), status.owner,
                                   status.group);
    *context_.out << rest;
    if (!arguments_.Has("--persist") || status.is_directory) return;
    const auto infos = context_.master->GetPersistInfo({status.path});
    if (!infos.ok()) return;
    for (const PersistInfo& info : *infos) *context_.out << "  " << DescribePersist(info) << "\n";
  }

  Context& context_;
  const Arguments& arguments_;
  std::function<int64_t(const FileStatus&)> sort_by_;  // null: by path
  std::function<int64_t(const FileStatus&)> time_;
  nlohmann::json json_ = nlohmann::json::array();
};

}  // namespace

Command LsCommand() {
  return {"ls",
          "[-d|-f|-p|-R/--recursive|-h|--sort=option|--timestamp=option|-r|-m/--omit-mount-info|"
          "--persist|--json] <path> ...",
          "Displays what is directly under the given paths: permission, owner, group, size (of "
          "directories the number of children), persistence state, time, share that is in the "
          "cluster, path.",
          {{"-d", false, {}, "list directories as plain files"},
           {"-f", false, {}, "compare with the understore first"},
           {"-h", false, {}, "print sizes in human readable format"},
           {"-p", false, {}, "list pinned files only"},
           {"-m", false, {"--omit-mount-info"}, "accepted for compatibility"},
           {"-R", false, {"--recursive"}, "list subdirectories recursively"},
           {"-r", false, {}, "reverse the order"},
           {"--persist", false, {}, "say how each file stands on its way to the store"},
           {"--json", false, {}, "print a JSON array"},
           {"--sort",
            true,
            {},
            "creationTime, inMemoryPercentage, lastAccessTime, lastModificationTime, name, path, "
            "size"},
           {"--timestamp", true, {}, "lastAccessTime, creationTime, lastModificationTime"}},
          1,
          -1,
          [](Context& context, const Arguments& arguments) {
            return Listing(context, arguments).Run();
          }};
}

}  // namespace spillway::cli
