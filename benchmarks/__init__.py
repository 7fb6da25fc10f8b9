"""Measurements: a generated day, the night over it, and the same night as it would be written without care."""
