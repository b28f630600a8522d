"""The command line's arguments, read by a parser that speaks the user's language.

What the standard parser says in English is said in Chinese here; a message that is not known stays as it is.
"""

from __future__ import annotations

import argparse
import re
import sys
from typing import Any, NoReturn

USED_WRONGLY = 2
_MESSAGES = (
    (r"the following arguments are required: (.*)", r"缺少参数：\1"),
    (r"unrecognized arguments: (.*)", r"不认识的参数：\1"),
    (r"argument (.*?): invalid choice: '?(.*?)'? \(choose from (.*)\)", r"参数 \1 不能是 \2，可选：\3"),
    (r"argument (.*?): expected one argument", r"参数 \1 后面要跟一个值"),
    (r"argument (.*?): expected at least one argument", r"参数 \1 后面至少要跟一个值"),
    (r"argument (.*?): invalid int value: (.*)", r"参数 \1 应为整数，不能是 \2"),
    (r"argument (.*?): not allowed with argument (.*)", r"参数 \1 不能与 \2 同时使用"),
    (r"ambiguous option: (.*) could match (.*)", r"参数 \1 不明确，可能是 \2"),
)


class Parser(argparse.ArgumentParser):
    """An argument parser that speaks the user's language."""

    def __init__(self, **options: Any) -> None:
        super().__init__(add_help=False, formatter_class=argparse.RawDescriptionHelpFormatter, **options)
        self._positionals.title = "参数"
        self._optionals.title = "选项"
        self.add_argument("-h", "--help", action="help", help="显示本说明")

    def format_usage(self) -> str:
        """Return how to call the command."""
        return super().format_usage().replace("usage: ", "用法：")

    def format_help(self) -> str:
        """Return the whole description."""
        return super().format_help().replace("usage: ", "用法：")

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and stop with exit code 2."""
        for pattern, words in _MESSAGES:
            if re.fullmatch(pattern, message):
                message = re.sub(pattern, words, message)
        sys.stderr.write(f"{message}\n运行 {self.prog} --help 查看用法。\n")
        raise SystemExit(USED_WRONGLY)
