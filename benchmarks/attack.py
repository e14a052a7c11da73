"""What a store, the command line and the library survive: kills, corruption, bad input, dead processes, an object store.

    python benchmarks/attack.py [NAME…] [--count 100] [--seed 0]

NAME is kills, writes, corruptions, inputs, commands, processes, cluster, s3, gs or az; all of them without one. Nothing is
written outside a temporary folder, servers are on loopback, and no device node is touched. The last three need
`pip install 'moto[server]' azure-storage-blob` and `npm install -g azurite`.

Seen on 2 cores of a Zen 4 that five to ten other processes shared, so that seconds are upper bounds; those of processes and
cluster hold the start-up, whose imports take most of them:

    kills        100 kills (seeds 11 to 14), 0 corrupt stores, 0 tiles lost, 0 tiles wrong, 22 sweeps ended, 1 traceback:
                 Python's own, of a Ctrl-C within a weak reference's callback, which was answered all the same
    writes       91 kills in two and a half, 0 corrupt stores, 0 tiles lost, 0 tiles wrong
    corruptions  64 corruptions, 0 silent, 0 stuck, 0 tracebacks, 57 mended, 7 records that cannot be mended, told
    inputs       1218 inputs, 0 silent, 0 tracebacks, 0 over 10 s, 0 over 2 GB, 58 accepted, and right,
                 1160 refused in a sentence
    commands     18 told, 0 wrong, 0 stuck
    processes    --wait 5: no coordinator, exit 2 after 11 s; a stranger in its place, 11 s; no peer, 12 s
                 peer killed: the coordinator does its tiles, exit 0, 12 of 12 cells, 0 damaged
                 coordinator killed: its peer does its tiles, exit 0, 12 of 12 cells, 0 damaged
    cluster      --wait 5: no scheduler, exit 2 after 11 s; a stranger in its place, 12 s; no worker, 19 s
                 worker killed: exit 0, 12 of 12 cells, 0 damaged
                 scheduler killed: exit 2 after 4 s, what is done is kept, 4 of 12 cells, 0 damaged
    s3           5 kills, 0 wrong, 0 silent, 6 told, 6 mended, 1 checked whole
    gs, az       4 kills, 0 wrong, 0 silent, 6 told, 6 mended, 1 checked whole, each

Before, 63 corruptions left 19 stores silently wrong and 28 tracebacks; a missing coordinator was 360 s of silence and an
abort; a stranger at a scheduler's address was silence without an end.
"""

import argparse
import base64
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import jax
import numpy as np

TESTS = Path(__file__).parents[1] / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "sweep")]

from specs import SMALL, flat, placed, raw, remembered, small, toml  # noqa: E402

from phasejax import theory  # noqa: E402
from phasejax.cli import app, outcome  # noqa: E402
from phasejax.sweep import SpecError, StoreError, load, parse_spec, run, running  # noqa: E402
from phasejax.sweep.store import Store  # noqa: E402

COMMAND = [sys.executable, "-m", "phasejax"]
GRID = raw(axes={"kappa": [0.4 * i for i in range(6)], "nu": [0.15 * i for i in range(6)]})


def in_a_child(work: Callable[[], object], log: Path, after: float | None = None, how: int = signal.SIGKILL) -> tuple[int, str]:
    """The exit code and what was printed of some work in a fork, which a signal hits `after` some seconds."""
    child = os.fork()
    if not child:
        with open(log, "wb", buffering=0) as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        code = 1
        try:
            work()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        except KeyboardInterrupt:  # before the command began, or after it ended: within it none escapes
            code = 130
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    if after is not None:
        time.sleep(after)
        os.kill(child, how)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), log.read_text(errors="replace")


