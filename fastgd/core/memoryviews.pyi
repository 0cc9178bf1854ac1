# What Cython shares between modules; nothing of ours.
