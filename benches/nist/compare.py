"""The NIST StRD nonlinear regression problems, by gradd and by scipy, as one Markdown table.

    cargo run --release &                            a server to ask
    python -m venv .venv && .venv/bin/pip install scipy==1.17.1 numpy==2.4.6
    .venv/bin/python benches/nist/compare.py [http://localhost:8080]

Both start from both published starts with their defaults: gradd's /v1/fit with exact derivatives, scipy's curve_fit with
method "lm" (MINPACK) and differences. A cell is the least log relative error, which counts the digits in common with the
certified numbers: of the parameters / of the standard errors, in at most 11 digits; then the evaluations of the model.
scipy's evaluations include those that its derivatives take; gradd's are each one with the whole Jacobian.
"""

import json
import math
import re
import sys
import urllib.error
import urllib.request
import warnings
from pathlib import Path

import numpy as np
from scipy.optimize import curve_fit

FOLDER = Path(__file__).parents[2] / "tests" / "fixtures" / "nist-strd"
NAMES = {name: getattr(np, name) for name in ("exp", "cos", "sin", "pi")} | {"atan": np.arctan}
DIGITS = 11


def read(name):
    """Columns of the header's table (start 1, start 2, parameters, errors), and the data by column."""
    lines = (FOLDER / f"{name}.dat").read_text().splitlines()
    table = [m.group(1).split() for m in (re.match(r"\s*b\d+\s*=\s*(.*)", line) for line in lines) if m]
    start = max(i for i, line in enumerate(lines) if line.startswith("Data:"))
    rows = np.array([line.split() for line in lines[start + 1 :] if line.strip()], dtype=float)
    names = ["y", "x"] if rows.shape[1] == 2 else ["y", "x1", "x2"]
    data = dict(zip(names, rows.T))
    if name == "Nelson":
        data["y"] = np.log(data["y"])
    return np.array(table, dtype=float).T, data


def digits(found, certified):
    errors = np.abs((found - certified) / certified)
    if not np.all(np.isfinite(errors)):
        return 0.0
    worst = errors.max()
    return DIGITS if worst == 0 else min(max(-math.log10(worst), 0.0), DIGITS)


def gradd(address, expression, data, start):
    names = [f"b{i + 1}" for i in range(len(start))]
    body = {
        "expression": expression, "target": "y", "data": {name: column.tolist() for name, column in data.items()},
        "parameters": dict(zip(names, start)),
    }
    request = urllib.request.Request(
        f"{address}/v1/fit", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request) as response:
            answer = json.load(response)
    except urllib.error.HTTPError as error:
        raise RuntimeError(json.load(error)["title"]) from None
    values = [np.array([answer[member][name] for name in names]) for member in ("parameters", "standard_errors")]
    return *values, answer["evaluations"]


def scipy(expression, data, start):
    code = compile(expression, "expression", "eval")

    def model(_, *parameters):
        return eval(code, {**NAMES, **data, **{f"b{i + 1}": p for i, p in enumerate(parameters)}})

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found, covariance, info, _, _ = curve_fit(model, None, data["y"], start, full_output=True)
    return found, np.sqrt(np.diag(covariance)), info["nfev"]


def cell(fit, certified, errors):
    try:
        found, found_errors, evaluations = fit()
    except RuntimeError as error:
        return f"none: {str(error).split(':')[0].rstrip('.')}"
    return f"{digits(found, certified):.1f} / {digits(found_errors, errors):.1f}, {evaluations}"


def main():
    address = sys.argv[1] if len(sys.argv) > 1 else "http://localhost:8080"
    models = json.loads((FOLDER / "models.json").read_text())
    print("| problem | gradd, start 1 | gradd, start 2 | scipy, start 1 | scipy, start 2 |")
    print("|---|---|---|---|---|")
    for name, expression in models.items():
        (first, second, certified, errors), data = read(name)
        peers = [lambda start: gradd(address, expression, data, start), lambda start: scipy(expression, data, start)]
        cells = [cell(lambda: peer(start), certified, errors) for peer in peers for start in (first, second)]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
