// A store of files named by their SHA-256, in one folder:
//
//   blobs/ab/abcdef...      complete, verified, read-only
//   uploads/<sha256>.<size> an upload in progress: the bytes received so far
//
// A blob is published in this order: write, fsync, verify the digest, rename, fsync of the folder.
// After a failed fsync the file is removed: the kernel reports lost bytes once, and a second fsync
// would succeed without them.
//
// The coordinator's store may have a second place, a bucket (Attach): blobs are copied there, and
// those that were stay in the folder only as long as there is room.
//
//   remote/name             which place that is
//   remote/ab/abcdef...     the blob is there as a whole; the file has its size as text
//
// The coordinator's store and the caches of workers are of this class. Thread-safe; one process at
// a time for each folder. Readable by its user alone: folders have mode 0700, files 0600 or 0400.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/mutex.h"
#include "base/sha256.h"
#include "base/status.h"
#include "storage/files/manifest.h"
#include "storage/files/remote_store.h"

namespace braid::storage {

// Methods take a digest as 64 lower-case hex digits, and errors name it.
class BlobStore {
 public:
  // When an unfinished upload is dropped: after keep_upload_ms without a write (also across
  // restarts), and, if there are more than most_uploads, the ones that were not written to for
  // longest. Unfinished uploads hold no file descriptors.
  struct Limits {
    int64_t keep_upload_ms = int64_t{72} * 3'600'000;
    size_t most_uploads = 1024;
  };
  // Opens or creates the store. Unfinished uploads of an earlier process can be continued.
  static Result<std::unique_ptr<BlobStore>> Open(const std::string& folder) {
    return Open(folder, Limits());
  }
  // The same with other limits for unfinished uploads.
  static Result<std::unique_ptr<BlobStore>> Open(const std::string& folder, const Limits& limits);
  ~BlobStore();

  // True iff the blob is complete and durable, here or in the second place.
  bool Has(const std::string& sha256) const;
  // Has(), for an answer on which somebody will rely: the blob counts as written now, so that a
  // sweep spares it for as long as a new one.
  bool Promise(const std::string& sha256);
  // The path of the blob's file, for reading. It is there iff the blob is in the folder, which
  // every blob of a store without a second place is. OpenBlob reads from either.
  std::string PathOf(const std::string& sha256) const;
  // The size in bytes; kNotFound (BLOB_MISSING) if the blob is not there.
  Result<uint64_t> Size(const std::string& sha256) const;

  // How many bytes of an upload are synced to the disk, and whether the blob is complete.
  struct UploadStatus {
    uint64_t committed = 0;
    bool complete = false;
  };
  // Where a client should continue an upload, also after a restart of the store.
  Result<UploadStatus> QueryUpload(const std::string& sha256, uint64_t size);
  // Writes a piece of an upload at `offset`. Bytes that are there already are skipped; an offset
  // beyond them is kOutOfRange (OFFSET_MISMATCH). When all `size` bytes are there, the digest is
  // verified and the blob published. A wrong digest drops the upload (kInvalidArgument,
  // DIGEST_MISMATCH), and so does a failed fsync (kDataLoss, FSYNC_FAILED). A full disk is
  // kResourceExhausted (STORAGE_FULL) and loses nothing.
  //
  // Uploads of one digest with different sizes are separate. Several clients may send the same
  // blob: the first complete one publishes it, and all get `complete`. In the result, `committed`
  // counts all bytes written, synced or not.
  Result<UploadStatus> WriteUpload(const std::string& sha256, uint64_t size, uint64_t offset,
                                   std::string_view data);
  // Makes the bytes written so far durable, so that QueryUpload counts them. On kDataLoss
  // (FSYNC_FAILED) the upload is removed and starts again from byte 0.
  Status SyncUpload(const std::string& sha256);
  // Drops uploads beyond the limits. To be called now and then; Open and new uploads do it too.
  void DropAbandonedUploads();

  // The right to transfer one blob, while other threads that need the same blob wait. Ends with the
  // object, which must not outlive the store.
  class Turn {
   public:
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    friend class BlobStore;
    Turn(const BlobStore* store, std::string what) : store_(store), what_(std::move(what)) {}
    const BlobStore* const store_;
    const std::string what_;
  };
  // Waits for at most `timeout_ms` milliseconds; null if another thread still has the turn. `what`
  // may be any name on which the callers agree.
  std::unique_ptr<Turn> TakeTurn(const std::string& what, int64_t timeout_ms) const;

  // Adds a file of this machine, by a hard link where possible. Bytes with another digest than
  // `sha256` are kInvalidArgument (DIGEST_MISMATCH). The file must not be changed afterwards.
  Status AddFile(const std::string& path, const std::string& sha256);
  // The same for a file whose digest is not known yet, which is returned: the file is read once.
  Result<std::string> AddFile(const std::string& path);
  // Adds `content` as a blob and returns its digest.
  Result<std::string> AddBytes(std::string_view content);

