"""Audio effects as DSP, each in three forms that are proved equal: NumPy reference, streaming Numba kernel, torch module."""
