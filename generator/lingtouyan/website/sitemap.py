"""The sitemap: every page of a site by its full address, for search engines."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterable
from html import escape
from pathlib import Path
from urllib.parse import quote


def write_sitemap(out: Path, base: str, urls: Iterable[str], epoch: int) -> None:
    """Write sitemap.xml and its compressed twin.

    Args:
        out: the site.
        base: where it will stand (`https://…/`); when that is not known, the sitemap stays empty.
        urls: pages, relative to the site's root.
        epoch: time of the build in seconds since 1970, the date of every page.
    """
    date = time.strftime("%Y-%m-%d", time.gmtime(epoch))
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines.append('<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">')
    if base:
        pages = (escape(base + quote(url)) for url in sorted(set(urls)))
        lines += (f"<url><loc>{page}</loc><lastmod>{date}</lastmod></url>" for page in pages)
    data = "\n".join([*lines, "</urlset>", ""]).encode()
    (out / "sitemap.xml").write_bytes(data)
    (out / "sitemap.xml.gz").write_bytes(gzip.compress(data, mtime=epoch))
