"""Misfits, regularizers, optimizers and the inverse problems."""
