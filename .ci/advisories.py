"""Known vulnerabilities of the pinned packages, by pip-audit: `python advisories.py PIP-AUDIT CONSTRAINTS`.

Exit 1 where there is one. A registry without advisories is told, with the number of packages that it knows none of.
"""

from __future__ import annotations

import json
import subprocess
import sys


def main(tool: str, constraints: str) -> int:
    """Audit the file; 0 where nothing is known against any package of it."""
    command = [tool, "-r", constraints, "--no-deps", "--disable-pip", "--progress-spinner", "off", "-f", "json"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=600)
    try:
        packages = json.loads(ran.stdout)["dependencies"]
    except (ValueError, KeyError):
        last = (ran.stderr.strip().splitlines() or ["no answer"])[-1]
        print(f"advisories: none could be asked for here: {last[:200]}")
        return 0
    audited = [package for package in packages if "vulns" in package]
    print(f"advisories: {len(audited)} packages looked up, {len(packages) - len(audited)} unknown to the registry")
    bad = [package for package in audited if package["vulns"]]
    for package in bad:
        known = ", ".join(f"{each['id']} (mended in {each['fix_versions']})" for each in package["vulns"])
        print(f"  {package['name']} {package['version']}: {known}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
