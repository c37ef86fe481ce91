"""Asks the server at argv[1] a few things and looks for their spans in what Rotel writes into the file argv[2]."""

import json
import re
import sys
import time
import urllib.error
import urllib.request

ADDRESS, FILE = sys.argv[1:]
PATIENCE = 30

REQUESTS = {
    "0af7651916cd43dd8448eb211c80319c": ("/v1/gradient", 200, {"expression": "tanh(x*w)", "inputs": {"x": 2, "w": -3}}),
    "1bf7651916cd43dd8448eb211c80319c": (
        "/v1/train",
        200,
        {
            "mlp": {"inputs": 1, "layers": [{"units": 4, "activation": "tanh"}, {"units": 1}], "loss": "mse"},
            "data": {"x": [[-1], [0], [1]], "y": [[1], [0], [1]]},
            "optimizer": {"sgd": {"learning_rate": 0.1}},
            "epochs": 10,
        },
    ),
    "2cf7651916cd43dd8448eb211c80319c": ("/v1/evaluate", 422, {"expression": "x +", "inputs": {"x": 1}}),
}
PARENT = "b7ad6b7169203331"


def ask(trace, path, status, body):
    request = urllib.request.Request(f"http://{ADDRESS}{path}", json.dumps(body).encode())
    request.add_header("Content-Type", "application/json")
    request.add_header("traceparent", f"00-{trace}-{PARENT}-01")
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            found = answer.status
    except urllib.error.HTTPError as error:
        found = error.code
    assert found == status, f"{path}: {found}, not {status}"


def spans(text):
    """What Rotel tells of each span."""
    for block in re.split(r"^Span #\d+$", text, flags=re.M)[1:]:
        field = lambda name: re.search(rf"^ *{name} *: (.*)$", block, re.M).group(1).strip()
        yield {
            "trace": field("Trace ID"),
            "parent": field("Parent ID"),
            "id": field("ID"),
            "name": field("Name"),
            "kind": field("Kind"),
            "start": int(field("Start time")),
            "end": int(field("End time")),
            "attributes": dict(re.findall(r"^ *-> ([\w.]+): \w+\((.*)\)$", block, re.M)),
        }


for trace, (path, status, body) in REQUESTS.items():
    ask(trace, path, status, body)

deadline = time.monotonic() + PATIENCE
while True:
    with open(FILE, encoding="utf-8") as file:
        text = file.read()
    told = list(spans(text)) if text.endswith("\n") else []
    if {span["trace"] for span in told} == set(REQUESTS):
        break
    assert time.monotonic() < deadline, f"the collector has not all of the spans:\n{text}"
    time.sleep(0.2)

assert "-> service.name: Str(gradd)" in text, text
for trace, (path, status, _) in REQUESTS.items():
    mine = [span for span in told if span["trace"] == trace]
    (root,) = [span for span in mine if span["parent"] == PARENT]
    assert (root["name"], root["kind"]) == (f"POST {path}", "SPAN_KIND_SERVER"), root
    assert root["attributes"]["http.response.status_code"] == str(status), root
    stages = [span for span in mine if span is not root]
    for stage in stages:
        assert stage["parent"] == root["id"], stage
        assert root["start"] <= stage["start"] <= stage["end"] <= root["end"], (root, stage)
    names = {span["name"] for span in stages}
    print(f"collector: {root['name']} {status}: {', '.join(span['name'] for span in stages)}")
    if path == "/v1/gradient":
        assert names >= {"decode", "parse", "compile", "forward", "reverse", "encode"}, names
    if status == 200:
        assert names >= {"decode", "encode"}, names

with urllib.request.urlopen(f"http://{ADDRESS}/metrics", timeout=PATIENCE) as answer:
    metrics = answer.read().decode()
print(*(line for line in metrics.splitlines() if "span" in line and not line.startswith("#")), sep="\n")
print(f"collector: Rotel took {len(told)} spans of {len(REQUESTS)} requests")
