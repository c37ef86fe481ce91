"""Runs examples/notebook.py as it stands, without windows, and compares what it draws with formulas in numpy."""

import contextlib
import io
import pathlib
import runpy

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

notebook = pathlib.Path(__file__).parents[2] / "examples" / "notebook.py"
printed = io.StringIO()
with contextlib.redirect_stdout(printed):
    runpy.run_path(str(notebook))
neuron, losses, moons, curve = (plt.figure(number).axes[0] for number in plt.get_fignums())

output, slope = neuron.lines[0], neuron.lines[1]
n = output.get_xdata() - 6
np.testing.assert_allclose(output.get_ydata(), np.tanh(n), rtol=1e-14)
np.testing.assert_allclose(slope.get_ydata(), 1 - np.tanh(n) ** 2, rtol=1e-12, atol=1e-15)

assert len(losses.lines[0].get_xdata()) == 200
assert losses.lines[0].get_ydata()[-1] < 1e-3
assert moons.get_title() == "accuracy 1.00"

# With NIST's certified values, whose errors are told with as many digits.
assert printed.getvalue() == "b1 = 238.942 +- 2.7\nb2 = 0.000550156 +- 7.3e-06\n", printed.getvalue()
x, y = curve.lines[0].get_data()
np.testing.assert_allclose(y, 238.94212918 * (1 - np.exp(-5.5015643181e-4 * x)), rtol=1e-7)
# The errors of both parameters nearly cancel within the data: the band is narrower than the residuals' deviation, 0.10187876330.
band = curve.collections[0].get_paths()[0].vertices
within = band[(band[:, 0] > 70) & (band[:, 0] < 770)]
distance = np.abs(within[:, 1] - 238.94212918 * (1 - np.exp(-5.5015643181e-4 * within[:, 0])))
assert 0.01 < distance.min() and distance.max() < 0.1018787633, (distance.min(), distance.max())
