"""Where the real Rossmann files are, which may not be shipped."""

import os
from pathlib import Path

_DEFAULT = Path(__file__).parents[1] / ".." / "shared" / "data"
REAL_DATA = Path(os.environ.get("SHELFCAST_REAL_DATA", _DEFAULT))
ROSSMANN = REAL_DATA / "rossmann-train.csv.xz"
