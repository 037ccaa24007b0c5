"""What machine this is, and the limits that its GPU reaches with torch in the same run."""

import platform
import subprocess
import time

from .check import Failure


def nvidia_smi():
    query = "name,driver_version,memory.total,compute_cap"
    try:
        done = subprocess.run(
            ["nvidia-smi", "--query-gpu=" + query, "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=30,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return {"nvidia_smi": str(error)}
    if done.returncode != 0 or not done.stdout.strip():
        return {"nvidia_smi": (done.stdout + done.stderr).strip()}
    values = [value.strip() for value in done.stdout.splitlines()[0].split(",")]
    return dict(zip(["gpu", "driver", "memory", "compute_capability"], values))


def describe(check):
    """The machine and its software. Without a GPU that torch sees, nothing else can be checked."""
    import torch

    found = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "kernel": platform.release(),
        **(nvidia_smi() if check.device == "cuda" else {"gpu": "none: the CPU was checked"}),
    }
    try:
        import transformers

        found["transformers"] = transformers.__version__
    except ImportError:
        found["transformers"] = "missing: braid is measured alone"
    if not torch.__version__.startswith("2.11."):
        raise Failure(f"torch is {torch.__version__}; the bundle was built for 2.11")
    if check.device == "cuda" and not torch.cuda.is_available():
        raise Failure("torch sees no GPU; look at nvidia-smi and CUDA_VISIBLE_DEVICES")
    return found


def limits(check):
    """The rate of torch's matrix product in TFLOP/s by precision, and of a copy in GB/s."""
    import torch

    if check.device != "cuda":
        return {}
    size = 8192
    rates = {}
    for name, dtype, tf32 in (
        ("fp32", torch.float32, False),
        ("tf32", torch.float32, True),
        ("bf16", torch.bfloat16, False),
    ):
        torch.backends.cuda.matmul.allow_tf32 = tf32
        a, b = (torch.randn(size, size, device="cuda", dtype=dtype) for _ in range(2))
        rates[name] = 2 * size**3 / seconds_of(lambda: a @ b) / 1e12
    torch.backends.cuda.matmul.allow_tf32 = False
    source = torch.empty(1 << 30, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    rates["copy_gb_per_s"] = 2 * source.numel() / seconds_of(lambda: target.copy_(source)) / 1e9
    return rates


def seconds_of(work, rounds=8):
    import torch

    for _ in range(3):
        work()
    torch.cuda.synchronize()
    begun = time.perf_counter()
    for _ in range(rounds):
        work()
    torch.cuda.synchronize()
    return (time.perf_counter() - begun) / rounds
