"""The command line: names commands and options, says in one line what was done, holds no logic of its own.

Exit codes: 0 fine, 1 the records have errors, 2 the tool was used wrongly or the machine lacks something.
"""

from __future__ import annotations

import argparse
import gc
import getpass
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from generator.arguments import USED_WRONGLY, Parser
from generator.problems import (
    Problem,
    RecordsError,
    UsageError,
    as_text,
    has_errors,
    in_order,
    printable,
    summary,
    written,
)

FINE, RECORDS_WRONG = 0, 1
_SHOWN_PER_RULE = 20


def _print_problems(problems: Sequence[Problem], form: str) -> None:
    if problems or form != "github":
        print(written(problems, form, colour=sys.stdout.isatty(), limit=_SHOWN_PER_RULE))


def _check(options: argparse.Namespace) -> int:
    from generator.history.opening import opened
    from generator.register.building import build_register

    # A short life, and hardly a cycle in it: to look for some again and again would cost a tenth of it.
    gc.disable()
    try:
        with opened(options.root, options.rev, writes=False) as project:
            problems = build_register(project, project.as_of(options.as_of), only_problems=True).problems
    except RecordsError as fault:
        problems = in_order(fault.problems)
    finally:
        gc.enable()
    _print_problems(problems, options.format)
    return RECORDS_WRONG if has_errors(problems) else FINE


def _query(options: argparse.Namespace) -> int:
    from generator.register.querying import query

    print(
        query(options.root, options.sql, options.edition, options.as_of, options.format, options.rev), end=""
    )
    return FINE


def _build(options: argparse.Namespace) -> int:
    from generator.building.building import build

    report = build(
        options.root,
        edition=options.edition,
        as_of=options.as_of,
        revision=options.rev,
        draft=options.draft,
        dossiers=not options.no_dossiers,
    )
    if report.problems:
        print(as_text(report.problems, colour=sys.stdout.isatty(), limit=_SHOWN_PER_RULE))
        print(summary(report.problems))
    for line in report.lines:
        print(line)
    return RECORDS_WRONG if report.refused else FINE


def _dossiers(options: argparse.Namespace) -> int:
    from generator.printing.print_run import print_selection
    from generator.printing.printing_house import Selection
    from generator.printing.signing import load_seal

    seal = load_seal(options.sign, _password) if options.sign else None
    report = print_selection(
        options.root,
        Selection(frozenset(options.kinds), frozenset(options.key), options.where),
        edition=options.edition,
        as_of=options.as_of,
        revision=options.rev,
        out=options.out,
        blank=options.blank,
        preview=options.format == "html",
        seal=seal,
        progress=sys.stderr,
    )
    if report.problems:
        print(as_text(report.problems, colour=sys.stdout.isatty(), limit=_SHOWN_PER_RULE))
        print(summary(report.problems))
    if report.refused:
        print("记录有错误，没有排印。请先改正，或用 build --draft 生成带“草稿”标记的预览。")
        return RECORDS_WRONG
    signed = f"，由 {printable(seal.holder)} 签章" if seal else ""
    print(f"{len(report.printed)} 份文书（新做 {report.rendered}）{signed} → {report.folder}")
    return RECORDS_WRONG if has_errors(report.problems) else FINE


def _password() -> str:
    """Return the password of the signing key: from the environment, else typed unseen; never from the command line."""
    from generator.printing.signing import PASSWORD

    if PASSWORD in os.environ:
        return os.environ[PASSWORD]
    if not sys.stdin.isatty():
        raise UsageError(f"私钥有密码。请在终端里运行，或用环境变量 {PASSWORD} 给出。")
    return getpass.getpass("私钥的密码：")


def _verify(options: argparse.Namespace) -> int:
    from generator.proving.signatures import read_trusted
    from generator.proving.verify import DIFFERS, TRUE, verify

    verdicts = verify(options.root, options.files, read_trusted(options.trust))
    for verdict in verdicts:
        print(verdict.text())
    states = {v.state for v in verdicts}
    # A difference found weighs more than a file that could not be judged.
    return RECORDS_WRONG if DIFFERS in states else FINE if states == {TRUE} else USED_WRONGLY


def _serve(options: argparse.Namespace) -> int:
    from generator.building.preview import preview

    preview(options.root, options.edition, options.as_of, options.port)
    return FINE


def _review(options: argparse.Namespace) -> int:
    from generator.reviewing.account import as_json as write_json
    from generator.reviewing.account import as_text as write_text
    from generator.reviewing.comment import as_markdown
    from generator.reviewing.review import review

    result = review(options.root, options.base, options.head, options.as_of, prints=not options.no_prints)
    write = {"text": write_text, "markdown": as_markdown, "json": write_json}[options.format]
    print(write(result), end="")
    return RECORDS_WRONG if result.refused else FINE


def _history(options: argparse.Namespace) -> int:
    from generator.history.life import life

    print(life(options.root, options.table, options.key, options.field, options.format), end="")
    return FINE


