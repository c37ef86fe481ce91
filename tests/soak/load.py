"""The clients: many threads that ask, hang up, ask again, and compare every answer with that of a quiet server."""

import http.client
import json
import os
import random
import socket
import struct
import threading
import time
from collections import Counter
from urllib.parse import urlsplit

import bodies

# What says nothing of the request: it is sent again after a pause.
AGAIN = {429, 502, 503, 504}
# Seconds within which a request must be answered, however often it is sent.
PATIENCE = 150
MIXERS, TRAINERS = 9, 3
BROKEN = (OSError, http.client.HTTPException)


class Tally:
    """What has happened, by all threads."""

    def __init__(self):
        self.lock = threading.Lock()
        self.answers, self.hang_ups, self.events = Counter(), Counter(), Counter()
        self.wrong = []

    def count(self, counter, key):
        with self.lock:
            counter[key] += 1

    def complain(self, text):
        with self.lock:
            self.wrong.append(text)


class Client:
    """Keeps a connection for each server, as most clients do."""

    def __init__(self):
        self.connections = {}

    def ask(self, server, request):
        """Status and body of the answer."""
        connection = self.connections.get(server) or self.connect(server)
        self.connections[server] = connection
        try:
            response = send(connection, request, request.body)
            status, body = response.status, response.read()
        except BROKEN:
            self.forget(server)
            raise
        if request.slow:
            # Where it was refused before its end, the server reads on for no more than two seconds, and then closes.
            self.forget(server)
        return status, body

    def connect(self, server):
        address = urlsplit(server)
        return http.client.HTTPConnection(address.hostname, address.port, timeout=90)

    def forget(self, server):
        if connection := self.connections.pop(server, None):
            connection.close()

    def close(self):
        for server in list(self.connections):
            self.forget(server)


