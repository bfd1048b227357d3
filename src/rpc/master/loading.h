// What an operation has to know of the understore before it is carried out: what was never loaded
// is loaded, and what its caller finds too old is compared.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "rpc/convert.h"
#include "rpc/master/master_services.h"

namespace spillway {

struct Loading {
  bool children = false;    // those of the paths count too
  bool recursive = false;   // and everything below
  bool never_load = false;  // as if the understore were not there
  // -1: what was loaded once is good for ever; 0: compare now; else what is so old has to be.
  int64_t sync_interval_ms = -1;
  // Without, if the understore does not answer: what it holds shows when the path is persisted.
  bool if_it_answers = false;
  // Of files that come into the namespace by it, as its caller has it configured.
  int64_t ttl_ms = -1;
  TtlAction ttl_action = TtlAction::kFree;

  PassiveTtl TtlBelow(const std::string& path) const { return {ttl_ms, ttl_action, path, depth()}; }

  SyncDepth depth() const {
    return recursive ? SyncDepth::kAll : children ? SyncDepth::kChildren : SyncDepth::kPath;
  }
};

// Loads off the RPC threads, then runs then; at once if there is nothing to load.
void WithLoaded(const MasterServiceContext& context, std::vector<std::string> paths,
                const Loading& loading, std::function<void(Status)> then);

// The same on this thread. Blocks.
Status LoadNow(const MasterServiceContext& context, const std::vector<std::string>& paths,
               const Loading& loading);

// Hears of a folder below the listed one that could not be loaded.
using FolderFailed = std::function<void(const std::string& path, const Status& why)>;

// The next entries of a listing, loading what was never loaded; maybe none before it is done. A
// folder below that cannot be loaded ends the listing; with failed it is passed to that, and the
// listing goes on with what is known of it. Blocks.
StatusOr<std::vector<FileStatus>> NextPage(Master* master, const Caller& caller,
                                           const std::string& path, const ListOptions& options,
                                           ListCursor* cursor, const FolderFailed& failed = {});

// Visits the entries of a listing from cursor on, page by page, loading what was never loaded,
// until visit answers false. Blocks.
Status VisitListing(Master* master, const Caller& caller, const std::string& path,
                    const ListOptions& options, ListCursor cursor,
                    const std::function<StatusOr<bool>(const FileStatus&)>& visit,
                    const FolderFailed& failed = {});

int64_t SyncIntervalMs(const MasterServiceContext& context,
                       const fswire::FileSystemMasterCommonPOptions& options);
// Of operations whose options say how to load.
template <typename Options>
Loading LoadingOf(const MasterServiceContext& context, const Options& options) {
  Loading loading;
  loading.sync_interval_ms = SyncIntervalMs(context, options.commonoptions());
  if constexpr (requires { options.loadmetadatatype(); }) {
    const auto& common = options.commonoptions();
    if (common.has_ttl()) loading.ttl_ms = common.ttl();
    if (common.has_ttlaction()) loading.ttl_action = static_cast<TtlAction>(common.ttlaction());
    if (options.has_loadmetadatatype()) {
      loading.never_load = options.loadmetadatatype() == fswire::NEVER;
      if (options.loadmetadatatype() == fswire::ALWAYS) loading.sync_interval_ms = 0;
    }
  }
  return loading;
}

}  // namespace spillway