def _audit(options: argparse.Namespace) -> int:
    from generator.history.anchors import read_anchor
    from generator.reviewing.integrity import audit

    anchors = [read_anchor(f) for f in options.anchor if f.suffix.lower() != ".pdf"]
    prints = [f for f in options.anchor if f.suffix.lower() == ".pdf"]
    if prints:
        from generator.proving.verify import print_anchors

        anchors += print_anchors(prints)
    result = audit(options.root, anchors, since=options.since)
    if options.format == "text":
        if result.problems:
            print(as_text(result.problems, colour=sys.stdout.isatty(), limit=_SHOWN_PER_RULE))
        compared = (
            f"对照锚点 {len(result.anchors)} 个"
            if result.anchors
            else "没有锚点可对照（已发布网站里的 anchor.json 或卷宗 PDF，用 --anchor 指明）"
        )
        print(f"核查提交 {result.commits} 个，{compared}。{summary(result.problems)}")
    else:
        _print_problems(result.problems, options.format)
    return RECORDS_WRONG if has_errors(result.problems) else FINE


def _fmt(options: argparse.Namespace) -> int:
    from generator.exchange.canonical import format_records

    done = format_records(options.root, options.files, write=not options.check)
    for name, reason in done.left:
        print(f"未改动 {printable(name)}：{printable(reason)}")
    for problem in done.named:
        print(f"请核对 {printable(problem.file)} 第{problem.line}行 [{problem.column}]：{problem.message}")
    for name in done.changed:
        print(f"{'需要整理' if options.check else '已整理'} {printable(name)}")
    print(f"看了 {done.seen} 个文件，{'需要整理' if options.check else '整理了'} {len(done.changed)} 个。")
    return RECORDS_WRONG if options.check and done.changed else FINE


def _new(options: argparse.Namespace) -> int:
    from generator.exchange.scaffold import new_record
    from generator.reading.package import Field

    given = {}
    for pair in options.values:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"{pair} 应写成 字段=值 的样子。")
        given[name] = value

    def ask(field: Field, fault: str) -> str:
        words = field.constraints.get("enum")
        choices = (
            f"（{'、'.join(map(str, words))}）"
            if words
            else f"（例：{field.example}）"
            if field.example
            else ""
        )
        if fault:
            print(fault)
        try:
            return input(f"{field.title}{choices}：")
        except EOFError:
            raise UsageError("\n没有填完，没有写入。") from None

    made = new_record(options.root, options.table, given, options.folder, ask if sys.stdin.isatty() else None)
    print(f"已写入 {made.file}，编号 {made.key}。")
    for title, words in made.checklist:
        print(f"还要登记 {title}：\n" + "\n".join(f"  □ {printable(w)}" for w in words))
    if made.problems:
        _print_problems(made.problems, "text")
    return RECORDS_WRONG if has_errors(made.problems) else FINE


def _owners(options: argparse.Namespace) -> int:
    from generator.exchange.owners import write_owners

    stale = write_owners(options.root, write=not options.check)
    for name in stale:
        print(f"{'需要更新（运行 lingtouyan owners）' if options.check else '已写入'} {name}")
    print(f"归口设置{'与登记不一致' if options.check and stale else '与登记一致'}。")
    return RECORDS_WRONG if options.check and stale else FINE


def _doctor(options: argparse.Namespace) -> int:
    from generator.doctor import doctor

    problems = doctor()
    return USED_WRONGLY if problems else FINE


def _schemas(options: argparse.Namespace) -> int:
    from generator.project import Project
    from generator.reading.editor import write_editor_schemas

    count = write_editor_schemas(Project.open(options.root))
    print(f"已生成 {count} 个编辑器校验文件（schemas/json/），VS Code 打开记录时即可提示和校验。")
    return FINE


