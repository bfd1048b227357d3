#include "common/log.h"

#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <cstdlib>

namespace spillway {

void InitLog(const std::string& role, const std::string& path, const std::string& level) {
  std::shared_ptr<spdlog::logger> logger;
  if (path.empty()) {
    logger =
        std::make_shared<spdlog::logger>(role, std::make_shared<spdlog::sinks::stderr_sink_mt>());
  } else {
    logger = std::make_shared<spdlog::logger>(
        role, std::make_shared<spdlog::sinks::rotating_file_sink_mt>(path, 64 << 20, 5));
  }
  logger->set_pattern("%Y-%m-%d %H:%M:%S.%e %L %n [%t] %v");
  logger->set_level(spdlog::level::from_str(level));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

namespace {

void (*panic_handler)(const std::string&) = nullptr;

}  // namespace

void SetPanicHandler(void (*handler)(const std::string& what)) { panic_handler = handler; }

void Panic(const std::string& what) {
  if (panic_handler != nullptr) panic_handler(what);
  spdlog::critical("invariant broken, stopping: {}", what);
  spdlog::default_logger()->flush();
  std::abort();
}

}  // namespace spillway
