"""LibreOffice Calc as a clerk uses it: opens a workbook, types into cells, saves it in a format. Run by the system's Python.

Usage: calc.py IN OUT FILTER; what is typed comes as JSON lines [sheet, row, column, text] on standard input. What the
dropdown of each cell offers, and whether it would refuse other words, is printed as JSON.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import uno
from com.sun.star.beans import PropertyValue
from com.sun.star.connection import NoConnectException


def connected(pipe: str) -> Any:
    resolver = uno.getComponentContext().ServiceManager.createInstance("com.sun.star.bridge.UnoUrlResolver")
    for _ in range(600):
        try:
            context = resolver.resolve(f"uno:pipe,name={pipe};urp;StarOffice.ComponentContext")
            return context.ServiceManager.createInstance("com.sun.star.frame.Desktop")
        except NoConnectException:
            time.sleep(0.1)
    raise SystemExit("LibreOffice did not start")


def main(source: Path, target: Path, name: str) -> None:
    with tempfile.TemporaryDirectory() as profile:
        accept = f"--accept=pipe,name={Path(profile).name};urp"
        options = ["--headless", "--norestore", f"-env:UserInstallation=file://{profile}", accept]
        office = subprocess.Popen(["soffice", *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            desktop = connected(Path(profile).name)
            hidden = PropertyValue(Name="Hidden", Value=True)
            book = desktop.loadComponentFromURL(source.as_uri(), "_blank", 0, (hidden,))
            told = []
            for line in sys.stdin:
                sheet, row, column, text = json.loads(line)
                cell = book.Sheets.getByName(sheet).getCellByPosition(column, row)
                rule = cell.Validation
                told.append(
                    [rule.Type.value, rule.getFormula1(), rule.ErrorAlertStyle.value, rule.InputMessage]
                )
                # As typed: a date becomes a date, a number a number.
                cell.setFormula(text)
            book.storeToURL(target.as_uri(), (PropertyValue(Name="FilterName", Value=name),))
            print(json.dumps(told, ensure_ascii=False))
            book.close(True)
            desktop.terminate()
        finally:
            office.wait(60)


main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
