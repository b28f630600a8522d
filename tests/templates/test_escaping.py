"""What a person typed shows as typed: in HTML, in attributes, in every place of a Markdown page."""

import datetime as dt
from html.parser import HTMLParser
from pathlib import Path

import markdown
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jinja2.sandbox import SandboxedEnvironment

from lingtouyan.templates.escaping import escape, front_matter, tag, text

CONFIG = yaml.safe_load((Path(__file__).parents[2] / "mkdocs.yml").read_text("utf-8"))


def extensions() -> tuple[list[str], dict[str, dict[str, object]]]:
    # `fenced_code` is what MkDocs adds to every project's own list.
    names, options = ["fenced_code"], {}
    for item in CONFIG["markdown_extensions"]:
        name, settings = (item, {}) if isinstance(item, str) else next(iter(item.items()))
        names.append(name)
        options[name] = settings
    return names, options


class _Text(HTMLParser):
    """Text content of the element whose id is `here`, its tags, and the attributes of every tag."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text, self.tags, self.titles = "", [], []
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.titles += [value for key, value in attrs if key == "title"]
        if self._depth:
            self._depth += 1
            self.tags.append(tag)
        elif ("class", "here") in attrs:
            self._depth = 1

    def handle_endtag(self, tag: str) -> None:
        self._depth -= bool(self._depth)

    def handle_data(self, data: str) -> None:
        if self._depth:
            self.text += data


def _render(source: str) -> _Text:
    names, options = extensions()
    parser = _Text()
    parser.feed(markdown.markdown(source, extensions=names, extension_configs=options))
    parser.close()
    return parser


HOSTILE = [
    "<b>|{{x}}",
    "[a](javascript:alert(1))",
    "![x](http://e.example/x.png)",
    "{% include '/etc/passwd' %}",
    "{# c #}",
    "`a`",
    "**b** __c__ ~~d~~ ^e^ ==f==",
    "1. x",
    "- x",
    "+ x",
    "> x",
    "# x",
    "=1+1",
    "---",
    "***",
    "===",
    ": x",
    "[^1]",
    "[x]: http://e.example",
    "<http://e.example>",
    "http://e.example/a?b=c",
    "a@b.example",
    "&lt; &amp; &#60; &copy;",
    "a | b",
    "\\*x\\*",
    "{: #id .c }",
    "{ .c }",
    "!!! note",
    "```\nx\n```",
    "    code",
    "\tcode",
    " a  b ",
    "　开头",
    "结尾 \u00a0",
    "多行\n\n第二段",
    "'\" onmouseover=alert(1) x='",
    "</td></tr></table><script>alert(1)</script>",
    "<!-- x",
    "]]>",
    "<?php x ?>",
    "𠮷 𬭎 䶮 阿依古丽·买买提",
    "*[HTML]: x",
    "\\u003c",
    "$x$ $$y$$",
    "klzwxh:0001",
    "*[x]",
]

ANY_TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn")), min_size=1)
PLACES = {
    "paragraph": '<span class="here">{v}</span> 文字',
    "line start": "{v}\n{{: .here }}",
    "list": '- <span class="here">{v}</span>\n- b',
    "heading": '## <span class="here">{v}</span>',
    "table": '| 甲 | 乙 |\n|---|---|\n| <span class="here">{v}</span> | 2 |',
    "bold": '**<span class="here">{v}</span>**',
    "link": '[<span class="here">{v}</span>](x.html)',
    "block": '<div>\n<p class="here">{v}</p>\n</div>',
    "inside markdown block": '<div markdown="1">\n<span class="here">{v}</span>\n</div>',
    "definition": '甲\n:   <span class="here">{v}</span>',
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("value", HOSTILE)
def test_shows_as_typed_in_markdown(place: str, value: str) -> None:
    parser = _render(PLACES[place].format(v=escape(value)))
    assert parser.text == value
    assert parser.tags == []


@given(ANY_TEXT, st.sampled_from(list(PLACES)))
def test_any_text_shows_as_typed(value: str, place: str) -> None:
    parser = _render(PLACES[place].format(v=escape(value)))
    assert (parser.text, parser.tags) == (value, [])


@pytest.mark.parametrize("value", HOSTILE)
def test_shows_as_typed_in_attributes(value: str) -> None:
    for quote in "\"'":
        parser = _render(f'<div>\n<p class="here" title={quote}{escape(value)}{quote}>x</p>\n</div>')
        assert parser.titles == [value]
    assert _render(f'a <i title="{escape(value)}">x</i>').titles == [value]


@pytest.mark.parametrize("value", HOSTILE)
def test_is_inert_in_a_template(value: str) -> None:
    source = str(escape(value))
    assert SandboxedEnvironment().from_string(source).render() == source


def test_plain_words_and_numbers_stay_readable() -> None:
    for value in [
        "李示范",
        "2026-11-20",
        "1975.03",
        "示组村备〔2026〕7号",
        "3/4",
        "8:30",
        "990101197503154515",
        "a b",
    ]:
        assert escape(value) == value


def test_what_html_cannot_carry_is_replaced() -> None:
    assert escape("a\x00b\x02\x9f\ud800") == "a\ufffdb\ufffd\ufffd\ufffd"


def test_words_for_values() -> None:
    assert [text(v) for v in (None, True, False, 3, 2.5, 0.1 + 0.2, ["甲", "乙"], dt.date(2026, 11, 2))] == [
        "",
        "是",
        "否",
        "3",
        "2.5",
        "0.3",
        "甲、乙",
        "2026-11-02",
    ]


def test_code_shows_values_in_fixed_type() -> None:
    parser = _Text()
    parser.feed(f'<p class="here">{tag("code", "<`{{x}}`>")}</p>')
    assert (parser.text, parser.tags) == ("<`{{x}}`>", ["code"])


@pytest.mark.parametrize("value", HOSTILE)
def test_front_matter_carries_titles_as_text(value: str) -> None:
    head = front_matter({"title": value, "hide": ["toc"], "search": {"exclude": True}})
    _, body, rest = head.split("---\n", 2)
    meta = yaml.safe_load(body)
    parser = _Text()
    parser.feed(f'<title class="here">{meta["title"]}</title>')
    assert parser.tags == []
    assert meta["hide"] == ["toc"]
    assert meta["search"] == {"exclude": True}
    assert rest.strip() == ""
