"""The command line: the commands, their options and what is printed at their end; what they do stands elsewhere."""

from __future__ import annotations

import argparse
import gc
import getpass
import os
import re
import resource
import shlex
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from lingtouyan import __version__
from lingtouyan.problems import (
    Problem,
    RecordsError,
    UsageError,
    as_text,
    did_you_mean,
    has_errors,
    in_order,
    os_fault,
    printable,
    summary,
    warnings_by_rule,
    written,
)
from lingtouyan.untrusted import CONFINED, confine

if TYPE_CHECKING:
    from lingtouyan.commands.exchange import Taken

EXIT_CODES = {
    0: "正常",
    1: "记录有错误，或要做的没有全部做成",
    2: "用法不对，或本机缺少所需的东西",
    3: "程序自身出错",
    130: "被中断（Ctrl+C）",
}
FINE, RECORDS_WRONG, USED_WRONGLY, BROKEN, INTERRUPTED = EXIT_CODES
_SHOWN_PER_RULE, _SHOWN_ALIKE = 20, 5
# A file system that is only memory, and the least that must be free in it to be used.
_MEMORY, _ROOM = Path("/dev/shm"), 2**30  # noqa: S108


def _show(problems: Sequence[Problem], form: str = "text") -> int:
    """Print problems and return the exit code that they give."""
    if problems or form != "github":
        print(written(problems, form, colour=sys.stdout.isatty(), limit=_SHOWN_PER_RULE))
    return RECORDS_WRONG if has_errors(problems) else FINE


def _show_briefly(problems: Sequence[Problem]) -> int:
    """Print problems for whoever asked for something else than a check: warnings alone are summed up."""
    if has_errors(problems) or not problems:
        return _show(problems) if problems else FINE
    print(warnings_by_rule(problems))
    return FINE


def _check(options: argparse.Namespace) -> int:
    from lingtouyan.commands.check import check_all

    return _show(check_all(options.root, options.as_of, options.rev), options.format)


def _query(options: argparse.Namespace) -> int:
    from lingtouyan.commands.query import query

    given = options.root, options.sql, options.edition, options.as_of, options.format, options.rev
    print(query(*given), end="")
    return FINE


def _asked_of(options: argparse.Namespace) -> dict[str, Any]:
    """Return what is asked of a build and of a single print alike."""
    return {
        "edition": options.edition,
        "as_of": options.as_of,
        "revision": options.rev,
        "progress": sys.stderr,
    }


def _build(options: argparse.Namespace) -> int:
    from lingtouyan.commands.build import build

    more = {"draft": options.draft, "since": options.since, "offline": options.offline}
    report = build(options.root, **_asked_of(options), **more, dossiers=not options.no_dossiers)
    _show_briefly(report.problems)
    for line in report.lines:
        print(line)
    return RECORDS_WRONG if report.refused or report.unprinted else FINE


def _dossiers(options: argparse.Namespace) -> int:
    from lingtouyan.pdf.jobs import Selection
    from lingtouyan.pdf.run import print_selection
    from lingtouyan.pdf.signing import load_seal

    seal = load_seal(options.sign, _password) if options.sign else None
    selection = Selection(frozenset(options.kinds), frozenset(options.key), options.where)
    asked = {"out": options.out, "blank": options.blank, "share": options.share, "office": options.office}
    more = {**asked, "preview": options.format == "html", "seal": seal}
    report = print_selection(options.root, selection, **_asked_of(options), **more)
    if report.problems:
        _show(report.problems)
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
    from lingtouyan.verify.reading import DIFFERS, TRUE, read_trusted
    from lingtouyan.verify.verify import verify

    verdicts = verify(options.root, options.files, read_trusted(options.trust))
    for verdict in verdicts:
        print(verdict.text())
    states = {v.state for v in verdicts}
    # A difference found weighs more than a file that could not be judged.
    return RECORDS_WRONG if DIFFERS in states else FINE if states == {TRUE} else USED_WRONGLY


