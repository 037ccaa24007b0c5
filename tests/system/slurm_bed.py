"""A Slurm of a test's own: controller, two nodes on this host and their munge, in a folder that goes with the test.
No root, systemd or cgroups are needed, and another Slurm of this host is left alone.

    with SlurmBed() as slurm:
        slurm.run("sinfo")
        subprocess.run(..., env=slurm.environment)

Where a Slurm cannot run, entering raises unittest.SkipTest with the reason.
"""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

from by_hand import wait_until

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "srun")
# How long is waited for what comes by itself, on a machine however busy.
PATIENCE_S = 600
PLACES = ("/usr/sbin", "/sbin", "/usr/local/sbin")
CONFIG = """ClusterName=braid
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
CredType=cred/munge
PlugStackConfig={folder}/plugstack.conf
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0
SlurmdParameters=config_overrides
ReturnToService=2
SlurmdTimeout=0
MinJobAge=7200
KillWait=30
MessageTimeout=90
TCPTimeout=60
BatchStartTimeout=600
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={first} CPUs=8 State=UNKNOWN
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={second} CPUs=8 State=UNKNOWN
PartitionName=main Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
PartitionName=short Nodes=n1,n2 MaxTime=10 State=UP
"""


def find(name):
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(PLACES))


def needs_slurm(case):
    """Skips the tests of a class where Slurm is not installed."""
    missing = [name for name in PROGRAMS if not find(name)]
    return unittest.skipIf(
        missing,
        "Slurm is not installed (" + ", ".join(missing) + "): scripts/setup installs Debian's",
    )(case)


def without_slurm(environment):
    """The environment without what a Slurm of this host has left in it: the test may run in a job."""
    names = ("SLURM", "SBATCH_", "SQUEUE_", "SCANCEL_", "SINFO_", "SRUN_", "SALLOC_", "MUNGE")
    return {name: value for name, value in environment.items() if not name.startswith(names)}


class HeldPorts:
    """Ports that the system has chosen, and gives to nobody else as long as they are held: only a
    socket that asks for this very port, as Slurm's do, gets it."""

    def __init__(self, count):
        self.sockets = []
        for _ in range(count):
            one = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(("", 0))
            self.sockets.append(one)
        self.ports = [one.getsockname()[1] for one in self.sockets]

    def close(self):
        for one in self.sockets:
            one.close()


