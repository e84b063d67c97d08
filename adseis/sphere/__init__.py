"""Waves in balls: structures in spherical harmonics, azimuthal Fourier series on spectral elements."""
