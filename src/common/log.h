// Logging through spdlog. Lines go to stderr until InitLog names a file.
#pragma once

#include <spdlog/spdlog.h>

#include <string>

namespace spillway {

// Appends to path (with rotation at 64 MiB, 5 files) or writes to stderr if empty. role is put in
// each line. Call once, before threads start.
void InitLog(const std::string& role, const std::string& path, const std::string& level);

// A broken invariant: logs, flushes and aborts the process.
[[noreturn]] void Panic(const std::string& what);
// Runs instead of the abort and must not return either. For fuzzers, which throw.
void SetPanicHandler(void (*handler)(const std::string& what));

}  // namespace spillway