class SlurmBed:
    def __init__(self):
        self.folder, self.environment, self.ports = None, {}, None
        self.processes = []

    def __enter__(self):
        try:
            self.begin()
        except unittest.SkipTest:
            self.__exit__(None)
            raise
        except BaseException:
            self.__exit__(True)
            raise
        return self

    def begin(self):
        try:
            self.user = pwd.getpwuid(os.geteuid()).pw_name
        except KeyError:
            raise unittest.SkipTest(
                f"user {os.geteuid()} has no name, and Slurm needs one"
            ) from None
        try:
            # Slurm's files cannot have spaces in their paths.
            self.folder = tempfile.mkdtemp(prefix="braid-slurm-", dir="/tmp")
        except OSError as error:
            raise unittest.SkipTest(f"Slurm's files need a short path: {error}") from None
        self.config = os.path.join(self.folder, "slurm.conf")
        self.environment = {**without_slurm(os.environ), "SLURM_CONF": self.config}
        self.ports = HeldPorts(3)
        # munged does not trust a folder that others may write to, nor one above it but for /tmp.
        key = os.path.join(self.folder, "munge.key")
        with open(key, "wb") as file:
            file.write(os.urandom(128))
        os.chmod(key, 0o400)
        os.mkdir(os.path.join(self.folder, "state"))
        self.write_config()
        munge = ["munged", "--foreground", "--force", "--key-file=" + key]
        for option, name in (
            ("socket", "munge.sock"),
            ("pid-file", "munge.pid"),
            ("log-file", "munge.log"),
            ("seed-file", "munge.seed"),
        ):
            munge.append(f"--{option}={self.folder}/{name}")
        self.start("munged", munge)
        self.until(lambda: os.path.exists(self.folder + "/munge.sock"), "munged does not listen")
        self.start("slurmctld", ["slurmctld", "-D", "-f", self.config])
        for node in ("n1", "n2"):
            self.start("slurmd." + node, ["slurmd", "-D", "-N", node, "-f", self.config])
        self.until(self.nodes_are_idle, "Slurm's nodes are not there")
        # Two tasks on two nodes: what a gang needs.
        done = self.run("srun", "--nodes=2", "--ntasks=2", "--mpi=none", "true", code=None)
        if done.returncode != 0:
            raise unittest.SkipTest("Slurm starts here, but runs no job: " + one_line(done.stderr))

    def write_config(self):
        controller, first, second = self.ports.ports
        with open(os.path.join(self.folder, "plugstack.conf"), "w", encoding="utf-8") as file:
            file.write("# no plug-ins\n")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(
                CONFIG.format(
                    folder=self.folder,
                    host=socket.gethostname().split(".")[0],
                    user=self.user,
                    controller=controller,
                    first=first,
                    second=second,
                )
            )

    def start(self, name, words):
        with open(os.path.join(self.folder, name + ".out"), "a", encoding="utf-8") as log:
            process = subprocess.Popen(
                [find(words[0]), *words[1:]], stdout=log, stderr=log, env=self.environment
            )
        self.processes.append((name, process))

    def until(self, condition, what):
        """Waits; raises SkipTest if a daemon ends, or the time is over."""

        def ready():
            for name, process in self.processes:
                if process.poll() is not None:
                    raise unittest.SkipTest(f"{name} does not run here: {self.last_words(name)}")
            return condition()

        try:
            wait_until(ready, what, PATIENCE_S)
        except AssertionError as error:
            name = self.processes[-1][0]
            raise unittest.SkipTest(f"{what} ({error}): {self.last_words(name)}") from None

    def nodes_are_idle(self):
        done = self.run(
            "sinfo", "--Node", "--partition=main", "--noheader", "--format=%T", code=None
        )
        return done.returncode == 0 and done.stdout.split() == ["idle", "idle"]

    def last_words(self, name):
        """What a daemon has said of errors, or last."""
        lines = []
        for end in (".out", ".log"):
            path = os.path.join(self.folder, name + end)
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as file:
                    lines += [line for line in file.read().splitlines() if line.strip()]
        bad = [line for line in lines if "error" in line.lower() or "fatal" in line]
        return one_line("; ".join((bad or lines)[-2:])) or "it says nothing"

    def run(self, *words, code=0):
        done = subprocess.run(
            [find(words[0]) or words[0], *words[1:]],
            capture_output=True,
            text=True,
            env=self.environment,
            timeout=PATIENCE_S,
        )
        if code is not None and done.returncode != code:
            raise AssertionError(
                f"{' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done

    def jobs(self, *words):
        """Name -> (id, state) of the jobs that have not ended, or of those that `words` ask squeue for."""
        lines = self.run("squeue", "--noheader", "--format=%j|%i|%T", *words).stdout.splitlines()
        return {line.split("|")[0]: tuple(line.split("|")[1:]) for line in lines}

    def left(self):
        """Pids of processes, daemons and jobs, that were started in this Slurm: they have its folder in their command
        line, environment, or among their files."""
        found, mark = [], self.folder.encode()
        for entry in os.listdir("/proc"):
            if not entry.isdigit() or int(entry) == os.getpid():
                continue
            with contextlib.suppress(OSError):
                if uses(entry, mark):
                    found.append(int(entry))
        return found

    def end_processes(self):
        """SIGTERM, and SIGKILL for those that do not heed it; then for jobs that a daemon has left."""
        for _, process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for _, process in reversed(self.processes):
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

        def nobody_left():
            left = self.left()
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return not left

        wait_until(nobody_left, "the last processes of Slurm to end", PATIENCE_S)

    def __exit__(self, kind, *_):
        if self.folder is None:
            return
        if self.processes and all(process.poll() is None for _, process in self.processes):
            self.run("scancel", "--signal=KILL", "--full", "--user=" + self.user, code=None)
        self.end_processes()
        if self.ports is not None:
            self.ports.close()
        if kind is not None or os.environ.get("BRAID_KEEP_TESTS"):
            print("Slurm's folder kept:", self.folder)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)


def uses(pid, mark):
    """Whether a process has the bytes in its command line, environment, or the paths of its files."""
    for name in ("cmdline", "environ"):
        with open(f"/proc/{pid}/{name}", "rb") as file:
            if mark in file.read():
                return True
    paths = [f"/proc/{pid}/cwd"]
    paths += [f"/proc/{pid}/fd/{number}" for number in os.listdir(f"/proc/{pid}/fd")]
    for path in paths:
        with contextlib.suppress(OSError):
            if mark in os.readlink(path).encode():
                return True
    return False


def one_line(text):
    return " ".join(text.split())[-300:]