  // Makes a folder of hard links to the files of an artifact. The folder appears as a whole under
  // its name; one that exists is taken as it is. kFailedPrecondition (BLOB_MISSING) if a blob is
  // not there. What is only in the second place is fetched.
  Status Materialize(const Manifest& manifest, const std::string& folder);
  // Reads the blob and computes its digest again, wherever it is. kDataLoss, naming the blob, if
  // the bytes have changed. What has changed in the second place is not believed to be there any
  // more: the copy of the folder is put there again, or the blob can be sent again.
  Status Verify(const std::string& sha256);
  // The digests of all complete blobs in the folder, sorted.
  Result<std::vector<std::string>> List() const;
  // Removes the blob's file. Artifacts laid out before keep their links.
  Status Remove(const std::string& sha256);

  // Deleting blobs that nothing needs, while other threads upload, query and commit. The deleting
  // thread proceeds in this order:
  //
  //   begin the sweep; find out which blobs are needed; Remove each of the others.
  //
  // A blob that somebody is about to need is held meanwhile: a Hold is taken before the blob is
  // looked for, and ends after the need for it is durable. So a need arises either before the sweep
  // found out, or the hold ended after the sweep began, and in both cases the blob survives.
  class Hold {
   public:
    // `store` must outlive it.
    explicit Hold(BlobStore* store) : store_(store) {}
    ~Hold();
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    void Add(const std::string& sha256);

   private:
    BlobStore* const store_;
    std::vector<std::string> held_;
  };
  // At most one at a time. Ends with the object.
  class Sweep {
   public:
    explicit Sweep(BlobStore* store);
    ~Sweep();
    Sweep(const Sweep&) = delete;
    Sweep& operator=(const Sweep&) = delete;
    // Removes the blob unless it was written or promised after `before_ms` (wall clock), is held,
    // was held since the sweep began, or sweeps are paused. True iff it was removed. An upload of
    // the same blob at this moment either finds it and keeps it, or publishes it anew.
    Result<bool> Remove(const std::string& sha256, int64_t before_ms);

   private:
    BlobStore* const store_;
  };
  // While it lives, no sweep removes anything: for a backup, which reads for long what the catalog
  // named at one moment.
  class Pause {
   public:
    explicit Pause(BlobStore* store);
    ~Pause();
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

   private:
    BlobStore* const store_;
  };
  // A complete blob; `written_ms`: when it was written or last promised (wall clock).
  struct Stored {
    std::string sha256;
    uint64_t size = 0;
    int64_t written_ms = 0;
  };
  // All complete blobs, in no order, also those of the second place that are not known here. Those
  // that come and go meanwhile may be left out. What is gone from the second place is forgotten.
  Result<std::vector<Stored>> ListStored();

  // The second place. From now on blobs are copied to `remote`, which outlives the store, by those
  // who call CopyNext; until then they are whole and durable in the folder. At the first time, the
  // place is claimed for this very folder of `owner`, the id of a coordinator, and exactly the
  // blobs that it has count as there; later it need not be reached. kFailedPrecondition if the
  // store has another second place. To be called once, before all other methods.
  Status Attach(RemoteStore* remote, const std::string& owner);
  // The folder in the store's for what the second place keeps of unfinished copies.
  static constexpr char kPartsFolder[] = "remote/parts";
  // The name of the second place of the store in a folder; empty if it has none.
  static Result<std::string> RemoteNameOf(const std::string& folder);
  // Copies a blob that waits for it; waits for one for at most `timeout_ms`. True if one was
  // copied. After an error its blob waits behind the others. Several threads may call it.
  Result<bool> CopyNext(int64_t timeout_ms);
  // A number of blobs, and their bytes together.
  struct Waiting {
    int64_t blobs = 0;
    uint64_t bytes = 0;
  };
  // What is only in the folder. A blob that has changed there (kDataLoss of CopyNext) is not tried
  // again, but counted.
  Waiting NotCopied() const;
  // Removes from the folder what is in the second place, oldest first, until what is left of it has
  // at most `most_bytes`. What is held stays.
  Status Shrink(uint64_t most_bytes);

  // Blobs that others put into the second place themselves (RemoteStore::BeginDirect and what
  // follows it). An upload without parts if there is no second place. kAborted while another
  // thread is at the same blob: it has to be asked again.
  Result<DirectUpload> BeginDirect(const std::string& sha256, uint64_t size);
  Result<std::vector<SignedPut>> SignDirect(const std::string& sha256, uint64_t size,
                                            const std::vector<BlobPart>& parts);
  // When it is OK, the blob is complete, verified and durable there; false if it was stored before.
  // Takes as long as reading it.
  Result<bool> EndDirect(const std::string& sha256, uint64_t size);

  // Ends what was begun in the second place and not continued.
  Status TidyRemote();

  // Reads a blob from the folder, or from the second place by ranges. Not thread-safe; the store
  // outlives it.
  class Reader {
   public:
    uint64_t size() const { return size_; }
    // Exactly `bytes` bytes from `offset` on. REQUIRES: offset + bytes <= size().
    Result<std::string> Read(uint64_t offset, uint64_t bytes);

