// spillway local: master and workers as processes of their own, on loopback hosts of this machine.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <thread>

#include "bin/memory_folder.h"
#include "bin/pid_file.h"
#include "bin/process.h"
#include "common/clock.h"
#include "common/file_env.h"

namespace spillway {
namespace {

namespace stdfs = std::filesystem;

constexpr int64_t kReadyMsMax = 60'000;
constexpr int64_t kSayMs = 1'000;  // what takes longer is told
constexpr int kSetAsideMax = 1000;
constexpr int kWorkersMax = 64;
constexpr auto kPoll = std::chrono::milliseconds(20);

struct LocalOptions {
  std::string dir = "run/local";
  int workers = 3;
  std::vector<std::string> definitions;
  std::string process;
  bool leftovers = false;
};

PidFile PidOf(const std::string& dir, const std::string& name) {
  return PidFile(dir + "/pids/" + name + ".pid");
}

std::vector<std::string> ReadLines(const std::string& path) {
  std::vector<std::string> lines;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string Value(const std::vector<std::string>& definitions, const std::string& key,
                  const std::string& otherwise) {
  std::string value = otherwise;
  for (const std::string& definition : definitions) {
    if (definition.rfind(key + "=", 0) == 0) value = definition.substr(key.size() + 1);
  }
  return value;
}

// The arguments of one process. Definitions of the user come last and win, but for what makes each
// worker itself.
std::vector<std::string> CommandOf(const LocalOptions& options, const std::string& name) {
  std::vector<std::string> command{name == "master" ? "master" : "worker"};
  const auto define = [&](const std::string& key, const std::string& value) {
    command.push_back("-D" + key + "=" + value);
  };
  define("alluxio.work.dir", options.dir);
  define("alluxio.master.hostname", "127.0.0.1");
  define("alluxio.master.bind.host", "127.0.0.1");
  define("alluxio.master.journal.folder", options.dir + "/journal");
  define("alluxio.master.mount.table.root.ufs", options.dir + "/underFSStorage");
  for (const std::string& definition : options.definitions) command.push_back("-D" + definition);
  if (name != "master") {
    const int index = std::atoi(name.substr(6).c_str());
    const std::string host = "127.0.0." + std::to_string(index + 1);
    define("alluxio.worker.hostname", host);
    define("alluxio.worker.rpc.port", std::to_string(29990 + index));
    define("alluxio.worker.web.port",
           Value(options.definitions, "alluxio.worker.web.port", std::to_string(30990 + index)));
    const std::string tier =
        Value(options.definitions, "alluxio.worker.tieredstore.level0.dirs.path", "");
    define("alluxio.worker.tieredstore.level0.dirs.path",
           tier.empty() ? MemoryFolder(options.dir) + "/" + name : tier + "/" + name);
  }
  return command;
}

// Descriptors of whoever called are not for a process that lasts.
[[noreturn]] void BecomeServer(const std::string& log, const PidFile& pid_file,
                               std::vector<std::string> command) {
  ::setsid();
  ::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const int in = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(in, 0);
  ::dup2(out, 1);
  ::dup2(out, 2);
  if (!pid_file.Take()) {
    std::cerr << "the pid file cannot be written, or another process holds it" << std::endl;
    ::_exit(126);
  }
  std::vector<char*> argv;
  for (std::string& text : command) argv.push_back(text.data());
  argv.push_back(nullptr);
  ::execv(command.front().c_str(), argv.data());
  ::_exit(127);
}

// Its pid.
StatusOr<pid_t> Spawn(const LocalOptions& options, const std::string& name,
                      const std::string& program) {
  std::vector<std::string> command = CommandOf(options, name);
  command.insert(command.begin(), program);
  const pid_t pid = ::fork();
  if (pid < 0) return Unavailable("Cannot start {}: {}", name, std::strerror(errno));
  if (pid == 0)
    BecomeServer(options.dir + "/logs/" + name + ".log", PidOf(options.dir, name),
                 std::move(command));
  return pid;
}

// What /healthz answers there, with its HTTP header; empty if nothing does.
std::string AskHealth(const std::string& host, int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  std::string answer;
  const timeval timeout{2, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) {
    const std::string request =
        "GET /healthz HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n";
    if (::write(fd, request.data(), request.size()) == static_cast<ssize_t>(request.size())) {
      char buffer[512];
      for (ssize_t n = 0; (n = ::read(fd, buffer, sizeof(buffer))) > 0;)
        answer.append(buffer, static_cast<size_t>(n));
    }
  }
  ::close(fd);
  return answer;
}

// True if the process with this pid says so: another cluster may hold the port.
bool IsReady(const std::string& answer, pid_t pid) {
  return answer.rfind("HTTP/1.1 200", 0) == 0 &&
         answer.find(fmt::format("ok {}\n", pid)) != std::string::npos;
}

// What it waits for, in one line.
std::string PhaseOf(const std::string& answer) {
  const size_t body = answer.find("\r\n\r\n");
  if (body == std::string::npos) return "it does not answer at its web port";
  std::string text = answer.substr(body + 4);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ';');
  return text;
}

Status AwaitReady(const LocalOptions& options, const std::string& name, pid_t pid) {
  const bool master = name == "master";
  const int index = master ? 0 : std::atoi(name.substr(6).c_str());
  const std::string host = master ? "127.0.0.1" : "127.0.0." + std::to_string(index + 1);
  const int port = std::atoi(Value(options.definitions,
                                   master ? "alluxio.master.web.port" : "alluxio.worker.web.port",
                                   master ? "19999" : std::to_string(30990 + index))
                                 .c_str());
  SystemClock clock;
  const int64_t end = clock.MonotonicMs() + kReadyMsMax;
  int64_t say_at = clock.MonotonicMs() + kSayMs;
  std::string phase;
  std::string said;
  while (clock.MonotonicMs() < end) {
    if (::waitpid(pid, nullptr, WNOHANG) != 0) {
      const auto lines = ReadLines(options.dir + "/logs/" + name + ".log");
      return Unavailable("{} ended at once; {}/logs/{}.log says: {}", name, options.dir, name,
                         lines.empty() ? "" : lines.back());
    }
    const std::string answer = AskHealth(host, port);
    if (IsReady(answer, pid)) return absl::OkStatus();
    phase = PhaseOf(answer);
    if (clock.MonotonicMs() >= say_at && phase != said) {
      std::cerr << "waiting for " << name << ": " << phase << "\n";
      said = phase;
      say_at = clock.MonotonicMs() + kSayMs;
    }
    std::this_thread::sleep_for(kPoll);
  }
  return MakeStatus(StatusCode::kDeadlineExceeded,
                    "{} is not ready after {} s ({}); see {}/logs/{}.log.", name,
                    kReadyMsMax / 1000, phase, options.dir, name);
}

// What the process has said of its end.
std::string LastWord(const std::string& dir, const std::string& name) {
  for (const auto lines = ReadLines(dir + "/logs/" + name + ".log"); !lines.empty();) {
    const size_t at = lines.back().find(name.substr(0, 6) + " stopped");
    return at == std::string::npos ? "" : lines.back().substr(at + 7);
  }
  return "";
}

// Longer than a process may take to end in order.
int64_t StopMsMax(const LocalOptions& options) {
  constexpr int64_t kMoreMs = 10'000;
  Configuration config;
  std::vector<std::string> none;
  (void)LoadConfiguration(&none, &config);  // as the processes did
  for (const std::string& definition : options.definitions)
    (void)config.SetFromArgument(definition);  // a bad one has stopped the start
  return config.GetDurationMs("spillway.stop.grace") +
         config.GetDurationMs("spillway.worker.stop.grace") + kMoreMs;
}

// Says how it went. False if the process had to be killed.
bool StopProcess(const LocalOptions& options, const std::string& name) {
  const auto ended = PidOf(options.dir, name).Stop(StopMsMax(options));
  while (::waitpid(-1, nullptr, WNOHANG) > 0) {
  }
  std::string how = "did not run";
  if (ended == PidFile::Ended::kKilled) how = "did not end in time and was killed";
  if (ended == PidFile::Ended::kWhenTold) how = LastWord(options.dir, name);
  std::cout << fmt::format("{:<10}{}\n", name, how.empty() ? "ended, without a word" : how);
  return ended != PidFile::Ended::kKilled;
}

std::vector<std::string> Names(int workers) {
  std::vector<std::string> names{"master"};
  for (int i = 1; i <= workers; ++i) names.push_back("worker" + std::to_string(i));
  return names;
}

Status MustNotRun(const LocalOptions& options, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const pid_t pid = PidOf(options.dir, name).Running();
    if (pid == 0) continue;
    return MakeStatus(StatusCode::kAlreadyExists, "{} runs already (pid {}): stop it first.", name,
                      pid);
  }
  return absl::OkStatus();
}

Status StartAll(const LocalOptions& options, const std::string& program,
                const std::vector<std::string>& names) {
  std::vector<pid_t> pids;
  for (const std::string& name : names) {
    SPILLWAY_ASSIGN_OR_RETURN(const pid_t pid, Spawn(options, name, program));
    pids.push_back(pid);
    if (name == "master") SPILLWAY_RETURN_IF_ERROR(AwaitReady(options, name, pid));
  }
  for (size_t i = 0; i < names.size(); ++i)
    SPILLWAY_RETURN_IF_ERROR(AwaitReady(options, names[i], pids[i]));
  return absl::OkStatus();
}

// False only if it is certain that no file is in a folder of blocks below.
bool MayHoldBlocks(const stdfs::path& tiers) {
  std::error_code error;
  for (stdfs::recursive_directory_iterator at(tiers, error), end; !error && at != end;
       at.increment(error)) {
    const std::string folder = at->path().parent_path().filename();
    if (folder == "blocks" || folder == "lost") return true;
  }
  return static_cast<bool>(error);
}

// The blocks of a cluster whose master's state is gone are of no use to a new one, but perhaps to
// who restores a backup of it. Nobody uses the folder.
Status SetBlocksAside(const stdfs::path& tiers, const std::string& journal) {
  std::error_code error;
  if (!MayHoldBlocks(tiers)) {
    // An empty folder that stays (something is mounted there) harms nobody.
    stdfs::remove_all(tiers, error);
    return absl::OkStatus();
  }
  PosixFileEnv env;
  for (int i = 1; i <= kSetAsideMax; ++i) {
    const std::string aside = fmt::format("{}.lost-{}", tiers.string(), i);
    const Status moved = env.RenameNew(tiers.string(), aside);
    if (moved.code() == StatusCode::kAlreadyExists) continue;
    if (moved.ok())
      std::cerr << "There is no " << journal << ": blocks of another cluster are now in " << aside
                << "; remove them if nobody needs them.\n";
    return moved;
  }
  return MakeStatus(StatusCode::kFailedPrecondition,
                    "There are too many {}.lost-N: remove what nobody needs.", tiers.string());
}

Status PrepareMemory(const LocalOptions& options) {
  const std::string journal =
      Value(options.definitions, "alluxio.master.journal.folder", options.dir + "/journal");
  std::error_code error;
  const bool known = stdfs::exists(journal, error);
  if (error) return Unavailable("Cannot look at {}: {}", journal, error.message());
  SPILLWAY_RETURN_IF_ERROR(ClaimMemory(options.dir, /*fresh=*/!known));
  if (known) return absl::OkStatus();
  SPILLWAY_RETURN_IF_ERROR(SetBlocksAside(MemoryFolder(options.dir), journal));
  return ClaimMemory(options.dir, /*fresh=*/true);
}

Status Start(LocalOptions options, const std::string& program) {
  if (options.workers < 1 || options.workers > kWorkersMax)
    return InvalidArgument("--workers must be 1 to {}.", kWorkersMax);
  for (const char* folder : {"/pids", "/logs"}) {
    std::error_code error;
    stdfs::create_directories(options.dir + folder, error);
    if (error) return Unavailable("Cannot create {}{}: {}", options.dir, folder, error.message());
  }
  const auto names = Names(options.workers);
  // What an earlier start was told stays known as long as its processes run.
  SPILLWAY_RETURN_IF_ERROR(MustNotRun(options, Names(kWorkersMax)));
  SPILLWAY_RETURN_IF_ERROR(PrepareMemory(options));
  std::ofstream definitions(options.dir + "/definitions");
  definitions << options.workers << "\n";
  for (const std::string& definition : options.definitions) definitions << definition << "\n";
  definitions.close();
  const Status status = StartAll(options, program, names);
  if (!status.ok()) {
    for (auto it = names.rbegin(); it != names.rend(); ++it) StopProcess(options, *it);
    return status;
  }
  std::cout << "Cluster is ready: alluxio://127.0.0.1:"
            << Value(options.definitions, "alluxio.master.rpc.port", "19998") << " with "
            << options.workers << " workers; logs in " << options.dir << "/logs\n";
  return absl::OkStatus();
}

// What start was told, for the other verbs.
Status Recall(LocalOptions* options) {
  auto lines = ReadLines(options->dir + "/definitions");
  if (lines.empty()) return NotFound("No local cluster was started in {}.", options->dir);
  options->workers = std::atoi(lines.front().c_str());
  options->definitions.assign(lines.begin() + 1, lines.end());
  return absl::OkStatus();
}

Status ShowStatus(const LocalOptions& options) {
  bool all = true;
  for (const std::string& name : Names(options.workers)) {
    const pid_t pid = PidOf(options.dir, name).Running();
    all = all && pid != 0;
    std::cout << fmt::format("{:<10}{}\n", name,
                             pid != 0 ? fmt::format("running (pid {})", pid) : "not running");
  }
  return all ? absl::OkStatus() : Unavailable("Some processes do not run.");
}

Status StopCluster(const LocalOptions& options) {
  bool well = true;
  // The master first: without it no worker waits for its copies to be moved elsewhere.
  for (const std::string& name : Names(options.workers)) well = StopProcess(options, name) && well;
  std::cout << "Cluster is stopped.\n";
  for (const Leftover& leftover : LeftoverMemory()) {
    std::error_code error;
    if (options.leftovers) stdfs::remove_all(leftover.folder, error);
    std::cout << fmt::format("{} {}: left by the cluster in {}, which is gone{}\n",
                             options.leftovers && !error ? "Removed" : "Found", leftover.folder,
                             leftover.dir,
                             options.leftovers ? "" : " (local stop --leftovers removes it)");
  }
  return well ? absl::OkStatus() : Unavailable("Some processes had to be killed.");
}

Status Run(const std::string& verb, LocalOptions options, const std::string& program) {
  options.dir = stdfs::absolute(options.dir).lexically_normal().string();
  if (verb == "status") {
    SPILLWAY_RETURN_IF_ERROR(Recall(&options));
    return ShowStatus(options);
  }
  if (verb == "start") {
    std::error_code error;
    stdfs::create_directories(options.dir, error);
    if (error) return Unavailable("Cannot create {}: {}", options.dir, error.message());
  }
  // Until this process ends. Who starts and stops at the same time would meet half a cluster.
  if (stdfs::exists(options.dir) && LockPath(options.dir, O_RDONLY | O_DIRECTORY) < 0) {
    return MakeStatus(StatusCode::kFailedPrecondition,
                      "Another spillway local is at work in {}: wait for it.", options.dir);
  }
  if (verb == "start") return Start(options, program);
  SPILLWAY_RETURN_IF_ERROR(Recall(&options));
  if (verb == "stop") return StopCluster(options);
  const auto names = Names(options.workers);
  if (std::find(names.begin(), names.end(), options.process) == names.end()) {
    return NotFound("{} is no process of this cluster: master or worker1 to worker{}.",
                    options.process, options.workers);
  }
  StopProcess(options, options.process);
  SPILLWAY_RETURN_IF_ERROR(StartAll(options, program, {options.process}));
  std::cout << options.process << " runs again.\n";
  return absl::OkStatus();
}

}  // namespace

