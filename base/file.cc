#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <functional>

#include "base/links.h"

namespace braid {
namespace fs = std::filesystem;

namespace {

Result<UniqueFd> OpenFd(const std::string& path, int flags, mode_t mode = 0644) {
  UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC, mode));
  if (!fd.valid()) return ErrnoStatus(errno, "opening " + path);
  return fd;
}

Status FilesystemStatus(const std::error_code& error, const std::string& doing) {
  return ErrnoStatus(error.value(), doing);
}

// The process id and a counter keep the temporary files of several processes and threads that write
// the same path apart. The file stands beside its target because a rename works within one file
// system only.
std::string TemporaryName(const std::string& path) {
  static std::atomic<uint64_t> counter{0};
  return path + ".tmp." + std::to_string(::getpid()) + "." + std::to_string(counter.fetch_add(1));
}

}  // namespace

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (this != &other) Reset(other.Release());
  return *this;
}

int UniqueFd::Release() {
  const int fd = fd_;
  fd_ = -1;
  return fd;
}

void UniqueFd::Reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

Result<std::string> ReadFile(const std::string& path, uint64_t max_bytes) {
  BRAID_ASSIGN_OR_RETURN(const UniqueFd fd, OpenFd(path, O_RDONLY));
  std::string content;
  char buffer[1 << 16];
  while (true) {
    const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(errno, "reading " + path);
    if (n == 0) return content;
    // The size is checked while reading, not asked for before: files in /proc have size 0, and a
    // file may grow while it is read.
    content.append(buffer, static_cast<size_t>(n));
    if (content.size() > max_bytes) {
      return ResourceExhausted(path + " is larger than the " + std::to_string(max_bytes) +
                               " bytes allowed here");
    }
  }
}

Status ReadFileInPieces(const std::string& path, size_t piece_bytes,
                        const std::function<Status(std::string_view)>& use) {
  BRAID_ASSIGN_OR_RETURN(const UniqueFd fd, OpenFd(path, O_RDONLY));
  std::string buffer(piece_bytes, '\0');
  while (true) {
    const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(errno, "reading " + path);
    if (n == 0) return OkStatus();
    BRAID_RETURN_IF_ERROR(use(std::string_view(buffer.data(), static_cast<size_t>(n))));
  }
}

Status WriteAll(int fd, std::string_view data, const std::string& path) {
  while (!data.empty()) {
    const ssize_t n = ::write(fd, data.data(), data.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(errno, "writing " + path);
    data.remove_prefix(static_cast<size_t>(n));
  }
  return OkStatus();
}

Status ReadAt(int fd, uint64_t offset, void* into, size_t bytes, const std::string& path) {
  auto* out = static_cast<char*>(into);
  while (bytes > 0) {
    const ssize_t n = ::pread(fd, out, bytes, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(errno, "reading " + path);
    if (n == 0)
      return DataLoss(path + " ends at byte " + std::to_string(offset) + ", " +
                      std::to_string(bytes) + " bytes before the end it should have");
    out += n;
    offset += static_cast<uint64_t>(n);
    bytes -= static_cast<size_t>(n);
  }
  return OkStatus();
}

namespace {

// Writes `content` to a temporary file beside `path`, durably, and gives that file its name by
// `publish`. The temporary file is gone afterwards.
Status WriteAndPublish(const std::string& path, std::string_view content,
                       const std::function<Status(const std::string& temporary)>& publish) {
  const std::string temporary = TemporaryName(path);
  const auto write = [&]() -> Status {
    BRAID_ASSIGN_OR_RETURN(const UniqueFd fd, OpenFd(temporary, O_WRONLY | O_CREAT | O_EXCL));
    BRAID_RETURN_IF_ERROR(WriteAll(fd.get(), content, path));
    if (::fsync(fd.get()) != 0) return ErrnoStatus(errno, "syncing " + path);
    return publish(temporary);
  };
  const Status status = write();
  ::unlink(temporary.c_str());  // after a rename there is none
  return status.ok() ? SyncFolder(FolderOf(path)) : status;
}

}  // namespace

Status WriteFileAtomic(const std::string& path, std::string_view content) {
  return WriteAndPublish(path, content,
                         [&](const std::string& temporary) { return Rename(temporary, path); });
}

Status CreateFileAtomic(const std::string& path, std::string_view content) {
  // link(2) refuses a name that is taken, which rename(2) would replace.
  return WriteAndPublish(path, content, [&](const std::string& temporary) {
    return ::link(temporary.c_str(), path.c_str()) == 0 ? OkStatus()
                                                        : ErrnoStatus(errno, "creating " + path);
  });
}

Status SyncFile(const std::string& path) {
  BRAID_ASSIGN_OR_RETURN(const UniqueFd fd, OpenFd(path, O_RDONLY));
  if (::fsync(fd.get()) != 0) return ErrnoStatus(errno, "syncing " + path);
  return OkStatus();
}

Status SyncFolder(const std::string& path) {
  BRAID_ASSIGN_OR_RETURN(const UniqueFd fd,
                         OpenFd(path.empty() ? "." : path, O_RDONLY | O_DIRECTORY));
  // File systems in user space (FUSE) may not support fsync of a folder. They are responsible for
  // the durability of names themselves, so that their refusal is not an error of ours.
  if (::fsync(fd.get()) != 0 && errno != EINVAL && errno != ENOTSUP)
    return ErrnoStatus(errno, "syncing folder " + path);
  return OkStatus();
}

Status Rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0)
    return ErrnoStatus(errno, "renaming " + from + " to " + to);
  return OkStatus();
}

