"""What is wrong with the links of a built site: each leads to a file of the site and to a place that is there."""

import html.parser
import os
import urllib.parse

LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src"}


class Page(html.parser.HTMLParser):
    """The places of a page, where its links lead, and what it loads."""

    def __init__(self, path):
        super().__init__()
        self.places, self.links, self.loads = set(), [], []
        with open(path, encoding="utf-8") as file:
            self.feed(file.read())

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if given.get("id"):
            self.places.add(given["id"])
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if tag == "link" and given.get("rel") in ("stylesheet", "icon", "preload"):
            self.loads.append(given["href"])
        if given.get(LOADED.get(tag)):
            self.loads.append(given[LOADED[tag]])

    handle_startendtag = handle_starttag


def pages(site):
    """Path -> Page of each HTML file below the folder `site`."""
    return {
        os.path.join(folder, name): Page(os.path.join(folder, name))
        for folder, _, names in os.walk(site)
        for name in names
        if name.endswith(".html")
    }


def faults(site):
    """A sentence for each link that leads nowhere, and for each thing that is loaded from the network."""
    found = pages(os.path.abspath(site))
    for path, page in sorted(found.items()):
        name = os.path.relpath(path, site)
        for target in page.loads:
            if urllib.parse.urlsplit(target).netloc:
                yield f"{name}: loads {target} from the network"
        for target in [*page.links, *page.loads]:
            parts = urllib.parse.urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            there = os.path.normpath(
                os.path.join(os.path.dirname(path), urllib.parse.unquote(parts.path))
            )
            there = path if not parts.path else there
            if not os.path.isfile(there):
                yield f"{name}: {target} leads to no file"
            elif parts.fragment and there in found:
                if urllib.parse.unquote(parts.fragment) not in found[there].places:
                    yield f"{name}: {target} leads to no place of that page"
