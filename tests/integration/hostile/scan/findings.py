"""Prints what wapiti found, from its session database: its reports leave out findings of some kinds (XXE, XPath)."""

import json
import sqlite3
import sys

KEYS = ("module", "category", "kind", "info", "method", "path")
QUERY = """
    SELECT found.module, found.category, found.type, found.info, paths.method, paths.path
    FROM payloads AS found LEFT JOIN paths ON paths.path_id = found.evil_path_id
    WHERE found.type <> 'additional'
"""

with sqlite3.connect(sys.argv[1]) as database:
    print(json.dumps([dict(zip(KEYS, row)) for row in database.execute(QUERY)]))
