"""What gradd is compared with: the lecture's neuron by hand, served by UM-Bridge's own Python server.

usage: umbridge_neuron.py PORT
"""

import math
import sys

import umbridge


class Neuron(umbridge.Model):
    def __init__(self):
        super().__init__("neuron")

    def get_input_sizes(self, config):
        return [5]

    def get_output_sizes(self, config):
        return [1]

    def __call__(self, parameters, config):
        x1, x2, w1, w2, b = parameters[0]
        return [[math.tanh(x1 * w1 + x2 * w2 + b)]]

    def gradient(self, out_wrt, in_wrt, parameters, sens, config):
        x1, x2, w1, w2, b = parameters[0]
        o = math.tanh(x1 * w1 + x2 * w2 + b)
        slope = (1 - o * o) * sens[0]
        return [slope * w1, slope * w2, slope * x1, slope * x2, slope]

    def supports_evaluate(self):
        return True

    def supports_gradient(self):
        return True


umbridge.serve_models([Neuron()], int(sys.argv[1]))
