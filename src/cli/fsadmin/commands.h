// The fsadmin commands beside report's summaries, one file each.
#pragma once

#include "cli/command.h"

namespace spillway::cli {

Command BackupCommand();
Command DamagedCommand();
Command DecommissionCommand();
Command DecommissionWorkerCommand();
Command DoctorCommand();
Command EnableWorkerCommand();
Command GetBlockInfoCommand();
Command JournalCommand();
Command LostBlocksCommand();
Command MetricsCommand();
Command PathConfCommand();
Command QuotaCommand();
Command StatelockCommand();
Command UfsCommand();
Command UpdateConfCommand();

// Text that a worker's file system may have in any encoding; what cannot be printed is escaped.
std::string Shown(const std::string& text);

// Categories of fsadmin report.
Status ReportStore(Context& context, const Arguments& arguments);
Status ReportPersist(Context& context, const Arguments& arguments);
Status ReportHealth(Context& context, const Arguments& arguments);
Status ReportJobs(Context& context, bool as_json);

}  // namespace spillway::cli
