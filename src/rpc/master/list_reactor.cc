#include "rpc/master/list_reactor.h"

#include <algorithm>

#include "common/path.h"
#include "rpc/convert.h"
#include "rpc/master/loading.h"
#include "rpc/request_text.h"
#include "rpc/service_names.h"

namespace spillway {
namespace {

constexpr size_t kEntriesPerPage = 1000;
constexpr size_t kBytesPerMessage = 2 << 20;

// Reads page after page; each page is written before the next is read.
class ListReactor : public ServerReactor {
 public:
  ListReactor(MasterServiceContext context, CallContext call)
      : ServerReactor(call.call), context_(std::move(context)), caller_(std::move(call.caller)) {
    entries_max_ = std::min<size_t>(
        kEntriesPerPage,
        std::max<int64_t>(1, context_.config->GetInt(
                                 "alluxio.master.filesystem.liststatus.result.message.length")));
    StartRead(&request_buffer_);
  }

  void OnReadDone(bool ok) override {
    fswire::ListStatusPRequest request;
    if (!ok) return Finish(ToGrpc(InvalidArgument("Unreadable request")));
    if (Status status = ReadRequest("ListStatus", request_buffer_, &request); !status.ok())
      return Finish(ToGrpc(status));
    auto path = NormalizePath(request.path());
    if (!path.ok()) return Finish(ToGrpc(path.status()));
    path_ = *std::move(path);
    options_.recursive = request.options().recursive();
    load_only_ = request.options().loadmetadataonly();
    loading_ = LoadingOf(context_, request.options());
    loading_.children = true;
    loading_.recursive = options_.recursive;
    if (loading_.never_load) options_.load_type = LoadType::kNever;
    WithLoaded(context_, {path_}, loading_, [this](const Status& loaded) {
      if (!loaded.ok()) return Finish(ToGrpc(loaded));
      Begin();
    });
  }

  void Begin() {
    if (options_.recursive || load_only_ || loading_.never_load) return NextPage();
    cursor_.to_keep = true;
    auto cached = context_.master->CachedListing(caller_, path_);
    if (!cached.result.ok() || !*cached.result) return NextPage();
    context_.master->WhenDurable(cached.wait_for,
                                 [this, bytes = *std::move(*cached.result)] { WriteLast(bytes); });
  }

  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(ToGrpc(MakeStatus(StatusCode::kUnknown, "the client is gone")));
    if (cursor_.done) return Finish(grpc::Status::OK);
    // On the pool: a write ends as soon as it is buffered, so a long listing would go on page after
    // page on the queue's thread, and nobody else's call would be read meanwhile.
    context_.executor->Post([this] { NextPage(); });
  }

  void OnDone() override { delete this; }

 private:
  void NextPage() {
    if (!loading_.never_load) {
      if (const auto directory = context_.master->DirectoryToLoad(path_, true))
        return Load(*directory);
    }
    auto page = context_.master->ListStatus(caller_, path_, options_, entries_max_, &cursor_);
    if (!page.result.ok()) return Finish(ToGrpc(page.result.status()));
    auto arena = std::make_shared<google::protobuf::Arena>();
    auto* response =
        google::protobuf::Arena::CreateMessage<fswire::ListStatusPResponse>(arena.get());
    for (const FileStatus& status : *page.result) {
      if (!load_only_) FillFileInfo(status, response->add_fileinfos());
    }
    context_.master->WhenDurable(page.wait_for, [this, arena, response] { Write(*response); });
  }

  void Write(const fswire::ListStatusPResponse& response) {
    if (response.fileinfos_size() > 0) {
      // Long paths and many blocks make entries large; later pages get fewer of them.
      if (response.ByteSizeLong() > kBytesPerMessage)
        entries_max_ = std::max<size_t>(1, entries_max_ / 2);
      if (cursor_.ticket != 0) {  // all of a folder
        const SharedBytes bytes = response.SerializeAsString();
        context_.master->KeepListing(cursor_, bytes);
        return WriteLast(bytes);
      }
      response_buffer_ = ToBuffer(response);
      const bool last = cursor_.done && !cursor_.load;
      if (last) return StartWriteAndFinish(&response_buffer_, grpc::Status::OK);
      return StartWrite(&response_buffer_);
    }
    Continue();
  }