int LocalMain(std::vector<std::string> arguments, const std::string&) {
  LocalOptions options;
  std::vector<std::string> rest;
  for (const std::string& argument : arguments) {
    if (argument.rfind("-D", 0) == 0 && argument.size() > 2) {
      options.definitions.push_back(argument.substr(2));
    } else {
      rest.push_back(argument);
    }
  }
  CLI::App app{"A cluster of processes on this machine", "spillway local"};
  app.require_subcommand(1);
  for (const char* verb : {"start", "status", "stop", "restart"}) {
    CLI::App* sub = app.add_subcommand(verb);
    sub->add_option("--dir", options.dir, "folder of state, pids and logs");
    if (std::string(verb) == "start")
      sub->add_option("--workers", options.workers, "number of workers");
    if (std::string(verb) == "stop") {
      sub->add_flag("--leftovers", options.leftovers,
                    "remove what clusters whose folder is gone have left in memory");
    }
    if (std::string(verb) == "restart") sub->add_option("process", options.process)->required();
  }
  std::reverse(rest.begin(), rest.end());
  try {
    app.parse(rest);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  const Status status = Run(app.get_subcommands().front()->get_name(), options, ProgramPath());
  if (status.ok()) return 0;
  std::cerr << "spillway local: " << Message(status) << "\n";
  return 1;
}

}  // namespace spillway
