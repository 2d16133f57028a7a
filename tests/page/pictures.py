#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the pictures of the page that the README shows, from models of the fixtures:

    KFERRY=build/kferry python3 tests/page/pictures.py deploy/docs/pictures
"""

import base64
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent / "http")]

from kferry_service import FIXTURES, Service  # noqa: E402
from page_browser import Page  # noqa: E402

WIDTH, HEIGHT, QUALITY = 1280, 960, 75


def keep(page, path, height=HEIGHT):
    page.width(WIDTH, height)
    page.run("document.activeElement.blur(); await new Promise((done) => setTimeout(done, 500));")
    shot = page.cdp("Page.captureScreenshot", format="webp", quality=QUALITY)
    path.write_bytes(base64.b64decode(shot["data"]))
    print(path, path.stat().st_size)


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        service, page = Service(Path(place), KFERRY_WORKERS=2), Page(Path(place) / "profile")
        try:
            page.cdp("Emulation.setScrollbarsHidden", hidden=True)
            page.visit(service)
            page.choose(FIXTURES / "zoo" / "transformer_two_blocks.h5")
            page.see(".outcome .verdict").see(".picture")
            keep(page, folder / "file.webp")
            page.run("document.querySelector('#model').scrollIntoView()")
            page.media(prefers_color_scheme="dark")
            keep(page, folder / "model.webp")
            page.media(prefers_color_scheme="light")
            page.open(page.root)
            page.choose(FIXTURES / "zoo1" / "bidirectional_lstm.h5")
            page.see(".outcome .verdict")
            page.press("Convert")
            page.see(".snippets")
            keep(page, folder / "report.webp", 1100)
            page.see("svg.histogram .is")
            page.run("document.querySelector('.spreads').previousElementSibling.scrollIntoView()")
            keep(page, folder / "weights.webp", 640)
        finally:
            page.close()
            service.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