def _serve(options: argparse.Namespace) -> int:
    from lingtouyan.commands.serve import serve

    serve(options.root, options.edition, options.as_of, options.port)
    return FINE


def _review(options: argparse.Namespace) -> int:
    from lingtouyan.review.compare import review
    from lingtouyan.review.page import as_html
    from lingtouyan.review.report import as_json, as_markdown, as_text, unreadable

    try:
        result = review(options.root, options.base, options.head, options.as_of, prints=not options.no_prints)
    except RecordsError as fault:
        if options.page:
            options.page.write_text(unreadable(in_order(fault.problems), "html"), encoding="utf-8")
        if options.format == "text":
            raise
        print(unreadable(in_order(fault.problems), options.format), end="")
        return RECORDS_WRONG
    write = {"text": as_text, "markdown": as_markdown, "json": as_json, "html": as_html}[options.format]
    print(write(result), end="")
    if options.page:
        options.page.write_text(as_html(result), encoding="utf-8")
    return RECORDS_WRONG if result.refused else FINE


def _history(options: argparse.Namespace) -> int:
    from lingtouyan.commands.history import record_history

    print(record_history(options.root, options.table, options.key, options.field, options.format), end="")
    return FINE


_PROVED = "能证明的是：锚点所记的提交仍在历史里，其后的提交守了规则。"
_NOT_PROVED = (
    "不能证明的是：提交日期和作者日期（由各人的电脑填写，只看得出早一天以上的倒填）、"
    "锚点文件本身（摘要可以重算，请取自可信之处）、没有签名的提交是谁做的。"
)


def _audit(options: argparse.Namespace) -> int:
    from lingtouyan.commands.audit import audit
    from lingtouyan.history.anchors import read_anchor

    anchors = [read_anchor(f) for f in options.anchor if f.suffix.lower() != ".pdf"]
    prints = [f for f in options.anchor if f.suffix.lower() == ".pdf"]
    if prints:
        from lingtouyan.verify.verify import print_anchors

        anchors += print_anchors(prints)
    result = audit(options.root, anchors, since=options.since)
    if options.format != "text":
        return _show(result.problems, options.format)
    if result.problems:
        print(as_text(result.problems, colour=sys.stdout.isatty(), limit=_SHOWN_PER_RULE))
    none = "没有锚点可对照（已发布网站里的 anchor.json 或卷宗 PDF，用 --anchor 指明）"
    anchored = f"对照锚点 {len(result.anchors)} 个" if result.anchors else none
    wrong = has_errors(result.problems)
    proved = _PROVED if result.anchors and not wrong else ""
    print(f"核查提交 {result.commits} 个，{anchored}。{summary(result.problems)}{proved}{_NOT_PROVED}")
    return RECORDS_WRONG if wrong else FINE


def _fmt(options: argparse.Namespace) -> int:
    from lingtouyan.commands.fmt import format_records

    done = format_records(options.root, options.files, write=not options.check)
    for name, reason in done.left:
        print(f"未改动 {printable(name)}：{printable(reason)}")
    for problem in done.named:
        print(f"请核对 {printable(problem.file)} 第{problem.line}行 [{problem.column}]：{problem.message}")
    for name in done.changed:
        print(f"{'需要整理' if options.check else '已整理'} {printable(name)}")
    print(
        f"看了 {done.seen} 个文件，{'需要整理' if options.check else '整理了'} {len(done.changed)} 个。"
        + (f"封存了 {done.sealed} 处。" if done.sealed else "")
    )
    return RECORDS_WRONG if done.left or done.named or (options.check and done.changed) else FINE


