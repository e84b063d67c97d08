"""Training: networks that learn from many samples.

`fit` runs any loss over batches; around it are losses and schedules, transforms and augmentations, metrics, and the presets that
tie a network to them. It draws nothing: who wants pictures gives it a callback.
"""

from adseis.training.loop import Fitted, Plan, fit

__all__ = ["Fitted", "Plan", "fit"]
