"""What the parts of the check share: the bundle, the programs in it, and how a part fails."""

import dataclasses
import importlib.util
import os
import subprocess
import sys

# What this process was started with: other programs than those of the bundle get it unchanged.
OUTSIDE = dict(os.environ)


class Failure(Exception):
    """A part found something wrong; the message says what, for people."""


def libraries_of_torch():
    """The folders in which the torch of this Python keeps its libraries and those of CUDA."""
    spec = importlib.util.find_spec("torch")
    if spec is None:
        raise Failure(f"{sys.executable} has no torch; run the check with a Python that has 2.11.0")
    torch = spec.submodule_search_locations[0]
    vendor = os.path.join(os.path.dirname(torch), "nvidia")
    found = [os.path.join(torch, "lib")]
    if os.path.isdir(vendor):
        found += [os.path.join(vendor, name, "lib") for name in sorted(os.listdir(vendor))]
    return [folder for folder in found if os.path.isdir(folder)]


@dataclasses.dataclass
class Check:
    """One run of the check: the bundle, the device, and how much is to be done."""

    bundle: str
    device: str = "cuda"
    # Small shapes and few seconds: shows that the check itself works, on any machine.
    quick: bool = False
    folder: str = ""  # for what the parts write

    def program(self, name):
        return os.path.join(self.bundle, "bin", name)

    def environment(self, **more):
        paths = [os.path.join(self.bundle, "lib"), *libraries_of_torch()]
        if OUTSIDE.get("LD_LIBRARY_PATH"):
            paths.append(OUTSIDE["LD_LIBRARY_PATH"])
        return {
            **OUTSIDE,
            "LD_LIBRARY_PATH": ":".join(paths),
            "BRAID_TEST_DEVICE": self.device,
            **more,
        }

    def run(self, *command, timeout_s=120, **environment):
        """The finished process; raises Failure if it outlasts its time."""
        try:
            return subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=timeout_s,
                env=self.environment(**environment),
            )
        except subprocess.TimeoutExpired as late:
            raise Failure(
                f"{os.path.basename(command[0])} did not end within {timeout_s} s"
            ) from late


def last_lines(text, count=12):
    return "\n".join(text.strip().splitlines()[-count:])
