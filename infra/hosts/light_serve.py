"""Ray Serve, imported without pandas: a third of what each of its processes takes to start.

Serve imports pandas, if it is there, only to encode data frames that somebody's HTTP handler
returns; ours return none, and its process is one that a stack has six of. Whoever imports pandas
afterwards gets it. The local node's workers import this module before all else (PRELOADED), and
`infra.hosts.ray_serve` before it imports Serve.
"""

import importlib
import sys
from types import ModuleType
from typing import cast

PRELOADED = (__name__,)


def _import_serve() -> None:
    if "pandas" in sys.modules:
        importlib.import_module("ray.serve")
        return
    # What stands for None can't be imported, which Serve takes for a machine without pandas.
    sys.modules["pandas"] = cast(ModuleType, None)
    try:
        importlib.import_module("ray.serve")
    finally:
        del sys.modules["pandas"]


_import_serve()
