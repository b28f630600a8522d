"""`take --inbox`: workbooks that somebody dragged into `inbox/` on a git host become a commit of record changes in his name.

The commits that only brought the workbooks are left out of the branch, so that no workbook enters the history for good.
"""

from __future__ import annotations

import re
from pathlib import Path

from lingtouyan.commands.exchange import Asked, Taken, import_files, known_author, take
from lingtouyan.exchange.workbook import ABOUT, ANSWER, read_workbook
from lingtouyan.history.git import ask as git
from lingtouyan.history.git import ask_text
from lingtouyan.problems import UsageError, printable

INBOX = "inbox"
_SUFFIXES = frozenset([".xlsx", ".xls", ".et", ".ods", ".csv"])
_PAPER = re.compile(r"依据[:：]\s*(\S.*)")
_MOST_LINES = 40


def take_inbox(root: Path) -> list[tuple[str, Taken]]:
    """Take in every workbook of `inbox/` and commit what came of it; of a workbook that is at fault its answer stays.

    Returns:
        The workbooks and what became of each; empty where there is none.

    Raises:
        UsageError: a workbook cannot be read at all; nothing is committed then.
    """
    known_author(root)
    folder, done, written = root / INBOX, list[tuple[str, Taken]](), set[str]()
    if folder.is_symlink():
        raise UsageError(f"{INBOX} 是符号链接，没有读。")
    files = sorted(p for p in folder.glob("*") if p.suffix.lower() in _SUFFIXES and not p.is_symlink())
    if not files:
        return []
    last = ask_text(root, "log", "-1", "--format=%an <%ae>%n%B", "--", INBOX)
    author, _, message = last.partition("\n")
    paper = found[1] if (found := _PAPER.search(message)) else ""
    for path in files:
        if any(s.title == ABOUT for s in read_workbook(path)):
            result = take(root, path, "", delete=False, commit=False, paper="")
        else:
            (result,) = import_files(root, [path], Asked(keep_map=False))
        done.append((path.name, result))
        written |= {*result.files}
        if path != result.answer:
            path.unlink()
        if not result.refused:
            result.answer.unlink()
    subject = f"收下 {INBOX} 里的 {'、'.join(printable(n) for n, _ in done)}"[:70]
    lines = [line for n, r in done for line in (f"{n}：{r.summary}", *r.told, *(m.text() for m in r.marks))]
    body = "\n".join(printable(line) for line in lines[:_MOST_LINES])
    more_lines = (
        f"\n…… 另有 {len(lines) - _MOST_LINES} 条，见 {INBOX} 里的{ANSWER}" if lines[_MOST_LINES:] else ""
    )
    note = f"{subject}\n\n{body}{more_lines}\n" + (f"\n依据：{printable(paper)}\n" if paper else "")
    # The newest commit that brought anything but workbooks.
    others = ("--first-parent", "-n", "1", "HEAD", "--", ".", f":(exclude){INBOX}")
    git(root, "reset", "-q", "--soft", ask_text(root, "rev-list", *others) or "HEAD")
    git(root, "add", "-A", "--", INBOX, *sorted(written))
    if git(root, "diff", "--cached", "--quiet", no=(1,)) is None:
        git(root, "commit", "-q", f"--author={author}", "-F", "-", data=note.encode())
    return done
