"""`python -m lifecycle.demo`: the demo, into the folder that is named or into demo-out."""

import sys
from pathlib import Path

from lifecycle.demo.play import FOLDER, main

main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
