// How files are written, as the configuration says.
#pragma once

#include "client/file_system.h"
#include "common/config.h"

namespace spillway {

WriteOptions WriteOptionsFrom(const Configuration& config);

}  // namespace spillway