def _new(options: argparse.Namespace) -> int:
    from lingtouyan.commands.new import new_record
    from lingtouyan.reading.package import Field, Sensitivity

    given: dict[str, str] = {}
    for pair in options.values:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"{printable(pair)} 应写成 字段=值 的样子。")
        if name in given:
            raise UsageError(f"{name} 写了两次，请只保留一处。")
        given[name] = value
    answers: dict[str, str] = {}

    def ask(field: Field, fault: str) -> str:
        words = field.constraints.get("enum")
        shown = "、".join(map(str, words)) if words else f"例：{field.example}" if field.example else ""
        if fault:
            print(fault)
        answer = _asked(f"{field.title}{f'（{shown}）' if shown else ''}")
        if field.sensitivity < Sensitivity.RESTRICTED:
            answers[field.name] = answer
        return answer

    asking = ask if sys.stdin.isatty() else None
    try:
        made = new_record(options.root, options.table, given, options.folder, asking)
    except UsageError as fault:
        if not answers:
            raise
        pairs = shlex.join(f"{name}={value}" for name, value in answers.items())
        raise UsageError(f"{fault}\n已经回答的可以加在命令后面再来：{printable(pairs)}") from None
    print(f"已写入 {made.file}，编号 {made.key}。")
    for title, words in made.checklist:
        print(f"还要登记 {title}：\n" + "\n".join(f"  □ {printable(w)}" for w in words))
    return _show(made.problems) if made.problems else FINE


def _asked(question: str) -> str:
    try:
        return input(f"{question}：")
    except (EOFError, KeyboardInterrupt):
        raise UsageError("\n没有填完，没有写入。") from None


def _seal(options: argparse.Namespace) -> int:
    from lingtouyan.commands.seal import seal_files

    done = seal_files(options.root, options.files)
    for name, count in done.items():
        print(f"{name}：封存 {count} 处")
    print(f"共封存 {done.total()} 处。" if done else "没有明文的限制级内容。")
    return FINE


def _unseal(options: argparse.Namespace) -> int:
    from lingtouyan.commands.seal import opened

    found = opened(options.root, options.table, options.key, options.field or "")
    for title, value in found:
        print(
            f"{title}：{'（打不开：本机没有钥匙，或者内容被改动过）' if value is None else printable(value)}"
        )
    if not found:
        print("没有限制级内容。")
    return RECORDS_WRONG if any(value is None for _, value in found) else FINE


def _edit(options: argparse.Namespace) -> int:
    from lingtouyan.commands.seal import edit, put_picture

    if options.picture:
        print(f"照片已封存 → {put_picture(options.root, options.table, options.key, options.picture)}")
        return FINE
    editor = (os.environ.get("VISUAL") or os.environ.get("EDITOR") or "") if sys.stdin.isatty() else ""
    print(f"改了 {edit(options.root, options.table, options.key, editor=editor)} 处，已封存。")
    return FINE


def _keys(options: argparse.Namespace) -> int:
    from lingtouyan.commands.seal import manage_keys

    given = options.root, options.action, options.office, options.recipient, options.compartment
    told, closed = manage_keys(*given, options.folder)
    print(told)
    return RECORDS_WRONG if closed else FINE


def _erase(options: argparse.Namespace) -> int:
    from lingtouyan.commands.seal import erase, history_plan

    if options.history_plan:
        print(history_plan(options.root, options.table, options.key))
        return FINE
    if not options.paper:
        raise UsageError("销毁须有依据：请用 --paper 写明文号。")
    file = erase(options.root, options.table, options.key, options.paper)
    print(f"{printable(options.key)} 的钥匙已销毁，封存的内容从此打不开；登记在 {file}，请提交。")
    print("钥匙的备份里可能还有，请按保存期限清除。以明文提交过的内容还在历史里：见 --history-plan。")
    return FINE


def _sheet(options: argparse.Namespace) -> int:
    from lingtouyan.commands.exchange import make_sheet

    sheets = make_sheet(options.root, options.out, options.folder, options.table)
    rows = sum(len(s.rows) for s in sheets)
    print(f"{len(sheets)} 张表、{rows} 行 → {options.out}。改完用 lingtouyan take 收回。")
    return FINE