  void WriteLast(const SharedBytes& bytes) {
    const grpc::Slice slice = SharedSlice(bytes);
    response_buffer_ = grpc::ByteBuffer(&slice, 1);
    StartWriteAndFinish(&response_buffer_, grpc::Status::OK);
  }

  void Continue() {
    if (cursor_.done) return Finish(grpc::Status::OK);
    if (cursor_.load) return Load(*cursor_.load);
    NextPage();
  }

  void Load(InodeId directory) {
    context_.executor->Post([this, directory] {
      if (Status status = context_.master->LoadDirectory(directory, loading_.TtlBelow(path_));
          !status.ok())
        return Finish(ToGrpc(status));
      NextPage();
    });
  }

  const MasterServiceContext context_;
  const Caller caller_;
  grpc::ByteBuffer request_buffer_;
  grpc::ByteBuffer response_buffer_;
  std::string path_;
  ListOptions options_;
  Loading loading_;
  bool load_only_ = false;
  size_t entries_max_ = kEntriesPerPage;
  ListCursor cursor_;
};

// A limited listing with a start: one message. Runs on the executor.
void ListPartial(const MasterServiceContext& context, const Caller& caller, const std::string& path,
                 const fswire::ListStatusPartialPRequest& request, const PassiveTtl& ttl,
                 Reply<fswire::ListStatusPartialPResponse> reply) {
  const auto& options = request.options();
  ListOptions list;
  list.recursive = options.options().recursive();
  ListCursor cursor;
  cursor.ttl = ttl;
  if (options.has_startafter()) {
    cursor.after = options.startafter();
    if (IsWithin(cursor.after, path) && cursor.after.size() > path.size()) {
      cursor.after = cursor.after.substr(path == "/" ? 1 : path.size() + 1);
    }
  }
  int64_t skip = std::max<int64_t>(0, options.offsetcount());
  if (options.has_offsetid()) {
    const auto at = context.master->GetFilePath(InodeId(options.offsetid()));
    if (at.result.ok() && IsWithin(*at.result, path) && *at.result != path) {
      cursor.after = at.result->substr(path == "/" ? 1 : path.size() + 1);
    }
  }
  const size_t batch =
      options.batchsize() > 0 ? static_cast<size_t>(options.batchsize()) : SIZE_MAX;
  fswire::ListStatusPartialPResponse response;
  response.set_istruncated(false);
  const auto visit = [&](const FileStatus& status) -> StatusOr<bool> {
    const std::string relative =
        status.path.substr(std::min(status.path.size(), path == "/" ? 1 : path.size() + 1));
    if (!options.prefix().empty() && relative.rfind(options.prefix(), 0) != 0) return true;
    if (skip > 0) {
      --skip;
      return true;
    }
    response.set_istruncated(static_cast<size_t>(response.fileinfos_size()) == batch);
    if (!response.istruncated()) FillFileInfo(status, response.add_fileinfos());
    return !response.istruncated();
  };
  if (Status status = VisitListing(context.master, caller, path, list, cursor, visit); !status.ok())
    return reply(status);
  response.set_filecount(response.istruncated() ? -1 : response.fileinfos_size());
  reply(response);
}

}  // namespace

void RegisterListing(RpcService* service, const MasterServiceContext& context) {
  service->Stream(kFileSystemService, "ListStatus", [context](CallContext call) {
    return new ListReactor(context, std::move(call));
  });
  service->Unary<fswire::ListStatusPartialPRequest, fswire::ListStatusPartialPResponse>(
      kFileSystemService, "ListStatusPartial",
      [context](const CallContext& call, const auto& request, auto reply) {
        const auto path = NormalizePath(request.path());
        if (!path.ok()) return reply(path.status());
        Loading loading = LoadingOf(context, request.options().options());
        loading.children = true;
        loading.recursive = request.options().options().recursive();
        WithLoaded(context, {*path}, loading,
                   [context, caller = call.caller, path = *path, request, reply,
                    ttl = loading.TtlBelow(*path)](const Status& loaded) {
                     if (!loaded.ok()) return reply(loaded);
                     context.executor->Post([context, caller, path, request, reply, ttl] {
                       ListPartial(context, caller, path, request, ttl, reply);
                     });
                   });
      });
}

}  // namespace spillway
