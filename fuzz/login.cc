// Logins: any messages on the stream that a client proves its name by, ended in any way. Nobody is
// logged in whose stream is over, nor by another name than he gave.
#include "common/log.h"
#include "fuzz/input.h"
#include "grpc/sasl_server.pb.h"
#include "rpc/auth.h"
#include "rpc/buffers.h"
#include "rpc/worker/played_stream.h"

namespace spillway {
namespace {

namespace sasl = alluxio::grpc::sasl;

void RunStream(Authenticator& authenticator, fuzz::Input& input) {
  PlayedStream stream;
  ServerReactor* reactor = MakeSaslReactor(&stream, &authenticator);
  for (int i = 0; i < 10 && !input.empty(); ++i) {
    const uint8_t what = input.Byte();
    if (what < 60) {
      const std::string bytes = input.String();
      const grpc::Slice slice(bytes);
      stream.Say(reactor, grpc::ByteBuffer(&slice, 1));
    } else if (what < 200) {
      sasl::SaslMessage message;
      message.set_clientid(what % 2 == 0 ? "channel" : "");
      message.set_message(input.String());
      stream.Say(reactor, ToBuffer(message));
    } else {
      stream.Answer(reactor, what < 240);
    }
  }
  const auto caller = authenticator.Authenticate("channel", "method");
  fuzz::Require(!caller.ok() || !caller->user.empty());
  if ((input.Byte() & 1) != 0 && !stream.status()) reactor->OnCancel();
  stream.EndOfMessages(reactor);
  stream.Answer(reactor, false);
  fuzz::Require(stream.misuse().empty());
  reactor->OnDone();
  fuzz::Require(!authenticator.Authenticate("channel", "method").ok());
}

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace spillway;
  spdlog::set_level(spdlog::level::off);
  fuzz::Input input(data, size);
  Configuration config;
  Authenticator authenticator(&config);
  for (int i = 0; i < 3; ++i) RunStream(authenticator, input);
  return 0;
}