def _take(options: argparse.Namespace) -> int:
    from lingtouyan.commands.exchange import take

    if options.inbox:
        from lingtouyan.commands.inbox import take_inbox

        done = take_inbox(options.root)
        for name, taken in done:
            print(f"{printable(name)}：{taken.summary}")
        print("已提交。" if done else "inbox 里没有工作簿。")
        return RECORDS_WRONG if any(taken.refused for _, taken in done) else FINE
    if options.file is None:
        raise UsageError("请写明工作簿，或用 --inbox 收 inbox 文件夹里的。")
    more = {"delete": options.delete, "commit": options.commit, "paper": options.paper}
    return _answered(take(options.root, options.file, options.folder, **more))


def _import(options: argparse.Namespace) -> int:
    from lingtouyan.commands.exchange import Asked, import_files

    more = options.dry_run, options.commit, options.paper
    asked = Asked(options.table, options.folder, options.map, *more)
    made = import_files(options.root, options.files, asked)
    return max(_answered(taken, dry=options.dry_run) for taken in made)


def _answered(taken: Taken, *, dry: bool = False) -> int:
    print("\n".join(taken.told), end="\n" if taken.told else "")
    alike: dict[str, list[str]] = {}
    for mark in taken.marks:
        kind = f"{mark.kind} [{mark.column}]" if mark.column else mark.kind
        alike.setdefault(kind, []).append(printable(mark.text()))
    for kind, lines in alike.items():
        print("\n".join(lines[:_SHOWN_ALIKE]))
        if len(lines) > _SHOWN_ALIKE:
            print(f"…… 还有 {len(lines) - _SHOWN_ALIKE} 处 {kind}，见答复")
    done = f"{'要写' if dry else '写了'} {len(taken.files)} 个文件" + (
        f"，提交为 {taken.commit}" if taken.commit else ""
    )
    print(f"{taken.summary}；{done}。答复 → {taken.answer}")
    return RECORDS_WRONG if taken.refused else FINE


def _init(options: argparse.Namespace) -> int:
    from lingtouyan.commands.init import init
    from lingtouyan.project import read_date

    def given(name: str, question: str, otherwise: str | None = None) -> str:
        answer = getattr(options, name) or (_asked(question).strip() if sys.stdin.isatty() else "")
        if not answer and otherwise is None:
            raise UsageError(f"请写明{question}：--{name}。")
        return str(answer or otherwise)

    answers = {
        "name": given("name", "名称（全称，如 某某市）"),
        "code": given("code", "区划代码（没有的空着）", ""),
        "starts_on": given("starts_on", "登记从哪一天开始（如 2026-01-01，没有的空着）", ""),
        "as_of": options.as_of or "",
        "host": given("host", "代码平台（gitea、gitlab、gitee、github，默认 gitea）", "gitea"),
    }
    answers |= {n: read_date(answers[n]).isoformat() for n in ("starts_on", "as_of") if answers[n]}
    listed = given("townships", "名单文件（工作簿或 CSV，没有的空着）", "")
    made = init(options.dir, options.source, answers, Path(listed) if listed else None)
    print("\n".join(made.told))
    code = _show_briefly(made.problems)
    print(f"接着：cd {shlex.quote(str(options.dir))}，照 README.md 做。")
    return code


def _upgrade(options: argparse.Namespace) -> int:
    from lingtouyan.commands.init import upgrade

    made = upgrade(options.root, options.source)
    print("\n".join(made.told))
    return RECORDS_WRONG if made.unfinished else FINE


def _collect(options: argparse.Namespace) -> int:
    from lingtouyan.commands.collect import fetch, spread

    given = (("--as-of", options.as_of), ("--edition", options.edition if options.action != "check" else ""))
    arguments = [word for pair in given if pair[1] for word in pair]
    told = (
        fetch(options.root, options.edition, options.member)
        if options.action == "fetch"
        else spread(options.root, options.action, arguments, options.on, options.member, options.shares)
    )
    fine = True
    for well, line in told:
        fine &= well
        print(printable(line), flush=True)
    return FINE if fine else RECORDS_WRONG


