"""The commands and the options each of them takes, as the user reads them in the help.

What carries a command out is given by the caller; nothing here is done.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

from lingtouyan.arguments import Parser

Run = Callable[[argparse.Namespace], int]


def parser(runs: Mapping[str, Run]) -> Parser:
    """Return the parser of the whole command line.

    Args:
        runs: what carries each command out, by the command's name; the parsed options bear it as `run`.
    """
    whole = Parser(prog="lingtouyan", description="把版本库里的记录校验后生成网站、数据包和卷宗。")
    whole.add_argument(
        "--root", type=Path, default=Path(), metavar="目录", help="记录库的根目录（默认当前目录）"
    )
    whole.add_argument(
        "--untrusted", action="store_true", help="内容来自陌生人：在隔离环境里运行，不能联网，只能写 build/"
    )
    whole.add_argument(
        "--untrusted-container",
        action="store_true",
        help="内容来自陌生人，但本机是用后即弃、没有密钥的容器：只设时间和内存的上限",
    )
    commands = whole.add_subparsers(title="命令", metavar="命令", required=True, dest="命令")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
        added.set_defaults(run=runs[name])
        # Also after the command: that is where people type it.
        for word in ("--untrusted", "--untrusted-container"):
            added.add_argument(word, action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        added.add_argument(
            "--root", type=Path, default=argparse.SUPPRESS, metavar="目录", help=argparse.SUPPRESS
        )
        return added

    as_of = {
        "metavar": "日期",
        "help": "基准日，如 2026-11-20（默认取 datapackage.yaml 的设定，否则取提交日期）",
    }
    rev = {"metavar": "版本", "help": "按仓库在某个提交、标签或日期时的内容（默认工作目录的内容）"}
    check = command("check", "校验全部记录：先按表结构，再按规则。")
    check.add_argument(
        "--format", choices=("text", "json", "github", "codequality"), default="text", help="输出格式"
    )
    check.add_argument("--as-of", **as_of)  # type: ignore[arg-type]
    check.add_argument("--rev", **rev)  # type: ignore[arg-type]

    query = command("query", "用一条 SELECT 查询登记库。")
    query.add_argument("sql", metavar="SQL", help="一条 SELECT 语句")
    query.add_argument(
        "--edition", choices=("public", "internal"), default="internal", help="查询哪一版（默认内部版）"
    )
    query.add_argument("--format", choices=("table", "csv", "json"), default="table", help="输出格式")
    query.add_argument("--as-of", **as_of)  # type: ignore[arg-type]
    query.add_argument("--rev", **rev)  # type: ignore[arg-type]

    build = command("build", "生成网站、数据包和卷宗。")
    build.add_argument(
        "--edition", choices=("public", "internal", "all"), default="all", help="生成哪一版（默认全部）"
    )
    build.add_argument("--as-of", **as_of)  # type: ignore[arg-type]
    build.add_argument("--rev", **rev)  # type: ignore[arg-type]
    build.add_argument(
        "--draft", action="store_true", help="记录有错误也生成，每页标明“草稿”并在相应处显示问题"
    )
    build.add_argument("--no-dossiers", action="store_true", help="只生成网站和数据包，不生成 PDF")

    dossiers = command("dossiers", "只排印选定的文书，例如一个人的登记表。")
    dossiers.add_argument(
        "kinds",
        metavar="种类",
        nargs="*",
        help="文书种类，即 site/dossiers 里模板的文件名（默认是 build 也印的各种；写明 on_demand 的要指名）",
    )
    chosen = dossiers.add_mutually_exclusive_group()
    chosen.add_argument("--key", metavar="编号", nargs="+", default=[], help="只印这些编号的")
    chosen.add_argument(
        "--where", metavar="条件", default="", help="只印符合条件的，SQL 写法，如 \"name = '某某'\""
    )
    chosen.add_argument("--blank", action="store_true", help="印空白表供手填：每种一份，页脚注明不是记录")
    dossiers.add_argument(
        "--edition", choices=("public", "internal"), default="internal", help="哪一版（默认内部版）"
    )
    dossiers.add_argument("--as-of", **as_of)  # type: ignore[arg-type]
    dossiers.add_argument("--rev", **rev)  # type: ignore[arg-type]
    dossiers.add_argument(
        "--format",
        choices=("pdf", "html"),
        default="pdf",
        help="html：单个网页文件，只供预览（默认 pdf）；数据类文书（如 .lrmx）总是它本来的格式",
    )
    dossiers.add_argument(
        "--sign",
        type=Path,
        nargs="+",
        default=[],
        metavar="证书",
        help="用单位的证书签章（PAdES）：一个 .p12，或含证书和私钥的 PEM；密码由 LINGTOUYAN_SIGN_PASSWORD 给出或当场输入",
    )
    dossiers.add_argument("--out", type=Path, metavar="目录", help="放到哪里（默认 build/<版>/dossiers）")

    verify = command("verify", "核验 PDF：附带的数据、每页的标记和文字，是否与仓库里的记录一致。")
    verify.add_argument(
        "--trust",
        type=Path,
        action="append",
        default=[],
        metavar="证书",
        help="可信的签发机构或单位的证书（PEM），可给多个；给了就要求每份都有它所认可的电子签章",
    )
    verify.add_argument("files", type=Path, nargs="+", metavar="文件", help="要核验的 PDF")

    serve = command("serve", "在本机预览网站，文件一改就更新。")
    serve.add_argument(
        "--edition", choices=("public", "internal"), default="internal", help="预览哪一版（默认内部版）"
    )
    serve.add_argument("--port", type=int, default=8000, help="端口（默认 8000）")
    serve.add_argument("--as-of", **as_of)  # type: ignore[arg-type]

    history = command("history", "一条记录的变更历史：谁、何时、把哪一项由什么改成什么。")
    history.add_argument("table", metavar="表", help="表名，见数据字典")
    history.add_argument("key", metavar="编号", help="记录的主键；由几项组成时用 / 连接")
    history.add_argument("field", metavar="字段", nargs="?", help="只看这一项")
    history.add_argument("--format", choices=("text", "json"), default="text", help="输出格式")

    review = command("review", "审阅一项变更：记录、规则、统计、需重印的卷各有什么变化。")
    review.add_argument("base", metavar="基准", help="与哪个版本比较：分支、标签、提交或日期")
    review.add_argument("head", metavar="版本", nargs="?", default="HEAD", help="要审阅的版本（默认 HEAD）")
    review.add_argument("--format", choices=("text", "markdown", "json"), default="text", help="输出格式")
    review.add_argument("--no-prints", action="store_true", help="不计算需重印的卷宗")
    review.add_argument("--as-of", **as_of)  # type: ignore[arg-type]

    audit = command("audit", "核查历史：是否被改写，已公布的事实是否被改动，谁改了不归自己管的文件。")
    audit.add_argument(
        "--anchor",
        type=Path,
        action="append",
        default=[],
        metavar="文件",
        help="已发布网站里的 anchor.json，或排印的卷宗（PDF）；可给多个",
    )
    audit.add_argument("--since", default="", metavar="版本", help="只按规则核查此版本之后的提交")
    audit.add_argument("--format", choices=("text", "json", "github"), default="text", help="输出格式")

    fmt = command("fmt", "把记录文件整理成统一写法：编码、换行、列序、行序、日期写法。内容不变。")
    fmt.add_argument("files", type=Path, nargs="*", metavar="文件", help="只整理这些文件（默认全部）")
    fmt.add_argument("--check", action="store_true", help="只检查，不改动；有需要整理的文件时退出码为 1")

    new = command("new", "新建一条记录：自动编号、放进对应的文件夹、补齐应有的清单。")
    new.add_argument("table", metavar="表", help="表名，见数据字典")
    new.add_argument("values", metavar="字段=值", nargs="*", help="字段名或中文名都可以")
    new.add_argument("--in", dest="folder", default="", metavar="文件夹", help="有多个文件夹时写明放进哪个")

    owners = command("owners", "由登记的账号生成代码平台的归口设置（CODEOWNERS）：哪些改动须经谁同意。")
    owners.add_argument("--check", action="store_true", help="只检查是否与登记一致；不一致时退出码为 1")

    schemas = command("schemas", "由表结构生成编辑器用的 JSON Schema。")
    schemas.add_argument(
        "--settings", action="store_true", help="改为列出 datapackage.yaml 里可用的设置（Markdown）"
    )
    command("doctor", "检查本机是否具备所需的字体、程序库和工具。")
    return whole
