#include "storage/catalog/reader.h"

#include <sys/stat.h>

#include "base/file.h"
#include "storage/catalog/database.h"
#include "storage/catalog/rows.h"

namespace braid::catalog {

Status Reader::EachArtifact(const std::function<Status(const ArtifactRecord&)>& see) const {
  BRAID_ASSIGN_OR_RETURN(const auto database, Database::Open(path_, /*writable=*/false));
  static const std::string sql = "SELECT " + ColumnNames<ArtifactsTable>() + " FROM artifacts";
  return database->Query(sql.c_str(), {}, [&](const Row& row) -> Status {
    BRAID_ASSIGN_OR_RETURN(const ArtifactRecord artifact, RecordOf<ArtifactsTable>(row));
    return see(artifact);
  });
}

Status Reader::CopyTo(const std::string& path) const {
  if (PathExists(path))
    return Status(StatusCode::kAlreadyExists, ErrorReason::kAlreadyExists,
                  path + " is there already");
  BRAID_ASSIGN_OR_RETURN(const auto database, Database::Open(path_, /*writable=*/false));
  Status status = database->CopyTo(path);
  if (status.ok()) status = SyncFile(path);
  if (status.ok()) {
    (void)chmod(path.c_str(), 0600);
    status = SyncFolder(FolderOf(path));
  }
  if (!status.ok()) (void)RemoveFile(path);
  return status;
}

}  // namespace braid::catalog
