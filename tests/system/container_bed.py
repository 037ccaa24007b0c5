"""Containers of an image layout, run by runc, with a root folder that cannot be written, no capability, and a network that
they share with one another alone.

    with Containers(layout) as containers:
        coordinator = containers.start("braid:0.1.0", [], {"/var/lib/braid": folder})
        coordinator.run("braid", "worker", "list")

Where none can be, entering raises unittest.SkipTest with the reason.
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import unittest

from by_hand import wait_until
from slurm_bed import one_line


def checked(*words, **more):
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, **more)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
    return done.stdout


def document(layout, described):
    """The JSON of what a descriptor of a layout names."""
    with open(os.path.join(layout, blob_path(described)), encoding="utf-8") as file:
        return json.load(file)


def blob_path(described):
    return "blobs/" + described["digest"].replace(":", "/")


def images_of(layout):
    """Name -> manifest and configuration of each image of a layout."""
    with open(os.path.join(layout, "index.json"), encoding="utf-8") as file:
        index = json.load(file)
    found = {}
    for described in index["manifests"]:
        manifest = document(layout, described)
        name = described["annotations"]["org.opencontainers.image.ref.name"]
        found[name] = manifest, document(layout, manifest["config"])
    return found


class Containers:
    def __init__(self, layout):
        self.layout, self.running = layout, []

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="braid-containers-")
        self.network = os.path.basename(self.folder)
        try:
            self.try_out("ip", "netns", "add", self.network)
            self.try_out("ip", "-n", self.network, "link", "set", "lo", "up")
            self.try_container()
        except BaseException:
            self.__exit__()
            raise
        return self

    def try_out(self, *words):
        done = subprocess.run(words, capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            raise unittest.SkipTest(
                f"no containers here: {' '.join(words)}: {one_line(done.stderr)}"
            )

    def try_container(self):
        """A container of this machine's own programs: whether there can be any."""
        bundle = os.path.join(self.folder, "trial")
        root = os.path.join(bundle, "rootfs")
        os.makedirs(root + "/usr")
        for name in ("bin", "lib", "lib64"):
            os.symlink("usr/" + name, os.path.join(root, name))
        self.try_out("runc", "spec", "--bundle", bundle)
        with open(bundle + "/config.json", encoding="utf-8") as file:
            config = json.load(file)
        config["process"]["args"] = ["true"]
        usr = {"destination": "/usr", "type": "bind", "source": "/usr", "options": ["bind", "ro"]}
        self.adapt(config, [usr])
        with open(bundle + "/config.json", "w", encoding="utf-8") as file:
            json.dump(config, file)
        words = ("--root", self.folder + "/runc", "run", "--bundle", bundle, self.network)
        self.try_out("runc", *words)

    def adapt(self, config, mounts):
        """What all containers have: no terminal, no capability, the network, and these mounts besides a /tmp."""
        config["process"].update(terminal=False, capabilities={}, noNewPrivileges=True)
        config["root"]["readonly"] = True
        linux = config["linux"]
        linux.pop("resources", None)
        kinds = [one for one in linux["namespaces"] if one["type"] != "network"]
        linux["namespaces"] = [*kinds, {"type": "network", "path": "/run/netns/" + self.network}]
        mounts = [*mounts, {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}]
        hidden = {"/sys", "/sys/fs/cgroup", *(one["destination"] for one in mounts)}
        kept = [one for one in config["mounts"] if one["destination"] not in hidden]
        config["mounts"] = kept + mounts

    def __exit__(self, *_):
        for container in self.running:
            container.end()
        subprocess.run(["ip", "netns", "delete", self.network], check=False, capture_output=True)
        shutil.rmtree(self.folder)

    def unpacked(self, image):
        """The folder with an image's files, which umoci unpacks and checks against their digests."""
        folder = os.path.join(self.folder, image.replace(":", "-"))
        if not os.path.exists(folder):
            words = ("--image", f"{self.layout}:{image}")
            checked("umoci", "raw", "unpack", *words, folder)
        return folder

    def configuration(self, image):
        """What a runtime is told of an image: umoci translates the image's own words."""
        path = os.path.join(self.folder, "config.json")
        words = ("--image", f"{self.layout}:{image}", "--rootfs", self.unpacked(image))
        checked("umoci", "raw", "runtime-config", *words, path)
        with open(path, encoding="utf-8") as file:
            return json.load(file)

    def start(self, image, words, mounts, command=None):
        """Starts a container. `words`, if there are any, take the place of those that follow the image's entrypoint, and
        `command` that of both; `mounts` are folders of this machine by their path inside."""
        config = self.configuration(image)
        if words:
            _, own = images_of(self.layout)[image]
            config["process"]["args"] = [*own["config"]["Entrypoint"], *words]
        if command is not None:
            config["process"]["args"] = command
        config["root"] = {"path": self.unpacked(image)}
        self.adapt(
            config,
            [
                {"destination": inside, "type": "bind", "source": outside, "options": ["bind"]}
                for inside, outside in mounts.items()
            ],
        )
        container = Container(self.folder, len(self.running), config)
        self.running.append(container)
        return container


class Container:
    """A container and the process that waits for it."""

    def __init__(self, folder, number, config):
        self.name = f"{os.path.basename(folder)}-{number}"
        self.bundle, self.user = os.path.join(folder, self.name), config["process"]["user"]
        os.mkdir(self.bundle)
        with open(os.path.join(self.bundle, "config.json"), "w", encoding="utf-8") as file:
            json.dump(config, file)
        self.runc = ["runc", "--root", os.path.join(folder, "runc")]
        with open(self.bundle + ".log", "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [*self.runc, "run", "--bundle", self.bundle, self.name],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def log(self):
        with open(self.bundle + ".log", encoding="utf-8") as file:
            return file.read()

    def run(self, *words, code=0):
        """Runs a command inside, as the container's user; `code` is the exit code that must come, None for any."""
        done = subprocess.run(
            [*self.runc, "exec", self.name, *words], capture_output=True, text=True, timeout=300
        )
        if code is not None and done.returncode != code:
            raise AssertionError(
                f"{words}: exit code {done.returncode}\n{done.stdout}{done.stderr}{self.log()}"
            )
        return done

    def wait_for(self, holds, what):
        def seen():
            if self.process.poll() is not None:
                raise AssertionError(f"waiting for {what}: the container has ended: {self.log()}")
            return holds()

        wait_until(seen, what)

    def stop(self):
        """What an engine does to end it: SIGTERM, and the exit code."""
        checked(*self.runc, "kill", self.name, "TERM")
        return self.process.wait(timeout=90)

    def end(self):
        if self.process.poll() is None:
            subprocess.run(
                [*self.runc, "kill", self.name, "KILL"], check=False, capture_output=True
            )
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGKILL)
                self.process.wait()
        subprocess.run([*self.runc, "delete", "-f", self.name], check=False, capture_output=True)
