"""What this machine is, and the instruction sets that it has."""

import os
import platform
import re
from dataclasses import asdict, dataclass

# From small to large; each includes those before it. `native` is the largest that the machine has.
LEVELS = ("generic", "avx2", "avx512", "amx")
NAMES = {"generic": "no vectors", "avx2": "AVX2", "avx512": "AVX-512", "amx": "AVX-512 and AMX"}
NEEDS = {
    "generic": set(),
    "avx2": {"avx2", "fma"},
    "avx512": {"avx512f", "avx512bw", "avx512vl", "avx512dq"},
    "amx": {"avx512_bf16", "amx_tile", "amx_bf16"},
}
# Each library that takes part has a variable of its own: ATen's kernels, MKL and oneDNN, which braid
# and its peers both use, and braid's kernels.
VARIABLES = {
    "generic": {
        "ATEN_CPU_CAPABILITY": "default",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "BRAID_ISA": "generic",
    },
    "avx2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "BRAID_ISA": "avx2",
    },
    "avx512": {
        "ATEN_CPU_CAPABILITY": "avx512",
        "MKL_ENABLE_INSTRUCTIONS": "AVX512",
        "ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16",
        "BRAID_ISA": "avx512",
    },
    "amx": {"BRAID_ISA": "amx"},  # nothing is larger; where the kernel refuses tiles, braid stops
}
BF16 = {"avx512_bf16", "amx_bf16"}  # either is hardware for bf16 products


@dataclass(frozen=True)
class Machine:
    cpu: str
    cores: int
    memory_gb: float
    system: str
    flags: frozenset[str]

    def levels(self) -> list[str]:
        """The instruction sets that it has, from small to large."""
        if platform.machine() not in ("x86_64", "AMD64"):
            return ["generic"]
        found = []
        for level in LEVELS:
            if not NEEDS[level] <= self.flags:
                break
            found.append(level)
        return found

    def has_bf16(self) -> bool:
        return bool(BF16 & self.flags)

    def variables(self, level: str) -> dict[str, str]:
        """The variables that restrict all libraries to a level, with its products of bf16."""
        found = dict(VARIABLES[level])
        if level == "avx512" and "avx512_bf16" in self.flags:
            found["BRAID_ISA"] = "avx512_bf16"
        return found

    def to_json(self) -> dict:
        fields = asdict(self)
        fields["levels"] = self.levels()
        fields["bf16"] = self.has_bf16()
        del fields["flags"]
        return fields

    def text(self) -> str:
        return (
            f"{self.cpu}, {self.cores} cores, {self.memory_gb:.0f} GB, "
            f"{NAMES[self.levels()[-1]]}; {self.system}"
        )


def field(text: str, name: str) -> str:
    """The first value of a field of /proc/cpuinfo or /proc/meminfo; empty if there is none."""
    match = re.search(rf"^{name}\s*:\s*(.*)$", text, re.MULTILINE)
    return re.sub(r"\s+", " ", match.group(1)).strip() if match else ""


def read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def this_machine() -> Machine:
    cpu, memory = read("/proc/cpuinfo"), read("/proc/meminfo")
    kilobytes = field(memory, "MemTotal").split(" ")[0]
    system = re.search(r'^PRETTY_NAME="(.*)"$', read("/etc/os-release"), re.MULTILINE)
    return Machine(
        cpu=field(cpu, "model name") or platform.processor() or platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        memory_gb=round(int(kilobytes) / 1e6, 1) if kilobytes else 0,
        system=system.group(1) if system else platform.system(),
        flags=frozenset(field(cpu, "flags").split()),
    )
