"""The peers' environments: installed by the first run, pinned, apart from everything else.

    build/venv-bench            transformers, tokenizers, gigatoken, fastokens; tcmalloc of Debian
    build/venv-bench-mergekit   mergekit, which wants other versions

Both see the torch of build/venv, which braid links. A peer that cannot be installed is missing,
with the reason, and its side of each row says so.
"""

import glob
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field

REQUIRED = {
    "transformers": "5.23.0",
    "tokenizers": "0.23.3",
    "safetensors": "0.8.0",
    "numpy": "2.3.5",
}
OPTIONAL = {"gigatoken": "0.10.0", "fastokens": "0.3.5"}
MERGEKIT = {"mergekit": "0.1.4"}
TCMALLOC = "libtcmalloc-minimal4"


@dataclass(frozen=True)
class Peers:
    python: str  # of the environment
    tcmalloc: str = ""  # the library to preload, or empty
    mergekit: str = ""  # the program mergekit-yaml, or empty
    versions: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)  # peer -> why

    def why_not(self, peer: str) -> str:
        return self.missing.get(peer, "")


def say(text: str) -> None:
    print(f"[bench] {text}", file=sys.stderr, flush=True)


def last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"


def system_python() -> str:
    return "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else sys.executable


def install(folder: str, pins: list[str]) -> str:
    """Installs into an environment; returns why it could not, or nothing."""
    done = subprocess.run(
        [
            os.path.join(folder, "bin", "python"),
            *("-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *pins,
        ],
        capture_output=True,
        text=True,
    )
    return "" if done.returncode == 0 else f"cannot be installed: {last_line(done.stderr)}"


def make_environment(folder: str, torch_site: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([system_python(), "-m", "venv", folder], check=True)
    site = glob.glob(os.path.join(folder, "lib", "python3*", "site-packages"))[0]
    with open(os.path.join(site, "braid-torch.pth"), "w", encoding="utf-8") as file:
        file.write(torch_site + "\n")


def pins(packages: dict[str, str]) -> list[str]:
    return [f"{name}=={version}" for name, version in packages.items()]


def complete(folder: str, packages: dict[str, str]) -> bool:
    """Whether an environment holds all of these; its stamp says so."""
    try:
        with open(os.path.join(folder, ".complete"), encoding="utf-8") as file:
            return json.load(file) == packages
    except (OSError, ValueError):
        return False


def stamp(folder: str, packages: dict[str, str]) -> None:
    with open(os.path.join(folder, ".complete"), "w", encoding="utf-8") as file:
        json.dump(packages, file)


def find_tcmalloc(folder: str) -> str:
    found = glob.glob(os.path.join(folder, "usr", "lib", "*", "libtcmalloc_minimal.so.4"))
    found += glob.glob("/usr/lib/*/libtcmalloc_minimal.so.4")
    return os.path.abspath(found[0]) if found else ""


def fetch_tcmalloc(folder: str) -> str:
    """Unpacks the allocator beside the environment, which needs no rights; returns why not."""
    os.makedirs(folder, exist_ok=True)
    try:
        subprocess.run(
            ["apt-get", "download", "-qq", TCMALLOC], cwd=folder, check=True, capture_output=True
        )
        for package in glob.glob(os.path.join(folder, "*.deb")):
            subprocess.run(["dpkg", "-x", package, folder], check=True, capture_output=True)
    except OSError as error:
        return f"cannot be installed: {error}"
    except subprocess.CalledProcessError as error:
        return f"cannot be installed: {last_line(error.stderr.decode(errors='replace'))}"
    return "" if find_tcmalloc(folder) else f"the package {TCMALLOC} has no libtcmalloc_minimal"


def versions_of(python: str) -> dict[str, str]:
    """The versions that an environment has of everything that is measured."""
    names = ["torch", *REQUIRED, *OPTIONAL, *MERGEKIT]
    script = (
        "import importlib.metadata as m, json, sys\n"
        "found = {}\n"
        "for name in sys.argv[1:]:\n"
        "    try: found[name] = m.version(name)\n"
        "    except m.PackageNotFoundError: pass\n"
        "print(json.dumps(found))"
    )
    done = subprocess.run([python, "-c", script, *names], capture_output=True, text=True)
    return json.loads(done.stdout) if done.returncode == 0 else {}


def existing(folder: str) -> Peers:
    """An environment that somebody else made, as it is."""
    python = os.path.join(folder, "bin", "python")
    versions = versions_of(python)
    missing = {
        name: f"is not in {folder}" for name in [*REQUIRED, *OPTIONAL] if name not in versions
    }
    missing["mergekit"] = f"is not in {folder}"
    tcmalloc = find_tcmalloc(os.path.join(folder, "debian"))
    if not tcmalloc:
        missing["tcmalloc"] = f"{TCMALLOC} is not installed"
    return Peers(python, tcmalloc, "", versions, missing)


def prepare(build: str, with_mergekit: bool) -> Peers:
    """Installs what is missing below the folder `build` and returns what there is."""
    sites = glob.glob(os.path.join(build, "venv", "lib", "python3*", "site-packages"))
    if not sites:
        sys.exit(f"scripts/bench: {build}/venv has no torch; run scripts/setup")
    torch_site, missing = os.path.abspath(sites[0]), {}
    folder = os.path.join(build, "venv-bench")
    if not complete(folder, {**REQUIRED, **OPTIONAL}):
        say(f"installing {', '.join(pins({**REQUIRED, **OPTIONAL}))} into {folder}")
        make_environment(folder, torch_site)
        why = install(folder, pins(REQUIRED))
        if why:
            missing.update({name: why for name in REQUIRED})
        for name, version in OPTIONAL.items():
            why = install(folder, pins({name: version}))
            if why:
                missing[name] = why
        if not missing:
            stamp(folder, {**REQUIRED, **OPTIONAL})
    debian = os.path.join(folder, "debian")
    if not find_tcmalloc(debian):
        why = fetch_tcmalloc(debian)
        if why:
            missing["tcmalloc"] = why
    mergekit = prepare_mergekit(build, torch_site, missing) if with_mergekit else ""
    versions = versions_of(os.path.join(folder, "bin", "python"))
    if mergekit:
        versions.update(MERGEKIT)
    python = os.path.abspath(os.path.join(folder, "bin", "python"))
    return Peers(python, find_tcmalloc(debian), mergekit, versions, missing)


def prepare_mergekit(build: str, torch_site: str, missing: dict[str, str]) -> str:
    folder = os.path.join(build, "venv-bench-mergekit")
    if not complete(folder, MERGEKIT):
        say(f"installing {', '.join(pins(MERGEKIT))} into {folder}")
        make_environment(folder, torch_site)
        why = install(folder, pins(MERGEKIT))
        if why:
            missing["mergekit"] = why
            return ""
        stamp(folder, MERGEKIT)
    return os.path.abspath(os.path.join(folder, "bin", "mergekit-yaml"))
