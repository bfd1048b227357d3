// spillway: one program for all roles. Invoked as alluxio it offers the same verbs.
#include <absl/synchronization/mutex.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <iostream>
#include <thread>

#include "bin/process.h"
#include "bin/version.h"
#include "cli/command.h"
#include "cli/documents.h"
#include "common/log.h"
#include "lib/connection.h"
#include "rpc/convert.h"

namespace spillway {
namespace {

const char* const kUsage =
    "Usage: spillway <role or shell> [-Dkey=value ...] [--conf FILE]\n"
    "  master [--restore BACKUP]    run a master, from a backup of fsadmin backup if one is given\n"
    "  worker                       run a worker\n"
    "  local start|stop|status|restart   a cluster of processes on this machine\n"
    "  fs <command>                 file system shell (fs help)\n"
    "  fsadmin <command>            administration (fsadmin help)\n"
    "  job <command>                follow what the cluster was asked to do (job help)\n"
    "  docs configuration           print the table of configuration keys\n"
    "  docs man fs|fsadmin|job      print a man page\n"
    "  docs completion bash|zsh     print a completion script\n"
    "  version                      print the version\n";

// What a command was doing when it was told to stop is given up; so is waiting for that, after a
// while.
class Interruption {
 public:
  // Before any thread is started.
  Interruption() {
    sigemptyset(&signals_);
    for (const int signal : {SIGINT, SIGTERM}) {
      struct sigaction old {};
      ::sigaction(signal, nullptr, &old);
      if (old.sa_handler != SIG_IGN) sigaddset(&signals_, signal);
    }
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  }

  void Watch(Connection* connection) {
    std::thread([this, connection] {
      const timespec patience{5, 0};
      int signal = 0;
      if (::sigwait(&signals_, &signal) != 0) return;
      exit_code_ = 128 + signal;
      connection->Interrupt();
      ::sigtimedwait(&signals_, nullptr, &patience);
      std::_Exit(exit_code_);
    }).detach();
  }

  int ExitCodeOr(int code) const { return exit_code_ == 0 ? code : exit_code_.load(); }

 private:
  sigset_t signals_{};
  std::atomic<int> exit_code_{0};
};

int ShellMain(const Configuration& config, const std::string& shell,
              const std::vector<std::string>& arguments) {
  InitLog("shell", "", "warn");
  Interruption interruption;
  Connection connection(config);
  interruption.Watch(&connection);
  cli::Context context;
  context.fs = connection.fs();
  context.master = connection.master();
  context.admin = connection.admin();
  context.workers = connection.workers();
  context.config = &connection.config();
  context.random = connection.random();
  context.out = &std::cout;
  context.terminal = ::isatty(STDERR_FILENO) == 1;
  const int code = cli::RunCommand("alluxio " + shell, *cli::CommandsOf(shell), context, arguments);
  std::cout.flush();
  // gRPC's threads may still be letting go of ended calls: nothing is torn down under them.
  std::_Exit(interruption.ExitCodeOr(code));
}

// as_alluxio: the one line that Alluxio's shell prints, the version that its clients are told.
void PrintVersion(bool as_alluxio) {
  if (as_alluxio) {
    std::cout << kAlluxioVersion << "\n";
    return;
  }
  const std::string commit = kCommit;
  std::cout << "Spillway " << kVersion << (commit.empty() ? "" : ", commit " + commit)
            << " (speaks the Alluxio 2.9 client protocol)\n";
}

int DocsMain(const std::vector<std::string>& arguments) {
  const std::string what = arguments.empty() ? "" : arguments[0];
  const std::string which = arguments.size() < 2 ? "" : arguments[1];
  if (what == "configuration") {
    std::cout << ConfigurationMarkdown();
  } else if (what == "man" && cli::CommandsOf(which) != nullptr) {
    std::cout << cli::ManPage(which);
  } else if (what == "completion" && which == "bash") {
    std::cout << cli::BashCompletion();
  } else if (what == "completion" && which == "zsh") {
    std::cout << cli::ZshCompletion();
  } else {
    std::cerr << kUsage;
    return 1;
  }
  return 0;
}

int Main(std::vector<std::string> arguments, const std::string& program) {
  if (arguments.empty()) {
    std::cerr << kUsage;
    return 1;
  }
  const std::string role = arguments.front();
  arguments.erase(arguments.begin());
  if (role == "local") return LocalMain(std::move(arguments), program);
  if (role == "version" || role == "--version") {
    PrintVersion(!arguments.empty() && arguments[0] == "--alluxio");
    return 0;
  }
  if (role == "docs") {
    return DocsMain(arguments);
  }
  Configuration config;
  if (Status status = LoadConfiguration(&arguments, &config); !status.ok()) {
    std::cerr << "spillway " << role << ": " << Message(status) << "\n";
    return 1;
  }
  if (role == "master") {
    const bool restore = arguments.size() == 2 && arguments[0] == "--restore";
    if (!arguments.empty() && !restore) {
      std::cerr << "spillway master: " << arguments[0] << " is not understood.\n" << kUsage;
      return 1;
    }
    return MasterMain(config, restore ? arguments[1] : "");
  }
  if (role == "worker") return WorkerMain(config);
  if (cli::CommandsOf(role) != nullptr) return ShellMain(config, role, arguments);
  std::cerr << (role == "help" || role == "-h" || role == "--help" ? "" : role + " is unknown.\n")
            << kUsage;
  return 1;
}

}  // namespace
}  // namespace spillway

// Buffers of data that come and go are not to be given back to the kernel each time, which clears
// them page by page when they are taken again.
void KeepFreedMemory() {
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
  mallopt(M_ARENA_MAX, std::max(2, static_cast<int>(std::thread::hardware_concurrency())));
}

// Files must not get the numbers of streams that whoever started this has closed: what is written
// to stderr would be written into them.
void OpenStandardStreams() {
  for (int fd = ::open("/dev/null", O_RDWR); fd >= 0; fd = ::dup(fd)) {
    if (fd <= STDERR_FILENO) continue;
    ::close(fd);
    return;
  }
}

int main(int argc, char** argv) {
  OpenStandardStreams();
  KeepFreedMemory();
  // gRPC of this distribution has abseil's deadlock detector armed, which costs and reports false
  // cycles.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  return spillway::Main(std::vector<std::string>(argv + 1, argv + argc), argv[0]);
}
