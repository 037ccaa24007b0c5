"""What the layers of braid's images have in them."""

import glob
import importlib.metadata
import os

import debian
from layer import USER, Layer

HOME = "usr/lib/braid"
TRAINER = "braid-trainer"
CUDA_PLUG_IN = "libbraid_trainer_cuda.so"
ARROW_PLUG_IN = "libbraid_arrow.so"
# Of torch's libraries, what only a Python loads.
OF_PYTHON = ("libtorch_python", "libshm")
LICENCES = ("LICENSE", "License", "NOTICE")
COMMANDS = ("braid", "braid-coordinator", "braid-worker")
ACCOUNTS = f"""root:x:0:0:root:/root:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
braid:x:{USER}:{USER}:braid:/var/lib/braid:/usr/sbin/nologin
"""
GROUPS = f"root:x:0:\nnogroup:x:65534:\nbraid:x:{USER}:\n"
NAMES = "passwd: files\ngroup: files\nhosts: files dns\n"


def split_libraries(programs, site):
    """The libraries that programs load: those of Debian, and those of Python packages in the folder `site`."""
    found = debian.libraries_of(programs)
    below = os.path.realpath(site) + "/"
    ours = {path for path in found if path.startswith(below)}
    return {path: by for path, by in found.items() if path not in ours}, ours


def base_layer(libraries):
    """What the programs need of Debian, without anything of this machine."""
    layer = Layer()
    chosen = debian.chosen_packages()
    tools = [
        path
        for package in chosen
        for path in debian.run("dpkg-query", "--listfiles", package).splitlines()
        if path.startswith(("/bin/", "/usr/bin/")) and os.path.isfile(path)
    ]
    owners = debian.owners_of({**libraries, **debian.libraries_of(tools)})
    for package in [*chosen, *owners]:
        debian.add_package(layer, package)
    debian.add_authorities(layer)
    layer.link("usr/bin/sh", "dash")
    for name in ("bin", "sbin", "lib", "lib64"):
        if os.path.islink("/" + name):
            layer.link(name, "usr/" + name)
    for name in ("dev", "home", "proc", "run", "sys"):
        layer.folder(name)
    layer.folder("root", 0o700)
    layer.folder("tmp", 0o1777)
    layer.folder("var/tmp", 0o1777)
    layer.text("etc/passwd", ACCOUNTS)
    layer.text("etc/group", GROUPS)
    layer.text("etc/nsswitch.conf", NAMES)
    return layer


def with_parts(libraries):
    """The libraries, and those beside them that they may load when they run, as torch and cuDNN do."""
    beside = [
        path
        for folder in set(map(os.path.dirname, libraries))
        for path in glob.glob(folder + "/*.so*")
    ]
    return {path for path in beside if not os.path.basename(path).startswith(OF_PYTHON)}


def python_layer(libraries, site):
    """Libraries of Python packages, torch's above all, where the programs look for them, with their licences."""
    layer = Layer()
    site = os.path.realpath(site)
    for path in libraries:
        layer.file(f"{HOME}/{os.path.relpath(path, site)}", path)
    for package in importlib.metadata.distributions(path=[site]):
        files = {os.path.realpath(package.locate_file(file)) for file in package.files or ()}
        if files.isdisjoint(libraries):
            continue
        for path in files:
            _, _, name = path.partition(".dist-info/")
            if os.path.basename(name).startswith(LICENCES):
                layer.file(f"usr/share/doc/{package.name}/{name}", path)
    return layer


def braid_layer(programs, source):
    """All programs but the trainer; `programs` is a folder with those that scripts/package has prepared."""
    layer = Layer()
    for path in sorted(glob.glob(programs + "/braid*")):
        if os.path.basename(path) != TRAINER:
            layer.file(f"{HOME}/bin/{os.path.basename(path)}", path)
    for name in COMMANDS:
        layer.link("usr/bin/" + name, f"../lib/braid/bin/{name}")
    layer.file("usr/share/doc/braid/copyright", source + "/deploy/debian/copyright")
    for name in ("braid", "braid-worker"):
        layer.folder("var/lib/" + name, 0o700, USER)
    return layer


def program_layer(path):
    """One program more, or a plug-in."""
    layer = Layer()
    layer.file(f"{HOME}/bin/{os.path.basename(path)}", path)
    return layer


def tool_layer(path, name):
    """A program of others that is not of Debian. It has to be whole: nobody would look after what it loads."""
    if debian.libraries_of([path]):
        raise debian.Refused(
            f"{path} loads libraries: take a {name} that is linked statically, as those of its releases are"
        )
    layer = Layer()
    layer.file("usr/bin/" + name, path)
    return layer
