"""List the image's content as CycloneDX: `docker run --rm shelfcast python -m infra.docker.sbom`.

Python's packages and Debian's are those that are installed where this runs, and the jars those of
the lock, which the image was built from. Jars and libraries inside of a package are the package's.
"""

import json
import subprocess
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions
from typing import Any
from urllib.parse import quote

from infra.local.jars import FOR_IMAGE, Jar, locked

DEBIAN = ("dpkg-query", "--show", "--showformat", "${Package}\t${Version}\t${Architecture}\n")
Component = dict[str, Any]


def bill(components: Iterable[Component]) -> dict[str, Any]:
    """The document; a component that is found twice is in it once."""
    found = {each["purl"]: each for each in components}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": "shelfcast"}},
        "components": [found[purl] for purl in sorted(found)],
    }


def package(installed: Distribution) -> Component:
    """A package of Python's."""
    name, version = installed.metadata["Name"], installed.version
    normal = name.lower().replace("_", "-").replace(".", "-")
    return _component(name, version, f"pkg:pypi/{quote(normal)}@{quote(version)}")


def jar(one: Jar) -> Component:
    """A jar of the lock."""
    purl = f"pkg:maven/{quote(one.group)}/{quote(one.artifact)}@{quote(one.version)}"
    made = _component(one.artifact, one.version, purl)
    return made | {"group": one.group, "hashes": [{"alg": "SHA-256", "content": one.sha256}]}


def debian(line: str) -> Component:
    """A package of Debian's, as DEBIAN prints it."""
    name, version, architecture = line.split("\t")
    purl = f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={architecture}"
    return _component(name, version, purl)


def _component(name: str, version: str, purl: str) -> Component:
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
    }


def main() -> None:
    """Print the list for this container."""
    done = subprocess.run(DEBIAN, capture_output=True, text=True, check=True)
    components = [
        *(package(each) for each in distributions()),
        *(jar(each) for name in ("spark", FOR_IMAGE) for each in locked()[name]),
        *(debian(line) for line in done.stdout.splitlines()),
    ]
    print(json.dumps(bill(components), indent=1))


if __name__ == "__main__":
    main()