Status CopyFile(const std::string& from, const std::string& to) {
  const std::string temporary = TemporaryName(to);
  const auto copy = [&]() -> Status {
    BRAID_ASSIGN_OR_RETURN(const UniqueFd out, OpenFd(temporary, O_WRONLY | O_CREAT | O_EXCL));
    BRAID_RETURN_IF_ERROR(ReadFileInPieces(
        from, 1 << 20, [&](std::string_view piece) { return WriteAll(out.get(), piece, to); }));
    // Before the name is there: a name that stands for half a file would outlive a power failure.
    if (::fsync(out.get()) != 0) return ErrnoStatus(errno, "syncing " + to);
    return Rename(temporary, to);
  };
  if (Status status = copy(); !status.ok()) {
    ::unlink(temporary.c_str());
    return status;
  }
  return SyncFolder(FolderOf(to));
}

Status LinkOrCopy(const std::string& from, const std::string& to) {
  const std::string temporary = TemporaryName(to);
  if (::linkat(AT_FDCWD, from.c_str(), AT_FDCWD, temporary.c_str(), AT_SYMLINK_FOLLOW) == 0) {
    Status status = Rename(temporary, to);
    // Renaming a link onto another link of the same file does nothing and leaves both.
    ::unlink(temporary.c_str());
    return status;
  }
  return CopyFile(from, to);
}

bool PathExists(const std::string& path) {
  struct stat info;
  return ::stat(path.c_str(), &info) == 0;
}

bool IsFolder(const std::string& path) {
  struct stat info;
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

Result<uint64_t> FileSize(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) return ErrnoStatus(errno, "looking at " + path);
  return static_cast<uint64_t>(info.st_size);
}

Result<uint64_t> FreeBytes(const std::string& path) {
  struct statvfs info;
  if (::statvfs(path.c_str(), &info) != 0)
    return ErrnoStatus(errno, "looking at the file system of " + path);
  return static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
}

Status MakeFolder(const std::string& path) {
  if (path.empty() || IsFolder(path)) return OkStatus();
  const std::string parent = FolderOf(path);
  BRAID_RETURN_IF_ERROR(MakeFolder(parent));
  if (::mkdir(path.c_str(), 0777) != 0) {
    const int error = errno;
    if (error == EEXIST && IsFolder(path))
      // Another thread or process has made the folder in the meantime, and syncs it.
      return OkStatus();
    return ErrnoStatus(error == EEXIST ? ENOTDIR : error, "making folder " + path);
  }
  // The folder's name has to survive a power failure if the files written into it are to. A parent
  // that may not be read cannot be opened for syncing; refusing to work there would be of no use.
  const Status synced = SyncFolder(parent);
  if (synced.ok() || synced.code() == StatusCode::kPermissionDenied) return OkStatus();
  // Otherwise the next call would find the folder and take it for durable.
  ::rmdir(path.c_str());
  return synced;
}