def kills(folder: Path, count: int, rng: np.random.Generator) -> None:
    """`phasejax sweep --resume`, killed at random moments until it ends, then begun anew.

    One kill in five hits a sweep that compiles and draws its figure; the others one that remembers what it would find and draws
    none, so that its life is writing.
    """
    spec, out = folder / "grid.toml", folder / "out"
    spec.write_text(toml(GRID | {"name": "grid"}))
    running.tile_shape = lambda shape, target: (1,) * len(shape)
    store, log, held = out / "grid.zarr", folder / "log", folder / "held.npy"

    def solving() -> None:
        app(["sweep", str(spec), "--out", str(out), "--resume"])

    def writing() -> None:
        running.engine_for = remembered(dict(np.load(known)))
        outcome.report = lambda *arguments: []
        solving()

    def read(to: Path) -> None:
        np.save(to, load(store).distance_ca.values) if store.exists() else np.save(to, np.full((6, 6), np.nan))

    def seconds(life: Callable[[], None]) -> float:
        shutil.rmtree(out, ignore_errors=True)
        began = time.monotonic()
        assert in_a_child(life, log)[0] == 0, log.read_text()
        return time.monotonic() - began

    known, takes = folder / "known.npz", {solving: seconds(solving)}
    in_a_child(lambda: np.savez(known, **flat(load(store))), log)
    takes[writing] = seconds(writing)
    in_a_child(lambda: read(held), log)
    intact, before, seen = np.load(held), np.zeros((6, 6), bool), Counter()
    shutil.rmtree(out)
    while seen["kills"] < count:
        how = rng.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
        life = solving if seen["kills"] % 5 == 0 else writing
        code, said = in_a_child(life, log, rng.uniform(0, 1.1 * takes[life]), int(how))
        seen["kills"] += code != 0
        if "Traceback" in said:
            seen["tracebacks"] += 1
            print(said, file=sys.stderr)
        if in_a_child(lambda: read(held), log)[0]:
            seen["corrupt stores"] += 1
            print(log.read_text(), file=sys.stderr)
            break
        values = np.load(held)
        done = np.isfinite(values)
        seen["tiles lost"] += int((before & ~done).sum())
        seen["tiles wrong"] += int((values[done] != intact[done]).sum())
        seen["sweeps ended"] += code == 0
        before = done
        if done.all():
            shutil.rmtree(out)
            before = np.zeros((6, 6), bool)
        if (code and seen["kills"] % 10 == 0) or seen["kills"] == count:
            report("kills", seen, "kills", "corrupt stores", "tiles lost", "tiles wrong", "tracebacks", "sweeps ended")


def writes(folder: Path, count: int, rng: np.random.Generator) -> None:
    """A sweep that remembers what it would find, killed at random writes, half of what is written on the disk."""
    running.tile_shape = lambda shape, target: (1,) * len(shape)
    intact, seen = run(small()).drop_attrs(), Counter()
    np.savez(folder / "intact.npz", **flat(intact))
    while seen["kills"] < count:
        program = [sys.executable, TESTS / "sweep" / "dying_sweep.py", folder, str(rng.integers(1 << 30))]
        ended = subprocess.run(program, capture_output=True, text=True)
        cells = [int(done) for done in ended.stdout.split()]
        seen["kills"] += len(cells) - 2  # one life did not end so, and one looks at what is left
        seen["tiles lost"] += sum(after < before for before, after in pairwise(cells))
        seen["corrupt stores"] += ended.returncode != 0
        seen["tiles wrong"] += not load(folder / "small.zarr").drop_attrs().identical(intact)
        shutil.rmtree(folder / "small.zarr")
        report("writes", seen, "kills", "corrupt stores", "tiles lost", "tiles wrong")


def corruptions(folder: Path, count: int, rng: np.random.Generator) -> None:
    """One file of a finished store damaged, read, and resumed: every way on every kind of file."""
    from test_integrity import WAYS, damage

    running.tile_shape = lambda shape, target: (1, *shape[1:])
    intact = run(small(), path=folder / "intact.zarr").drop_attrs()
    running.engine_for = remembered(flat(intact))
    seen = Counter()
    for number in range(count):
        path = folder / f"{number}.zarr"
        shutil.copytree(folder / "intact.zarr", path)
        record = path / "zarr.json" if number % 8 == 0 else None
        what = damage(path, rng, record, WAYS[number % 7] if record else WAYS[number % len(WAYS)])
        seen["corruptions"] += 1
        try:
            seen["silent"] += not load(path).drop_attrs().identical(intact)
        except StoreError:
            seen["told when read"] += 1
        except Exception:
            seen["tracebacks"] += 1
            print(what, traceback.format_exc(), file=sys.stderr)
        try:
            mended = run(small(), path=path, resume=True, on_notice=lambda sentence: None).drop_attrs()
            seen["mended"] += mended.identical(intact)
            seen["silent"] += not mended.identical(intact)
        except StoreError as error:
            lost = "is not a sweep store" in str(error) or "record of how it was made" in str(error)
            seen["records that cannot be mended, told" if lost else "stuck"] += 1
        shutil.rmtree(path)
    report("corruptions", seen, "corruptions", "silent", "stuck", "tracebacks", *sorted(seen.keys() - {"corruptions"}))


