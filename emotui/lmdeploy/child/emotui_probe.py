"""Say what this interpreter has: one JSON document on standard output.

Run by path with somebody else's interpreter: standard library only, Python 3.8 syntax, and no
import of the packages that are asked about (torch alone takes seconds). Arguments: the names of
the distributions of interest.
"""

import json
import os
import re
import sys

PROTOCOL = 1


def normal(name):
    """Return a distribution's name in its normal form."""
    return re.sub(r"[-_.]+", "-", name or "").lower()


def distributions(metadata):
    """Return name -> (version, folder) of everything on the path; the first one found wins."""
    found = {}
    for distribution in metadata.distributions():
        name, version, folder = facts(distribution)
        if name and name not in found:
            found[name] = (version, folder)
    return found


def facts(distribution):
    """Return name, version and folder; no name for a broken one, which must hide no other."""
    try:
        name = normal(distribution.metadata["Name"])
        return name, distribution.version, str(distribution.locate_file(""))
    except Exception:  # damaged metadata fails in many ways, by the version of Python
        return None, None, None


def lmdeploy_of_a_checkout():
    """Return (version, folder) of an lmdeploy that has no metadata: a source checkout."""
    from importlib.util import find_spec

    try:
        spec = find_spec("lmdeploy")
        if spec is None or not spec.origin:
            return None
        folder = os.path.dirname(spec.origin)
        with open(os.path.join(folder, "version.py"), encoding="utf-8") as file:
            match = re.search(r"^__version__\s*=\s*['\"]([^'\"]+)", file.read(), re.MULTILINE)
        return (match.group(1) if match else "unknown", os.path.dirname(folder))
    except Exception:  # finding it runs the import hooks of that interpreter
        return None


def library_folders(roots):
    """Return the folders of NVIDIA's wheels that hold shared libraries."""
    found = []
    for root in roots:
        base = os.path.join(root, "nvidia")
        if not os.path.isdir(base):
            continue
        for name in sorted(os.listdir(base)):
            folder = os.path.join(base, name, "lib")
            if os.path.isdir(folder) and folder not in found:
                found.append(folder)
    return found


def answer(wanted):
    """Return the document."""
    # This script's folder is first on the path; what it holds is not the interpreter's.
    sys.path[:] = [entry for entry in sys.path if entry != os.path.dirname(__file__)]
    document = {
        "protocol": PROTOCOL,
        "prefix": sys.prefix,
        "python_version": ".".join(map(str, sys.version_info[:3])),
        "path": [entry for entry in sys.path if entry],
        "lmdeploy": None,
        "site_packages": None,
        "packages": {},
        "libraries": library_folders(entry for entry in sys.path if entry),
    }
    try:
        from importlib import metadata
    except ImportError:
        return document  # Python 3.7 or older: too old for any LMDeploy that we know
    found = distributions(metadata)
    lmdeploy = found.get("lmdeploy") or lmdeploy_of_a_checkout()
    if lmdeploy:
        document["lmdeploy"], document["site_packages"] = lmdeploy
    document["packages"] = {
        name: version
        for name, (version, _folder) in sorted(found.items())
        if name in wanted or name.startswith("nvidia-")
    }
    return document


if __name__ == "__main__":
    json.dump(answer(set(sys.argv[1:])), sys.stdout)
