#include "coordinator/submission/catalog_artifacts.h"

#include "base/file.h"
#include "base/random.h"
#include "coordinator/core/bound_data.h"
#include "coordinator/core/retention.h"
#include "storage/files/manifest.h"
#include "task/artifact.h"

namespace braid::coordinator {

Result<catalog::ArtifactRecord> CatalogArtifacts::Find(const std::string& id) const {
  Result<catalog::ArtifactRecord> found = NotFound("");
  if (const Status read = core_->Query([&](const State& state) {
        const auto artifact = state.ResolveArtifact(id);
        Status status = artifact.status();
        if (status.ok()) status = CheckThere(**artifact);
        if (status.ok()) status = CheckMayLeave(**artifact, state);
        found = status.ok() ? Result<catalog::ArtifactRecord>(**artifact) : status;
      });
      !read.ok())
    return read;
  return found;
}

Result<merge::Parent> CatalogArtifacts::ReadCheckpoint(const std::string& name,
                                                       const catalog::ArtifactRecord& artifact,
                                                       bool moments) const {
  if (!IsNameOf(artifact.kind, task::ArtifactKind::kCheckpoint)) {
    return merge::Incompatible("parent " + name + " is a " + artifact.kind + ", not a checkpoint");
  }
  BRAID_ASSIGN_OR_RETURN(
      const storage::Manifest manifest,
      storage::ParseManifest(artifact.manifest, "artifact " + artifact.id.substr(0, 12)));
  const std::string folder = JoinPath(scratch_, RandomUuid());
  Status laid_out = blobs_->Materialize(manifest, folder);
  Result<merge::Parent> parent = laid_out.ok() ? merge::ReadParent(name, folder, moments)
                                               : Result<merge::Parent>(laid_out);
  (void)RemoveTree(folder);
  return parent;
}

}  // namespace braid::coordinator
