#!/usr/bin/env python3
"""Keeps the architecture: which folder may include which, which library may be seen where, and which program needs what.

The tables are the design. Whoever needs a new edge changes them in the same commit, for all to see.
"""

import os
import re
import subprocess
import unittest

SOURCE_DIR = os.environ.get(
    "BRAID_SOURCE_DIR", os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
)
BINARY_DIR = os.environ.get("BRAID_BINARY_DIR", os.path.join(SOURCE_DIR, "build", "release"))

MAY_INCLUDE = {
    "base": "",
    "proto": "",
    "trace": "base",
    "schema": "base",
    "model": "base schema",
    "spec": "base schema model",
    "task": "base trace model",
    "rpc": "base trace proto task",
    "storage": "base task",
    "corpus": "base schema spec task storage",
    "merge": "base schema model spec task storage",
    "report": "base schema model spec task storage",
    "trainer": "base schema model spec task storage corpus",
    "recipe": "base schema model spec task",
    "submit": "base schema model spec task storage corpus merge recipe",
    "scheduler": "base task",
    "alert": "base recipe",
    "coordinator": "base trace proto schema model spec task rpc storage merge recipe submit scheduler alert",
    "worker": "base trace proto task rpc storage",
    "pool": "base task",
    "cli": "base trace proto schema model spec task rpc storage merge recipe submit pool",
}
# The folders within a folder, which may include one another in this order alone; the folder's own files may include all.
INSIDE = {
    "corpus": "",
    "corpus/arrow": "corpus",
    "cli/client": "",
    "cli/shared": "cli/client",
    "cli/local": "cli/client cli/shared",
    "cli/commands": "cli/client cli/shared cli/local",
    "coordinator/waiting": "",
    "coordinator/core": "coordinator/waiting",
    "coordinator/alerts": "coordinator/waiting coordinator/core",
    "coordinator/access": "coordinator/waiting coordinator/core",
    "coordinator/bulk": "coordinator/waiting",
    "coordinator/sessions": "coordinator/core",
    "coordinator/submission": "coordinator/core",
    "coordinator/api": "coordinator/access coordinator/waiting coordinator/core coordinator/bulk coordinator/sessions",
    "coordinator/services": "coordinator/access coordinator/alerts coordinator/waiting coordinator/core coordinator/bulk coordinator/sessions coordinator/submission coordinator/api",
    "coordinator/http": "coordinator/core coordinator/bulk coordinator/api coordinator/services",
    "storage/files": "",
    "storage/bucket": "storage/files",
    "storage/fetch": "storage/files storage/bucket",
    "storage/catalog": "",
    "rpc": "rpc/tls",
    "rpc/tls": "",
    "recipe": "",
    "recipe/parse": "recipe",
    "recipe/graph": "recipe",
    "recipe/show": "recipe recipe/parse",
    "report/page": "",
    "report/input": "",
    "report/results": "report/input",
    "report/claims": "report/input report/results",
    "report/parts": "report/page report/input report/results report/claims",
    "spec": "",
    "spec/evaluate": "spec",
    "spec/documents": "spec spec/evaluate",
    "model": "",
    "model/blocks": "model",
    "model/routers": "model",
    "trainer/kernels/simd": "",
    "trainer/kernels": "trainer/kernels/simd",
    "trainer/collective": "trainer/kernels",
    "trainer/kernels/cuda": "trainer/kernels trainer/collective",
    "trainer/network": "trainer/kernels trainer/kernels/simd",
    "trainer/network/blocks": "trainer/network trainer/kernels",
    "trainer/network/routers": "trainer/network",
    "trainer/optim": "trainer/network trainer/kernels trainer/kernels/simd",
    "trainer/loop": "trainer/kernels trainer/collective trainer/network trainer/optim",
    "trainer/gate": "trainer/loop",
    "trainer/eval/metrics": "",
    "trainer/eval": "trainer/network trainer/loop",
    "trainer/eval/routing": "trainer/eval trainer/network trainer/loop",
    "trainer/eval/loss": "trainer/eval trainer/loop",
    "trainer/eval/next_token": "trainer/eval",
    "trainer/eval/generate": "trainer/eval trainer/eval/routing trainer/network",
    "trainer/eval/blimp": "trainer/eval trainer/eval/metrics trainer/network",
    "trainer/eval/dual_path": "trainer/eval trainer/network trainer/loop",
    "trainer/eval/glue": "trainer/eval trainer/eval/metrics trainer/network",
    "trainer/eval/glue/tasks": "trainer/eval/glue",
    "trainer/export": "trainer/loop",
    "pool": "",
    "pool/kubernetes": "pool",
    "pool/local": "pool",
    "pool/slurm": "pool",
    "pool/ssh": "pool",
    "worker/agent": "",
    "worker/attempt": "worker/agent worker/network",
    "worker/devices": "",
    "worker/network": "",
    "worker/io": "worker/agent worker/attempt worker/network",
    "worker/rpc": "worker/agent worker/devices worker/io worker/network",
}
# A folder that may be included only in part: (includer, included) -> what of it.
ONLY_PART = {
    ("corpus", "storage"): r"storage/(files/|fetch/fetcher\.h)",
    ("merge", "storage"): r"storage/files/",
    ("report", "storage"): r"storage/files/",
    ("trainer", "storage"): r"storage/files/",
    ("worker", "storage"): r"storage/(files/|bucket/(answers|http|parts_file|place)\.h)",
    ("cli", "storage"): r"storage/files/",
    ("submit", "storage"): r"storage/(files/|fetch/fetcher\.h)",
    ("pool", "task"): r"task/(demand|requirements)\.h",
    ("task", "trace"): r"trace/context\.h",  # what programs that only train may have
    ("alert", "recipe"): r"recipe/parse/yaml_reader\.h",
    ("coordinator", "submit"): r"submit/(finding|recipe_check)\.h",  # what needs no files
    (
        "scheduler",
        "task",
    ): r"task/(failure|requirements|worker_health)\.h",  # words and numbers of jobs and workers
}
ONLY_IN = {
    r"(torch|ATen|c10)/": r"trainer/",
    # at::parallel_for is a loop in one thread wherever OpenMP is off: ParallelFor is for everybody.
    r"ATen/Parallel": r"trainer/(kernels/parallel\.cc|network/network\.cc)",
    r"(nccl\.h|gloo/)": r"trainer/collective/",
    r"grpcpp/": r"(rpc/|coordinator/(services/|main)|worker/(rpc/|main)|cli/)",
    r"(braid/v1/|proto/braid/v1/|google/protobuf/)": r"(proto/|rpc/|coordinator/(services/|main)|worker/(rpc/|main)|cli/)",
    r"sqlite3\.h": r"storage/catalog/",
    r"openssl/(ssl|x509|pem)": r"rpc/tls/",
    r"absl/": r"(coordinator|worker|scheduler|recipe|cli)/",
    r"CLI/": r"(coordinator|worker|cli)/",
    r"yaml-cpp/": r"recipe/parse/",
    r"curl/": r"(alert|storage/bucket|trace)/",
    r"(arrow|parquet)/[a-z_/]+\.h": r"corpus/arrow/",
    r"archive(_entry)?\.h": r"corpus/",
    r"httplib\.h": r"coordinator/http/",
}
# Shared libraries that a program must not need.
TORCH, GRPC, SQLITE = r"lib(torch|c10|nccl|gloo)", r"lib(grpc|protobuf|absl)", r"libsqlite3"
ARROW = r"lib(arrow|parquet)"
MUST_NOT_NEED = {
    "braid": [TORCH, SQLITE, ARROW],
    "braid-coordinator": [TORCH],
    "braid-worker": [TORCH, SQLITE],
    "braid-trainer": [GRPC, SQLITE],
    "braid-prepare": [TORCH, GRPC, SQLITE, ARROW],
    "braid-merge": [TORCH, GRPC, SQLITE],
    "braid-report": [TORCH, GRPC, SQLITE],
}


