// libspillway from C++: many files at once, one of them read back, all of them in the store.
// write_and_read HOST PORT
#include <iostream>

#include "lib/client.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "write_and_read HOST PORT\n";
    return 2;
  }
  const auto fail = [](const std::string& what, const spillway::Status& status) {
    std::cerr << what << ": " << status.message() << "\n";
    return 1;
  };
  spillway::Configuration config;
  for (const auto& [key, value] :
       {std::pair{"alluxio.master.hostname", argv[1]}, {"alluxio.master.rpc.port", argv[2]}}) {
    if (auto status = config.Set(key, value, "the command line"); !status.ok())
      return fail(key, status);
  }
  auto opened = spillway::Client::Open(config);
  if (!opened.ok()) return fail("open", opened.status());
  spillway::Client& client = **opened;

  spillway::WriteOptions options = client.write_options();
  options.create.recursive = true;
  options.create.durable_replicas = 2;
  std::vector<std::future<spillway::Status>> written;
  for (int i = 0; i < 100; ++i) {
    written.push_back(client.Write("/example/" + std::to_string(i),
                                   "This is file " + std::to_string(i) + ".\n", options));
  }
  for (auto& one : written) {
    if (const auto status = one.get(); !status.ok()) return fail("write", status);
  }
  const auto text = client.Read("/example/42").get();
  if (!text.ok()) return fail("read", text.status());
  std::cout << *text;
  if (auto status = client.AwaitPersisted("/example", 60'000); !status.ok())
    return fail("persist", status);
  const auto files = client.List("/example");
  if (!files.ok()) return fail("list", files.status());
  std::cout << files->size() << " files are in the store.\n";
  return 0;
}
