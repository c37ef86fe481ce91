"""Sends requests that nobody means, and counts the answers: none may be a 5xx but 504, none may be missing where HTTP asks
for one, and none may take long. Only Python's standard library."""

import json
import socket
import struct
import sys
import time
from collections import Counter

PATIENCE = 30
HOST, PORT = sys.argv[1].rsplit(":", 1)
statuses, wrong, slowest, held = Counter(), [], (0.0, ""), 0


def exchange(name, data, close_early=False):
    """Sends bytes and returns the status of the answer, or None where the connection was closed without one."""
    global slowest
    start = time.monotonic()
    with socket.create_connection((HOST, int(PORT)), timeout=PATIENCE) as connection:
        try:
            connection.sendall(data)
            if close_early:
                connection.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass  # It may answer and close before it has read everything.
        answer = b""
        try:
            while b"\r\n" not in answer and (more := connection.recv(65536)):
                answer += more
        except ConnectionResetError:
            pass
        except TimeoutError:
            wrong.append(f"{name}: no answer in {PATIENCE} s")
            return None
    seconds = time.monotonic() - start
    slowest = max(slowest, (seconds, name))
    words = answer.split(b" ", 2)
    status = int(words[1]) if len(words) > 1 and words[1].isdigit() else None
    statuses[status or "closed"] += 1
    if status is not None and status >= 500 and status != 504:
        wrong.append(f"{name}: {answer[:300]}")
    return status


def post(path, body, content_type="application/json", extra=""):
    body = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: {content_type}\r\n{extra}"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


def expect(name, allowed, *arguments, **options):
    status = exchange(name, *arguments, **options)
    if status not in allowed:
        wrong.append(f"{name}: {status}, not one of {allowed}")


PATHS = ["/v1/evaluate", "/v1/gradient", "/v1/jacobian", "/v1/hessian", "/v1/jvp", "/v1/vjp", "/v1/hvp", "/v1/train",
         "/v1/fit", "/v1/convert", "/v1/draw"]
MILLION = 1_000_000


def bodies():
    """Bodies that are to be refused everywhere, or at least survived."""
    for opener, name in (("[", "arrays"), ('{"a":', "objects"), ('{"expression":', "expressions"),
                         ('{"graph":{"nodes":[', "graphs"), ('{"data":{"x":[', "rows")):
        yield f"{name}, deeply nested", opener * 100_000
    yield "arrays, closed", "[" * 100_000 + "]" * 100_000
    for name, text in {
        "nothing": "", "spaces": " " * MILLION, "null": "null", "true": "true", "a number": "1e999999999",
        "a string": '"x"', "an empty object": "{}", "a byte order mark": "\ufeff{}", "NUL": "\0" * 1000,
        "two objects": "{}{}", "a comment": "/* */ {}", "a comma": '{"expression":"x",}', "NaN": '{"expression":NaN}',
        "a lone surrogate": '{"expression":"\\ud800"}', "a raw surrogate": '{"expression":"\ud800"}',
        "a NUL in a name": '{"a\\u0000b":1}', "a NUL in an expression": '{"expression":"x\\u0000y"}',
        "a long name": '{"' + "n" * MILLION + '":1}', "a long escape": '{"expression":"' + "\\u0041" * 200_000 + '("}',
        "a member twice": '{"expression":"x","expression":"y","inputs":{"x":1}}',
        "a name twice": '{"expression":"x","inputs":{"x":1,"x":2}}',
        "a million members": "{" + ",".join(f'"k{i}":1' for i in range(MILLION)) + "}",
        "a million empties": '{"data":{"x":[' + ",".join(["[]"] * MILLION) + "]}}",
        "a million empty objects": '{"graph":{"nodes":[' + ",".join(["{}"] * MILLION) + "]}}",
        "a long integer": '{"seed":' + "9" * MILLION + "}", "a long fraction": '{"inputs":{"x":0.' + "1" * MILLION + "}}",
        "a huge exponent": '{"inputs":{"x":1e' + "9" * 10_000 + "}}", "a tiny exponent": '{"inputs":{"x":1e-999999999}}',
        "all nulls": json.dumps(dict.fromkeys(["expression", "graph", "mlp", "inputs", "data", "optimizer", "target"])),
    }.items():
        yield name, text
    yield "invalid UTF-8", b'{"expression":"\xff\xfe\x80"}'
    yield "UTF-16", '{"expression":"x"}'.encode("utf-16")


