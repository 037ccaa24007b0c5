"""Starts a program of this package in place of the Python that runs this."""

import importlib.util
import os
import sys

PACKAGE = os.path.dirname(os.path.abspath(__file__))
# Packages whose libraries the programs load, and where in them these are.
LIBRARIES = (("torch", "lib"), ("pyarrow", ""))


def environment():
    """That of this process; with the folders of torch and of pyarrow, unless they stand beside this package, where
    programs find them by themselves."""
    elsewhere = [
        folder for name, folder in LIBRARIES if not beside(name) for folder in of(name, folder)
    ]
    if not elsewhere:
        return os.environ
    before = os.environ.get("LD_LIBRARY_PATH")
    folders = elsewhere + ([before] if before else [])
    return {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(folders)}


def beside(name):
    return os.path.exists(os.path.join(PACKAGE, "..", name, "__init__.py"))


def of(name, folder):
    """The folder with the libraries of a package that is installed; none otherwise."""
    found = importlib.util.find_spec(name)
    if found is None or not found.submodule_search_locations:
        return []
    return [os.path.join(found.submodule_search_locations[0], folder)]


def start(name):
    program = os.path.join(PACKAGE, "bin", name)
    os.execve(program, [program, *sys.argv[1:]], environment())


def braid():
    start("braid")


def coordinator():
    start("braid-coordinator")


def worker():
    start("braid-worker")
