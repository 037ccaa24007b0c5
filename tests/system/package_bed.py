"""A copy of this machine in which packages can be installed: an overlay over its root folder, whose changes are in
memory and go with the test.

    with Machine({"/opt/torch/lib": folder}) as machine:
        machine.run("dpkg", "-i", "/tmp/braid.deb")

Where that cannot be had, entering raises unittest.SkipTest with the reason.
"""

import configparser
import contextlib
import ctypes
import os
import shlex
import signal
import subprocess
import tempfile
import unittest

from by_hand import wait_until

CLONE_NEWNS = 0x00020000
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What every installation of any package changes.
OF_DPKG = ("var/lib/dpkg/", "var/log/", "var/cache/", "var/lib/systemd/", "run/", "tmp/")
BACKUPS = ("etc/passwd-", "etc/group-", "etc/shadow-", "etc/gshadow-", "etc/.pwd.lock")


def mount(*words):
    done = subprocess.run(["mount", *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise unittest.SkipTest(f"mount {' '.join(words)}: {done.stderr.strip()}")


class Machine:
    """`binds` are folders of this machine by the path at which the copy has them."""

    def __init__(self, binds):
        self.binds, self.processes = binds, []
        self.folder, self.root, self.changes = None, None, None

    def __enter__(self):
        if os.geteuid() != 0:
            raise unittest.SkipTest("only root can install packages in an overlay of this machine")
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
            raise unittest.SkipTest(f"no mount namespace: {os.strerror(ctypes.get_errno())}")
        self.folder = tempfile.mkdtemp(prefix="braid-machine-")
        try:
            self.mount_all()
        except unittest.SkipTest:
            self.__exit__(None)
            raise
        return self

    def mount_all(self):
        mount("--make-rprivate", "/")
        mount("-t", "tmpfs", "tmpfs", self.folder)
        self.root, self.changes = (os.path.join(self.folder, name) for name in ("root", "changes"))
        work = os.path.join(self.folder, "work")
        for folder in (self.root, self.changes, work):
            os.mkdir(folder, 0o755)
        options = f"lowerdir=/,upperdir={self.changes},workdir={work}"
        mount("-t", "overlay", "overlay", "-o", options, self.root)
        for name in ("run", "tmp"):
            mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", self.at(name))
        for name in ("proc", "dev"):
            mount("--rbind", "/" + name, self.at(name))
        for inside, outside in self.binds.items():
            os.makedirs(self.at(inside), exist_ok=True)
            mount("--bind", "-o", "ro", outside, self.at(inside))

    def at(self, path):
        """Where a path of the copy is on this machine."""
        return os.path.join(self.root, path.lstrip("/"))

    def command(self, *words, user="root"):
        identity = ["setpriv", "--reuid", user, "--regid", user, "--init-groups"]
        home = {"root": "/root"}.get(user, "/var/lib/" + user)
        environment = ["env", "-i", "PATH=" + PATH, "HOME=" + home, "LANG=C.UTF-8"]
        return ["chroot", self.root, *environment, *identity, *words]

    def run(self, *words, code=0, user="root"):
        """A CompletedProcess; `code` is the exit code that must come, None for any."""
        done = subprocess.run(
            self.command(*words, user=user), capture_output=True, text=True, timeout=300
        )
        if code is not None and done.returncode != code:
            raise AssertionError(
                f"{' '.join(words)}: exit code {done.returncode}, not {code}\n{done.stdout}{done.stderr}"
            )
        return done

    def start_service(self, unit):
        """What systemd would start for a unit: its programs, as its User, with its state folder."""
        service = read_unit(self.at(f"/lib/systemd/system/{unit}.service"))
        user, state = service["User"], service["StateDirectory"]
        self.run("install", "-d", "-m", "700", "-o", user, "-g", user, "/var/lib/" + state)
        if "ExecStartPre" in service:
            self.run(*shlex.split(service["ExecStartPre"]), user=user)
        variables = dict(
            word.split("=", 1)
            for line in service["Environment"].splitlines()
            for word in shlex.split(line)
        )
        words = []
        for word in shlex.split(service["ExecStart"]):
            if word.startswith("${"):
                words.append(variables[word[2:-1]])
            elif word.startswith("$"):  # split at spaces
                words += variables.get(word[1:], "").split()
            else:
                words.append(word)
        log = self.at(f"/tmp/{unit}.log")
        with open(log, "a", encoding="utf-8") as output:
            process = subprocess.Popen(
                self.command(*words, user=user),
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.processes.append((unit, process))
        return process

    def log(self, unit):
        with open(self.at(f"/tmp/{unit}.log"), encoding="utf-8") as file:
            return file.read()

    def stop_services(self):
        """SIGTERM to each, the last first; their exit codes by unit."""
        codes = {}
        for unit, process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
            codes[unit] = process.wait(timeout=90)
        self.processes = []
        return codes

    def new_files(self):
        """What is there now and not on this machine, without what dpkg keeps of any package."""
        found = []
        for folder, folders, files in os.walk(self.changes):
            for name in folders + files:
                path = os.path.relpath(os.path.join(folder, name), self.changes)
                inside = path.startswith(OF_DPKG) or path in BACKUPS or self.is_bound(path)
                if not inside and not os.path.lexists("/" + path):
                    found.append(path)
        return sorted(found)

    def is_bound(self, path):
        return any(
            (bound.strip("/") + "/").startswith(path + "/")
            or path.startswith(bound.strip("/") + "/")
            for bound in self.binds
        )

    def __exit__(self, *_):
        for _, process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        subprocess.run(["umount", "-R", "-l", self.folder], check=False, capture_output=True)
        wait_until(lambda: not os.listdir(self.folder), "the copy of the machine to be gone")
        os.rmdir(self.folder)


def read_unit(path):
    """The section Service of a unit file; lines of one name are joined."""
    parser = configparser.RawConfigParser(strict=False, interpolation=None, comment_prefixes="#")
    parser.optionxform = str
    parser.read(path, encoding="utf-8")
    return dict(parser["Service"])