def _parser() -> Parser:
    parser = Parser(prog="lingtouyan", description="把版本库里的记录校验后生成网站、数据包和卷宗。")
    parser.add_argument(
        "--root", type=Path, default=Path(), metavar="目录", help="记录库的根目录（默认当前目录）"
    )
    commands = parser.add_subparsers(title="命令", metavar="命令", required=True, dest="命令")

    def command(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
        added.set_defaults(run=run)
        # Also after the command: that is where people type it.
        added.add_argument(
            "--root", type=Path, default=argparse.SUPPRESS, metavar="目录", help=argparse.SUPPRESS
        )
        return added

    as_of = {
        "metavar": "日期",
        "help": "基准日，如 2026-11-20（默认取 datapackage.yaml 的设定，否则取提交日期）",
    }
    rev = {"metavar": "版本", "help": "按仓库在某个提交、标签或日期时的内容（默认工作目录的内容）"}
    check = command("check", _check, "校验全部记录：先按表结构，再按规则。")
    check.add_argument(
        "--format", choices=("text", "json", "github", "codequality"), default="text", help="输出格式"
    )
    check.add_argument("--as-of", **as_of)  # type: ignore[arg-type]
    check.add_argument("--rev", **rev)  # type: ignore[arg-type]

    query = command("query", _query, "用一条 SELECT 查询登记库。")
    query.add_argument("sql", metavar="SQL", help="一条 SELECT 语句")
    query.add_argument(
        "--edition", choices=("public", "internal"), default="internal", help="查询哪一版（默认内部版）"
    )
    query.add_argument("--format", choices=("table", "csv", "json"), default="table", help="输出格式")
    query.add_argument("--as-of", **as_of)  # type: ignore[arg-type]
    query.add_argument("--rev", **rev)  # type: ignore[arg-type]

    build = command("build", _build, "生成网站、数据包和卷宗。")
    build.add_argument(
        "--edition", choices=("public", "internal", "all"), default="all", help="生成哪一版（默认全部）"
    )
    build.add_argument("--as-of", **as_of)  # type: ignore[arg-type]
    build.add_argument("--rev", **rev)  # type: ignore[arg-type]
    build.add_argument(
        "--draft", action="store_true", help="记录有错误也生成，每页标明“草稿”并在相应处显示问题"
    )
    build.add_argument("--no-dossiers", action="store_true", help="只生成网站和数据包，不生成 PDF")

    dossiers = command("dossiers", _dossiers, "只排印选定的文书，例如一个人的登记表。")
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

    verify = command("verify", _verify, "核验 PDF：附带的数据、每页的标记和文字，是否与仓库里的记录一致。")
    verify.add_argument(
        "--trust",
        type=Path,
        action="append",
        default=[],
        metavar="证书",
        help="可信的签发机构或单位的证书（PEM），可给多个；给了就要求每份都有它所认可的电子签章",
    )
    verify.add_argument("files", type=Path, nargs="+", metavar="文件", help="要核验的 PDF")

    serve = command("serve", _serve, "在本机预览网站，文件一改就更新。")
    serve.add_argument(
        "--edition", choices=("public", "internal"), default="internal", help="预览哪一版（默认内部版）"
    )
    serve.add_argument("--port", type=int, default=8000, help="端口（默认 8000）")
    serve.add_argument("--as-of", **as_of)  # type: ignore[arg-type]

    history = command("history", _history, "一条记录的变更历史：谁、何时、把哪一项由什么改成什么。")
    history.add_argument("table", metavar="表", help="表名，见数据字典")
    history.add_argument("key", metavar="编号", help="记录的主键；由几项组成时用 / 连接")
    history.add_argument("field", metavar="字段", nargs="?", help="只看这一项")
    history.add_argument("--format", choices=("text", "json"), default="text", help="输出格式")

    review = command("review", _review, "审阅一项变更：记录、规则、统计、需重印的卷各有什么变化。")
    review.add_argument("base", metavar="基准", help="与哪个版本比较：分支、标签、提交或日期")
    review.add_argument("head", metavar="版本", nargs="?", default="HEAD", help="要审阅的版本（默认 HEAD）")
    review.add_argument("--format", choices=("text", "markdown", "json"), default="text", help="输出格式")
    review.add_argument("--no-prints", action="store_true", help="不计算需重印的卷宗")
    review.add_argument("--as-of", **as_of)  # type: ignore[arg-type]

    audit = command("audit", _audit, "核查历史：是否被改写，已公布的事实是否被改动，谁改了不归自己管的文件。")
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

    fmt = command("fmt", _fmt, "把记录文件整理成统一写法：编码、换行、列序、行序、日期写法。内容不变。")
    fmt.add_argument("files", type=Path, nargs="*", metavar="文件", help="只整理这些文件（默认全部）")
    fmt.add_argument("--check", action="store_true", help="只检查，不改动；有需要整理的文件时退出码为 1")

    new = command("new", _new, "新建一条记录：自动编号、放进对应的文件夹、补齐应有的清单。")
    new.add_argument("table", metavar="表", help="表名，见数据字典")
    new.add_argument("values", metavar="字段=值", nargs="*", help="字段名或中文名都可以")
    new.add_argument("--in", dest="folder", default="", metavar="文件夹", help="有多个文件夹时写明放进哪个")

    owners = command(
        "owners", _owners, "由登记的账号生成代码平台的归口设置（CODEOWNERS）：哪些改动须经谁同意。"
    )
    owners.add_argument("--check", action="store_true", help="只检查是否与登记一致；不一致时退出码为 1")

    command("schemas", _schemas, "由表结构生成编辑器用的 JSON Schema。")
    command("doctor", _doctor, "检查本机是否具备所需的字体、程序库和工具。")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A value may hold what the terminal's encoding does not; that must not end in a traceback.
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except UsageError as fault:
        print(str(fault), file=sys.stderr)
        return USED_WRONGLY
    except RecordsError as fault:
        _print_problems(in_order(fault.problems), "text")
        return RECORDS_WRONG
    except BrokenPipeError:
        return FINE
    except KeyboardInterrupt:
        print("\n已中断。上一次生成的结果没有改动。", file=sys.stderr)
        return 130
