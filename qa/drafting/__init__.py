"""A merchant's own standard, filled into a spreadsheet, drawn up as a rule pack that extends the house pack.

workbook → tables → standard (items with words, scripts, limits) → draft (rules with examples, and the rest) → YAML
"""
