"""scikit-learn's MLPClassifier."""

import numpy as np
import threadpoolctl
from sklearn.neural_network import MLPClassifier

import workload
from measure import Peer


def digits(peer):
    threadpoolctl.threadpool_limits(peer.threads)
    images, classes = map(np.array, workload.digits())
    model = MLPClassifier(
        hidden_layer_sizes=workload.DIGITS_SIZES[1:-1],
        solver="sgd",
        alpha=0,
        batch_size=workload.DIGITS_BATCH,
        learning_rate_init=workload.DIGITS_LEARNING_RATE,
        momentum=workload.DIGITS_MOMENTUM,
        nesterovs_momentum=False,
    )
    names = np.arange(workload.DIGITS_SIZES[-1])
    peer.report("digits_epoch", lambda: model.partial_fit(images, classes, classes=names), "epoch")


Peer("scikit-learn").run({"digits": digits})
