"""Packs a folder with the package braid_service as a wheel: make_wheel.py FOLDER VERSION TORCH_VERSION ARROW_VERSION
TAG OUT.

The same files give the same wheel; SOURCE_DATE_EPOCH is the time of all of them.
"""

import base64
import hashlib
import os
import sys
import time
import zipfile

METADATA = """Metadata-Version: 2.1
Name: braid-service
Version: {version}
Summary: Pretrains language models in parts: coordinator, workers, trainer and commands
License: Apache-2.0
Requires-Python: >=3.9
Requires-Dist: torch=={torch}
Provides-Extra: parquet
Requires-Dist: pyarrow=={arrow} ; extra == "parquet"
"""
WHEEL = """Wheel-Version: 1.0
Generator: braid (scripts/package)
Root-Is-Purelib: false
Tag: {tag}
"""
ENTRY_POINTS = """[console_scripts]
braid = braid_service.programs:braid
braid-coordinator = braid_service.programs:coordinator
braid-worker = braid_service.programs:worker
"""


class Wheel:
    def __init__(self, path, epoch):
        self.zip = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6)
        self.time = time.gmtime(max(epoch, 315_532_800))[:6]  # zip begins in 1980
        self.record = []

    def add(self, name, content, executable=False):
        info = zipfile.ZipInfo(name, self.time)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = (0o100755 if executable else 0o100644) << 16
        self.zip.writestr(info, content)
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        self.record.append(f"{name},sha256={digest},{len(content)}")

    def close(self, information):
        name = information + "/RECORD"
        lines = [*self.record, name + ",,"]
        self.zip.writestr(zipfile.ZipInfo(name, self.time), "\n".join(lines) + "\n")
        self.zip.close()


def main(folder, version, torch, arrow, tag, out):
    path = os.path.join(out, f"braid_service-{version}-{tag}.whl")
    wheel = Wheel(path + ".new", int(os.environ["SOURCE_DATE_EPOCH"]))
    for at, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            file = os.path.join(at, name)
            with open(file, "rb") as content:
                wheel.add(os.path.relpath(file, folder), content.read(), os.access(file, os.X_OK))
    information = f"braid_service-{version}.dist-info"
    wheel.add(
        information + "/METADATA",
        METADATA.format(version=version, torch=torch, arrow=arrow).encode(),
    )
    wheel.add(information + "/WHEEL", WHEEL.format(tag=tag).encode())
    wheel.add(information + "/entry_points.txt", ENTRY_POINTS.encode())
    wheel.close(information)
    os.rename(path + ".new", path)


if __name__ == "__main__":
    main(*sys.argv[1:])
