"""The vocabulary that every method is written in. Read `base.py` first."""
