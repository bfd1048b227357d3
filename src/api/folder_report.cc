#include "api/folder_report.h"

#include <algorithm>

namespace spillway {
namespace {

FolderState ToState(int32_t number) {
  const bool known = number >= 0 && number <= static_cast<int32_t>(FolderState::kFailed);
  return known ? static_cast<FolderState>(number) : FolderState::kAtRisk;
}

int64_t Count(int64_t number) { return std::max<int64_t>(0, number); }

}  // namespace

void FillFolders(const std::vector<FolderInfo>& folders, const std::vector<LostFile>& lost,
                 session::Folders* out) {
  for (const FolderInfo& folder : folders) {
    auto* to = out->add_folders();
    to->set_path(folder.path);
    to->set_tier(folder.tier);
    to->set_state(static_cast<int32_t>(folder.state));
    to->set_why(folder.why);
    to->set_unread_files(folder.unread_files);
    to->set_undeleted_files(folder.undeleted_files);
    to->set_lost_files(folder.lost_files);
    to->set_lost_bytes(folder.lost_bytes);
  }
  for (const LostFile& file : lost) {
    auto* to = out->add_lost();
    to->set_folder(file.folder);
    to->set_name(file.name);
    to->set_size_bytes(file.bytes);
    to->set_why(file.why);
  }
}

void ReadFolders(const session::Folders& told, std::vector<FolderInfo>* folders,
                 std::vector<LostFile>* lost) {
  folders->clear();
  lost->clear();
  for (const auto& folder : told.folders()) {
    folders->push_back({folder.path(), folder.tier(), ToState(folder.state()), folder.why(),
                        Count(folder.unread_files()), Count(folder.undeleted_files()),
                        Count(folder.lost_files()), Count(folder.lost_bytes())});
  }
  for (const auto& file : told.lost())
    lost->push_back({file.folder(), file.name(), Count(file.size_bytes()), file.why()});
}

}  // namespace spillway
