// The job shell, and what others use of it.
#pragma once

#include "cli/command.h"

namespace spillway::cli {

// Waits until the job has ended, with a progress bar on a terminal.
Status FollowJob(Context& context, int64_t id);

// Its files, as Alluxio's shell lists them.
void PrintJobDetails(std::ostream& out, const JobReport& report);

}  // namespace spillway::cli
