"""A Slurm of a test's own: controller, two nodes on this host and their munge, in a folder that goes with the test.
No root, systemd or cgroups are needed.

    with SlurmBed() as slurm:
        slurm.run("sinfo")
        subprocess.run(..., env=slurm.environment)
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

from by_hand import wait_until

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "srun")
PLACES = ("/usr/sbin", "/sbin", "/usr/local/sbin")
CONFIG = """ClusterName=braid
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
CredType=cred/munge
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
MinJobAge=300
KillWait=30
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


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class SlurmBed:
    def __init__(self):
        # Slurm's files cannot have spaces in their paths.
        self.folder = tempfile.mkdtemp(prefix="braid-slurm-", dir="/tmp")
        self.config = os.path.join(self.folder, "slurm.conf")
        self.environment = {**os.environ, "SLURM_CONF": self.config}
        self.processes = []

    def __enter__(self):
        try:
            self.begin()
        except BaseException:
            self.__exit__(True)
            raise
        return self

    def begin(self):
        # munged does not trust a folder that others may write to, nor one above it but for /tmp.
        key = os.path.join(self.folder, "munge.key")
        with open(key, "wb") as file:
            file.write(os.urandom(128))
        os.chmod(key, 0o400)
        os.mkdir(os.path.join(self.folder, "state"))
        controller, first, second = free_ports(3)
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(
                CONFIG.format(
                    folder=self.folder,
                    host=socket.gethostname().split(".")[0],
                    user=user_name(),
                    controller=controller,
                    first=first,
                    second=second,
                )
            )
        munge = ["munged", "--foreground", "--force", "--key-file=" + key]
        for option, name in (
            ("socket", "munge.sock"),
            ("pid-file", "munge.pid"),
            ("log-file", "munge.log"),
            ("seed-file", "munge.seed"),
        ):
            munge.append(f"--{option}={self.folder}/{name}")
        self.start("munged", munge)
        wait_until(lambda: os.path.exists(self.folder + "/munge.sock"), "munged", 60)
        self.start("slurmctld", ["slurmctld", "-D", "-f", self.config])
        for node in ("n1", "n2"):
            self.start("slurmd." + node, ["slurmd", "-D", "-N", node, "-f", self.config])
        wait_until(self.ready, "Slurm's nodes", 120)

    def start(self, name, words):
        with open(os.path.join(self.folder, name + ".out"), "a", encoding="utf-8") as log:
            process = subprocess.Popen(
                [find(words[0]), *words[1:]], stdout=log, stderr=log, env=self.environment
            )
        self.processes.append((name, process))

    def ready(self):
        for name, process in self.processes:
            if process.poll() is not None:
                raise AssertionError(f"{name} has ended: {self.log(name)}")
        done = self.run(
            "sinfo", "--Node", "--partition=main", "--noheader", "--format=%T", code=None
        )
        return done.returncode == 0 and done.stdout.split() == ["idle", "idle"]

    def log(self, name):
        text = ""
        for end in (".out", ".log"):
            path = os.path.join(self.folder, name + end)
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as file:
                    text += file.read()[-2000:]
        return text

    def run(self, *words, code=0):
        done = subprocess.run(
            [find(words[0]) or words[0], *words[1:]],
            capture_output=True,
            text=True,
            env=self.environment,
            timeout=120,
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

    def __exit__(self, kind, *_):
        if self.processes and self.processes[0][1].poll() is None:
            self.run("scancel", "--signal=KILL", "--full", "--user=" + user_name(), code=None)
        for _, process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for _, process in reversed(self.processes):
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if kind is not None and os.environ.get("BRAID_KEEP_TESTS"):
            print("Slurm's folder kept:", self.folder)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)


def user_name():
    import pwd

    return pwd.getpwuid(os.geteuid()).pw_name
