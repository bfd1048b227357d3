// fsadmin damaged: records of the master's state that cannot be read.
#include <fstream>

#include "cli/fsadmin/commands.h"
#include "common/names.h"

namespace spillway::cli {
namespace {

constexpr int64_t kListedMax = 1000;

StatusOr<int> ListDamaged(Context& context) {
  SPILLWAY_ASSIGN_OR_RETURN(const auto report, context.admin->GetDamaged(kListedMax));
  std::ostream& out = *context.out;
  out << "Damaged records: " << report.records_count << "\n";
  for (const auto& record : report.records) {
    out << fmt::format("    {}  {}  {}\n", record.name,
                       record.path.empty() ? "(path not known)" : Printable(record.path),
                       Printable(record.why));
  }
  return 0;
}

StatusOr<int> Export(Context& context, const std::string& name, const std::string& file) {
  SPILLWAY_ASSIGN_OR_RETURN(const std::string bytes, context.admin->ExportRecord(name));
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out) return MakeStatus(StatusCode::kUnknown, "Cannot write {}.", file);
  *context.out << fmt::format("{} bytes of {} written to {}\n", bytes.size(), name, file);
  return 0;
}

StatusOr<int> Damaged(Context& context, const Arguments& arguments) {
  const auto& values = arguments.values;
  const std::string what = values.empty() ? "list" : values[0];
  if (what == "list" && values.size() <= 1) return ListDamaged(context);
  if (what == "export" && values.size() == 3) return Export(context, values[1], values[2]);
  if (what == "drop" && values.size() == 2) {
    if (!arguments.Has("-y"))
      return InvalidArgument(
          "{} goes for good, with what only it knows. Export it first, and say -y.", values[1]);
    SPILLWAY_ASSIGN_OR_RETURN(const std::string done, context.admin->DropRecord(values[1]));
    *context.out << values[1] << ": " << done << "\n";
    return 0;
  }
  return InvalidArgument("damaged takes list, export <name> <file> or drop <name> -y.");
}

}  // namespace

Command DamagedCommand() {
  return {"damaged",
          "[list | export <name> <file> | drop <name> -y]",
          "Lists records of the master's state that cannot be read, writes the bytes of one to a "
          "local file, or drops one for good. A directory that has entries is made anew instead, "
          "for the superuser alone.",
          {{"-y", false, {}, "drop: without it nothing is dropped"}},
          0,
          3,
          Damaged};
}

}  // namespace spillway::cli