def expressions():
    yield from {
        "a long sum": "+".join(["x"] * 500_000), "a long name": "x" * MILLION, "a long number": "1" * MILLION,
        "brackets": "(" * MILLION, "closing brackets": ")" * MILLION, "minuses": "-" * MILLION + "x",
        "powers": "**".join(["x"] * 300_000), "powers of minuses": "2**-" * 250_000 + "x", "calls": "sin(" * 250_000,
        "commas": "sum(" + "x," * 400_000 + "x)", "semicolons": ";" * MILLION, "lines": "\n" * MILLION,
        "assignments": ";".join(f"a{i}=x" for i in range(100_000)) + ";x", "a tower": "9**9**9**9**9*x", "dots": "." * MILLION,
        "doubling": "x=x+x;" * 1 + ";".join(["y=x+x"] + ["y=y+y"] * 5000) + ";y", "equals": "=" * 1000, "emoji": "\U0001f600" * 10_000,
        "right to left": "\u202ex+1", "combining": "x" + "\u0301" * 100_000, "zero over zero": "0/0*x", "infinity": "inf-inf+x",
        "comparisons": "<".join(["x"] * 1000), "quotes": '"' * 1000, "a comment": "# x", "a tab": "\tx\v\f", "empty": "",
    }.items()


def counts():
    """Numbers that say how much to do or to make."""
    layer = {"units": 1}
    train = {"expression": "(a*x)^2", "parameters": {"a": 1}, "data": {"x": [1, 2]}, "optimizer": {"sgd": {"learning_rate": 0.1}}}
    for n in (0, -1, 2**31, 2**53, 2**63, 2**64 - 1, 2**64, 10**30, 1.5, 1e300, "1", None, [], True):
        yield "inputs", "/v1/convert", {"mlp": {"inputs": n, "layers": [layer]}}
        yield "units", "/v1/convert", {"mlp": {"inputs": 1, "layers": [{"units": n}]}}
        yield "two layers", "/v1/convert", {"mlp": {"inputs": 1, "layers": [{"units": n}, {"units": n}]}}
        yield "steps", "/v1/train", {**train, "steps": n, "target_loss": 1e9}
        yield "epochs", "/v1/train", {**train, "epochs": n, "target_loss": 1e9}
        yield "a batch", "/v1/train", {**train, "steps": 1, "batch_size": n}
        yield "evaluations", "/v1/fit", {"expression": "a*x", "parameters": {"a": 1}, "target": "y",
                                         "data": {"x": [1, 2], "y": [1, 2]}, "max_evaluations": n}
        yield "a history", "/v1/train", {**train, "steps": 2, "optimizer": {"lbfgs": {"history_size": n, "max_iter": 3}}}
    yield "many layers", "/v1/convert", {"mlp": {"inputs": 1, "layers": [layer] * 100_000}}


