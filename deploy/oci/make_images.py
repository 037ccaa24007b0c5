"""Makes the images braid and braid-trainer of programs that are built: an OCI image layout with all, and an archive of
each. The same programs, packages and SOURCE_DATE_EPOCH give the same digests. scripts/package calls it."""

import argparse
import os
import shutil
import sys
import tempfile

import contents
import debian
import image

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT = ["PATH=" + PATH, "LANG=C.UTF-8"]
COORDINATOR = {
    "Env": [*ENVIRONMENT, "BRAID_DIR=/var/lib/braid"],
    "Entrypoint": [
        "braid-coordinator",
        "--dir=/var/lib/braid/coordinator",
        "--address-file=/var/lib/braid/address.json",
    ],
    # What a command line takes the place of.
    "Cmd": ["--listen=0.0.0.0:7070", "--http=0.0.0.0:7071"],
    "ExposedPorts": {"7070/tcp": {}, "7071/tcp": {}},
    "Volumes": {"/var/lib/braid": {}},
    "WorkingDir": "/var/lib/braid",
    "StopSignal": "SIGTERM",
}
WORKER = {
    "Env": ENVIRONMENT,
    "Entrypoint": ["braid-worker", "--dir=/var/lib/braid-worker/worker"],
    "Volumes": {"/var/lib/braid-worker": {}},
    "WorkingDir": "/var/lib/braid-worker",
    "StopSignal": "SIGTERM",
}
# What the driver of the machine brings into a container that is given GPUs.
GPU_WORKER = {**WORKER, "Env": [*ENVIRONMENT, "NVIDIA_DRIVER_CAPABILITIES=compute,utility"]}
# What asks Kubernetes for workers; the Helm chart says for which pool.
AGENT = {
    "Env": [*ENVIRONMENT, "BRAID_DIR=/var/lib/braid"],
    "Entrypoint": ["braid"],
    "WorkingDir": "/var/lib/braid",
    "StopSignal": "SIGTERM",
}
NO_TIME = 0
# The exit code where something has to be done about the packages of the machine.
OTHER_MACHINE = 3
TITLES = {
    "braid": "Coordinator, worker and commands of braid, without PyTorch",
    "braid-agent": "Agents of pools of braid in Kubernetes, with kubectl",
    "braid-trainer": "Workers of braid that train on CPUs",
    "braid-trainer-cuda": "Workers of braid that train on GPUs of NVIDIA, and on CPUs",
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--built", required=True, help="folder of the programs as they are built")
    parser.add_argument(
        "--programs", required=True, help="folder of the programs as images have them"
    )
    parser.add_argument("--site", required=True, help="site-packages with the torch of the trainer")
    parser.add_argument(
        "--arrow-site",
        default="",
        help="site-packages with the pyarrow of the plug-in, if there is one",
    )
    parser.add_argument("--source", required=True, help="folder of braid's sources")
    parser.add_argument("--version", required=True)
    parser.add_argument("--revision", default="", help="commit of the sources")
    parser.add_argument("--prefix", required=True, help="what stands before the names in archives")
    parser.add_argument("--cuda", action="store_true", help="an image with CUDA, too")
    parser.add_argument("--kubectl", default="", help="the program, for an image with it")
    parser.add_argument("--out", required=True, help="folder for the layout and the archives")
    return parser.parse_args()


def labels_of(name, given, epoch):
    labels = {
        "title": name,
        "description": TITLES[name],
        "version": given.version,
        "created": image.time_of(epoch),
        "licenses": "Apache-2.0",
    }
    if given.revision:
        labels["revision"] = given.revision
    return {"org.opencontainers.image." + key: value for key, value in labels.items()}


def make(layout, given):
    def ours(layer, what):
        return layout.layer(layer, layout.epoch), what

    def of_others(layer, what):
        """What is not of braid is of no time, so that another version of braid has the same layers of it."""
        return layout.layer(layer, NO_TIME), what

    built = [os.path.join(given.built, name) for name in sorted(os.listdir(given.programs))]
    plug_ins = {name: path for path in built if (name := os.path.basename(path)).startswith("lib")}
    programs = sorted(set(built) - set(plug_ins.values()))
    of_debian, of_python = contents.split_libraries(programs, given.site)
    base = of_others(contents.base_layer(of_debian), "libraries and tools of Debian")
    torch = of_others(contents.python_layer(of_python, given.site), "PyTorch, for CPUs")
    braid = ours(contents.braid_layer(given.programs, given.source), "braid")
    program = os.path.join(given.programs, contents.TRAINER)
    trainer = ours(contents.program_layer(program), "the trainer of braid")
    # What changes least is lowest, so that a new version of braid is little to fetch.
    below, above = [base, torch], [braid, trainer]
    if contents.ARROW_PLUG_IN in plug_ins:
        _, loaded = contents.split_libraries([plug_ins[contents.ARROW_PLUG_IN]], given.arrow_site)
        below.append(of_others(contents.python_layer(loaded, given.arrow_site), "Arrow C++"))
        program = os.path.join(given.programs, contents.ARROW_PLUG_IN)
        above.append(ours(contents.program_layer(program), "the plug-in for Parquet and Arrow"))
    images = [
        ("braid", [base, braid], COORDINATOR),
        ("braid-trainer", [*below, *above], WORKER),
    ]
    if given.kubectl:
        kubectl = of_others(contents.tool_layer(given.kubectl, "kubectl"), "kubectl")
        images.append(("braid-agent", [base, kubectl, braid], AGENT))
    if given.cuda:
        _, loaded = contents.split_libraries([plug_ins[contents.CUDA_PLUG_IN]], given.site)
        more = contents.python_layer(contents.with_parts(loaded) - of_python, given.site)
        cuda = of_others(more, "PyTorch and CUDA, for GPUs")
        program = os.path.join(given.programs, contents.CUDA_PLUG_IN)
        plug_in = ours(contents.program_layer(program), "the trainer's plug-in for CUDA")
        images.append(("braid-trainer-cuda", [*below, cuda, *above, plug_in], GPU_WORKER))
    for name, layers, process in images:
        labels = labels_of(name, given, layout.epoch)
        layout.image(f"{name}:{given.version}", layers, labels, **process)
    layout.finish()


def main():
    given = arguments()
    # Whatever goes wrong, what was there before stays, and nothing half made is left.
    with tempfile.TemporaryDirectory(prefix=".images-", dir=given.out) as work:
        folder = os.path.join(work, "oci")
        layout = image.Layout(folder, int(os.environ["SOURCE_DATE_EPOCH"]))
        try:
            make(layout, given)
            names = archive_all(layout, work, given.prefix)
        except (debian.Refused, OSError) as error:
            print(f"scripts/package: {error}", file=sys.stderr)
            sys.exit(OTHER_MACHINE if isinstance(error, debian.Refused) else 1)
        final = os.path.join(given.out, "oci")
        shutil.rmtree(final, ignore_errors=True)
        os.rename(folder, final)
        for name in names:
            os.rename(os.path.join(work, name), os.path.join(given.out, name))
            print(os.path.join(given.out, name))
        print(f"{final}: all of them, as a layout")


def archive_all(layout, folder, prefix):
    """Writes an archive of each image, and gives their names."""
    names = []
    for one in layout.images:
        names.append(image.name_of(one).replace(":", "-") + ".oci.tar")
        layout.archive(one, os.path.join(folder, names[-1]), prefix)
    return names


if __name__ == "__main__":
    main()
