"""Task programs that stand still behind what a test waits for: nothing is won or lost by the speed of a machine.

service = Service()
prepare_holds(service)                  # before its programs are started
with service, held_at(service, "path_tales") as hold:
    run = service.submit(recipe)
    hold.wait()                         # it has told its worker of its first checkpoint, and makes no step
    ...
# it goes on
"""

import atexit
import contextlib
import functools
import glob
import os
import shutil
import signal
import subprocess
import tempfile
import urllib.parse

from by_hand import wait_until

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "hold.c")


@functools.cache
def library():
    """hold.c, compiled once by each test program."""
    # The loader takes no path with a space.
    folder = tempfile.mkdtemp(prefix="braid-hold-", dir="/tmp")
    atexit.register(shutil.rmtree, folder)
    compiler = next(found for found in map(shutil.which, ("cc", "gcc", "clang")) if found)
    made = os.path.join(folder, "hold.so")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", made, SOURCE, "-ldl"], check=True)
    return made


def prepare_holds(braid):
    """Programs that are started with its environment from now on can be held."""
    braid.environment["LD_PRELOAD"] = library()
    braid.environment["BRAID_TEST_HOLDS"] = os.path.join(braid.folder, "holds")


def state_of(pid):
    """The letter of proc(5); None of a process that is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return None


class Hold:
    def __init__(self, braid, job, step, words):
        self.path = braid.environment["BRAID_TEST_HOLDS"]
        # As it stands in the name of a rank's folder, which is in the command line.
        self.job = "+" + urllib.parse.quote(job, safe="") + "+"
        self.line = f"{step} {self.job} {words}\n"

    def __enter__(self):
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(self.line)
        return self

    def marked(self):
        """Pids of the job's programs that stand still, or are about to."""
        found = []
        for mark in glob.glob(glob.escape(self.path) + ".*[0-9]"):
            pid = int(mark.rpartition(".")[2])
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    if self.job.encode() in file.read():
                        found.append(pid)
        return found

    def wait(self):
        """Until a program of the job stands still; its pid. Of a gang it is the first rank, which writes checkpoints; the
        others wait for it."""
        stopped = wait_until(
            lambda: [pid for pid in self.marked() if state_of(pid) == "T"],
            f"{self.job} to be held",
            timeout_s=240,
        )
        return stopped[0]

    def __exit__(self, *_):
        with open(self.path, encoding="utf-8") as file:
            lines = file.readlines()
        lines.remove(self.line)
        with open(self.path + ".new", "w", encoding="utf-8") as file:
            file.writelines(lines)
        os.replace(self.path + ".new", self.path)

        def all_go_on():
            marked = self.marked()
            for pid in marked:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
            return not marked

        wait_until(all_go_on, f"{self.job} to go on", timeout_s=240)


def held_at(braid, job, step=1):
    """Inside the block, a program of the job stands still as soon as it has told its worker of a checkpoint of this step
    or a later one. Its training may be ahead of that by what it took to write the checkpoint."""
    return Hold(braid, job, step, '"event":"checkpoint"')


def held_in(braid, job, phase):
    """Inside the block, a program of the job stands still as soon as it has told its worker of progress in the phase."""
    return Hold(braid, job, 0, phase)