def inputs(folder: Path, count: int, rng: np.random.Generator) -> None:
    """Specifications, files and arguments: a sentence, or a result without NaN; never a traceback, 10 s or 2 GB.

    The seconds are the processor's, which other processes do not lengthen.
    """
    from test_fuzz import CALLS, EXTREMES, FILES, one_sentence, paths
    from test_integrity import WAYS

    from phasejax.diagnosis.files import read_view
    from phasejax.experiments.spiked.model import model_at

    seen = Counter()

    def attempt(what: str, call: Callable[[], object], *mistakes: type[Exception]) -> None:
        held, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        try:
            found = one_sentence(call, *mistakes)
            bad = any(np.isnan(leaf).any() for leaf in jax.tree.leaves(found) if np.asarray(leaf).dtype.kind == "f")
            seen["refused in a sentence" if found is None else "silent" if bad else "accepted, and right"] += 1
            if bad:
                print("silent:", what, file=sys.stderr)
        except Exception:
            seen["tracebacks"] += 1
            print(what, traceback.format_exc(), file=sys.stderr)
        seen["inputs"] += 1
        if (took := time.process_time() - began) > 10:
            seen["over 10 s"] += 1
            print(f"{took:.0f} s:", what, file=sys.stderr)
        seen["over 2 GB"] += resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held > 2 * 2**20

    def specified(raw: dict) -> object:
        spec = parse_spec(raw)
        spec.check_precision(32)
        corners = [{name: spec.points(name)[end] for name in spec.axes} for end in (0, -1)]
        return [theory.separation(model_at(spec, **corner)) for corner in corners]

    for way in paths(SMALL):
        for value in EXTREMES:
            tree = placed(SMALL, way, value)
            attempt(f"{'.'.join(way)} = {value!r}"[:80], lambda tree=tree: specified(tree), SpecError)
    for kind, content in FILES.items():
        for number in range(count // 2):
            spoilt = bytearray(content)
            for _ in range(int(rng.integers(1, 5))):
                spoilt[rng.integers(len(spoilt))] = rng.integers(256)
            if number % len(WAYS) == 0:
                del spoilt[rng.integers(len(spoilt)) :]
            (folder / f"f.{kind}").write_bytes(spoilt)
            attempt(f"{kind} {number}", lambda kind=kind: len(read_view(str(folder / f"f.{kind}"))), ValueError)
    for name, call in CALLS.items():
        for value in EXTREMES:
            attempt(f"{name} = {value!r}"[:80], lambda call=call, value=value: call(value), ValueError)
    report("inputs", seen, "inputs", "silent", "tracebacks", "over 10 s", "over 2 GB", *sorted(seen.keys()))


def commands(folder: Path, count: int, rng: np.random.Generator) -> None:
    """The command line on files that are none, names with markup, and outputs over inputs: exit code, lines, seconds."""
    view = rng.normal(size=(40, 3))
    np.save(folder / "x.npy", view)
    np.save(folder / "[bold]$\\frac$.npy", view[:, 0])
    os.mkfifo(folder / "pipe.npy")
    os.mkfifo(folder / "pipe.toml")
    (folder / "endless.npy").symlink_to("/dev/zero")
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 3), }".ljust(117) + b"\n"
    (folder / "claims.npy").write_bytes(b"\x93NUMPY\x01\x00v\x00" + header)
    with open(folder / "bomb.npy", "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": (10**10, 3)})
        file.truncate(240 * 10**9 + 128)  # no byte of it is on the disk
    (folder / "[red]").mkdir()
    (folder / "small.toml").write_text(toml(SMALL))
    (folder / "large.toml").write_text(toml(raw(model__d=500_000)))
    (folder / "many.toml").write_text(toml(raw(axes__nu={"start": 0, "stop": 1, "num": 10**9})))
    pair = ["diagnose", "x.npy", "x.npy", "--labels", "x.npy"]
    cases = {
        "x a pipe": ["diagnose", "pipe.npy", "x.npy", "--labels", "x.npy"],
        "x without an end": ["diagnose", "endless.npy", "x.npy", "--labels", "x.npy"],
        "x of 10¹² rows, it says": ["diagnose", "claims.npy", "x.npy", "--labels", "x.npy"],
        "x of 240 GB": ["diagnose", "bomb.npy", "x.npy", "--labels", "x.npy"],
        "x a folder": ["diagnose", "[red]", "x.npy", "--labels", "x.npy"],
        "labels with markup in their name, one row": ["diagnose", "x.npy", "x.npy", "--labels", "[bold]$\\frac$.npy[0]"],
        "--json over x": [*pair, "--json", "x.npy"],
        "--json a pipe": [*pair, "--json", "pipe.npy"],
        "--report a folder": [*pair, "--report", "[red]"],
        "spec a pipe": ["sweep", "pipe.toml"],
        "spec without an end": ["sweep", "endless.npy"],
        "spec a folder": ["sweep", "[red]/"],
        "d = 500,000": ["sweep", "large.toml"],
        "10⁹ points": ["sweep", "many.toml"],
        "--out a file": ["sweep", "small.toml", "--out", "x.npy"],
        "--out no store": ["sweep", "small.toml", "--out", "s4://bucket"],
        "--precision 33": ["sweep", "small.toml", "--precision", "33"],
        "a name that is near": ["sweep", "phase_diagrm"],
    }
    seen, before = Counter(), (folder / "x.npy").read_bytes()
    for what, arguments in cases.items():
        began = _of_children()
        try:
            ended = subprocess.run([*COMMAND, *arguments], cwd=folder, capture_output=True, text=True, timeout=60)
        except subprocess.TimeoutExpired:
            seen["stuck"] += 1
            print("stuck:", what, file=sys.stderr)
            continue
        lines = ended.stderr.strip().splitlines()
        right = ended.returncode == 2 and "Traceback" not in ended.stderr and (len(lines) == 1 or "Usage" in ended.stderr)
        seen["told" if right else "wrong"] += 1
        seen["over 10 s"] += _of_children() - began > 10
        if not right:
            print(what, ended.returncode, ended.stderr[-900:], file=sys.stderr)
    assert (folder / "x.npy").read_bytes() == before
    report("commands", seen, "told", "wrong", "stuck", "over 10 s")