def _owners(options: argparse.Namespace) -> int:
    from lingtouyan.commands.owners import write_owners

    stale = write_owners(options.root, write=not options.check)
    for name in stale:
        print(f"{'需要更新（运行 lingtouyan owners）' if options.check else '已写入'} {name}")
    print(f"归口设置{'与登记不一致' if options.check and stale else '与登记一致'}。")
    return RECORDS_WRONG if options.check and stale else FINE


def _doctor(options: argparse.Namespace) -> int:
    from lingtouyan.commands.doctor import doctor

    return USED_WRONGLY if doctor() else FINE


def _schemas(options: argparse.Namespace) -> int:
    from lingtouyan.commands.schemas import write_editor_schemas
    from lingtouyan.project import Project

    count = write_editor_schemas(Project.open(options.root))
    print(f"已生成 {count} 个编辑器校验文件（schemas/json/），VS Code 打开记录时即可提示和校验。")
    return FINE


_MESSAGES = (
    (r"the following arguments are required: (.*)", r"缺少参数：\1"),
    (r"argument (.*?): expected one argument", r"参数 \1 后面要跟一个值"),
    (r"argument (.*?): expected at least one argument", r"参数 \1 后面至少要跟一个值"),
    (r"argument (.*?): invalid int value: (.*)", r"参数 \1 应为整数，不能是 \2"),
    (r"argument (.*?): not allowed with argument (.*)", r"参数 \1 不能与 \2 同时使用"),
    (r"ambiguous option: (.*) could match (.*)", r"参数 \1 不明确，可能是 \2"),
)
_CHOICE = re.compile(r"argument (.*?): invalid choice: '?(.*?)'? \(choose from (.*)\)")


class _Formatter(argparse.RawDescriptionHelpFormatter):
    def add_usage(self, usage: Any, actions: Any, groups: Any, prefix: str | None = None) -> None:
        super().add_usage(usage, actions, groups, "用法：" if prefix is None else prefix)


