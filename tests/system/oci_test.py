#!/usr/bin/env python3
"""The images: made without a daemon, unpacked by umoci, and run by runc as the Helm chart runs them: by an account that is
not root, with a root folder that cannot be written."""

import contextlib
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
from unittest import mock

import by_hand
from by_hand import BINARY_DIR, SOURCE_DIR
from container_bed import Containers, blob_path, images_of
from service import write_recipe

sys.path.insert(0, os.path.join(SOURCE_DIR, "deploy", "oci"))
import contents
import debian
import layer
import make_images

TOOLS = ("dpkg-query", "ip", "patchelf", "runc", "umoci")
MISSING = [tool for tool in TOOLS if shutil.which(tool) is None]
CHART = os.path.join(SOURCE_DIR, "deploy", "helm", "braid")


def package(*words, **environment):
    return subprocess.run(
        [os.path.join(SOURCE_DIR, "scripts", "package"), "oci", *words],
        env={**os.environ, "BRAID_BINARY_DIR": BINARY_DIR, **environment},
        capture_output=True,
        text=True,
    )


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


@unittest.skipIf(MISSING, f"there is no {', '.join(MISSING)}: scripts/setup installs them")
class ImagesTest(unittest.TestCase):
    bed = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="braid-oci-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        # Images take any program that loads no library.
        kubectl = os.path.join(cls.folder, "kubectl")
        with open(kubectl, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n")
        os.chmod(kubectl, 0o755)
        prefix = ("--prefix", "registry.example.org/lab")
        done = package("--no-build", "--kubectl", kubectl, *prefix, cls.folder)
        if done.returncode == make_images.OTHER_MACHINE:
            raise unittest.SkipTest(done.stderr.strip())
        assert done.returncode == 0, done.stdout + done.stderr
        cls.layout = os.path.join(cls.folder, "oci")
        cls.images = images_of(cls.layout)
        cls.version = re.search('kVersion.*"(.*)"', read(SOURCE_DIR + "/base/version.h")).group(1)
        cls.coordinator, cls.worker, cls.agent = (
            f"{name}:{cls.version}" for name in ("braid", "braid-trainer", "braid-agent")
        )

    @classmethod
    def containers(cls):
        """One bed for all tests of this class, so that each image is unpacked once."""
        if cls.bed is None:
            bed = Containers(cls.layout)
            bed.__enter__()
            cls.addClassCleanup(bed.__exit__)
            cls.bed = bed
        return cls.bed

    def paths(self, described):
        """What is in a layer."""
        with tarfile.open(os.path.join(self.layout, blob_path(described))) as tar:
            return {member.name for member in tar}

    def test_torch_is_a_layer_of_its_own_and_others_are_shared(self):
        self.assertEqual(set(self.images), {self.coordinator, self.worker, self.agent})
        base, braid = self.images[self.coordinator][0]["layers"]
        first, kubectl, last = self.images[self.agent][0]["layers"]
        self.assertEqual((first, last), (base, braid))
        self.assertEqual(self.paths(kubectl), {"usr", "usr/bin", "usr/bin/kubectl"})
        layers = self.images[self.worker][0]["layers"]
        if os.path.exists(by_hand.program("libbraid_arrow.so")):
            *layers, plug_in = layers
            arrow = layers.pop(2)
            self.assertIn("usr/lib/braid/bin/libbraid_arrow.so", self.paths(plug_in))
            libraries = {path.split(".so")[0] for path in self.paths(arrow) if ".so" in path}
            self.assertEqual(
                libraries, {"usr/lib/braid/pyarrow/lib" + name for name in ("arrow", "parquet")}
            )
        below, torch, again, trainer = layers
        self.assertEqual((below, again), (base, braid))
        self.assertGreater(torch["size"], 10 * trainer["size"])
        paths = [self.paths(one) for one in (base, braid, trainer)]
        self.assertEqual([path for one in paths for path in one if "torch" in path], [])
        self.assertEqual([path for one in paths[1:] for path in one if path.startswith("etc")], [])
        self.assertIn("usr/share/doc/libc6/copyright", paths[0])
        self.assertIn("var/lib/dpkg/status.d/libc6", paths[0])
        self.assertIn("usr/lib/braid/bin/braid-worker", paths[1])
        self.assertIn("usr/lib/braid/bin/braid-trainer", paths[2])

    def test_an_image_says_what_it_is(self):
        for name, (manifest, config) in self.images.items():
            labels = config["config"]["Labels"]
            self.assertEqual(labels, manifest["annotations"])
            said = {key.removeprefix("org.opencontainers.image."): labels[key] for key in labels}
            self.assertEqual(said["version"], self.version)
            self.assertEqual(said["title"], name.split(":")[0])
            self.assertEqual(said["licenses"], "Apache-2.0")
            self.assertEqual(said["created"], config["created"])
            self.assertEqual(config["config"]["User"], f"{layer.USER}:{layer.USER}")

    def test_archives_are_whole_and_have_the_name_that_was_given(self):
        for image in self.images:
            path = os.path.join(self.folder, image.replace(":", "-") + ".oci.tar")
            with tarfile.open(path) as tar:
                held = {}
                for member in tar:
                    file = tar.extractfile(member)
                    if member.name.startswith("blobs/sha256/"):
                        digest = hashlib.file_digest(file, "sha256").hexdigest()
                        self.assertEqual(digest, os.path.basename(member.name))
                        file.seek(0)
                    held[member.name] = file.read() if member.size < 1 << 16 else b""
            name = "registry.example.org/lab/" + image
            (of_docker,) = json.loads(held["manifest.json"])
            (described,) = json.loads(held["index.json"])["manifests"]
            self.assertEqual(of_docker["RepoTags"], [name])
            self.assertEqual(described["annotations"]["io.containerd.image.name"], name)
            manifest = json.loads(held[blob_path(described)])
            self.assertEqual(manifest, self.images[image][0])
            self.assertEqual(of_docker["Config"], blob_path(manifest["config"]))
            self.assertEqual(of_docker["Layers"], [blob_path(one) for one in manifest["layers"]])
            self.assertEqual(
                set(held),
                {"index.json", "oci-layout", "manifest.json", blob_path(described)}
                | {of_docker["Config"], *of_docker["Layers"]},
            )

    def test_the_same_packages_give_the_same_layer(self):
        """The lowest layer, made again by another process; it does not depend on braid's commit."""
        _, config = self.images[self.coordinator]
        names = [name for name in os.listdir(BINARY_DIR + "/bin") if name.startswith("braid")]
        libraries, _ = contents.split_libraries(map(by_hand.program, names), site_packages())
        with mock.patch.object(layer, "LEVEL", 1):
            written = contents.base_layer(libraries).write(self.folder, epoch=0)
        self.assertEqual("sha256:" + written.content_digest, config["rootfs"]["diff_ids"][0])

    def test_a_coordinator_and_a_worker_train_a_path(self):
        containers = self.containers()
        states = {name: self.state_folder(name) for name in ("coordinator", "worker")}
        coordinator = containers.start(
            self.coordinator, [], {"/var/lib/braid": states["coordinator"]}
        )
        coordinator.wait_for(
            lambda: coordinator.run("braid", "whoami", code=None).returncode == 0,
            "the coordinator to answer",
        )
        invitation = coordinator.run(
            "braid", "worker", "invite", "--address", "127.0.0.1:7070"
        ).stdout
        with open(states["worker"] + "/invitation", "w", encoding="utf-8") as file:
            file.write(re.search(r"braid-join:\S+", invitation).group(0))
        os.chown(states["worker"] + "/invitation", layer.USER, layer.USER)
        worker = containers.start(
            self.worker,
            ["--join=/var/lib/braid-worker/invitation"],
            {"/var/lib/braid-worker": states["worker"]},
        )
        worker.wait_for(
            lambda: "READY" in coordinator.run("braid", "worker", "list").stdout,
            "the worker to be connected",
        )
        write_recipe(states["coordinator"], by_hand.small_texts(), steps=4)
        run = coordinator.run("braid", "submit", "recipe.yaml", "--only", "path_tales")
        coordinator.run("braid", "wait", run.stdout.strip(), "--timeout", "240s")
        for container in (coordinator, worker):
            self.assertIn(f"uid={layer.USER}(braid)", container.run("id").stdout)
            self.assertIn("Read-only file system", container.run("touch", "/usr/it", code=1).stderr)
        self.assertEqual([worker.stop(), coordinator.stop()], [0, 0])

    def state_folder(self, name):
        folder = os.path.join(self.folder, name)
        os.mkdir(folder, 0o700)
        os.chown(folder, layer.USER, layer.USER)
        return folder

    def test_the_chart_and_the_images_fit(self):
        templates = CHART + "/templates/"
        helpers = read(templates + "_helpers.tpl")
        self.assertIn(f"runAsUser: {layer.USER}\nrunAsGroup: {layer.USER}\n", helpers)
        values = read(CHART + "/values.yaml")
        cuda = f"braid-trainer-cuda:{self.version}"
        for image in (self.coordinator, self.worker, self.agent, cuda):
            self.assertRegex(values, f": registry.example.org/{image}\n")
        containers = self.containers()
        # The first container of a coordinator's pod, with the account's folder and the secret.
        words = re.search(
            "command: (.*)\n +args:\n +- (.*)\n", read(templates + "coordinator.yaml")
        )
        self.assertEqual(words.group(1), "[sh, -c]")
        state, secret = self.state_folder("pod"), self.state_folder("secret")
        with open(secret + "/token", "w", encoding="utf-8") as file:
            file.write("secret\n")
        os.chown(secret + "/token", layer.USER, layer.USER)
        first = containers.start(
            self.coordinator,
            [],
            {"/var/lib/braid": state, "/etc/braid/secret": secret},
            command=["sh", "-c", words.group(2)],
        )
        self.assertEqual(first.process.wait(timeout=240), 0, first.log())
        kept = os.stat(state + "/coordinator/token")
        self.assertEqual((kept.st_mode & 0o777, kept.st_uid), (0o600, layer.USER))


class LayerTest(unittest.TestCase):
    def test_a_layer_is_made_of_what_is_in_it_alone(self):
        """Not of when, in which order or by how many threads."""
        folder = tempfile.mkdtemp(prefix="braid-layer-")
        self.addCleanup(shutil.rmtree, folder)
        digests = set()
        for number, names in enumerate((["one", "two", "three"], ["three", "two", "one"])):
            made = layer.Layer()
            for name in names:
                path = os.path.join(folder, name)
                with open(path, "wb") as file:
                    file.write(name.encode() * (2 << 20))
                os.chmod(path, 0o640 + 0o011 * number)
                os.utime(path, (number, number))
                made.file("usr/share/" + name, path)
            with mock.patch.object(os, "cpu_count", return_value=1 + number):
                digests.add(made.write(folder, 1_700_000_000).digest)
        (digest,) = digests
        with tarfile.open(os.path.join(folder, digest)) as tar:
            found = [(one.name, one.mode, one.uid, one.mtime) for one in tar]
            self.assertEqual(tar.extractfile("usr/share/two").read(), b"two" * (2 << 20))
        rest = (0, 1_700_000_000)
        folders = [(name, 0o755, *rest) for name in ("usr", "usr/share")]
        files = [("usr/share/" + name, 0o644, *rest) for name in ("one", "three", "two")]
        self.assertEqual(found, folders + files)

    def test_what_comes_with_cuda(self):
        """What the plug-in loads, and what that loads when it runs, but nothing for Python."""
        folder = tempfile.mkdtemp(prefix="braid-layer-")
        self.addCleanup(shutil.rmtree, folder)
        names = ("torch/lib/libtorch_cuda.so", "torch/lib/libtorch_cuda_linalg.so",
                 "torch/lib/libtorch_python.so", "torch/lib/libshm.so", "nvidia/cudnn/lib/libcudnn.so.9",
                 "nvidia/cudnn/lib/libcudnn_ops.so.9", "nvidia/cudnn/lib/cudnn.h",
                 "nvidia/other/lib/libother.so")  # fmt: skip
        for name in names:
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8"):
                pass
        loaded = {os.path.join(folder, names[0]), os.path.join(folder, names[4])}
        made = contents.python_layer(contents.with_parts(loaded), folder)
        self.assertEqual(
            set(made.members),
            {"usr/lib/braid/" + names[at] for at in (0, 1, 4, 5)},
        )


class RefusedTest(unittest.TestCase):
    def test_unknown_options(self):
        for words in (("--fast",), ("--no-build", "--cuda-only")):
            done = package(*words)
            self.assertEqual(done.returncode, 2)
            self.assertIn("scripts/package oci [--no-build]", done.stderr)
        self.assertIn("--prefix wants what stands before the names", package("--prefix").stderr)
        self.assertIn("--kubectl wants the program kubectl", package("--kubectl").stderr)

    def test_a_program_of_others_that_is_not_whole(self):
        with self.assertRaisesRegex(debian.Refused, "take a kubectl that is linked statically"):
            contents.tool_layer(by_hand.program("braid"), "kubectl")

    @unittest.skipIf(MISSING, f"there is no {', '.join(MISSING)}: scripts/setup installs them")
    def test_cuda_of_a_build_without_it(self):
        folder = tempfile.mkdtemp(prefix="braid-build-")
        self.addCleanup(shutil.rmtree, folder)
        os.mkdir(folder + "/bin")
        for name in os.listdir(BINARY_DIR + "/bin"):
            if name.startswith("braid"):
                os.symlink(by_hand.program(name), f"{folder}/bin/{name}")
        done = package("--no-build", "--cuda", folder, BRAID_BINARY_DIR=folder)
        self.assertEqual(done.returncode, 1)
        self.assertIn("this build has no plug-in for CUDA: build where nvcc is found", done.stderr)

    def test_a_package_without_digests(self):
        with mock.patch.object(debian, "run", return_value=""):
            self.assertEqual(debian.digests_of("empty"), {})

    def test_a_refusal_leaves_what_was_there(self):
        folder = tempfile.mkdtemp(prefix="braid-images-")
        self.addCleanup(shutil.rmtree, folder)
        os.mkdir(folder + "/oci")
        given = {"built": folder, "programs": folder, "site": folder, "source": SOURCE_DIR}
        given |= {"version": "1", "prefix": "localhost", "out": folder}
        words = ["make_images", *(f"--{name}={value}" for name, value in given.items())]
        refusal = mock.Mock(side_effect=debian.Refused("libfast.so is of no Debian package"))
        said = io.StringIO()
        with (
            mock.patch.object(sys, "argv", words),
            mock.patch.dict(os.environ, SOURCE_DATE_EPOCH="1"),
            mock.patch.object(contents, "split_libraries", refusal),
            contextlib.redirect_stderr(said),
            self.assertRaises(SystemExit) as ended,
        ):
            make_images.main()
        self.assertEqual(ended.exception.code, make_images.OTHER_MACHINE)
        self.assertEqual(said.getvalue(), "scripts/package: libfast.so is of no Debian package\n")
        self.assertEqual(os.listdir(folder), ["oci"])

    @unittest.skipIf(MISSING, f"there is no {', '.join(MISSING)}: scripts/setup installs them")
    def test_what_is_of_no_package_or_not_as_its_package_has_it(self):
        def refused(act, said):
            with self.assertRaises(debian.Refused) as raised:
                act()
            self.assertIn(said, str(raised.exception))

        refused(
            lambda: debian.owners_of({"/opt/lab/libfast.so": "/opt/lab/bin/braid-merge"}),
            "/opt/lab/libfast.so, which braid-merge loads, is of no Debian package",
        )
        with mock.patch.object(debian, "run", return_value="\tlibfast.so.1 => not found\n"):
            refused(
                lambda: debian.libraries_of(["braid-merge"]),
                "braid-merge needs libfast.so.1, which is not on this machine",
            )
        refused(
            lambda: debian.add_package(layer.Layer(), "no-such-package"),
            "package no-such-package is not installed: apt-get install no-such-package",
        )
        wrong = dict.fromkeys(("bin/dash", "usr/bin/dash"), "0" * 32)
        with mock.patch.object(debian, "digests_of", return_value=wrong):
            refused(
                lambda: debian.add_package(layer.Layer(), "dash"),
                "/bin/dash is not as package dash has it: apt-get install --reinstall dash",
            )
        with mock.patch.object(debian, "digests_of", return_value={}):
            with mock.patch.object(debian, "run", return_value="/usr/bin/gone\n"):
                refused(
                    lambda: debian.add_package(layer.Layer(), "dash"),
                    "/usr/bin/gone of package dash is missing: apt-get install --reinstall dash",
                )


def site_packages():
    """The folder of the torch that the trainer was linked with."""
    words = ["patchelf", "--print-rpath", by_hand.program("braid-trainer")]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    (torch,) = {path for path in said.strip().split(":") if path.endswith("/torch/lib")}
    return os.path.dirname(os.path.dirname(torch))


if __name__ == "__main__":
    unittest.main(verbosity=2)
