"""Starts everything, keeps it under load, and tells how it went; see `run`.

usage: soak.py GRADD SECONDS
"""

import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import bodies
from load import Client, Load, essence

GRADD, SECONDS = Path(sys.argv[1]).resolve(), int(sys.argv[2])
HERE = Path(__file__).parent
SETTINGS = HERE.parents[1] / "config/small-host.toml"
# What these settings allow in bytes of a body, and promise in MiB of memory.
BODY_LIMIT, MEMORY_LIMIT = 2 << 20, 256
KILL_EVERY = 20
# Longer than idle threads of the servers are kept.
PAUSE = 15
SAMPLE_EVERY = 2
# Until memory is what it will be takes a minute or two: a shorter run says nothing of it.
JUDGE_MEMORY_FROM = 300


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def wait_until_ready(url):
    for _ in range(100):
        try:
            with urllib.request.urlopen(url + "/readyz", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    sys.exit(f"soak: {url} did not start")


class Replica:
    """A server that can be killed and is started again on the same port."""

    def __init__(self, port, log):
        self.port, self.log, self.url = port, log, f"http://127.0.0.1:{port}"
        self.kills = self.ended_alone = 0
        self.start()

    def start(self):
        # So few places that some requests find none and get a 429.
        flags = ["--compute-slots", "1", "--queue", "1", "--log-level", "warn"]
        command = [GRADD, "serve", "--config", SETTINGS, "--listen", f"127.0.0.1:{self.port}", *flags]
        # As small-host.toml advises.
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | {"MALLOC_ARENA_MAX": "2"})

    def kill(self):
        self.ended_alone += self.process.poll() is not None
        self.process.kill()
        self.process.wait()

    def kill_and_restart(self):
        self.kill()
        self.kills += 1
        self.start()

    def memory(self, field="VmRSS"):
        """MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith(field + ":"))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


class MemorySamples(threading.Thread):
    """What a replica has resident under load, as long as this is entered.

    At one instant it is mostly what the C library keeps of the last requests, which goes up and down by a tenth.
    Whether it grows is told by the medians of the first and the last third of the time.
    """

    def __init__(self, replica):
        super().__init__(daemon=True)
        self.replica, self.values, self.done = replica, [], threading.Event()

    def run(self):
        while not self.done.wait(SAMPLE_EVERY):
            self.values.append(self.replica.memory())

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.join()

    def first_and_last(self):
        third = len(self.values) // 3
        return statistics.median(self.values[:third]), statistics.median(self.values[-third:])


def start_nginx(directory, listen, first, second):
    directory.mkdir()
    conf = (HERE / "nginx.conf").read_text()
    for name, port in (("listen", listen), ("first", first), ("second", second)):
        conf = conf.replace(f"@{name}@", str(port))
    (directory / "nginx.conf").write_text(conf)
    unprivileged = {}
    if os.geteuid() == 0:
        shutil.chown(directory, "nobody", "nogroup")
        unprivileged = {"user": "nobody", "group": "nogroup", "extra_groups": []}
    command = ["nginx", "-p", directory, "-c", "nginx.conf", "-e", "stderr"]
    with open(directory.parent / "nginx.log", "wb") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, **unprivileged)


def learn(server, request):
    """What a quiet server answers."""
    status, body = Client().ask(server, request)
    if status != request.status:
        sys.exit(f"soak: {request.kind} {request.body[:100]} got {status}: {body[:1000]}")
    request.expected = essence(request, status, body)
    if isinstance(request.expected, str) and request.expected.startswith("ended in"):
        sys.exit(f"soak: nothing else asked, and {request.kind} {request.expected[:300]}; is the machine too busy?")
    return body


def check_constants(server):
    by_kind = lambda kind: next(request for request in bodies.well_formed() if request.kind == kind)
    answer = json.loads(learn(server, by_kind("neuron")))
    curve = json.loads(learn(server, by_kind("fit")))
    if answer != bodies.NEURON_ANSWER or curve["parameters"] != bodies.DECAY_PARAMETERS:
        sys.exit(f"soak: the lecture's neuron or the curve of the README is wrong: {answer} {curve}")


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("soak: was told to stop"))
    work = Path(tempfile.mkdtemp(prefix="gradd-soak."))
    work.chmod(0o755)
    ended = []
    try:
        soak(work, ended)
    finally:
        for end in reversed(ended):
            end()
        shutil.rmtree(work)


def soak(work, ended):
    listen, *ports = free_ports(4)
    replicas = []
    for number, port in enumerate(ports):
        replica = Replica(port, work / f"replica-{number}.log")
        ended.append(replica.kill)
        replicas.append(replica)
    direct = replicas[2]
    nginx = start_nginx(work / "nginx", listen, *ports[:2])
    ended.append(lambda: (nginx.terminate(), nginx.wait()))
    proxy = f"http://127.0.0.1:{listen}"
    for url in (proxy, *(replica.url for replica in replicas)):
        wait_until_ready(url)

    requests, long_trainings = bodies.well_formed(), bodies.long_trainings()
    refused, large = bodies.refused(BODY_LIMIT), bodies.large_answer()
    check_constants(direct.url)
    for request in (*requests, *long_trainings, *refused, large):
        learn(direct.url, request)
    load = Load(proxy, direct.url, requests, long_trainings, refused, large)

    def kill_in_turn(end):
        due = time.monotonic() + KILL_EVERY / 2
        while due < end:
            time.sleep(due - time.monotonic())
            min(replicas[:2], key=lambda replica: replica.kills).kill_and_restart()
            due += KILL_EVERY

    def measure():
        time.sleep(PAUSE)
        return direct.memory(), direct.descriptors()

    # A third of the time until memory is what it will be.
    load.run(SECONDS / 3, kill_in_turn)
    idle, files = measure()
    with MemorySamples(direct) as samples:
        load.run(SECONDS * 2 / 3, kill_in_turn)
    idle_after, files_after = measure()
    memory, memory_after = samples.first_and_last()

    tally = load.tally
    logs = "".join(replica.log.read_text(errors="replace") for replica in replicas)
    panics, errors = logs.count("panicked at"), logs.count("ERROR")
    alone = sum(replica.ended_alone + (replica.process.poll() is not None) for replica in replicas)
    peak = direct.memory("VmHWM")

    rows = [("seconds", SECONDS)]
    rows += [(f"{kind}: {status}", count) for (kind, status), count in sorted(tally.answers.items(), key=str)]
    rows += [(f"hang-ups {where}", count) for where, count in sorted(tally.hang_ups.items())]
    rows += [*sorted(tally.events.items()), ("kills", sum(replica.kills for replica in replicas))]
    rows += [("memory when idle, after the warm-up and at the end", f"{idle:.1f}, {idle_after:.1f} MiB")]
    flat = abs(memory_after / memory - 1) <= 0.1 or SECONDS < JUDGE_MEMORY_FROM
    judged = "" if SECONDS >= JUDGE_MEMORY_FROM else f" (not judged in less than {JUDGE_MEMORY_FROM} s)"
    checks = [
        ("wrong answers", len(tally.wrong), not tally.wrong),
        ("panics, other errors in the logs", f"{panics}, {errors}", panics == errors == 0),
        ("servers that ended by themselves", alone, alone == 0),
        ("median memory under load, first and last third", f"{memory:.1f}, {memory_after:.1f} MiB{judged}", flat),
        (f"most memory, below {MEMORY_LIMIT} MiB", f"{peak:.1f} MiB", peak < MEMORY_LIMIT),
        ("file descriptors after the warm-up and at the end", f"{files}, {files_after}", files == files_after),
    ]
    print("| | |\n|---|---|")
    for name, value in [*rows, *((name, value) for name, value, _ in checks)]:
        print(f"| {name} | {value} |")
    for text in tally.wrong[:20]:
        print("wrong:", text, file=sys.stderr)
    failed = [name for name, _, holds in checks if not holds]
    if failed:
        print("\n".join(logs.splitlines()[-20:]), file=sys.stderr)
        sys.exit("soak: does not hold: " + "; ".join(failed))


main()
