"""What an image takes of the Debian packages of this machine: the files as their packages have them, their licences, and
their entries for programs that look for known faults."""

import hashlib
import os
import re
import subprocess

FOLDER = os.path.dirname(os.path.abspath(__file__))
# Nobody reads them in a container.
LEFT_OUT = re.compile(r"usr/share/(bug|doc|info|lintian|locale|man)/|usr/share/doc-base/|etc/")
# Settings of this machine are nobody else's; these two say which Debian it is.
KEPT_OF_ETC = ("etc/debian_version", "etc/os-release")


class Refused(Exception):
    """Why no image can be made of this machine, and what to do."""


def run(*words):
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout


def chosen_packages():
    with open(os.path.join(FOLDER, "packages"), encoding="utf-8") as file:
        lines = [line.split("#")[0].strip() for line in file]
    return [line for line in lines if line]


def libraries_of(programs):
    """The files, without links on the way, of all libraries that programs of this machine load, those that libraries load
    included; and one program that loads each."""
    found = {}
    for program in programs:
        for line in run("ldd", program).splitlines():
            name, arrow, path = line.strip().partition(" => ")
            if path == "not found":
                raise Refused(f"{program} needs {name}, which is not on this machine")
            if arrow:
                found[os.path.realpath(path.rpartition(" (0x")[0])] = program
    return found


def owners_of(libraries):
    """The packages that have the libraries, as `libraries_of` gives them."""
    names = {}
    for path in libraries:
        # Packages of Debian 12 say /lib of what is in /usr/lib.
        for name in (path, path.removeprefix("/usr")):
            names[name] = path
    owners = {}
    for line in run("dpkg-query", "--search", *names).splitlines():
        package, _, name = line.partition(": ")
        if name in names:
            owners[names[name]] = package.split(",")[0]
    for path, program in libraries.items():
        if path not in owners:
            raise Refused(
                f"{path}, which {os.path.basename(program)} loads, is of no Debian package, so that its licence and "
                "its updates are not known: build with the library of the distribution"
            )
    return sorted(set(owners.values()))


def digests_of(package):
    """Path -> MD5, which is what dpkg keeps, of the files of a package."""
    found = {}
    # A package without files has none.
    if kept := run("dpkg-query", "--control-path", package, "md5sums").strip():
        with open(kept, encoding="utf-8") as file:
            for line in file:
                digest, path = line.rstrip("\n").split("  ", 1)
                found[path] = digest
    for line in run("dpkg-query", "--show", "--showformat", "${Conffiles}", package).splitlines():
        path, digest = line.split()[:2] if line.strip() else ("/", "")
        found[path.lstrip("/")] = digest
    return found


def add_package(layer, package):
    """Adds the files of an installed package. One that differs from its package's is refused."""
    listed = run("dpkg-query", "--listfiles", package).splitlines()
    if not listed:
        raise Refused(f"package {package} is not installed: apt-get install {package}")
    digests = digests_of(package)
    for path in listed:
        name = path.lstrip("/")
        if not path.startswith("/") or (LEFT_OUT.match(name) and name not in KEPT_OF_ETC):
            continue
        # Where this machine has /lib as a link to /usr/lib, the image has it too.
        place = os.path.join(
            os.path.realpath(os.path.dirname(path)), os.path.basename(path)
        ).lstrip("/")
        if os.path.islink(path):
            layer.link(place, os.readlink(path))
        elif os.path.isfile(path):
            with open(path, "rb") as file:
                digest = hashlib.md5(file.read(), usedforsecurity=False).hexdigest()
            if digest != digests.get(name, digest):
                raise Refused(
                    f"{path} is not as package {package} has it: apt-get install --reinstall {package}"
                )
            layer.file(place, path)
        elif not os.path.isdir(path):
            raise Refused(
                f"{path} of package {package} is missing: apt-get install --reinstall {package}"
            )
    name = package.split(":")[0]
    layer.file(f"usr/share/doc/{name}/copyright", f"/usr/share/doc/{name}/copyright")
    layer.text(f"var/lib/dpkg/status.d/{name}", run("dpkg-query", "--status", package))


def add_authorities(layer):
    """The file of authorities that installing ca-certificates makes, of those of the package alone."""
    paths = [path for path in layer.members if path.startswith("usr/share/ca-certificates/")]
    bundle = ""
    for path in sorted(paths):
        with open("/" + path, encoding="utf-8") as file:
            bundle += file.read().rstrip("\n") + "\n"
    layer.text("etc/ssl/certs/ca-certificates.crt", bundle)
