"""The command line: names commands and options, says in one line what was done, holds no logic of its own.

Exit codes: 0 fine, 1 the records have errors, 2 the tool was used wrongly or the machine lacks something.
"""

from __future__ import annotations

import argparse
import gc
import getpass
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from lingtouyan.arguments import USED_WRONGLY
from lingtouyan.options import Run, parser
from lingtouyan.problems import (
    Problem,
    RecordsError,
    UsageError,
    as_text,
    has_errors,
    in_order,
    os_fault,
    printable,
    summary,
    written,
)
from lingtouyan.untrusted import CONFINED, confine

FINE, RECORDS_WRONG, BROKEN = 0, 1, 3
_SHOWN_PER_RULE = 20


def _print_problems(problems: Sequence[Problem], form: str) -> None:
    if problems or form != "github":
        print(written(problems, form, colour=sys.stdout.isatty(), limit=_SHOWN_PER_RULE))


def _check(options: argparse.Namespace) -> int:
    from lingtouyan.checks.register import build_register
    from lingtouyan.project import Project

    # A short life, and hardly a cycle in it: to look for some again and again would cost a tenth of it.
    gc.disable()
    try:
        project = Project.open(options.root, options.rev)
        problems = build_register(project, project.as_of(options.as_of)).problems
    except RecordsError as fault:
        problems = in_order(fault.problems)
    finally:
        gc.enable()
    _print_problems(problems, options.format)
    return RECORDS_WRONG if has_errors(problems) else FINE


def _query(options: argparse.Namespace) -> int:
    from lingtouyan.database.querying import query

    print(
        query(options.root, options.sql, options.edition, options.as_of, options.format, options.rev), end=""
    )
    return FINE


def _build(options: argparse.Namespace) -> int:
    from lingtouyan.commands.build import build

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
    unprinted = not options.draft and has_errors(report.problems)
    return RECORDS_WRONG if report.refused or unprinted else FINE


def _dossiers(options: argparse.Namespace) -> int:
    from lingtouyan.pdf.jobs import Selection
    from lingtouyan.pdf.run import print_selection
    from lingtouyan.pdf.signing import load_seal

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
    from lingtouyan.pdf.signing import PASSWORD

    if PASSWORD in os.environ:
        return os.environ[PASSWORD]
    if not sys.stdin.isatty():
        raise UsageError(f"私钥有密码。请在终端里运行，或用环境变量 {PASSWORD} 给出。")
    return getpass.getpass("私钥的密码：")


def _verify(options: argparse.Namespace) -> int:
    from lingtouyan.verify.signatures import read_trusted
    from lingtouyan.verify.verify import DIFFERS, TRUE, verify

    verdicts = verify(options.root, options.files, read_trusted(options.trust))
    for verdict in verdicts:
        print(verdict.text())
    states = {v.state for v in verdicts}
    # A difference found weighs more than a file that could not be judged.
    return RECORDS_WRONG if DIFFERS in states else FINE if states == {TRUE} else USED_WRONGLY


def _serve(options: argparse.Namespace) -> int:
    from lingtouyan.commands.preview import preview

    preview(options.root, options.edition, options.as_of, options.port)
    return FINE


def _review(options: argparse.Namespace) -> int:
    from lingtouyan.review.compare import review
    from lingtouyan.review.report import as_json, as_markdown, as_text, unreadable

    try:
        result = review(options.root, options.base, options.head, options.as_of, prints=not options.no_prints)
    except RecordsError as fault:
        if options.format == "text":
            raise
        print(unreadable(in_order(fault.problems), options.format), end="")
        return RECORDS_WRONG
    write = {"text": as_text, "markdown": as_markdown, "json": as_json}[options.format]
    print(write(result), end="")
    return RECORDS_WRONG if result.refused else FINE


def _history(options: argparse.Namespace) -> int:
    from lingtouyan.commands.history import record_history

    print(record_history(options.root, options.table, options.key, options.field, options.format), end="")
    return FINE


