// The fsadmin commands beside report's summaries, one file each.
#pragma once

#include "cli/command.h"

namespace spillway::cli {

Command BackupCommand();
Command DecommissionCommand();

// Categories of fsadmin report.
Status ReportPersist(Context& context, const Arguments& arguments);
Status ReportHealth(Context& context, const Arguments& arguments);

}  // namespace spillway::cli
