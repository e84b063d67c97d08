"""What torch and timm make of drawn weights, kept in `parity.npz` for the tests beside this file; not a test itself.

In an environment of its own, since neither is wanted here otherwise:

    python -m venv parity && parity/bin/pip install torch numpy safetensors pyyaml huggingface_hub pillow
    parity/bin/pip install --no-deps timm
    parity/bin/python tests/networks/parity_with_torch.py

timm is asked for its SwinV2 only, so torchvision, which it imports for pictures, is replaced by empty modules. InversionNet is
written down in torch from the facts of its papers.
"""

import importlib.abc
import importlib.machinery
import sys
import types
from pathlib import Path

import numpy as np
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))

from drawn_weights import draw, glimpse

SWINS = {
    "swin": {"img_size": 256},
    "swin_reduced": {"img_size": 64, "embed_dim": 32, "depths": (2, 2), "num_heads": (2, 4), "window_size": 8, "patch_size": 4},
}
LAYERS = [((7, 1), (2, 1), 32), ((3, 1), (2, 1), 64), ((3, 1), 1, 64), ((3, 1), (2, 1), 64), ((3, 1), 1, 64)]
LAYERS += [((3, 1), (2, 1), 128), ((3, 1), 1, 128), ((3, 3), 2, 128), ((3, 3), 1, 128), ((3, 3), 2, 256), ((3, 3), 1, 256)]
LAYERS += [((3, 3), 2, 256), ((3, 3), 1, 256)]


class Named(type):
    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return name


class Empty(types.ModuleType):
    __path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Named(name, (), {})


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Of modules that need not be there."""

    def find_spec(self, name, path, target=None):
        if name.split(".")[0] == "torchvision":
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return Empty(spec.name)

    def exec_module(self, module):
        pass


def block(convolution):
    return nn.Sequential(convolution, nn.BatchNorm2d(convolution.out_channels), nn.LeakyReLU(0.2))


class InversionNet(nn.Module):
    def __init__(self, layers, left, channels):
        super().__init__()
        encoder, before = [], 5
        for (rows, columns), stride, after in layers:
            encoder.append(block(nn.Conv2d(before, after, (rows, columns), stride, (rows // 2, columns // 2))))
            before = after
        encoder.append(block(nn.Conv2d(before, channels[0], left)))
        decoder = [block(nn.ConvTranspose2d(channels[0], channels[0], 5)), block(nn.Conv2d(channels[0], channels[0], 3, 1, 1))]
        for before, after in zip(channels, channels[1:], strict=False):
            decoder += [block(nn.ConvTranspose2d(before, after, 4, 2, 1)), block(nn.Conv2d(after, after, 3, 1, 1))]
        self.encoder, self.decoder = nn.Sequential(*encoder), nn.Sequential(*decoder)
        self.last, self.norm = nn.Conv2d(channels[-1], 1, 3, 1, 1), nn.BatchNorm2d(1)

    def forward(self, x):
        x = self.decoder(self.encoder(x))[:, :, 5:-5, 5:-5]
        return torch.tanh(self.norm(self.last(x)))


def our_name(name):
    parts = {".0.weight": ".convolution.weight", ".0.bias": ".convolution.bias", ".1.": ".norm."}
    if name.startswith(("encoder", "decoder")):
        head, number, rest = name.split(".", 2)
        for theirs, ours in parts.items():
            rest = f".{rest}".replace(theirs, ours)[1:]
        name = f"{head}.{number}.{rest}"
    return name.replace("running_mean", "mean").replace("running_var", "variance")


def inversionnet(net, shape):
    state = {}
    for name, there in net.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        ours = our_name(name)
        transposed = ours.startswith("decoder") and there.ndim == 4 and int(ours.split(".")[1]) % 2 == 0
        if transposed:  # (before, after) and turned by half a turn, against (after, before)
            drawn = draw(ours, (there.shape[1], there.shape[0], *there.shape[2:]))[:, :, ::-1, ::-1].swapaxes(0, 1)
        else:
            drawn = draw(ours, tuple(there.shape) + ((1, 1) if ours.endswith("n.bias") or ours == "last.bias" else ()))
        state[name] = torch.from_numpy(drawn.copy()).reshape(there.shape)
    net.load_state_dict(state, strict=False)
    with torch.no_grad():
        return net.eval()(torch.from_numpy(draw("gathers", shape))[None])[0].numpy()


def main():
    found = {
        "inversionnet": inversionnet(InversionNet(LAYERS, (8, 9), (512, 256, 128, 64, 32)), (5, 1000, 70)),
        "inversionnet_small": inversionnet(
            InversionNet(
                [((5, 5), 2, 24), ((3, 3), 2, 48), ((3, 3), 1, 48), ((3, 3), 2, 96), ((3, 3), 1, 96)], 9, (128, 96, 64, 32, 16)
            ),
            (5, 72, 72),
        ),
    }
    sys.meta_path.insert(0, Finder())
    import timm  # noqa: PLC0415 (after what it needs is replaced)

    for label, options in SWINS.items():
        whole = timm.create_model("swinv2_tiny_window8_256", pretrained=False, num_classes=0, **options).eval()
        state = {name: torch.from_numpy(draw(name, tuple(w.shape))) for name, w in whole.named_parameters()}
        whole.load_state_dict(state, strict=False)
        x = torch.from_numpy(draw("image", (3, options["img_size"], options["img_size"])))[None]
        with torch.no_grad():
            x = whole.patch_embed(x)
            for i, stage in enumerate(whole.layers):
                x = stage(x)
                found[f"{label}_{i}"] = x[0].permute(2, 0, 1).numpy()
        features = timm.create_model("swinv2_tiny_window8_256", pretrained=False, features_only=True, **options)
        assert label != "swin" or sum(w.numel() for w in features.parameters()) == 27_576_618
    np.savez_compressed(Path(__file__).with_name("parity.npz"), **{name: glimpse(array) for name, array in found.items()})


if __name__ == "__main__":
    main()
