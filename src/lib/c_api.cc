// The C ABI over Client. No exception leaves it.
#include <algorithm>
#include <cstring>
#include <string>

#include "lib/client.h"
#include "lib/spillway.h"

struct spillway_client {
  std::unique_ptr<spillway::Client> client;
};

namespace spillway {
namespace {

int Fill(const Status& status, spillway_error* error) {
  if (!status.ok() && error != nullptr) {
    const std::string message = Message(status);
    error->code = static_cast<int>(status.code());
    const size_t size = std::min(message.size(), sizeof(error->message) - 1);
    std::memcpy(error->message, message.data(), size);
    error->message[size] = '\0';
  }
  return static_cast<int>(status.code());
}

// Runs call, whose exceptions (of a library, or for want of memory) become errors.
template <typename Call>
int Guarded(spillway_error* error, const Call& call) {
  try {
    return Fill(call(), error);
  } catch (const std::exception& e) {
    return Fill(Internal("{}", e.what()), error);
  }
}

WriteOptions OptionsOf(const Client& client, int durable) {
  WriteOptions options = client.write_options();
  options.create.recursive = true;
  if (durable > 0) options.create.durable_replicas = durable;
  return options;
}

spillway_status ToC(const FileStatus& file) {
  spillway_status status{};
  status.length_bytes = file.length_bytes;
  status.modified_ms = file.last_modification_time_ms;
  status.is_directory = file.is_directory ? 1 : 0;
  status.is_persisted = file.persistence_state == PersistenceState::kPersisted ? 1 : 0;
  return status;
}

std::string Bytes(const void* data, size_t size) {
  return size == 0 ? std::string() : std::string(static_cast<const char*>(data), size);
}

}  // namespace
}  // namespace spillway

using spillway::Guarded;
using spillway::Status;

extern "C" {

spillway_client* spillway_open(const char* properties, spillway_error* error) {
  spillway_client* opened = nullptr;
  Guarded(error, [&]() -> Status {
    spillway::Configuration config;
    SPILLWAY_RETURN_IF_ERROR(config.LoadText(properties, "spillway_open"));
    SPILLWAY_ASSIGN_OR_RETURN(auto client, spillway::Client::Open(config));
    opened = new spillway_client{std::move(client)};
    return absl::OkStatus();
  });
  return opened;
}

void spillway_give_up(spillway_client* client) {
  if (client != nullptr) client->client->GiveUp();
}

void spillway_close(spillway_client* client) { delete client; }

int spillway_write(spillway_client* client, const char* path, const void* data, size_t size,
                   int durable, spillway_error* error) {
  return Guarded(error, [&]() -> Status {
    const auto options = spillway::OptionsOf(*client->client, durable);
    return client->client->Write(path, spillway::Bytes(data, size), options).get();
  });
}

void spillway_write_async(spillway_client* client, const char* path, const void* data, size_t size,
                          int durable, spillway_done done, void* user_data) {
  spillway_error error;
  const int code = Guarded(&error, [&]() -> Status {
    const auto options = spillway::OptionsOf(*client->client, durable);
    client->client->Write(
        path, spillway::Bytes(data, size), options, [done, user_data](const Status& status) {
          spillway_error failed;
          done(user_data, spillway::Fill(status, &failed) == 0 ? nullptr : &failed);
        });
    return absl::OkStatus();
  });
  if (code != SPILLWAY_OK) done(user_data, &error);
}

int spillway_read(spillway_client* client, const char* path, int64_t offset, void* data,
                  size_t size, size_t* read, spillway_error* error) {
  *read = 0;
  return Guarded(error, [&]() -> Status {
    return client->client->ReadTo(
        path, offset, static_cast<int64_t>(size), [&](std::string_view piece) {
          std::memcpy(static_cast<char*>(data) + *read, piece.data(), piece.size());
          *read += piece.size();
          return absl::OkStatus();
        });
  });
}

int spillway_get_status(spillway_client* client, const char* path, spillway_status* status,
                        spillway_error* error) {
  return Guarded(error, [&]() -> Status {
    SPILLWAY_ASSIGN_OR_RETURN(const spillway::FileStatus file, client->client->GetStatus(path));
    *status = spillway::ToC(file);
    return absl::OkStatus();
  });
}

int spillway_list(spillway_client* client, const char* path, spillway_visit visit, void* user_data,
                  spillway_error* error) {
  return Guarded(error, [&]() -> Status {
    SPILLWAY_ASSIGN_OR_RETURN(const auto entries, client->client->List(path));
    for (const spillway::FileStatus& entry : entries) {
      const spillway_status status = spillway::ToC(entry);
      if (visit(user_data, entry.path.c_str(), &status) != 0) break;
    }
    return absl::OkStatus();
  });
}

int spillway_make_directory(spillway_client* client, const char* path, spillway_error* error) {
  return Guarded(error, [&] { return client->client->MakeDirectory(path); });
}

int spillway_remove(spillway_client* client, const char* path, int recursive,
                    spillway_error* error) {
  return Guarded(error, [&] { return client->client->Remove(path, recursive != 0); });
}

int spillway_rename(spillway_client* client, const char* source, const char* target,
                    spillway_error* error) {
  return Guarded(error, [&] { return client->client->Rename(source, target); });
}

int spillway_await_persisted(spillway_client* client, const char* path, int64_t timeout_ms,
                             spillway_error* error) {
  return Guarded(error, [&] { return client->client->AwaitPersisted(path, timeout_ms); });
}

}  // extern "C"
