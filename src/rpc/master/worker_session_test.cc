// The master's end of a worker's session, over a transport that is played.
#include "master/master_fixture.h"
#include "rpc/buffers.h"
#include "rpc/master/master_services.h"
#include "rpc/worker/played_stream.h"

namespace spillway {
namespace {

class WorkerSessionTest : public MasterFixture {
 protected:
  WorkerSessionTest() : authenticator_(&config_), service_(&authenticator_) {
    RegisterWorkerSessionService(&service_, master_.get(), &table_);
    CallContext call;
    call.call = &stream_;
    reactor_ = service_.HandlerOfStream("/spillway.session.WorkerSessionService/Session")(call);
  }
  ~WorkerSessionTest() override {
    if (!stream_.status()) reactor_->OnCancel();
    stream_.EndOfMessages(reactor_);
    EXPECT_EQ(stream_.misuse(), "");
    reactor_->OnDone();
  }

  void Register(const std::string& host, int64_t capacity) {
    session::WorkerMessages messages;
    auto* request = messages.add_messages()->mutable_register_();
    request->mutable_address()->set_host(host);
    request->mutable_address()->set_data_port(29999);
    request->add_tiers()->set_capacity_bytes(capacity);
    stream_.Say(reactor_, ToBuffer(messages));
    executor_.RunAll();
  }

  Configuration config_;
  Authenticator authenticator_;
  RpcService service_;
  SessionTable table_;
  PlayedStream stream_;
  ServerReactor* reactor_ = nullptr;
};

TEST_F(WorkerSessionTest, secondRegistration_endsTheSession) {
  Register("a", 100);
  EXPECT_FALSE(stream_.status().has_value());
  Register("b", 100);
  ASSERT_TRUE(stream_.status().has_value());
  EXPECT_EQ(stream_.status()->error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(WorkerSessionTest, register_numbersThatCannotBe_endTheSession) {
  Register("a", -1);
  ASSERT_TRUE(stream_.status().has_value());
  EXPECT_EQ(stream_.status()->error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(WorkerSessionTest, garbage_endsTheSession) {
  const grpc::Slice garbage(std::string("\xff\xff\xff"));
  stream_.Say(reactor_, grpc::ByteBuffer(&garbage, 1));
  ASSERT_TRUE(stream_.status().has_value());
  EXPECT_FALSE(stream_.reads());
}

}  // namespace
}  // namespace spillway