   private:
    friend class BlobStore;
    Reader(BlobStore* store, std::string sha256) : store_(store), sha256_(std::move(sha256)) {}
    BlobStore* const store_;
    const std::string sha256_;
    uint64_t size_ = 0;
    UniqueFd fd_;         // not valid: it is read from the second place
    std::string buffer_;  // of it, from begin_ on
    uint64_t begin_ = 0;
  };
  // A URL of the second place (RemoteStore::UrlOf); empty if there is none, or the blob is not
  // there.
  Result<std::string> UrlOf(const std::string& sha256) const;
  // kNotFound (BLOB_MISSING) if the blob is not there. One that is deleted meanwhile is read to its
  // end, if it was in the folder.
  Result<std::unique_ptr<Reader>> OpenBlob(const std::string& sha256);

 private:
  BlobStore(std::string folder, const Limits& limits);
  struct Upload;
  class Use;
  std::string UploadPath(const std::string& name) const;
  void LoadUpload(const std::string& name);
  // Those that nobody has continued for longer than the limits allow, and the oldest while there
  // are too many.
  void DropOldUploads() BRAID_REQUIRES(mutex_);
  void DropUpload(const std::string& name);
  // Writes a piece behind what the upload has. Errors as of WriteUpload.
  Status Write(Upload& upload, const std::string& path, uint64_t offset, std::string_view data);
  void Hash(Upload& upload, uint64_t written, std::string_view data, UniqueFd file);
  // Checks the digest of the whole file, and publishes it if it is right; otherwise drops it.
  Status Complete(Upload& upload, const std::string& path, const std::string& sha256);
  Result<std::string> AddHashed(const std::string& path, const std::string& sha256);
  // Moves a file that is right and durable to its place among the blobs.
  Status Publish(const std::string& file, const std::string& sha256);
  // Whether the blob is there; if so, it is not swept for a while.
  bool PromiseLocked(const std::string& sha256) BRAID_REQUIRES(mutex_);
  // The file that says that the blob is in the second place.
  std::string EntryPath(const std::string& sha256) const;
  bool IsRemote(const std::string& sha256) const;
  // Notes durably that the blob is in the second place.
  Status WriteEntry(const std::string& sha256, uint64_t size);
  // Takes the note away, durably: before anything is deleted there.
  Status DropEntry(const std::string& sha256);
  // The second place has lost the blob: it is put there again if it is in the folder.
  void Forget(const std::string& sha256, const std::string& why);
  // Makes the blob wait to be copied. It is in the folder.
  void Enqueue(const std::string& sha256, uint64_t size) BRAID_REQUIRES(mutex_);
  // The first one that can be copied now, which is being copied from then on; false: there is none.
  bool TakeWaiting(std::pair<std::string, uint64_t>* next) BRAID_REQUIRES(mutex_);
  Status CopyOut(const std::string& sha256);
  // Takes over what the second place has.
  Status Adopt();
  // Brings the blob into the folder, if it is only in the second place.
  Status Fetch(const std::string& sha256);
  Status VerifyRemote(const std::string& sha256);
  // When the blob was last written or promised; 0 if it is not known.
  int64_t TouchedMs(const std::string& sha256) const;

  const std::string folder_;
  const Limits limits_;
  // How many uploads are hashed as they come.
  std::atomic<int> streams_{0};
  mutable Mutex mutex_;
  mutable CondVar changed_;
  // By the name of the file in uploads/.
  std::map<std::string, std::shared_ptr<Upload>> uploads_ BRAID_GUARDED_BY(mutex_);
  std::set<std::string> publishing_ BRAID_GUARDED_BY(mutex_);
  mutable std::set<std::string> turns_ BRAID_GUARDED_BY(mutex_);
  // How often each blob is held, and which holds ended since the sweep began (if there is one).
  std::map<std::string, int> holds_ BRAID_GUARDED_BY(mutex_);
  std::set<std::string> released_ BRAID_GUARDED_BY(mutex_);
  bool sweeping_ BRAID_GUARDED_BY(mutex_) = false;
  int pauses_ BRAID_GUARDED_BY(mutex_) = 0;
  RemoteStore* remote_ = nullptr;  // set by Attach
  // What is only in the folder: it waits, or is being copied. Not copied is what is being deleted.
  std::deque<std::pair<std::string, uint64_t>> waiting_ BRAID_GUARDED_BY(mutex_);
  std::map<std::string, uint64_t> copying_ BRAID_GUARDED_BY(mutex_);
  std::map<std::string, uint64_t> damaged_ BRAID_GUARDED_BY(mutex_);
  std::set<std::string> deleting_ BRAID_GUARDED_BY(mutex_);
  // What others have put into the second place, and is verified there: neither swept nor copied.
  std::set<std::string> receiving_ BRAID_GUARDED_BY(mutex_);
};

}  // namespace braid::storage
