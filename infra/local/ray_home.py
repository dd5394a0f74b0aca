"""Restrict Ray's local node to its owner: its address, its token and its folder.

Ray's defaults are for a cluster: it listens on every interface, takes token authentication
from the environment, and opens its folder to every user of the machine. Here it is told
otherwise, whatever the environment says:

- it listens on the loopback address alone, unless SHELFCAST_RAY_PORT lets other nodes join;
- whoever speaks to it needs a random token, kept in the state folder for its owner alone;
- its sockets and logs lie in a folder that nobody else can enter.

That folder is not in the state folder, since a socket's path takes about 100 characters; it
has a random name in the folder for temporary files, and the state folder keeps a link to it.
"""

import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from infra.local.state import write_secret

LINK = "ray"
TOKEN_FILE = "ray.token"  # noqa: S105 - the name of the file
# For each of the node's processes; Ray's own bounds are 512 MB and five older files.
LOG_BYTES, OLD_LOGS = 16 << 20, 1
# Ray adds up to 66 characters to the folder's name, and macOS takes 103 for a socket.
MAX_SHARED, SHARED = 16, Path("/tmp")  # noqa: S108 - the folder made in it is closed to others


class FolderNotOurs(Exception):
    """The folder that the state folder links to belongs to another user, or is open to others."""


def environment(home: Path, port: int | None = None) -> dict[str, str]:
    """Return the variables for starting the node; create the token at the first start.

    With a port other nodes may join at it, and the node listens on the machine's outer address.
    """
    token = home / TOKEN_FILE
    if not token.exists():
        write_secret(token, secrets.token_hex(32))
    return {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token.absolute()),
        "RAY_AUTH_TOKEN": "",  # it would win over the file; empty counts as unset
        "RAY_ADDRESS": "",
        # What Ray asks for on macOS anyway. It takes the node's address to be the loopback one,
        # and listens there alone. `ray.init(_node_ip_address="127.0.0.1")` does not: Ray turns
        # a loopback address that it is given into the machine's outer one.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0" if port is None else "1",
        "RAY_GCS_SERVER_PORT": "" if port is None else str(port),  # empty: any that is free
        "RAY_ROTATION_MAX_BYTES": str(LOG_BYTES),
        "RAY_ROTATION_BACKUP_COUNT": str(OLD_LOGS),
    }


def has_a_token(environment: Mapping[str, str]) -> bool:
    """Whether the environment names a file that holds a token."""
    named = environment.get("RAY_AUTH_TOKEN_PATH")
    return named is not None and Path(named).is_file() and bool(Path(named).read_text().strip())


def fresh_folder(home: Path) -> Path:
    """Create an empty folder for the node, closed to other users; delete an old one."""
    discard(home)
    shared = Path(tempfile.gettempdir())
    if len(str(shared)) > MAX_SHARED and SHARED.is_dir():
        shared = SHARED
    closed = Path(tempfile.mkdtemp(prefix="shelfcast-", dir=shared))
    (home / LINK).symlink_to(closed)
    folder = closed / "ray"  # Ray makes the given folder accessible to everybody
    folder.mkdir(mode=0o700)
    return folder


def discard(home: Path) -> None:
    """Delete the node's folder, if it is ours. FolderNotOurs when the link leads elsewhere."""
    link = home / LINK
    if not link.is_symlink():
        return
    target = link.readlink()
    try:
        found = target.lstat()
    except FileNotFoundError:
        link.unlink()
        return
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    if not ours or stat.S_IMODE(found.st_mode) != 0o700:
        raise FolderNotOurs(
            f"{link} links to {target}, which is not a folder of yours with mode 0700: "
            f"look who made it, and delete {link}"
        )
    shutil.rmtree(target, ignore_errors=True)
    link.unlink()
