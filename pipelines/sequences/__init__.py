"""Strings as data: how they are written as symbols, and what reads and writes these (`networks`)."""
