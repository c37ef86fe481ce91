"""See `run`: python3 tests/replicas/replicas.py PROGRAM"""

import http.client
import json
import math
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
REPLICAS, CLIENTS, ROUNDS = 3, 6, 4
# What a client does that tries again: as often as this, with a pause, and only what says nothing of the request.
TRIES, PAUSE, AGAIN = 20, 0.05, {429, 502, 503, 504}
PATIENCE = 120
BROKEN = (OSError, http.client.HTTPException)
JSON = {"content-type": "application/json"}
NEURON = {"expression": "tanh(x1*w1 + x2*w2 + b)", "inputs": {"x1": 2, "x2": 0, "w1": -3, "w2": 1, "b": 6.8813735870195432}}
BATCH = {"expression": "tanh(w*x)*exp(-x**2)", "inputs": {"w": 2, "x": [i / 1000 for i in range(1000)]}, "wrt": ["w"]}
TRAINING = {
    "mlp": {"inputs": 2, "layers": [{"units": 32, "activation": "tanh"}, {"units": 1}], "loss": "mse", "seed": 1},
    "data": {"x": [[math.sin(i), math.cos(i)] for i in range(500)], "y": [[math.sin(2 * i)] for i in range(500)]},
    "optimizer": {"adam": {"learning_rate": 0.01}}, "batch_size": 50, "shuffle": True, "seed": 3, "epochs": 30000,
    "checkpoint": {"steps": 2000},
}


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Replica:
    def __init__(self, program, port, log):
        self.program, self.port, self.log = program, port, log
        self.start()

    def start(self):
        command = [self.program, "serve", "--listen", f"127.0.0.1:{self.port}", "--log-level", "warn"]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def wait(self):
        begun = time.monotonic()
        while True:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.request("GET", "/readyz")
                if connection.getresponse().status == 200:
                    return
            except BROKEN:
                pass
            assert time.monotonic() - begun < PATIENCE, "a replica did not start"
            time.sleep(0.02)