def heads():
    """Requests whose head is the trouble, with the statuses that are right; None is a closed connection."""
    get = lambda target, extra="", method="GET", version="HTTP/1.1": (
        f"{method} {target} {version}\r\nhost: x\r\nconnection: close\r\n{extra}\r\n".encode("latin-1"))
    for method in ("HEAD", "OPTIONS", "TRACE", "CONNECT", "PUT", "DELETE", "PATCH", "BREW", "get", "A" * 10_000):
        for path in ("/v1/evaluate", "/healthz", "/"):
            yield f"{method[:9]} {path}", (200, 400, 404, 405, 414, 431, None), get(path, method=method)
    for target in ("*", "http://other.example/healthz", "//healthz", "/../../etc/passwd", "/%2e%2e/%00", "/healthz%00", "/%", "/%zz",
                   "/healthz?" + "q" * 60_000, "/problems/" + "%25" * 1000, "/problems/\xff", "/v1/evaluate/", "/V1/OPS", "/" * 5000,
                   "x", "", "?", "/\\..\\", "/healthz#fragment", "/problems/%2e%2e%2f"):
        yield f"target {target[:30]}", (200, 400, 404, 405, 414, 431, None), get(target)
    yield "a target of a megabyte", (400, 414, 431, None), get("/" + "a" * MILLION)
    yield "100,000 headers", (400, 431, None), get("/healthz", "".join(f"h{i}: v\r\n" for i in range(100_000)))
    yield "200 headers", (200, 431), get("/healthz", "".join(f"h{i}: v\r\n" for i in range(200)))
    yield "a header of a megabyte", (400, 431, None), get("/healthz", "h: " + "v" * MILLION + "\r\n")
    for line in ("no colon", ": no name", "a b: c", "h: \x00", "h: \x7f", "h : x", " folded: x", "host: y", "content-length: x",
                 "content-length: -1", "content-length: 99999999999999999999", "transfer-encoding: gzip", "expect: 200-maybe",
                 "upgrade: h2c\r\nconnection: upgrade", "range: bytes=0-", "accept-encoding: gzip;q=nan", "accept: " + "*/*," * 5000,
                 "accept: \xff", "x-request-id: " + "a" * 5000, "content-encoding: gzip", "if-match: *", "cookie: " + "a=b;" * 3000):
        yield f"header {line[:30]!r}", (200, 400, 406, 408, 417, 431, None), get("/healthz", line + "\r\n")
    yield "HTTP/1.0", (200,), get("/healthz", version="HTTP/1.0")
    for version in ("HTTP/0.9", "HTTP/2.0", "HTTP/9.9", "http/1.1", "HTTP/1.1 x"):
        yield version, (400, 505, None), get("/healthz", version=version)
    yield "an HTTP/2 preface", (400, 505, None), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    yield "a TLS hello", (400, None), b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)
    yield "bare newlines", (200, 400, None), b"GET /healthz HTTP/1.1\nhost: x\nconnection: close\n\n"
    yield "zeros", (400, None), bytes(100_000)
    chunked = "POST /v1/evaluate HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n"
    body = b'{"expression":"x","inputs":{"x":1}}'
    for name, allowed, extra, chunks in (
        ("chunks of a byte", (200,), "", b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"),
        ("a chunk with an extension", (200,), "", b"%x;a=b\r\n%s\r\n0\r\n\r\n" % (len(body), body)),
        ("trailers", (200, 400), "", b"%x\r\n%s\r\n0\r\nx: y\r\n\r\n" % (len(body), body)),
        ("a chunk of negative length", (400, None), "", b"-1\r\n"),
        ("a chunk of immense length", (400, 413, None), "", b"ffffffffffffffffff\r\n"),
        ("a chunk without a length", (400, None), "", b"zz\r\n"),
        ("both lengths", (200, 400), "content-length: 3\r\n", b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)),
    ):
        yield name, allowed, (chunked + extra + "\r\n").encode() + chunks
    yield "a body that is cut off", (400, 408, None), post("/v1/evaluate", body, extra="")[:-5]
    yield "a declared terabyte", (413,), f"POST /v1/evaluate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {2**40}\r\n\r\n".encode()
    for kind in ("", "text/plain", "application/xml", "multipart/form-data; boundary=x", "application/json; charset=utf-16",
                 "*/*", "application/x-www-form-urlencoded"):
        yield f"type {kind[:30]}", (415,), post("/v1/evaluate", body, kind)
    yield "empty parameters of a type", (200,), post("/v1/evaluate", body, "application/json;" * 1000)
    for kind in ("application/cbor", "application/msgpack"):
        for name, data in (("JSON", body), ("nothing", b""), ("nested arrays", b"\x81" * MILLION if kind.endswith("cbor") else b"\x91" * MILLION),
                           ("nested maps", b"\xa1\x61a" * 300_000 if kind.endswith("cbor") else b"\x81\xa1a" * 300_000),
                           ("an immense array", b"\x9b" + struct.pack(">Q", 2**62) if kind.endswith("cbor") else b"\xdd\xff\xff\xff\xff"),
                           ("an immense text", b"\xa1\x6aexpression\x7b" + struct.pack(">Q", 2**62) if kind.endswith("cbor") else b"\x81\xaaexpression\xdb\xff\xff\xff\xff"),
                           ("an immense map", b"\xbb" + struct.pack(">Q", 2**63) if kind.endswith("cbor") else b"\xdf\xff\xff\xff\xff"),
                           ("tags", b"\xc1" * 100_000), ("reserved bytes", bytes(range(256)) * 10), ("endless pieces", b"\x7f" * 100_000)):
            yield f"{kind}: {name}", (400, 422), post("/v1/gradient", data, kind)


for name, body in bodies():
    for path in PATHS:
        expect(f"{path}: {name}", (400, 413, 422) if name != "a comment" else (400,), post(path, body))
for name, text in expressions():
    for path in ("/v1/evaluate", "/v1/gradient"):
        request = {"expression": text, "inputs": {"x": 0.5}}
        expect(f"{path}: {name}", (200, 400, 422, 504), post(path, json.dumps(request)))
for name, path, request in counts():
    expect(f"{path}: {name} of {json.dumps(request)[:150]}", (200, 400, 422, 504), post(path, json.dumps(request)))
for name, allowed, data in heads():
    expect(name, allowed, data, close_early=name == "a body that is cut off")
expect("alive afterwards", (200,), b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")

total = sum(statuses.values())
print(f"{total} requests:", ", ".join(f"{count} × {status}" for status, count in sorted(statuses.items(), key=str)))
print(f"slowest: {slowest[0]:.1f} s, {slowest[1][:100]}")
for line in wrong:
    print("WRONG", line)
sys.exit(bool(wrong))
