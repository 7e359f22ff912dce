"""Layers that network families are made of."""
