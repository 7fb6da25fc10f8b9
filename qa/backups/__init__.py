"""Backups: one file that holds an installation, made while others write, restored into either database.

The file is a zip: ``manifest.json``, one ``tables/NAME.jsonl`` a table (``qa.store.portable``), the keys of the chats
that the search knows, the words of cases, and the versions of the model. All tables come from one snapshot.
"""

from __future__ import annotations

from qa.backups.manifest import BackupError, Manifest
from qa.backups.restoring import Restored, checked, restore
from qa.backups.writing import Written, write_backup

__all__ = ["BackupError", "Manifest", "Restored", "Written", "checked", "restore", "write_backup"]