def _of_children() -> float:
    """Processor seconds of all processes that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Started:
    """Long sweeps in processes of one CPU device each, and what became of them."""

    def __init__(self, folder: Path):
        self._folder, self._spec = folder, folder / "long.toml"
        self._spec.write_text(toml(raw(trials=400_000, axes__kappa=[0.5, 1.0, 1.5, 2.0], axes__nu=[0.2, 0.4, 0.6])))

    def command(self, *command: object) -> subprocess.Popen:
        return subprocess.Popen(
            list(map(str, command)),
            cwd=self._folder,
            env=os.environ | {"JAX_NUM_CPU_DEVICES": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def sweep(self, *options: object) -> subprocess.Popen:
        return self.command(*COMMAND, "sweep", self._spec, "--log-json", *options)

    def ended(self, what: str, process: subprocess.Popen, since: float, out: str = "") -> None:
        """Wait for a process; a line of its exit code, seconds, last words, and what is in its store."""
        errors = process.communicate(timeout=300)[1].strip()
        last = errors.splitlines()[-1][:100] if errors else ""
        print(f"  {what:34s} exit {process.returncode:3d} after {time.monotonic() - since:5.1f} s: {last}", flush=True)
        if out:
            store = Store(self._folder / out / "small.zarr")
            print(f"  {'':34s} {store.cells_done()} of 12 cells, {len(store.damaged())} tiles damaged", flush=True)


def first_tile(process: subprocess.Popen) -> None:
    assert process.stdout is not None
    process.stdout.readline()


def processes(folder: Path, count: int, rng: np.random.Generator) -> None:
    """Coordinators and peers that are not there, or killed in mid-run: seconds to the sentence, or to the end."""
    started = Started(folder)
    print("processes")
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        began, at = time.monotonic(), f"127.0.0.1:{stranger.getsockname()[1]}"
        peer = started.sweep("--coordinator", at, "--processes", 2, "--process-id", 1, "--wait", 5)
        started.ended("a stranger coordinates, --wait 5", peer, began)
    for what, number in (("no coordinator, --wait 5", 1), ("no peer, --wait 5", 0)):
        began, cluster = time.monotonic(), ["--coordinator", f"127.0.0.1:{free_port()}", "--processes", 2]
        started.ended(what, started.sweep(*cluster, "--process-id", number, "--wait", 5), began)
    for what, victim in (("peer killed: the coordinator", 1), ("coordinator killed: its peer", 0)):
        out, cluster = f"out{victim}", ["--coordinator", f"127.0.0.1:{free_port()}", "--processes", 2]
        both = [started.sweep("--out", out, *cluster, "--process-id", number) for number in range(2)]
        first_tile(both[0])
        both[victim].kill()
        started.ended(what, both[1 - victim], time.monotonic(), out)


def cluster(folder: Path, count: int, rng: np.random.Generator) -> None:
    """Dask schedulers and workers that are not there, or killed in mid-run: seconds to the sentence, or to the end."""
    started, address = Started(folder), f"tcp://127.0.0.1:{free_port()}"
    print("cluster")
    began = time.monotonic()
    started.ended("no scheduler, --wait 5", started.sweep("--dask", address, "--wait", 5), began)
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        began, at = time.monotonic(), f"tcp://127.0.0.1:{stranger.getsockname()[1]}"
        started.ended("a stranger there, --wait 5", started.sweep("--dask", at, "--wait", 5), began)
    dask = [sys.executable, "-m", "dask"]
    scheduler = started.command(*dask, "scheduler", "--host", address, "--no-dashboard")
    began = time.monotonic()
    started.ended("no worker, --wait 5", started.sweep("--dask", address, "--wait", 5), began)
    options = ("--no-nanny", "--no-dashboard", "--nthreads", 1)
    workers = [started.command(*dask, "worker", address, *options) for _ in range(3)]
    for what, victim, out in (("worker killed", workers[0], "out0"), ("scheduler killed", scheduler, "out1")):
        sweep = started.sweep("--dask", address, "--out", out)
        first_tile(sweep)
        victim.kill()
        started.ended(what, sweep, time.monotonic(), out)
    for process in (scheduler, *workers):
        process.kill()


@contextmanager
def bucket() -> Iterator[None]:
    """The bucket `sweeps` of an S3 server on loopback, which also answers what Google's client asks."""
    import boto3  # pyright: ignore[reportMissingImports]
    from moto.moto_server.werkzeug_app import (  # pyright: ignore[reportMissingImports]
        DomainDispatcherApplication,
        create_backend_app,
    )
    from werkzeug.serving import WSGIRequestHandler, make_server  # pyright: ignore[reportMissingImports]

    application = DomainDispatcherApplication(create_backend_app)
    signed = "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=x"

    def signing(environ: dict, start: Callable) -> Iterable[bytes]:
        return application(environ | {"HTTP_AUTHORIZATION": signed}, start)

    silent = type("Silent", (WSGIRequestHandler,), {"log_request": lambda self, *arguments: None})
    server = make_server("127.0.0.1", 0, signing, threaded=True, request_handler=silent)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    at = f"http://127.0.0.1:{server.server_port}"
    os.environ |= {"AWS_ENDPOINT_URL": at, "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1"}
    os.environ |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    account = {"gcs_base_url": at, "disable_oauth": True, "client_email": "", "private_key": "", "private_key_id": ""}
    os.environ["GOOGLE_SERVICE_ACCOUNT_KEY"] = json.dumps(account)
    boto3.client("s3").create_bucket(Bucket="sweeps")
    yield
    server.shutdown()