def _audit(options: argparse.Namespace) -> int:
    from lingtouyan.history.anchors import read_anchor
    from lingtouyan.review.integrity import audit

    anchors = [read_anchor(f) for f in options.anchor if f.suffix.lower() != ".pdf"]
    prints = [f for f in options.anchor if f.suffix.lower() == ".pdf"]
    if prints:
        from lingtouyan.verify.verify import print_anchors

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
    from lingtouyan.commands.fmt import format_records

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
    from lingtouyan.commands.new import new_record
    from lingtouyan.reading.package import Field

    given = {}
    for pair in options.values:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"{pair} 应写成 字段=值 的样子。")
        if name in given:
            raise UsageError(f"{name} 写了两次，请只保留一处。")
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
    from lingtouyan.commands.owners import write_owners

    stale = write_owners(options.root, write=not options.check)
    for name in stale:
        print(f"{'需要更新（运行 lingtouyan owners）' if options.check else '已写入'} {name}")
    print(f"归口设置{'与登记不一致' if options.check and stale else '与登记一致'}。")
    return RECORDS_WRONG if options.check and stale else FINE


def _doctor(options: argparse.Namespace) -> int:
    from lingtouyan.doctor import doctor

    problems = doctor()
    return USED_WRONGLY if problems else FINE


def _schemas(options: argparse.Namespace) -> int:
    if options.settings:
        from lingtouyan.settings import as_markdown

        print(as_markdown(), end="")
        return FINE
    from lingtouyan.project import Project
    from lingtouyan.reading.editor import write_editor_schemas

    count = write_editor_schemas(Project.open(options.root))
    print(f"已生成 {count} 个编辑器校验文件（schemas/json/），VS Code 打开记录时即可提示和校验。")
    return FINE


_COMMANDS: dict[str, Run] = {
    "check": _check,
    "query": _query,
    "build": _build,
    "dossiers": _dossiers,
    "verify": _verify,
    "serve": _serve,
    "history": _history,
    "review": _review,
    "audit": _audit,
    "fmt": _fmt,
    "new": _new,
    "owners": _owners,
    "schemas": _schemas,
    "doctor": _doctor,
}


def _files(options: argparse.Namespace) -> list[Path]:
    """Return the files that a command line names."""
    values = (v for k, v in vars(options).items() if k not in ("root", "out"))
    return [p for v in values for p in (v if isinstance(v, list) else [v]) if isinstance(p, Path)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A value may hold what the terminal's encoding does not; that must not end in a traceback.
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    reader = parser(_COMMANDS)
    given = list(sys.argv[1:] if arguments is None else arguments)
    options, rest = reader.parse_known_args(given)
    if "values" in options and not any(word.startswith("-") for word in rest):
        # Values may also stand after an option.
        options.values += rest
    elif rest:
        reader.error(f"unrecognized arguments: {' '.join(rest)}")
    run: Run = options.run
    try:
        if (options.untrusted or options.untrusted_container) and CONFINED not in os.environ:
            if run is _serve or getattr(options, "sign", None):
                raise UsageError(
                    "serve 和 --sign 不能与 --untrusted 同用：隔离环境不能联网，也不该拿到私钥。"
                )
            return confine(options.root, _files(options), given, container=options.untrusted_container)
        return run(options)
    except UsageError as fault:
        print(str(fault), file=sys.stderr)
        return USED_WRONGLY
    except RecordsError as fault:
        _print_problems(in_order(fault.problems), "text")
        return RECORDS_WRONG
    except BrokenPipeError:
        return FINE
    except OSError as fault:
        # A full disk, a folder that cannot be written to: the machine's, wherever a command meets it.
        print(os_fault(fault), file=sys.stderr)
        return USED_WRONGLY
    except MemoryError:
        print("内存不足，没有做完。请关闭其他程序，或换一台内存更大的机器后重试。", file=sys.stderr)
        return USED_WRONGLY
    except KeyboardInterrupt:
        print("\n已中断，没有做完。", file=sys.stderr)
        return 130
    except Exception as fault:
        if os.environ.get("LINGTOUYAN_DEBUG"):
            raise
        print(
            f"程序出错，没有做完：{type(fault).__name__}：{printable(str(fault))[:300]}。请重试；仍然这样，"
            "请把这句话和所用的命令告诉维护人员（设环境变量 LINGTOUYAN_DEBUG=1 再运行一次，可以看到细节）。",
            file=sys.stderr,
        )
        return BROKEN
