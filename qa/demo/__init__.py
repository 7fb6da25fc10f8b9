"""The demo month: generated chats whose faults are known, and the comparison with what the night found.

Order of work: ``templates`` (authored lines) → ``volume`` (when chats start) → ``plan`` (what goes wrong) →
``compose`` (the lines) → ``timing`` (the seconds) → ``generate`` (the chats and their truth) → ``write`` (files);
``compare`` stands after the night. Nothing here reads a clock: the same seed gives the same bytes.
"""