@contextmanager
def container() -> Iterator[None]:
    """The container `sweeps` of Azurite, Microsoft's own emulator of its storage."""
    from azure.storage.blob import ContainerClient  # pyright: ignore[reportMissingImports]

    port, account, key = free_port(), "loopback", base64.b64encode(b"key").decode()
    at = f"http://127.0.0.1:{port}/{account}"
    command = ["azurite-blob", "--blobHost", "127.0.0.1", "--blobPort", str(port), "--inMemoryPersistence", "--silent"]
    known = {"AZURITE_ACCOUNTS": f"{account}:{key}"}
    server = subprocess.Popen([*command, "--skipApiVersionCheck", "--disableTelemetry"], env=os.environ | known)
    os.environ |= {"AZURE_STORAGE_ACCOUNT_NAME": account, "AZURE_STORAGE_ACCOUNT_KEY": key}
    os.environ |= {"AZURE_STORAGE_ENDPOINT": at, "AZURE_ALLOW_HTTP": "true"}
    try:
        ContainerClient(at, "sweeps", credential=key, retry_total=9).create_container()
        yield
    finally:
        server.terminate()


def s3(folder: Path, count: int, rng: np.random.Generator) -> None:
    """A sweep into an S3 server: killed, resumed, damaged, mended, checked."""
    with bucket():
        _there("s3://sweeps/out", folder, rng)


