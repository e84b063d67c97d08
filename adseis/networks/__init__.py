"""Networks: learned functions of one sample, as pytrees of weights that are called.

From gathers to maps of velocity, `net(gathers) -> (1, 70, 70)`, in normalised units and each with a `small` one of its kind for
gathers of (5, 72, 72): `InversionNet` (with `Critic`: VelocityGAN), `UNet`, `SwinUNet` (with its encoder `SwinV2`, which takes
timm's weights by `timm_weights.load_timm`). From no input to an image: `Decoder`. Normalization over a batch without hidden
state: `BatchNorm`. Files of weights, and how many there are: `weights`.
"""

from adseis.networks.decoder import Decoder
from adseis.networks.inversionnet import InversionNet
from adseis.networks.normalization import BatchNorm
from adseis.networks.swin_unet import SwinUNet
from adseis.networks.swin_v2 import SwinV2
from adseis.networks.unet import UNet
from adseis.networks.velocitygan import Critic
from adseis.networks.weights import parameters

__all__ = ["BatchNorm", "Critic", "Decoder", "InversionNet", "SwinUNet", "SwinV2", "UNet", "parameters"]
