"""Operators, one module a family. A new one is a new class here and no other edit: ``registry`` finds it."""
