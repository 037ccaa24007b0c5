"""A layer of an image: files, links and folders by their path, written as a compressed tar of which every byte follows
from what is in it."""

import concurrent.futures
import gzip
import hashlib
import io
import os
import stat
import tarfile

# The account that programs run as in a container; the Helm chart names the same.
USER = 10001

# What is compressed at once. Members that follow one another are one gzip file, so that all cores
# can work on a layer, and what comes out does not depend on how many there are.
MEMBER_BYTES = 8 << 20
LEVEL = 4


class Layer:
    """What one layer adds to those below it. Paths have no slash at their beginning; folders above a path are made."""

    def __init__(self):
        self.members = {}

    def file(self, path, source):
        """A file as it is on this machine, with its right to be executed alone."""
        executable = os.stat(source).st_mode & stat.S_IXUSR
        self.members[path] = (member(path, mode=0o755 if executable else 0o644), source)

    def text(self, path, content):
        self.members[path] = (member(path), content.encode())

    def link(self, path, target):
        info = member(path, tarfile.SYMTYPE, 0o777)
        info.linkname = target
        self.members[path] = (info, b"")

    def folder(self, path, mode=0o755, owner=0):
        info = member(path, tarfile.DIRTYPE, mode)
        info.uid = info.gid = owner
        self.members[path] = (info, b"")

    def write(self, folder, epoch):
        """Writes the layer to `folder`, by its digest; all of it is as old as `epoch`."""
        for path in list(self.members):
            while path := os.path.dirname(path):
                if path not in self.members:
                    self.folder(path)
        blob = Blob(os.path.join(folder, "layer.new"))
        with blob, tarfile.open(fileobj=blob, mode="w|", bufsize=MEMBER_BYTES) as tar:
            for path in sorted(self.members):
                info, content = self.members[path]
                info.mtime = epoch
                if isinstance(content, bytes):
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
                else:
                    info.size = os.path.getsize(content)
                    with open(content, "rb") as file:
                        tar.addfile(info, file)
        os.rename(blob.path, os.path.join(folder, blob.digest))
        return blob


def member(path, kind=tarfile.REGTYPE, mode=0o644):
    info = tarfile.TarInfo(path)
    info.type, info.mode = kind, mode
    return info


class Blob:
    """A file that compresses what is written to it. Afterwards `digest` and `size` are those of the file, and
    `content_digest` is that of what was written."""

    def __init__(self, path):
        self.path, self.size = path, 0
        self.file = open(path, "wb")
        self.waiting, self.buffer = [], bytearray()
        self.pool = concurrent.futures.ThreadPoolExecutor(os.cpu_count())
        self.of_file, self.of_content = hashlib.sha256(), hashlib.sha256()

    def write(self, data):
        self.of_content.update(data)
        self.buffer += data
        while len(self.buffer) >= MEMBER_BYTES:
            self.compress(bytes(self.buffer[:MEMBER_BYTES]))
            del self.buffer[:MEMBER_BYTES]
        return len(data)

    def compress(self, data):
        self.waiting.append(self.pool.submit(gzip.compress, data, LEVEL, mtime=0))
        self.finish(most=2 * os.cpu_count())

    def finish(self, most=0):
        """Writes out what has been compressed, until at most so many members are missing."""
        while len(self.waiting) > most:
            data = self.waiting.pop(0).result()
            self.of_file.update(data)
            self.size += self.file.write(data)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.compress(bytes(self.buffer))
        self.finish()
        self.file.close()
        self.pool.shutdown()

    @property
    def digest(self):
        return self.of_file.hexdigest()

    @property
    def content_digest(self):
        return self.of_content.hexdigest()
