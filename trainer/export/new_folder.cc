#include "trainer/export/new_folder.h"

#include "base/file.h"

namespace braid::trainer {

Status CheckNewFolder(const std::string& out) {
  if (!PathExists(out)) return OkStatus();
  if (!IsFolder(out)) return AlreadyExists(out + " is a file; name a folder that is not there yet");
  BRAID_ASSIGN_OR_RETURN(const auto names, ListFolder(out));
  return names.empty() ? OkStatus()
                       : AlreadyExists(out + " is not empty; name a folder that is not there yet");
}

Status FillNewFolder(std::string out,
                     const std::function<Status(const std::string& folder)>& write) {
  while (out.size() > 1 && out.ends_with('/')) out.pop_back();
  BRAID_RETURN_IF_ERROR(CheckNewFolder(out));
  const std::string temporary = out + ".tmp";
  BRAID_RETURN_IF_ERROR(RemoveTree(temporary));
  BRAID_RETURN_IF_ERROR(MakeFolder(temporary));
  if (const Status status = write(temporary); !status.ok()) {
    (void)RemoveTree(temporary);
    return status;
  }
  BRAID_RETURN_IF_ERROR(RemoveTree(out));
  BRAID_RETURN_IF_ERROR(Rename(temporary, out));
  return SyncFolder(FolderOf(out));
}

}  // namespace braid::trainer
