"""A server, a Prometheus that scrapes it, and questions to that: python3 tests/prometheus/scrape.py PROGRAM"""

import json
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATIENCE = 60
CONFIG = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{rules}]
scrape_configs:
  - job_name: gradd
    authorization: {{credentials: {key}}}
    static_configs: [{{targets: ["{address}"]}}]
"""
NEURON = json.dumps({"expression": "tanh(w*x)", "inputs": {"w": 2, "x": [1, 2, 3]}}).encode()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def ask(url, body=None, key=None, accept="*/*"):
    headers = {"content-type": "application/json", "accept": accept}
    if key:
        headers["authorization"] = f"Bearer {key}"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def eventually(what, check):
    begun, last = time.monotonic(), None
    while time.monotonic() - begun < PATIENCE:
        try:
            last = check()
            if last:
                return last
        except (OSError, KeyError, IndexError, ValueError) as error:
            # A Prometheus that starts answers 503 in plain text.
            last = error
        time.sleep(0.2)
    sys.exit(f"prometheus: not within {PATIENCE} s: {what}; last was {last!r}")


def main(program, work):
    made = subprocess.run([program, "key", "prometheus"], capture_output=True, text=True, check=True)
    key = next(word for word in made.stderr.split() if word.startswith("gradd_"))
    (work / "keys").write_text(made.stdout)
    server = subprocess.Popen(
        [program, "serve", "--listen", "127.0.0.1:0", "--log-format", "json", "--keys-file", work / "keys"],
        stderr=subprocess.PIPE, text=True,
    )
    started = [server]
    try:
        address = json.loads(server.stderr.readline())["address"]
        threading.Thread(target=server.stderr.read, daemon=True).start()
        url = f"http://{address}"
        for _ in range(5):
            assert ask(f"{url}/v1/gradient", NEURON, key)[0] == 200
        assert ask(f"{url}/v1/gradient", b"{", key)[0] == 400
        assert ask(f"{url}/metrics")[0] == 401

        status, text = ask(f"{url}/metrics", key=key)
        assert status == 200, text
        checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
        assert checked.returncode == 0 and not checked.stderr, checked.stderr
        print("promtool check metrics: nothing to mend in", text.count("# TYPE"), "metrics")
        _, lines = ask(f"{url}/metrics", key=key, accept="application/openmetrics-text; version=1.0.0")
        assert lines.endswith("# EOF\n"), lines

        config, port = work / "prometheus.yaml", free_port()
        config.write_text(CONFIG.format(rules=ROOT / "deploy/prometheus/rules.yaml", key=key, address=address))
        subprocess.run(["promtool", "check", "config", config], check=True, stdout=subprocess.DEVNULL)
        log = open(work / "log", "w")
        started.append(subprocess.Popen(
            ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={work / 'data'}",
             f"--web.listen-address=127.0.0.1:{port}"],
            stdout=log, stderr=log,
        ))

        def query(expression):
            answer = ask(f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": expression}))
            result = json.loads(answer[1])["data"]["result"]
            return [(found["metric"], float(found["value"][1])) for found in result]

        def value(expression):
            return query(expression)[0][1]

        eventually("a scrape", lambda: value('up{job="gradd"}') == 1)
        expected = [
            ('gradd_http_requests_total{route="/v1/gradient", status="200"}', 5),
            ('gradd_http_requests_total{route="/v1/gradient", status="400"}', 1),
            ('gradd_problems_total{type="malformed-body"}', 1),
            ('gradd_problems_total{type="unauthorized"}', 1),
            ('gradd_http_request_duration_seconds_count{route="/v1/gradient", status="200"}', 5),
            ("gradd_samples_total", 15),
            ("gradd_ready", 1),
            ("gradd_build_info", 1),
        ]
        for expression, number in expected:
            found = value(expression)
            assert found == number, f"{expression} is {found}, not {number}"
        latency = value('histogram_quantile(0.5, gradd_http_request_duration_seconds_bucket{route="/v1/gradient", status="200"})')
        assert 0 < latency < 1, latency
        assert value("process_resident_memory_bytes") > 1e6
        age = time.time() - value("process_start_time_seconds")
        assert 0 <= age < PATIENCE, age
        types = json.loads(ask(f"http://127.0.0.1:{port}/api/v1/metadata")[1])["data"]
        assert types["gradd_http_request_duration_seconds"][0]["type"] == "histogram", types
        assert types["gradd_http_requests"][0]["type"] == "counter", types
        targets = json.loads(ask(f"http://127.0.0.1:{port}/api/v1/targets")[1])["data"]["activeTargets"]
        assert [target["health"] for target in targets] == ["up"], targets

        panels = json.loads((ROOT / "deploy/grafana/dashboards/gradd.json").read_text())["panels"]
        queries = [target["expr"] for panel in panels for target in panel["targets"]]
        for expression in queries:
            # Fails where Prometheus does not understand it.
            query(expression.replace("$__rate_interval", "1m").replace("$job", "gradd"))

        # A rate needs two scrapes with a change between them.
        def rate():
            assert ask(f"{url}/v1/gradient", NEURON, key)[0] == 200
            return value('job_route:gradd_http_requests:rate5m{route="/v1/gradient"}') > 0

        eventually("a recorded rate", rate)
        names = {found["alertname"] for found, _ in query('ALERTS{alertstate="firing"}')}
        assert not names, names
        print(f"prometheus: {len(expected)} figures as they were asked for, {len(queries)} queries of the dashboard, p50 {1e3 * latency:.2f} ms, no alert")
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(timeout=PATIENCE)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as work:
        main(sys.argv[1], pathlib.Path(work))
