#include "common/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <cstdlib>

#include "common/names.h"

namespace spillway {
namespace {

// The text of a line: names that are quoted may be any bytes, and must not look like other lines.
class PrintableText : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&,
              spdlog::memory_buf_t& out) override {
    const std::string text = Printable(std::string(message.payload.data(), message.payload.size()));
    out.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<PrintableText>();
  }
};

}  // namespace

void InitLog(const std::string& role, const std::string& path, const std::string& level) {
  std::shared_ptr<spdlog::logger> logger;
  if (path.empty()) {
    logger =
        std::make_shared<spdlog::logger>(role, std::make_shared<spdlog::sinks::stderr_sink_mt>());
  } else {
    logger = std::make_shared<spdlog::logger>(
        role, std::make_shared<spdlog::sinks::rotating_file_sink_mt>(path, 64 << 20, 5));
  }
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<PrintableText>('*').set_pattern("%Y-%m-%d %H:%M:%S.%e %L %n [%t] %*");
  logger->set_formatter(std::move(formatter));
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
