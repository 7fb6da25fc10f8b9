"""The rule engine: packs in YAML, operators as one file a family, evidence for everything said."""
