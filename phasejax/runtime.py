"""How the command line sets JAX up. A library user's own settings are never touched by importing phasejax."""

import gc
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

BEGAN = time.time()
"""When this was loaded, which a command does first."""

is_command = False
"""Whether this process is one of the command line's and runs this package as it stands in its files."""


def prepare() -> None:
    """One CPU device per core, one BLAS thread per device, a persistent compilation cache. Call before the first JAX use.

    Batched kernels run on one core per CPU device, so a device per core is what fills the machine; BLAS threads of one
    device would only fight those of the others. What the user's environment sets is kept.
    """
    gc.set_threshold(100_000)  # modules and traces stay: looking through them again and again was a tenth of a short command
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    import jax

    flags = os.environ.get("XLA_FLAGS", "")
    if jax.config.jax_num_cpu_devices < 1 and "xla_force_host_platform_device_count" not in flags:
        jax.config.update("jax_num_cpu_devices", cores())
    if not jax.config.jax_compilation_cache_dir:
        jax.config.update("jax_compilation_cache_dir", str(cache_directory()))
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.05)  # a second by default, and lost in every process


@contextmanager
def on_host() -> Iterator[None]:
    """What runs within is put on the CPU, where there is one for JAX: many small steps driven from Python wait for a GPU."""
    import jax

    try:
        cpu = jax.local_devices(backend="cpu")[0]
    except RuntimeError:  # JAX_PLATFORMS leaves it out
        cpu = None
    with nullcontext() if cpu is None else jax.default_device(cpu):
        yield


def cores() -> int:
    """Cores that this process may use, as far as the platform tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cache_directory() -> Path:
    """Where compiled kernels are kept between runs."""
    wanted = os.environ.get("XDG_CACHE_HOME", ""), os.path.expanduser("~/.cache"), tempfile.gettempdir()
    return Path(next(folder for folder in wanted if os.path.isabs(folder)), "phasejax")  # nobody may have a home
