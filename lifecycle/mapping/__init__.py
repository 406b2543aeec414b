"""Foreign files to touchpoint lines, by a mapping file: `lifecycle import` without the command line.

load_mapping reads the mapping, import_to_path and import_to_stream do the work, ImportResult says what
became of every row. require_fit and check_of hold a mapping and its lines against a policy.
"""

from lifecycle.mapping.fit import check_of, require_fit
from lifecycle.mapping.load import load_mapping, parse_mapping
from lifecycle.mapping.model import ImportMapping
from lifecycle.mapping.run import ImportResult, bad_rows_path, import_to_path, import_to_stream

__all__ = [
    "ImportMapping",
    "ImportResult",
    "bad_rows_path",
    "check_of",
    "import_to_path",
    "import_to_stream",
    "load_mapping",
    "parse_mapping",
    "require_fit",
]
