"""Networks: learned functions of one sample, as pytrees of weights that are called."""
