"""An sshd of a test's own on loopback, with its keys and configuration in a folder that goes with the test.

    with SshBed(folder) as bed:
        subprocess.run(["ssh", "-F", bed.config, "box", "true"])

Where no sshd can run, entering raises unittest.SkipTest with the reason. A host that differs is
played by programs that come first in the PATH of its sessions: `bed.say("uname", "riscv64")` is what
that program prints from then on.
"""

import glob
import os
import pwd
import shutil
import signal
import subprocess
import unittest

from by_hand import BINARY_DIR, wait_until
from slurm_bed import PATIENCE_S, HeldPorts, one_line

SERVER = """Port {port}
ListenAddress 127.0.0.1
HostKey "{folder}/host_key"
AuthorizedKeysFile "{folder}/authorized"
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
AllowTcpForwarding {forwarding}
ForceCommand sh "{folder}/session"
"""
# What each session runs, whatever the user's own files of their shell do.
SESSION = """export PATH="{folder}/programs:/usr/local/bin:/usr/bin:/bin" BRAID_TEST_MARK={mark}
exec sh -c "$SSH_ORIGINAL_COMMAND"
"""
CLIENT = """Host box
  HostName 127.0.0.1
  HostKeyAlias box
  Port {port}
  IdentityFile "{folder}/key"
  IdentitiesOnly yes
  UserKnownHostsFile "{folder}/known"
  GlobalKnownHostsFile /dev/null
"""
# What a host says of itself, unless the test says otherwise.
FAKE = """#!/bin/sh
[ -e "{folder}/say/{name}" ] && exec cat "{folder}/say/{name}"
exec {real} "$@"
"""
# sshd of root wants a user to run as while it knows nobody, and an empty folder: they are there in a mount namespace.
AS_ROOT = """set -e
grep -q '^sshd:' /etc/passwd || mount --bind "$1/passwd" /etc/passwd
mount -t tmpfs tmpfs /run
mkdir -m 755 /run/sshd
shift
exec "$@"
"""


def find_sshd():
    """The words that start sshd: the system's, or the one that scripts/setup has unpacked beside the build."""
    system = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/sbin:/usr/local/sbin")
    if system:
        return [system]
    for root in {os.environ.get("BRAID_BUILD_ROOT", ""), os.path.dirname(BINARY_DIR)}:
        unpacked = os.path.join(os.path.abspath(root), "sshd")
        program = os.path.join(unpacked, "usr/sbin/sshd")
        if os.path.exists(program):
            libraries = ":".join(glob.glob(unpacked + "/**/lib/*-linux-gnu", recursive=True))
            return ["env", "LD_LIBRARY_PATH=" + libraries, program]
    return []


class SshBed:
    def __init__(self, folder, mark):
        self.folder, self.mark, self.server = os.path.join(folder, "ssh"), mark, None
        self.config = os.path.join(self.folder, "config")
        self.words = find_sshd()
        self.ports = None

    def __enter__(self):
        missing = [name for name in ("ssh", "ssh-keygen", "tar", "gzip") if not shutil.which(name)]
        if missing or not self.words:
            what = ", ".join(missing or ["sshd"])
            raise unittest.SkipTest(f"{what} is not there: scripts/setup brings Debian's OpenSSH")
        self.ports = HeldPorts(1)
        for name in ("", "programs", "say"):
            os.mkdir(os.path.join(self.folder, name))
        for name in ("key", "host_key"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.at(name)], check=True
            )
        shutil.copy(self.at("key.pub"), self.at("authorized"))
        for name in ("uname", "df"):
            self.write("programs/" + name, FAKE, name=name, real=shutil.which(name))
            os.chmod(self.at("programs/" + name), 0o755)
        self.write("config", CLIENT)
        self.write("session", SESSION, mark=self.mark)
        self.start()
        return self

    def at(self, name):
        return os.path.join(self.folder, name)

    def write(self, into, text, **more):
        with open(self.at(into), "w", encoding="utf-8") as file:
            file.write(text.format(folder=self.folder, port=self.ports.ports[0], **more))

    def say(self, name, text):
        """What a program of the host prints; None: what it really does."""
        if text is None:
            os.remove(self.at("say/" + name))
            return
        with open(self.at("say/" + name), "w", encoding="utf-8") as file:
            file.write(text + "\n")

    def know(self):
        """The host key becomes a known one."""
        with open(self.at("host_key.pub"), encoding="utf-8") as file:
            kind, key = file.read().split()[:2]
        with open(self.at("known"), "w", encoding="utf-8") as file:
            file.write(f"box {kind} {key}\n")

    def start(self, forwarding="yes"):
        self.write("sshd_config", SERVER, forwarding=forwarding)
        words = [*self.words, "-D", "-e", "-f", self.at("sshd_config")]
        if os.geteuid() == 0:
            with open("/etc/passwd", encoding="utf-8") as file:
                users = file.read()
            with open(self.at("passwd"), "w", encoding="utf-8") as file:
                file.write(users + "sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n")
            words = ["unshare", "--mount", "sh", "-c", AS_ROOT, "sh", self.folder, *words]
        with open(self.at("sshd.log"), "a", encoding="utf-8") as log:
            self.server = subprocess.Popen(words, stdout=log, stderr=log)

        def listens():
            if self.server.poll() is not None:
                with open(self.at("sshd.log"), encoding="utf-8") as file:
                    words = one_line(file.read())
                raise unittest.SkipTest("no sshd runs here: " + words)
            with open(self.at("sshd.log"), encoding="utf-8") as file:
                return "Server listening" in file.read()

        wait_until(listens, "sshd to listen", PATIENCE_S)

    def stop(self):
        if self.server and self.server.poll() is None:
            self.server.send_signal(signal.SIGTERM)
            self.server.wait()
        open(self.at("sshd.log"), "w", encoding="utf-8").close()

    def __exit__(self, *_):
        self.stop()
        if self.ports:
            self.ports.close()


def shell_is_usable():
    """Whether sessions of this user would run anything."""
    return pwd.getpwuid(os.geteuid()).pw_shell.rsplit("/", 1)[-1] not in ("nologin", "false")