def sources():
    listed = subprocess.run(
        ["git", "ls-files", "*.h", "*.cc", "*.cu"], cwd=SOURCE_DIR, capture_output=True, text=True
    )
    if listed.returncode == 0 and listed.stdout:
        return [
            path
            for path in listed.stdout.split("\n")
            if path and os.path.exists(os.path.join(SOURCE_DIR, path))
        ]
    found = []
    for folder in list(MAY_INCLUDE) + ["tests", "bench"]:
        for at, _, names in os.walk(os.path.join(SOURCE_DIR, folder)):
            found += [
                os.path.relpath(os.path.join(at, name), SOURCE_DIR)
                for name in names
                if name.endswith((".h", ".cc", ".cu"))
            ]
    return sorted(found)


def includes(path):
    with open(os.path.join(SOURCE_DIR, path), encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            match = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
            if match:
                yield number, match.group(1)


def faults_of(path, lines):
    """What is wrong with the includes of one file; `lines` are (line, name) pairs."""
    home = path.removeprefix("tests/")  # a test counts as the folder that it tests
    here = home.split("/")[0]
    if here not in MAY_INCLUDE:
        return []
    faults = []
    for line, name in lines:
        there = name.split("/")[0]
        if there in MAY_INCLUDE and there != here:
            if there not in MAY_INCLUDE[here].split():
                faults.append(f"{path}:{line}: {here} may not include {there} ({name})")
            part = ONLY_PART.get((here, there))
            if part and not re.match(part, name):
                faults.append(
                    f"{path}:{line}: {here} may include only {part} of {there}, not {name}"
                )
        inner, theirs = os.path.dirname(home), os.path.dirname(name)
        if (
            path == home
            and inner in INSIDE
            and there == here
            and theirs not in [inner, *INSIDE[inner].split()]
        ):
            faults.append(f"{path}:{line}: {inner} may not include {theirs} ({name})")
        for library, where in ONLY_IN.items():
            if re.match(library, name) and not re.match(where, home) and path == home:
                faults.append(f"{path}:{line}: {name} belongs to {where}")
    return faults


class IncludeOrder(unittest.TestCase):
    def test_every_include_follows_the_table(self):
        files = sources()
        self.assertGreater(len(files), 100)
        faults = [fault for path in files for fault in faults_of(path, includes(path))]
        self.assertEqual(faults, [], "\n" + "\n".join(faults))

    def test_the_worker_decides_without_threads_clocks_files_and_sockets(self):
        pure = r"worker/agent/|base/(base64|json|log|random|status|text)\.h$|storage/files/manifest\.h$|task/(artifact|assignment|failure|keys|outcome)\.h$|trace/(context|span)\.h$|[a-z_]+$"
        impure = r"(atomic|chrono|condition_variable|ctime|filesystem|fstream|future|iostream|mutex|shared_mutex|thread)$"
        faults = []
        for path in sources():
            for line, name in includes(path) if path.startswith("worker/agent/") else ():
                if not re.match(pure, name) or re.match(impure, name):
                    faults.append(f"{path}:{line}: {name} has no place in decisions")
        self.assertEqual(faults, [], "\n" + "\n".join(faults))

    def test_the_rules_can_fail(self):
        self.assertTrue(faults_of("base/file.cc", [(1, "model/spec.h")]))
        self.assertTrue(
            faults_of("tests/scheduler/order_test.cc", [(1, "coordinator/core/state.h")])
        )
        self.assertTrue(faults_of("worker/agent/session.cc", [(1, "grpcpp/grpcpp.h")]))
        self.assertTrue(faults_of("worker/agent/rank.cc", [(1, "worker/io/transfer.h")]))
        self.assertTrue(faults_of("worker/io/transfer.cc", [(1, "worker/loop.h")]))
        self.assertTrue(faults_of("coordinator/api/waits.cc", [(1, "grpcpp/grpcpp.h")]))
        self.assertTrue(faults_of("coordinator/core/core.cc", [(1, "coordinator/api/backend.h")]))
        self.assertTrue(faults_of("merge/plan.cc", [(1, "storage/catalog/catalog.h")]))
        self.assertTrue(faults_of("report/table.cc", [(1, "torch/torch.h")]))
        self.assertTrue(faults_of("trainer/kernels/linear.cc", [(1, "ATen/Parallel.h")]))
        self.assertFalse(
            faults_of(
                "trainer/main.cc", [(1, "torch/torch.h"), (2, "corpus/shards.h"), (3, "vector")]
            )
        )

    def test_the_table_has_no_cycle(self):
        for table in (MAY_INCLUDE, INSIDE):
            done = set()
            while len(done) < len(table):
                ready = {
                    folder
                    for folder, may in table.items()
                    if folder not in done and set(may.split()) <= done
                }
                self.assertTrue(ready, f"a cycle among {sorted(set(table) - done)}")
                done |= ready

    def test_every_folder_has_its_place(self):
        folders = {os.path.dirname(path) for path in sources()}
        inner = {folder for folder in folders if "/" in folder}
        inner = {folder for folder in inner if folder.split("/")[0] in MAY_INCLUDE}
        self.assertEqual(inner - set(INSIDE), set(), "folders that no line of INSIDE names")

    def test_decisions_of_the_coordinator_parse_nothing(self):
        parse = re.compile(r"\b(Json::(parse|accept)|ParseJson|ReadJsonFile|FromJson)\b")
        faults = []
        for path in sources():
            if not path.startswith(("coordinator/core/", "coordinator/waiting/", "scheduler/")):
                continue
            with open(os.path.join(SOURCE_DIR, path), encoding="utf-8") as file:
                for number, line in enumerate(file, 1):
                    if parse.search(line.split("//")[0]):
                        faults.append(f"{path}:{number}: parses JSON in the core's thread")
        self.assertEqual(faults, [], "\n" + "\n".join(faults))

    def test_an_implementation_includes_its_own_header_first(self):
        faults = []
        for path in sources():
            own = re.sub(r"\.(cc|cu)$", ".h", path)
            if (
                path.endswith(".h")
                or path.startswith(("tests/", "bench/"))
                or not os.path.exists(os.path.join(SOURCE_DIR, own))
            ):
                continue
            first = next(includes(path), (0, ""))[1]
            if first != own:
                faults.append(f"{path}: includes {first or 'nothing'} first, not {own}")
        self.assertEqual(faults, [], "\n" + "\n".join(faults))

    def test_no_exception_passes_a_main(self):
        guarded, faults = 0, []
        for path in sources():
            if path.startswith("tests/"):  # a test that throws has failed, whoever catches it
                continue
            with open(os.path.join(SOURCE_DIR, path), encoding="utf-8") as file:
                for main in re.findall(r"^int main\(.*?^}", file.read(), re.M | re.S):
                    guarded += 1
                    if not re.fullmatch(
                        r"int main\(.*\) \{\n  return \S*GuardedMain\(.*\);\n}", main
                    ):
                        faults.append(f"{path}: its main does not return GuardedMain(...)")
        self.assertGreaterEqual(guarded, len(MUST_NOT_NEED))
        self.assertEqual(faults, [], "\n" + "\n".join(faults))

    def test_every_test_is_in_the_build_and_mirrors_a_folder(self):
        faults = []
        for at, _, names in os.walk(os.path.join(SOURCE_DIR, "tests")):
            folder = os.path.relpath(at, os.path.join(SOURCE_DIR, "tests"))
            top = folder.split(os.sep)[0]
            for name in names:
                if not name.endswith(("_test.cc", "_test.py")):
                    continue
                if top not in MAY_INCLUDE and top not in ("system", "peers", "bench"):
                    faults.append(f"tests/{folder}/{name}: there is no folder {top} to mirror")
                lists = ""
                for owner in (at, os.path.dirname(at)):
                    path = os.path.join(owner, "CMakeLists.txt")
                    if os.path.exists(path):
                        with open(path, encoding="utf-8") as file:
                            lists += file.read()
                if name.rsplit(".", 1)[0] not in lists:
                    faults.append(f"tests/{folder}/{name} is in no CMakeLists.txt")
        self.assertEqual(faults, [], "\n" + "\n".join(faults))

    def test_programs_need_only_their_own_libraries(self):
        for name, forbidden in MUST_NOT_NEED.items():
            path = os.path.join(BINARY_DIR, "bin", name)
            self.assertTrue(os.path.exists(path), path + " is not built")
            dynamic = subprocess.run(
                ["readelf", "-d", path], capture_output=True, text=True, check=True
            ).stdout
            needed = re.findall(r"NEEDED.*\[(.*)\]", dynamic)
            self.assertTrue(needed)
            for library in needed:
                for pattern in forbidden:
                    self.assertIsNone(re.match(pattern, library), f"{name} needs {library}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
