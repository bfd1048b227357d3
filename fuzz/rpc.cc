// Requests of clients and workers, any bytes, to every unary method of a real master: each is
// answered once, and the master stays sound.
#include "common/log.h"
#include "common/step_executor.h"
#include "fuzz/input.h"
#include "master/master_twins.h"
#include "rpc/master/master_jobs.h"
#include "rpc/master/master_services.h"
#include "understore/memory/memory_under_store.h"

namespace spillway {
namespace {

class Answer : public RawReply {
 public:
  explicit Answer(int* answers) : answers_(answers) {}
  void Send(const Status& status, grpc::ByteBuffer) override {
    fuzz::Require(status.ok() || !status.message().empty());
    ++*answers_;
  }

 private:
  int* const answers_;
};

struct Cluster {
  Cluster()
      : journal(&state, &executor, LogIndex(0)),
        master(Options(),
               MasterContext{&clock, &random, &executor, &journal, &workers, &opener, nullptr}),
        authenticator(&config),
        service(&authenticator) {
    fuzz::Require(master.Start().ok());
    context.master = &master;
    context.executor = &executor;
    context.config = &config;
    context.clock = &clock;
    context.backup = [](const std::string&) -> StatusOr<std::string> { return "/backup"; };
    jobs = std::make_unique<MasterJobs>(context);
    context.jobs = jobs.get();
    RegisterAdminService(&service, context);
    RegisterFileSystemService(&service, context);
    RegisterBlockMasterService(&service, context);
    RegisterMetaServices(&service, context);
    RegisterVersionService(&service);
    RegisterJobMaster(&service, context);
    methods = service.UnaryMethods();
    Settle();
  }
  static MasterOptions Options() {
    MasterOptions options;
    options.root_uri = "s3://bucket";
    options.superuser = "root";
    options.marker_patterns = {"_SUCCESS"};
    options.persist_blacklist = {"/_temporary/"};
    return options;
  }
  void Settle() {
    for (int i = 0; i < 1000 && executor.RunOne(); ++i) {
    }
  }

  ManualClock clock;
  SeededRandom random{1};
  StepExecutor executor;
  MemoryStateStore state;
  NoWorkers workers;
  FixedOpener opener{std::make_shared<MemoryUnderStore>()};
  Journal journal;
  Master master;
  Configuration config;
  Authenticator authenticator;
  RpcService service;
  MasterServiceContext context;
  std::unique_ptr<MasterJobs> jobs;
  std::vector<std::string> methods;
};

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace spillway;
  spdlog::set_level(spdlog::level::off);
  fuzz::Input input(data, size);
  Cluster cluster;
  int asked = 0;
  int answered = 0;
  while (!input.empty() && asked < 30) {
    CallContext call;
    call.method = cluster.methods[input.Byte() % cluster.methods.size()];
    call.caller = {asked % 3 == 2 ? "user" : "root", {"root"}};
    const std::string bytes = input.String();
    grpc::Slice slice(bytes);
    ++asked;
    cluster.service.UnaryHandler(call.method)(call, grpc::ByteBuffer(&slice, 1),
                                              std::make_shared<Answer>(&answered));
    cluster.Settle();
    cluster.clock.AdvanceMs(100);
    cluster.master.Tick();
    cluster.Settle();
  }
  // Some wait for room or for time.
  for (int i = 0; i < 20 && answered < asked; ++i) {
    cluster.clock.AdvanceMs(60'000);
    cluster.master.Tick();
    cluster.Settle();
  }
  fuzz::Require(answered == asked);
  return 0;
}