def gs(folder: Path, count: int, rng: np.random.Generator) -> None:
    """The same by the requests of Google's client."""
    with bucket():
        _there("gs://sweeps/google", folder, rng)


def az(folder: Path, count: int, rng: np.random.Generator) -> None:
    """The same into Azure's blobs."""
    with container():
        _there("az://sweeps/out", folder, rng)


def _there(at: str, folder: Path, rng: np.random.Generator) -> None:
    import obstore

    from phasejax.sweep.place import Bucket, place

    spec, seen = folder / "grid.toml", Counter()
    spec.write_text(toml(GRID | {"name": "grid"}))
    url, command = f"{at}/grid.zarr", [*COMMAND, "sweep", str(spec), "--out", at, "--resume"]
    began = time.monotonic()
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    whole = time.monotonic() - began
    intact = load(url).drop_attrs()
    all_of_it, where = place(at), place(url)
    assert isinstance(all_of_it, Bucket) and isinstance(where, Bucket)
    for entry in [e for part in obstore.list(all_of_it.objects) for e in part]:
        obstore.delete(all_of_it.objects, entry["path"])
    while True:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            process.wait(rng.uniform(0.5, 1.0) * whole)
        except subprocess.TimeoutExpired:
            process.kill()
            seen["kills"] += 1
        if process.wait() == 0:
            break
    seen["wrong"] += not load(url).drop_attrs().identical(intact)
    keys = [e["path"] for part in obstore.list(where.objects) for e in part if e["path"] != "zarr.json"]
    running.engine_for = remembered(flat(intact))
    for key in rng.permutation(keys)[:6]:
        content = bytes(obstore.get(where.objects, key).bytes())
        obstore.put(where.objects, key, content[: len(content) // 2])
        try:
            load(url)
            seen["silent"] += 1
        except StoreError:
            seen["told"] += 1
        mended = run(parse_spec(GRID | {"name": "grid"}), path=url, resume=True, on_notice=lambda sentence: None)
        seen["mended"] += mended.drop_attrs().identical(intact)
    checked = subprocess.run([*COMMAND, "check", url], capture_output=True, text=True)
    seen["checked whole"] += checked.returncode == 0
    report(at[:2], seen, "kills", "wrong", "silent", "told", "mended", "checked whole")


def report(what: str, seen: Counter, *columns: str) -> None:
    print(f"{what:12s} " + ", ".join(f"{seen[column]} {column}" for column in dict.fromkeys(columns)), flush=True)


if __name__ == "__main__":
    attacks = [kills, writes, corruptions, inputs, commands, processes, cluster, s3, gs, az]
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", choices=[[], *(attack.__name__ for attack in attacks)])
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    for attack in attacks:
        if attack.__name__ in (chosen.names or [a.__name__ for a in attacks]):
            with TemporaryDirectory() as scratch:
                attack(Path(scratch), chosen.count, np.random.default_rng(chosen.seed))