class Parser(argparse.ArgumentParser):
    """An argument parser with Chinese messages; one that is not listed here stays English."""

    def __init__(self, **options: Any) -> None:
        super().__init__(add_help=False, formatter_class=_Formatter, **options)
        self._positionals.title = "参数"
        self._optionals.title = "选项"
        self.add_argument("-h", "--help", action="help", help="显示本说明")

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and stop with exit code 2."""
        if choice := _CHOICE.fullmatch(message):
            name, given, words = choice.groups()
            known = re.findall(r"[\w-]+", words)
            message = f"参数 {name} 不能是 {given}" + did_you_mean(
                given, known, f"，可选：{'、'.join(known)}。"
            )
        for pattern, words in _MESSAGES:
            message = re.sub(rf"^{pattern}$", words, message)
        sys.stderr.write(f"{message}\n运行 {self.prog} --help 查看用法。\n")
        raise SystemExit(USED_WRONGLY)

    def unknown(self, words: Sequence[str]) -> NoReturn:
        """Stop because of words that are no arguments of this command."""
        known = [w for w in self._option_string_actions if w != "-h"]
        self.error(f"不认识的参数：{' '.join(words)}" + did_you_mean(words[0].partition("=")[0], known))


_TYPES = {"path": Path, "int": int}


def _parser() -> tuple[Parser, dict[str, Parser]]:
    """Return the parser of the whole command line and those of the commands, as `cli.toml` declares them.

    What is parsed has, as `run`, the function of this module that is called as the command is.
    """
    declared = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
    whole = Parser(prog="lingtouyan", description="把版本库里的记录校验后生成网站、数据包和卷宗。")
    whole.add_argument("--version", action="version", version=__version__, help="显示版本号")
    _declare(whole, declared["general"])
    whole.set_defaults(root=Path())
    commands = whole.add_subparsers(title="命令", metavar="命令", dest="命令")
    parsers: dict[str, Parser] = {}
    for name, spec in declared["commands"].items():
        example = f"例：lingtouyan {name} {spec.get('example', '')}".rstrip()
        added = commands.add_parser(name, help=spec["help"], description=spec["help"], epilog=example)
        added.set_defaults(run=globals()[f"_{name}"])
        # What the whole command line takes is taken here, too: that is where people type it.
        _declare(added, declared["general"], default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        _declare(added, {option: declared["shared"][option] for option in spec.get("shared", ())})
        _declare(added, spec.get("options", {}))
        parsers[name] = added
    return whole, parsers


def _declare(parser: Parser, options: dict[str, dict[str, Any]], **instead: Any) -> None:
    some = any(spec.get("alone") for spec in options.values())
    alone = parser.add_mutually_exclusive_group() if some else parser
    for name, spec in options.items():
        given = {**spec, **instead}
        if "type" in given:
            given["type"] = _TYPES[given["type"]]
        (alone if given.pop("alone", False) else parser).add_argument(name, **given)


def _files(options: argparse.Namespace) -> list[Path]:
    """Return the files that a command line names."""
    values = (v for k, v in vars(options).items() if k not in ("root", "out", "page"))
    return [p for v in values for p in (v if isinstance(v, list) else [v]) if isinstance(p, Path)]


def _keep_off_disk(edition: str) -> None:
    """Leave nothing of what is opened on a disk, however a command ends: no core, and where there is room no temporary file."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if edition == "restricted" and "TMPDIR" not in os.environ and _MEMORY.is_dir():
        tempfile.tempdir = str(_MEMORY) if shutil.disk_usage(_MEMORY).free >= _ROOM else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A value may hold what the terminal's encoding does not; that must not end in a traceback.
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    whole, parsers = _parser()
    given = list(sys.argv[1:] if arguments is None else arguments)
    options, rest = whole.parse_known_args(given)
    if "run" not in options:
        # An option before the command that is not known is what is wrong, not that a command is missing.
        whole.unknown(rest) if rest else whole.error("缺少参数：命令")
    if "values" in options and not any(word.startswith("-") for word in rest):
        # Values may also stand after an option.
        options.values += rest
    elif rest:
        parsers[options.run.__name__[1:]].unknown(rest)
    try:
        if (options.untrusted or options.untrusted_container) and CONFINED not in os.environ:
            if options.run in (_serve, _unseal, _edit, _keys, _erase, _init, _upgrade, _collect) or getattr(
                options, "sign", None
            ):
                raise UsageError(
                    "serve、collect、--sign 和要用钥匙的命令不能与 --untrusted 同用：隔离环境不能联网，也不该拿到私钥。"
                )
            return confine(options.root, _files(options), given, container=options.untrusted_container)
        if options.run in (_check, _review):
            # Hardly a cycle among all these rows: looking for some again and again would cost a tenth of the time.
            gc.disable()
        _keep_off_disk(str(getattr(options, "edition", "")))
        code: int = options.run(options)
        sys.stdout.flush()
        return code
    except UsageError as fault:
        print(str(fault), file=sys.stderr)
        return USED_WRONGLY
    except RecordsError as fault:
        return _show(in_order(fault.problems))
    except BrokenPipeError:
        # Whoever stopped reading has not seen all: what follows `check | head` must not take it for a good end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return RECORDS_WRONG
    except OSError as fault:
        # A full disk, a folder that cannot be written to: the machine's, wherever a command meets it.
        print(os_fault(fault), file=sys.stderr)
        return USED_WRONGLY
    except MemoryError:
        print("内存不足，没有做完。请关闭其他程序，或换一台内存更大的机器后重试。", file=sys.stderr)
        return USED_WRONGLY
    except KeyboardInterrupt:
        print("\n已中断，没有做完。", file=sys.stderr)
        return INTERRUPTED
    except Exception as fault:
        if os.environ.get("LINGTOUYAN_DEBUG"):
            raise
        print(
            f"程序出错，没有做完：{type(fault).__name__}：{printable(str(fault))[:300]}。请重试；仍然这样，"
            "请把这句话和所用的命令告诉维护人员（设环境变量 LINGTOUYAN_DEBUG=1 再运行一次，可以看到细节）。",
            file=sys.stderr,
        )
        return BROKEN
    finally:
        gc.enable()