def start_nginx(work, listen, ports):
    text = (ROOT / "deploy/nginx.conf").read_text()
    servers = "\n".join(f"        server 127.0.0.1:{port} max_fails=0;" for port in ports)
    before, rest = text.split("        server first:8080 max_fails=0;\n", 1)
    after = rest.split("        server second:8080 max_fails=0;\n", 1)[1]
    text = f"{before}{servers}\n{after}".replace("listen 8080;", f"listen 127.0.0.1:{listen};")
    paths = " ".join(f"{kind}_temp_path {kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    text = text.replace("http {\n", f"http {{\n    access_log off;\n    {paths}\n", 1)
    text = f"daemon off;\nworker_processes 1;\npid nginx.pid;\nerror_log stderr crit;\n{text}"
    folder = work / "nginx"
    folder.mkdir()
    (folder / "nginx.conf").write_text(text)
    who = {}
    if os.geteuid() == 0:
        work.chmod(0o755)
        shutil.chown(folder, "nobody", "nogroup")
        who = {"user": "nobody", "group": "nogroup", "extra_groups": []}
    return subprocess.Popen(["nginx", "-p", folder, "-c", "nginx.conf", "-e", "stderr"], **who)


class Client:
    """Keeps its connection, and tries again where an answer says nothing of the request, or breaks off."""

    def __init__(self, port):
        self.port, self.connection, self.tries, self.again = port, None, 0, 0

    def ask(self, path, body):
        for _ in range(TRIES):
            self.tries += 1
            try:
                if self.connection is None:
                    self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
                self.connection.request("POST", path, body, JSON)
                answer = self.connection.getresponse()
                status, text = answer.status, answer.read()
                if status not in AGAIN:
                    return status, text
            except BROKEN:
                self.connection = None
            self.again += 1
            time.sleep(PAUSE)
        return None, b""


def load(port, stop, expected, tally, lock):
    client, turn, requests, wrong = Client(port), 0, 0, []
    while not stop.is_set():
        path, body, answer = expected[turn % len(expected)]
        turn += 1
        status, text = client.ask(path, body)
        requests += 1
        if (status, text) != (200, answer):
            wrong.append((path, status, text[:200]))
    with lock:
        tally.append((requests, client.tries, client.again, wrong))


def events(port, body):
    """The events of a training run, until it ends or its server does."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", "/v1/train", json.dumps(body), JSON | {"accept": "text/event-stream"})
    answer = connection.getresponse()
    if answer.status != 200:
        raise OSError(f"status {answer.status}: {answer.read()[:300]}")
    name = None
    for line in answer:
        line = line.decode().rstrip("\n")
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def train(port, told):
    """Trains to the end whatever becomes of the servers; the result, and how often it went on elsewhere."""
    request, resumed = dict(TRAINING), 0
    for _ in range(100):
        try:
            for name, data in events(port, request):
                if name == "checkpoint":
                    request["state"] = data["state"]
                    told.set()
                elif name == "result":
                    return data, resumed
                elif name == "problem":
                    raise OSError(data["detail"])
        except BROKEN:
            pass
        resumed += 1
        time.sleep(PAUSE)
    sys.exit("replicas: the training run never ended")


def survive(proxy, replicas):
    """Load and a training run, while every replica is killed in turn."""
    plain, clean = Client(proxy), {key: value for key, value in TRAINING.items() if key != "checkpoint"}
    expected = []
    for path, body in [("/v1/gradient", NEURON), ("/v1/evaluate", BATCH | {"wrt": None}), ("/v1/gradient", BATCH)]:
        body = json.dumps({key: value for key, value in body.items() if value is not None})
        status, text = plain.ask(path, body)
        assert status == 200, text
        expected.append((path, body, text))
    status, undisturbed = plain.ask("/v1/train", json.dumps(clean))
    assert status == 200, undisturbed
    undisturbed = json.loads(undisturbed)

    stop, tally, lock, told, trained = threading.Event(), [], threading.Lock(), threading.Event(), []
    threads = [threading.Thread(target=load, args=(proxy, stop, expected, tally, lock)) for _ in range(CLIENTS)]
    runs = threading.Thread(target=lambda: trained.append(train(proxy, told)))
    for thread in [*threads, runs]:
        thread.start()
    assert told.wait(PATIENCE), "the training run told no checkpoint"
    kills = 0
    for _ in range(ROUNDS):
        for replica in replicas:
            replica.kill()
            kills += 1
            time.sleep(0.3)
            replica.start()
            replica.wait()
            time.sleep(0.3)
    runs.join(PATIENCE)
    stop.set()
    for thread in threads:
        thread.join(PATIENCE)
    requests, tries, again = (sum(column) for column in list(zip(*tally))[:3])
    wrong = [found for _, _, _, found in tally for found in found]
    [(result, resumed)] = trained
    same = all(result[name] == undisturbed[name] for name in ("parameters", "loss", "state"))
    print(f"replicas: {kills} kills, {requests} requests in {tries} tries ({again} again), {len(wrong)} failed or wrong")
    print(f"replicas: a training run of {result['steps']} steps went on elsewhere {resumed} times, result the same to the bit: {same}")
    assert not wrong, wrong[:5]
    assert same and resumed > 0, "no kill met the training run" if same else "the run ended elsewhere"


def measure(replica):
    """Processor time of a server per request, and what one client sees; the client's own time is not in it."""
    print("\n| request | requests | processor time of the server | median seen by the client |\n|---|---|---|---|")
    for what, method, path, body, count in [
        ("`GET /healthz`", "GET", "/healthz", None, 4000),
        ("the neuron's gradient", "POST", "/v1/gradient", json.dumps(NEURON), 4000),
        ("a gradient over 1000 samples", "POST", "/v1/gradient", json.dumps(BATCH), 2000),
    ]:
        connection = http.client.HTTPConnection("127.0.0.1", replica.port, timeout=30)
        times = []
        for turn in range(-200, count):
            if turn == 0:
                before, times = replica.cpu_seconds(), []
            begun = time.perf_counter()
            connection.request(method, path, body, JSON)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200
            times.append(time.perf_counter() - begun)
        each = (replica.cpu_seconds() - before) / count
        print(f"| {what} | {count} | {1e6 * each:.0f} µs | {1e6 * statistics.median(times):.0f} µs |")


def main(program):
    work = pathlib.Path(tempfile.mkdtemp(prefix="gradd-replicas."))
    started, log = [], open(work / "log", "wb")
    try:
        listen, *ports = free_ports(1 + REPLICAS)
        replicas = []
        for port in ports:
            replicas.append(Replica(program, port, log))
            started.append(replicas[-1].kill)
        nginx = start_nginx(work, listen, ports)
        started.append(lambda: (nginx.terminate(), nginx.wait()))
        for replica in replicas:
            replica.wait()
        survive(listen, replicas)
        measure(replicas[0])
        text = (work / "log").read_text(errors="replace")
        assert "panic" not in text and "ERROR" not in text, text[-2000:]
    finally:
        for end in reversed(started):
            end()
        shutil.rmtree(work)


main(pathlib.Path(sys.argv[1]).resolve())