def send(connection, request, body):
    try:
        if request.slow:
            connection.putrequest(request.method, request.path)
            for name, value in (request.headers | {"Content-Length": str(len(body))}).items():
                connection.putheader(name, value)
            connection.endheaders()
            for i in range(8):
                time.sleep(request.slow)
                connection.send(body[len(body) * i // 8 : len(body) * (i + 1) // 8])
        else:
            connection.request(request.method, request.path, body, request.headers)
    except OSError:
        # Refused before all of it was sent; the answer may be there.
        if connection.sock is None:
            raise
    return connection.getresponse()


def replica_of(response):
    """Who answered behind nginx, which names all that it has tried."""
    return response.headers.get("X-Replica", "").split(", ")[-1]


def events_of(response):
    """The events of a stream as name and data."""
    name = None
    for line in response:
        field, _, value = line.decode().rstrip("\n").partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, json.loads(value)


def essence(request, status, body):
    """What must be the same for the same request, whoever answers: every byte but the times of a training run."""
    if status != 200:
        return None
    if request.path != "/v1/train":
        return body
    if request.headers["Accept"] == bodies.EVENTS:
        name, answer = list(events_of(body.splitlines()))[-1]
        if name != "result":
            return f"ended in {name}: {answer}"
    else:
        answer = json.loads(body)
    return of_training(answer)


def of_training(answer):
    # Not `history`: a run in parts has only that of its last part. As text, in which -0.0 is not 0.0.
    same = ("parameters", "state", "loss", "metrics", "steps", "epochs", "stopped")
    return json.dumps([answer[name] for name in same], sort_keys=True)


class Load:
    def __init__(self, proxy, direct, requests, long_trainings, refused, large):
        self.servers = (proxy, direct)
        self.requests, self.long_trainings, self.refused, self.large = requests, long_trainings, refused, large
        self.tally = Tally()

    def run(self, seconds, meanwhile):
        """Runs the load, and `meanwhile` in this thread until it is to end."""
        end = time.monotonic() + seconds
        jobs = [self.mix] * MIXERS + [self.train] * TRAINERS
        threads = [threading.Thread(target=self.work, args=(job, end), daemon=True) for job in jobs]
        for thread in threads:
            thread.start()
        meanwhile(end)
        for thread in threads:
            thread.join(PATIENCE * 2)
            if thread.is_alive():
                self.tally.complain("a client still waits after the end")

    def work(self, what, end):
        # The clients give way to the servers, which is what is tested; on Linux this is of the thread alone.
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 5)
        client = Client()
        while time.monotonic() < end:
            try:
                what(client)
            except Exception as error:  # An answer that cannot be read, or a fault of this script: neither may pass.
                self.tally.complain(repr(error))
        client.close()

    def server(self):
        """Each replica gets a third."""
        return self.servers[random.random() < 1 / 3]

    def mix(self, client):
        time.sleep(random.expovariate(50))
        chance = random.random()
        if chance < 0.8:
            self.ask_until_answered(client, random.choice(self.requests))
        elif chance < 0.92:
            self.ask_until_answered(client, random.choice(self.refused))
        else:
            self.hang_up()

    def retrying(self, request, attempt):
        """Calls `attempt` until it says something other than `None`."""
        begun = time.monotonic()
        while time.monotonic() < begun + PATIENCE:
            server = self.server()
            try:
                status = attempt(server)
            except BROKEN as error:
                status = "cut"
                if server == self.servers[1]:
                    self.tally.complain(f"{request.kind}: cut by the replica that is never killed: {error!r}")
            self.tally.count(self.tally.answers, (request.kind, status))
            if status != "cut" and status not in AGAIN:
                return
            self.tally.count(self.tally.events, "sent again")
            time.sleep(random.uniform(0.1, 0.5))
        self.tally.complain(f"{request.kind}: no answer in {PATIENCE} s")

    def ask_until_answered(self, client, request):
        def attempt(server):
            status, body = client.ask(server, request)
            if status in AGAIN:
                return status
            if status != request.status or essence(request, status, body) != request.expected:
                self.tally.complain(f"{request.kind}: {status} {body[:300]}")
            return status

        self.retrying(request, attempt)

    def train(self, client):
        """One long training, which goes on from its last checkpoint whenever it is cut."""
        request = random.choice(self.long_trainings)
        last = {"state": None, "replica": None}

        def attempt(server):
            body, before = request.body, last["replica"]
            if before is not None:
                body = json.dumps(json.loads(body) | {"state": last["state"]}).encode()
            connection = client.connect(server)
            try:
                response = send(connection, request, body)
                if response.status != 200:
                    return complain_unless_again({"status": response.status, "body": response.read()[:300]})
                replica = server + replica_of(response)
                if before is not None:
                    other = "the same" if replica == before else "another"
                    self.tally.count(self.tally.events, f"trainings gone on with {other} replica")
                for name, data in events_of(response):
                    if name == "checkpoint":
                        last.update(state=data["state"], replica=replica)
                    elif name == "result":
                        if of_training(data) != request.expected:
                            begun = "anew" if before is None else "from a checkpoint"
                            self.tally.complain(f"{request.kind}, begun {begun}: other bits")
                        return 200
                    elif name == "problem":
                        return complain_unless_again(data)
                # `http.client` ends the lines of a body that is cut as if it were whole.
                raise http.client.IncompleteRead(b"")
            finally:
                connection.close()

        def complain_unless_again(problem):
            if problem["status"] not in AGAIN:
                self.tally.complain(f"{request.kind}: {problem}")
            return problem["status"]

        self.retrying(request, attempt)

    def hang_up(self):
        """Closes the connection where no client should."""
        where = random.choice(["mid-head", "mid-body", "before the answer", "mid-answer", "mid-stream"])
        request = self.large if where == "mid-answer" else random.choice(self.long_trainings)
        headers = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        headers += f"Host: gradd\r\nContent-Length: {len(request.body)}\r\n"
        head = f"POST {request.path} HTTP/1.1\r\n{headers}\r\n".encode()
        address = urlsplit(self.server())
        try:
            with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
                if where == "mid-head":
                    connection.sendall(head[: len(head) // 2])
                elif where == "mid-body":
                    connection.sendall(head + request.body[: len(request.body) // 2])
                else:
                    connection.sendall(head + request.body)
                if where in ("mid-answer", "mid-stream"):
                    connection.recv(2000)
                time.sleep(random.uniform(0, 0.5))
                if random.random() < 0.5:
                    # A reset instead of an end.
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass  # It was cut from the other side, by a kill.
        self.tally.count(self.tally.hang_ups, where)
