#!/usr/bin/env python3
"""GPUs without one: who has which, what a job says that finds none, what it says when memory ends, and what is built for them."""

import contextlib
import os
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import unittest

import by_hand
from by_hand import BINARY_DIR, SOURCE_DIR, program, wait_until, write_task
from service import Braid

PLUGIN = program("libbraid_trainer_cuda.so")
# Variables that say which instructions to use; an emulated processor may lack them.
FOR_THIS_PROCESSOR = (
    "BRAID_ISA",
    "ATEN_CPU_CAPABILITY",
    "MKL_ENABLE_INSTRUCTIONS",
    "ONEDNN_MAX_CPU_ISA",
)


def sanitized(path):
    """Its memory is laid out for the sanitizer, which a limit of the address space would end."""
    with open(path, "rb") as file:
        return b"__asan_init" in file.read() or b"__tsan_init" in file.read()


class Programs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="braid-gpu-")
        cls.pipeline = by_hand.Pipeline(cls.folder, by_hand.small_texts())

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def task(self):
        spec, inputs = self.pipeline.path_task("tales")
        return spec, inputs, tempfile.mkdtemp(dir=self.folder)

    def run_task(self, kind, spec, inputs, folder, device="cpu", **popen):
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}  # also where there is a GPU
        return by_hand.finish(
            by_hand.start(
                write_task(folder, kind, spec, inputs, device=device),
                kind,
                env=environment,
                **popen,
            )
        )

    # -- no GPU ---------------------------------------------------------------------------------------------------
    def test_a_job_without_its_gpu_blames_the_machine(self):
        spec, inputs, folder = self.task()
        for kind in ("train", "evaluate"):
            ended = self.run_task(kind, spec, inputs, folder, device="cuda")
            self.assertEqual(ended.code, 1, ended.errors)
            error = ended.last("error")
            self.assertEqual((error["category"], error["deterministic"]), ("infra", True), error)
            missing = (
                "no GPU is visible to this process"
                if os.path.exists(PLUGIN)
                else "CUDA plug-in cannot be loaded"
            )
            self.assertIn(missing, error["message"])
            self.assertIn("another worker", error["hint"])

    # -- no memory ------------------------------------------------------------------------------------------------
    @unittest.skipIf(
        sanitized(program("braid-trainer")), "the sanitizer needs the whole address space"
    )
    def test_out_of_memory_is_said_with_sizes_and_no_backtrace(self):
        spec, inputs, folder = self.task()
        spec["model"]["dense"].update({"d": 16384, "heads": 128, "blocks": 40, "ffn": 65536})
        limit = 8 << 30
        ended = self.run_task(
            "train",
            spec,
            inputs,
            folder,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        )
        self.assertEqual(ended.code, 1, ended.errors)
        error = ended.last("error")
        self.assertEqual((error["category"], error["deterministic"]), ("user", False), error)
        self.assertRegex(
            error["message"],
            r"^out of memory: \S+ GiB more could not be had on the CPU; model path_tales takes \S+ GiB for "
            r"parameters, \S+ GiB for gradients, \S+ \w+ for moments and the intermediate values of 4 sequences of "
            r"32 tokens; lower train\.batch \(a larger train\.accumulate makes up for it\)",
        )
        self.assertIn("so a job is tried again", error["hint"])
        for text in (error["message"], ended.errors):
            self.assertNotIn("frame #", text)
            self.assertNotIn("enforce fail", text)

    @unittest.skipIf(
        sanitized(program("braid-trainer")), "the sanitizer needs the whole address space"
    )
    def test_out_of_memory_by_hand(self):
        model = self.pipeline.path("tales")
        folder = tempfile.mkdtemp(dir=self.folder)
        for name in os.listdir(model):
            shutil.copy(os.path.join(model, name), folder)
        config = os.path.join(folder, "config.json")
        with open(config, encoding="utf-8") as file:
            text = file.read()
        with open(config, "w", encoding="utf-8") as file:
            file.write(
                text.replace('"d": 16', '"d": 16384').replace('"blocks": 2', '"blocks": 400')
            )
        limit = 8 << 30
        done = subprocess.run(
            [program("braid-trainer"), "generate", folder, "The", "--threads", "1"],
            capture_output=True,
            text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        )
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertRegex(
            done.stderr,
            r"^braid-trainer: out of memory: .* [GT]iB more could not be had on the CPU; model path_tales takes .* for parameters",
        )
        self.assertNotIn("frame #", done.stderr)

    # -- other processors ---------------------------------------------------------------------------------------------
    def on_old_processor(self, cpu, *words):
        emulator = shutil.which("qemu-x86_64") or shutil.which("qemu-x86_64-static")
        if emulator is None or os.uname().machine != "x86_64":
            self.skipTest("no qemu-user, or no x86")
        return by_hand.finish(
            subprocess.Popen(
                [emulator, "-cpu", cpu, program("braid-trainer"), *words],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={
                    name: os.environ[name] for name in os.environ if name not in FOR_THIS_PROCESSOR
                },
            )
        )

    def test_old_processors_run_it(self):
        for cpu in ("max,avx2=off", "max,fma=off"):
            done = self.on_old_processor(cpu, "--help")
            self.assertEqual(done.code, 0, cpu + done.errors)

    def test_an_old_processor_trains_as_this_one_does(self):
        spec, inputs = self.pipeline.path_task("tales", steps=2)
        folders = [tempfile.mkdtemp(dir=self.folder) for _ in range(2)]
        tasks = [write_task(folder, "train", spec, inputs) for folder in folders]
        old = by_hand.must(self.on_old_processor("Westmere", tasks[0]))  # of 2010, without AVX
        self.assertIn("kernels-generic", old.errors)
        here = by_hand.must(by_hand.finish(by_hand.start(tasks[1], "train")))
        for name in ("loss", "gradient_norm", "validation/tales"):
            at_last = [ended.last("result")["summary"]["final"][name] for ended in (old, here)]
            self.assertAlmostEqual(*at_last, delta=1e-4 * at_last[1], msg=name)

    def test_an_instruction_set_that_is_not_there_gets_a_sentence(self):
        done = subprocess.run(
            [program("braid-trainer"), "--help"],
            capture_output=True,
            text=True,
            env=dict(os.environ, BRAID_ISA="sse9"),
        )
        self.assertEqual((done.returncode, done.stdout), (69, ""), done.stderr)
        self.assertRegex(
            done.stderr,
            "^braid-trainer: environment variable BRAID_ISA: sse9 is no instruction set that this "
            "machine has; it has generic.*. Unset it for the default\n$",
        )

    # -- what is built ------------------------------------------------------------------------------------------------
    @unittest.skipUnless(os.path.exists(PLUGIN), "no nvcc here")
    def test_who_builds_the_trainer_builds_the_plugin(self):
        asked = subprocess.run(
            ["ninja", "-C", BINARY_DIR, "-t", "query", "bin/braid-trainer"],
            capture_output=True,
            text=True,
            check=True,
        )
        self.assertIn("libbraid_trainer_cuda.so", asked.stdout)
        with open(os.path.join(SOURCE_DIR, "scripts", "quickstart"), encoding="utf-8") as script:
            self.assertIn("braid-trainer", script.read())

    @unittest.skipUnless(os.path.exists(PLUGIN), "no nvcc here")
    def test_kernels_have_code_for_every_gpu_since_turing(self):
        real, virtual = set(), set()
        with open(PLUGIN, "rb") as file:
            data = file.read()
        at = data.find(struct.pack("<I", 0xBA55ED50))
        while at >= 0:  # fat binaries: a header, then one entry an architecture
            _, _, header, size = struct.unpack_from("<IHHQ", data, at)
            entry, end = at + header, at + header + size
            while entry < end:
                kind, _, own_header, own_size = struct.unpack_from("<HHIQ", data, entry)
                (virtual if kind == 1 else real).add(struct.unpack_from("<I", data, entry + 28)[0])
                entry += own_header + own_size
            at = data.find(struct.pack("<I", 0xBA55ED50), end)
        self.assertEqual(real, {75, 80, 86, 89, 90, 100, 110, 120})
        self.assertEqual(virtual, {120}, "newer ones compile this")