Result<std::vector<std::string>> ListFolder(const std::string& path) {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  if (error) return FilesystemStatus(error, "listing " + path);
  std::sort(names.begin(), names.end());
  return names;
}

namespace {

// Adds the files below JoinPath(root, below). `above` holds the device and inode of each folder on
// the way from the root: a link to one of them is a loop, which paths alone would not show.
Status AddTree(const std::string& root, const std::string& below,
               std::vector<std::pair<dev_t, ino_t>>* above, std::vector<std::string>* files) {
  const std::string folder = JoinPath(root, below);
  struct stat info;
  if (::stat(folder.c_str(), &info) != 0) return ErrnoStatus(errno, "listing " + folder);
  const std::pair here{info.st_dev, info.st_ino};
  if (std::find(above->begin(), above->end(), here) != above->end()) {
    return InvalidArgument(folder +
                           " is a link to a folder that it stands in itself; remove the link");
  }
  above->push_back(here);
  BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(folder));
  for (const std::string& name : names) {
    const std::string path = JoinPath(below, name);
    BRAID_RETURN_IF_ERROR(CheckPath(JoinPath(root, path)));
    if (IsFolder(JoinPath(root, path))) {
      BRAID_RETURN_IF_ERROR(AddTree(root, path, above, files));
    } else {
      files->push_back(path);
    }
  }
  above->pop_back();
  return OkStatus();
}

}  // namespace

Result<std::vector<std::string>> ListTree(const std::string& path) {
  std::vector<std::pair<dev_t, ino_t>> above;
  std::vector<std::string> files;
  BRAID_RETURN_IF_ERROR(AddTree(path, "", &above, &files));
  std::sort(files.begin(), files.end());
  return files;
}

Status RemoveFile(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return ErrnoStatus(errno, "removing " + path);
  return OkStatus();
}

Status RemoveTree(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) return FilesystemStatus(error, "removing " + path);
  return OkStatus();
}

std::string JoinPath(std::string_view folder, std::string_view name) {
  if (folder.empty()) return std::string(name);
  if (name.empty()) return std::string(folder);
  std::string path(folder);
  if (path.back() != '/') path += '/';
  return path.append(name);
}

std::string AbsolutePath(const std::string& path) {
  std::error_code error;
  const fs::path absolute = fs::absolute(path, error).lexically_normal();
  return error ? path : absolute.string();
}

std::string_view BaseName(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string FolderOf(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  if (slash == 0) return "/";
  return std::string(path.substr(0, slash));
}

bool IsSafeRelativePath(std::string_view path) {
  if (path.empty() || path.size() > 1024 || path.front() == '/' || path.back() == '/') return false;
  for (const char c : path) {
    // Names come from others and stand in messages, where such characters would control a terminal.
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '\\') return false;
  }
  while (true) {
    const size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

Result<MappedFile> MappedFile::Open(const std::string& path) {
  BRAID_ASSIGN_OR_RETURN(const UniqueFd fd, OpenFd(path, O_RDONLY));
  struct stat info;
  if (::fstat(fd.get(), &info) != 0) return ErrnoStatus(errno, "looking at " + path);
  const auto size = static_cast<uint64_t>(info.st_size);
  if (size == 0) return MappedFile(nullptr, 0);
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (data == MAP_FAILED) return ErrnoStatus(errno, "mapping " + path);
  return MappedFile(data, size);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Result<TemporaryFolder> TemporaryFolder::Create(std::string_view prefix) {
  const char* base = std::getenv("TMPDIR");
  std::string path = JoinPath(base != nullptr && *base != '\0' ? base : "/tmp",
                              std::string(prefix) + ".XXXXXX");
  if (::mkdtemp(path.data()) == nullptr)
    return ErrnoStatus(errno, "making a temporary folder " + path);
  return TemporaryFolder(std::move(path));
}

TemporaryFolder::~TemporaryFolder() {
  if (!path_.empty()) (void)RemoveTree(path_);
}

Result<FileLock> FileLock::Acquire(const std::string& path) {
  BRAID_ASSIGN_OR_RETURN(UniqueFd fd, OpenFd(path, O_RDWR | O_CREAT, 0600));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return AlreadyExists(path + " is locked by another process");
    return ErrnoStatus(errno, "locking " + path);
  }
  return FileLock(std::move(fd));
}

}  // namespace braid
