"""Images as the Open Container Initiative describes them: their documents, the layout of a folder, and archives."""

import hashlib
import io
import json
import os
import tarfile
import time

from layer import USER

KIND = "application/vnd.oci.image."
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def time_of(epoch):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))


class Layout:
    """A folder with images and their blobs."""

    def __init__(self, folder, epoch):
        self.folder, self.epoch, self.images = folder, epoch, []
        self.blobs = os.path.join(folder, "blobs", "sha256")
        os.makedirs(self.blobs)

    def layer(self, layer, epoch):
        return layer.write(self.blobs, epoch)

    def document(self, value, kind):
        """Keeps a document as a blob, and gives what describes it."""
        data = encode(value)
        digest = hashlib.sha256(data).hexdigest()
        with open(os.path.join(self.blobs, digest), "wb") as file:
            file.write(data)
        return {"mediaType": KIND + kind, "digest": "sha256:" + digest, "size": len(data)}

    def image(self, name, layers, labels, **process):
        """Adds an image `name`, as NAME:TAG. `layers` are pairs of a written layer and what is in it, the lowest first;
        `process` is what a container runs, in the words of the specification."""
        config = {
            "created": time_of(self.epoch),
            "architecture": ARCHITECTURES.get(os.uname().machine, os.uname().machine),
            "os": "linux",
            "config": {"User": f"{USER}:{USER}", "Labels": labels, **process},
            "rootfs": {
                "type": "layers",
                "diff_ids": ["sha256:" + layer.content_digest for layer, _ in layers],
            },
            "history": [
                {
                    "created": time_of(self.epoch),
                    "created_by": "scripts/package oci",
                    "comment": what,
                }
                for _, what in layers
            ],
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": KIND + "manifest.v1+json",
            "config": self.document(config, "config.v1+json"),
            "layers": [
                {
                    "mediaType": KIND + "layer.v1.tar+gzip",
                    "digest": "sha256:" + layer.digest,
                    "size": layer.size,
                }
                for layer, _ in layers
            ],
            "annotations": labels,
        }
        described = self.document(manifest, "manifest.v1+json")
        described["annotations"] = {"org.opencontainers.image.ref.name": name}
        self.images.append((described, manifest))

    def finish(self):
        for name, data in self.frame([described for described, _ in self.images]).items():
            with open(os.path.join(self.folder, name), "wb") as file:
                file.write(data)

    def frame(self, described):
        index = {
            "schemaVersion": 2,
            "mediaType": KIND + "index.v1+json",
            "manifests": described,
        }
        return {"index.json": encode(index), "oci-layout": encode({"imageLayoutVersion": "1.0.0"})}

    def archive(self, image, path, prefix):
        """Writes one image as a tar that `docker load`, `podman load` and `skopeo` take. They call it PREFIX/NAME:TAG."""
        described, manifest = image
        name = prefix + "/" + name_of(image)
        named = {**described["annotations"], "io.containerd.image.name": name}
        files = self.frame([{**described, "annotations": named}])
        layers = [blob_of(layer) for layer in manifest["layers"]]
        # What a Docker without containerd reads in place of index.json.
        files["manifest.json"] = encode(
            [{"Config": blob_of(manifest["config"]), "RepoTags": [name], "Layers": layers}]
        )
        blobs = {blob_of(described), blob_of(manifest["config"]), *layers}
        with tarfile.open(path, "w") as tar:
            for blob in sorted(blobs):
                with open(os.path.join(self.folder, blob), "rb") as file:
                    self.add(tar, blob, file, os.path.getsize(file.name))
            for name in sorted(files):
                self.add(tar, name, io.BytesIO(files[name]), len(files[name]))

    def add(self, tar, name, file, size):
        info = tarfile.TarInfo(name)
        info.size, info.mtime = size, self.epoch
        tar.addfile(info, file)


def name_of(image):
    """NAME:TAG of an image of a layout."""
    return image[0]["annotations"]["org.opencontainers.image.ref.name"]


def blob_of(described):
    return "blobs/" + described["digest"].replace(":", "/")


def encode(value):
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()