class Workers(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="braid-gpu-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        driver = os.path.join(self.folder, "driver")
        os.mkdir(driver)
        os.symlink(
            program("libfake_nvml.so"), os.path.join(driver, "libnvidia-ml.so.1")
        )  # GPU-1 and GPU-2
        self.braid = Braid(self.folder)
        self.addCleanup(self.end)
        self.braid.environment["LD_LIBRARY_PATH"] = driver
        self.braid.environment.pop("CUDA_VISIBLE_DEVICES", None)
        self.state = os.path.join(self.folder, "state")

    def end(self):
        self.braid.run("down", code=None)
        for pid in self.braid.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def gpus(self):
        return {
            worker["id"]: [gpu["id"] for gpu in worker.get("gpus", [])]
            for worker in self.braid.json("worker", "list")["workers"]
        }

    def worker(self, name, *flags):
        log = open(os.path.join(self.folder, name + ".log"), "w", encoding="utf-8")
        self.addCleanup(log.close)
        process = subprocess.Popen(
            [
                program("braid-worker"),
                "--address-file",
                os.path.join(self.state, "address.json"),
                "--dir",
                os.path.join(self.folder, name),
                "--id",
                name,
                "--slots",
                "1",
                *flags,
            ],
            stderr=log,
            env=self.braid.environment,
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def log(self, name):
        with open(os.path.join(self.folder, name + ".log"), encoding="utf-8") as file:
            return file.read()

    def test_up_gives_the_gpus_to_one_worker(self):
        up = self.braid.run("up", "--detach", "--workers", "2", "--slots", "1")
        self.assertIn("any GPUs at worker-1", up.stderr)
        self.assertEqual(self.gpus(), {"worker-1": ["GPU-1", "GPU-2"], "worker-2": []})

    def test_up_hands_its_choice_on(self):
        self.braid.environment["CUDA_VISIBLE_DEVICES"] = "1,0"
        up = self.braid.run("up", "--detach", "--workers", "2", "--slots", "1", "--gpus", "GPU-2")
        self.assertIn("GPUs GPU-2 at worker-1", up.stderr)
        self.assertEqual(self.gpus(), {"worker-1": ["GPU-2"], "worker-2": []})

    def test_hidden_gpus_are_not_announced(self):
        self.braid.environment["CUDA_VISIBLE_DEVICES"] = "1"
        self.braid.run("up", "--detach", "--workers", "2", "--slots", "1")
        self.assertEqual(self.gpus(), {"worker-1": ["GPU-2"], "worker-2": []})

    def test_the_second_worker_that_announces_a_gpu_is_refused_it(self):
        self.braid.run("up", "--detach", "--workers", "1", "--slots", "1", "--gpus", "GPU-2")
        self.worker("second")
        wait_until(lambda: self.gpus().get("second") is not None, "the second worker")
        self.assertEqual(self.gpus(), {"worker-1": ["GPU-2"], "second": ["GPU-1"]})
        reason = "GPU GPU-2 (Some GPU) is not used by worker second: worker worker-1 of this host has announced it"
        listed = self.braid.run("worker", "list")
        self.assertIn(reason, listed.stderr)
        wait_until(lambda: reason in self.log("second"), "the worker's own log line")
        self.assertIn(
            reason,
            " ".join(
                event.get("detail", "")
                for event in self.braid.events()
                if event["kind"] == "worker.gpu_refused"
            ),
        )

    def test_a_gpu_that_is_not_there_ends_the_worker_with_a_sentence(self):
        self.braid.run("up", "--detach", "--workers", "1", "--slots", "1", "--gpus", "none")
        self.assertEqual(self.gpus(), {"worker-1": []})
        process = self.worker("second", "--gpus", "GPU-7")
        self.assertEqual(process.wait(timeout=60), 78)
        self.assertIn(
            '--gpus GPU-7: "GPU-7" names none, or not one alone, of what is visible here: GPU-1 (Some GPU), GPU-2 (Some GPU)',
            self.log("second"),
        )


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
