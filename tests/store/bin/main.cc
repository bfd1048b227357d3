// strict_store: the strict S3 store as a process. Prints "strict_store listens on 127.0.0.1:PORT",
// and runs until SIGTERM or SIGINT.
#include <pthread.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "store/strict_store.h"

namespace spillway::strict {
namespace {

struct Arguments {
  StoreOptions options;
  std::vector<std::string> features;  // "conditional_put=ignore"
  std::vector<std::string> delays;    // "CopyObject=40000"
};

void Declare(CLI::App* app, Arguments* arguments) {
  StoreOptions& options = arguments->options;
  app->add_option("--port", options.port, "Port on 127.0.0.1; 0 lets the system choose");
  app->add_option("--bucket", options.buckets, "Buckets that there are")->delimiter(',');
  app->add_option("--region", options.region, "Region of the store");
  app->add_option("--access-key", options.access_key, "Access key");
  app->add_option("--secret-key", options.secret_key, "Secret key");
  app->add_option("--session-token", options.session_token, "Token that requests must have");
  app->add_flag("--no-signature{false}", options.require_signature, "Verify no signatures");
  app->add_flag("--redirect-to-region", options.redirect_to_region,
                "Answer 301 to a signature for another region");
  app->add_option("--min-part-bytes", options.min_part_bytes, "Smallest part but the last");
  app->add_flag("--no-part-checksums{false}", options.require_part_checksums,
                "Uploads with checksums may leave out those of their parts");
  app->add_option("--delay", arguments->delays, "CALL=MS before the call is carried out");
  app->add_option("--blanks-every-ms", options.blanks_every_ms,
                  "Blanks while a long call is delayed");
  app->add_option("--requests-per-second", options.requests_per_second,
                  "More are answered 503 SlowDown");
  app->add_option("--clock-skew-ms", options.clock_skew_ms, "Added to the wall time");
  app->add_flag("--manual-effects", options.manual_effects, "Late effects wait for /-/advance");
  app->add_option("--profile", arguments->features,
                  "FEATURE=yes|ignore|refuse; GET /-/profile lists the features");
}

bool Apply(Arguments* arguments) {
  for (const std::string& text : arguments->features) {
    const size_t equals = std::min(text.find('='), text.size());
    const std::string value = equals < text.size() ? text.substr(equals + 1) : "ignore";
    if (!SetFeature(text.substr(0, equals), value, &arguments->options.profile)) {
      std::cerr << "strict_store: no such feature or support: " << text << "\n";
      return false;
    }
  }
  for (const std::string& text : arguments->delays) {
    const size_t equals = std::min(text.find('='), text.size());
    const auto call = CallByName(text.substr(0, equals));
    const auto ms = ParseNumber(equals < text.size() ? text.substr(equals + 1) : "");
    if (!call || !ms) {
      std::cerr << "strict_store: no such call or no number: " << text << "\n";
      return false;
    }
    arguments->options.delay_ms[*call] = *ms;
  }
  return true;
}

int Run(int argc, char** argv) {
  CLI::App app("A strict S3 store for tests");
  Arguments arguments;
  Declare(&app, &arguments);
  CLI11_PARSE(app, argc, argv);
  if (!Apply(&arguments)) return 2;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before there are other threads
  signal(SIGPIPE, SIG_IGN);
  const auto store = StrictStore::Start(arguments.options);
  if (!store.ok()) {
    std::cerr << "strict_store: " << store.status().message() << "\n";
    return 1;
  }
  std::cout << "strict_store listens on 127.0.0.1:" << (*store)->port() << std::endl;
  int signal_number = 0;
  sigwait(&signals, &signal_number);
  return 0;
}

}  // namespace
}  // namespace spillway::strict

int main(int argc, char** argv) { return spillway::strict::Run(argc, argv); }
